//! Checks of the repository: what prevents a release, or may surprise.

use super::release::Release;
use crate::error::Result;
use crate::finding::Finding;
use crate::world::git::{LockFile, LockScope, PATIENCE, PrivateClone, SubmoduleState};

/// The findings of a preflight about the repository, whatever the stages are. A check that fails is a finding, too.
pub(super) fn repository(release: &Release) -> Vec<Finding> {
    let checks = [locks, operation, folder, history, submodules, large_files, filters, uncommitted];
    checks.iter().flat_map(|check| check(release).unwrap_or_else(|error| vec![error.into()])).collect()
}

/// Lock files of git: those that block the landing are errors, others warnings.
fn locks(release: &Release) -> Result<Vec<Finding>> {
    let repository = &release.checkout.repository;
    let (locks, holders) = repository.remaining_locks(PATIENCE);
    let branch = release.checkout.head.branch.iter().cloned();
    let scope = LockScope {
        refs: branch.chain([format!("refs/tags/{}", release.names().tag)]).collect(),
        worktree: true,
        ..LockScope::default()
    };
    let own = repository.head_name();
    let is_elsewhere = |name: &str| {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        folder.starts_with("worktrees/") && own != format!("{folder}/HEAD")
    };
    let finding = |lock: &LockFile| {
        let message = format!("the lock file `{}` blocks git", lock.path().display());
        let blocks_landing = scope.covers(lock) && !is_elsewhere(lock.name());
        let finding = if blocks_landing { Finding::error(message) } else { Finding::warning(message) };
        finding.help(lock.advice(holders.as_deref()))
    };
    Ok(locks.iter().map(finding).collect())
}

fn operation(release: &Release) -> Result<Vec<Finding>> {
    release.checkout.repository.expect_no_operation()?;
    Ok(Vec::new())
}

fn folder(release: &Release) -> Result<Vec<Finding>> {
    PrivateClone::check_possible(&release.checkout.repository)?;
    Ok(Vec::new())
}

/// Filters of `.git/config` do not run before the user confirms, so files that they change may look edited.
fn filters(release: &Release) -> Result<Vec<Finding>> {
    let repository = &release.checkout.repository;
    let filters = repository.disabled_filters();
    if filters.is_empty() {
        return Ok(Vec::new());
    }
    let message = format!(
        "until you confirm a release, {} from the repository's `.git/config` is not run: files that it filters may \
         look \
         edited",
        shown(&filters)
    );
    Ok(vec![Finding::note(message).help(repository.how_to_trust())])
}

fn uncommitted(release: &Release) -> Result<Vec<Finding>> {
    let repository = &release.checkout.repository;
    let mut findings = Vec::new();
    let edited = repository.edited()?;
    if !edited.is_empty() {
        let message = format!("uncommitted changes are not released: {}", shown(&edited));
        findings.push(Finding::warning(message).help("commit them first if they belong to this release"));
    }
    let untracked = repository.untracked()?;
    if !untracked.is_empty() {
        let message = format!("untracked files are not released: {}", shown(&untracked));
        findings
            .push(Finding::note(message).help("`git add` and commit them if they belong to this release"));
    }
    Ok(findings)
}

/// A shallow clone may lack the tag of the previous release.
fn history(release: &Release) -> Result<Vec<Finding>> {
    if !release.checkout.repository.is_shallow() || release.target.previous_tag.is_some() {
        return Ok(Vec::new());
    }
    let message =
        "this is a shallow clone without the tag of an earlier release: the changelog will not link to one";
    Ok(vec![Finding::warning(message).help("run `git fetch --unshallow --tags` to get the rest")])
}

fn submodules(release: &Release) -> Result<Vec<Finding>> {
    let checkout = &release.checkout;
    let mut findings = Vec::new();
    for submodule in checkout.repository.submodules(&checkout.head.commit)? {
        let path = &submodule.path;
        let recorded = submodule.commit.get(..10).unwrap_or(&submodule.commit);
        findings.extend(match checkout.repository.submodule_state(&submodule) {
            SubmoduleState::AsRecorded => None,
            SubmoduleState::Moved => {
                let message = format!(
                    "submodule `{path}` is released at its recorded commit {recorded}, not as it is here"
                );
                let help = format!(
                    "if what is here belongs to this release, run `git add {path}` and commit it first"
                );
                Some(Finding::warning(message).help(help))
            }
            SubmoduleState::Behind => {
                let message =
                    format!("submodule `{path}` is recorded at commit {recorded}, which is missing here");
                Some(Finding::error(message).help(format!("run `git submodule update {path}` to fetch it")))
            }
            SubmoduleState::Absent => {
                let message =
                    format!("submodule `{path}` is not checked out here, so it is empty in the release");
                let help = format!("if a build needs it, run `git submodule update --init {path}`");
                Some(Finding::warning(message).help(help))
            }
        });
    }
    Ok(findings)
}

/// Git LFS pointer files must not be packaged instead of their content.
fn large_files(release: &Release) -> Result<Vec<Finding>> {
    let checkout = &release.checkout;
    let large = checkout.repository.large(&checkout.head.commit)?;
    if large.paths.is_empty() {
        return Ok(Vec::new());
    }
    let has = |program: &String| checkout.environment.has_program(program, checkout.repository.top());
    let listed = |paths: &[std::path::PathBuf]| {
        shown(&paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>())
    };
    if !large.program.as_ref().is_some_and(has) {
        let message = format!(
            "{} stored in Git LFS, which is not set up here: a build would package the pointer files",
            are(&large.paths, &listed(&large.paths))
        );
        return Ok(vec![
            Finding::error(message).help("install git-lfs, then run `git lfs install` and `git lfs pull`"),
        ]);
    }
    if large.missing.is_empty() {
        return Ok(Vec::new());
    }
    let message = format!(
        "{} stored in Git LFS, and the content is missing here: a build would package the pointer files",
        are(&large.missing, &listed(&large.missing))
    );
    Ok(vec![Finding::error(message).help("run `git lfs pull` to fetch it")])
}

fn are<T>(paths: &[T], shown: &str) -> String {
    format!("{shown} {}", if paths.len() == 1 { "is" } else { "are" })
}

/// The first five paths, and the number of the others.
pub(super) fn shown(paths: &[String]) -> String {
    let first: Vec<String> = paths.iter().take(5).map(|path| format!("`{path}`")).collect();
    match paths.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
