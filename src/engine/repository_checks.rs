//! The repository as it is: what of it stands in the way of a release, or will surprise.

use super::release::Release;
use crate::engine::model::Finding;
use crate::error::Result;
use crate::world::git::{LockFile, LockScope, PATIENCE, PrivateClone, SubmoduleState};

/// What a preflight finds in the repository, whatever the stages are. What cannot be looked at is a finding too.
pub(super) fn repository(release: &Release) -> Vec<Finding> {
    let parts = [locks, operation, folder, history, submodules, large_files, filters, uncommitted];
    parts.iter().flat_map(|part| part(release).unwrap_or_else(|error| vec![error.into()])).collect()
}

/// Locks of git's that are in the way of the landing, and others.
fn locks(release: &Release) -> Result<Vec<Finding>> {
    let repository = &release.workspace.repository;
    let (locks, holders) = repository.remaining_locks(PATIENCE);
    let branch = release.workspace.head.branch.iter().cloned();
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
        let message = format!("`{}` locks what git is to change", lock.path().display());
        let is_in_the_way = scope.covers(lock) && !is_elsewhere(lock.name());
        let finding = if is_in_the_way { Finding::error(message) } else { Finding::warning(message) };
        finding.help(lock.advice(holders.as_deref()))
    };
    Ok(locks.iter().map(finding).collect())
}

fn operation(release: &Release) -> Result<Vec<Finding>> {
    let Some(operation) = release.workspace.repository.unfinished_operation() else { return Ok(Vec::new()) };
    let message = format!("a {operation} is under way in the repository");
    let help = format!("finish it or give it up: `git {operation} --abort`");
    Ok(vec![Finding::error(message).help(help)])
}

fn folder(release: &Release) -> Result<Vec<Finding>> {
    PrivateClone::check_possible(&release.workspace.repository)?;
    Ok(Vec::new())
}

/// What is filtered is compared without its filter, and may look edited.
fn filters(release: &Release) -> Result<Vec<Finding>> {
    let repository = &release.workspace.repository;
    let filters = repository.disabled_filters();
    if filters.is_empty() {
        return Ok(Vec::new());
    }
    let message = format!(
        "before you have agreed to a release, {} of the repository's own settings (`.git/config`) is not run: what it \
         filters may look edited",
        shown(&filters)
    );
    Ok(vec![Finding::note(message).help(repository.how_to_trust())])
}

fn uncommitted(release: &Release) -> Result<Vec<Finding>> {
    let repository = &release.workspace.repository;
    let mut findings = Vec::new();
    let edited = repository.edited()?;
    if !edited.is_empty() {
        let message = format!("edits that are not committed are not released: {}", shown(&edited));
        findings.push(Finding::warning(message).help("commit them first if they belong to this release"));
    }
    let untracked = repository.untracked()?;
    if !untracked.is_empty() {
        let message = format!("files that git does not track are not released: {}", shown(&untracked));
        findings
            .push(Finding::note(message).help("`git add` and commit them if they belong to this release"));
    }
    Ok(findings)
}

/// A history that is cut off hides the release before this one.
fn history(release: &Release) -> Result<Vec<Finding>> {
    if !release.workspace.repository.is_shallow() || release.target.previous_tag.is_some() {
        return Ok(Vec::new());
    }
    let message = "the history is cut off (a shallow clone), and no tag of an earlier release is in what is left: \
                   the changelog links to none";
    Ok(vec![Finding::warning(message).help("`git fetch --unshallow --tags` gets the rest")])
}

fn submodules(release: &Release) -> Result<Vec<Finding>> {
    let workspace = &release.workspace;
    let mut findings = Vec::new();
    for submodule in workspace.repository.submodules(&workspace.head.commit)? {
        let path = &submodule.path;
        let recorded = submodule.commit.get(..10).unwrap_or(&submodule.commit);
        findings.extend(match workspace.repository.submodule_state(&submodule) {
            SubmoduleState::AsRecorded => None,
            SubmoduleState::Moved => {
                let message =
                    format!("submodule `{path}` is released as recorded, at {recorded}, not as it is here");
                let help =
                    format!("`git add {path}` and commit it first if what is here belongs to this release");
                Some(Finding::warning(message).help(help))
            }
            SubmoduleState::Behind => {
                let message = format!("submodule `{path}` is recorded at {recorded}, which is not here");
                Some(Finding::error(message).help(format!("`git submodule update {path}` fetches it")))
            }
            SubmoduleState::Absent => {
                let message =
                    format!("submodule `{path}` is not checked out, and is empty in the release too");
                let help = format!("if a build needs it: `git submodule update --init {path}`");
                Some(Finding::warning(message).help(help))
            }
        });
    }
    Ok(findings)
}

/// A pointer of Git LFS must not be packaged in place of the file.
fn large_files(release: &Release) -> Result<Vec<Finding>> {
    let workspace = &release.workspace;
    let large = workspace.repository.large(&workspace.head.commit)?;
    if large.paths.is_empty() {
        return Ok(Vec::new());
    }
    let is_there = |program: &String| workspace.environment.has_program(program, workspace.repository.top());
    let kept = |paths: &[std::path::PathBuf]| {
        shown(&paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>())
    };
    if !large.program.as_ref().is_some_and(is_there) {
        let message = format!(
            "{} kept by Git LFS, which is not set up here: a build would package the pointers",
            are(&large.paths, &kept(&large.paths))
        );
        return Ok(vec![
            Finding::error(message).help("install git-lfs, then `git lfs install` and `git lfs pull`"),
        ]);
    }
    if large.missing.is_empty() {
        return Ok(Vec::new());
    }
    let message = format!(
        "{} kept by Git LFS, and the content is not here: a build would package the pointers",
        are(&large.missing, &kept(&large.missing))
    );
    Ok(vec![Finding::error(message).help("`git lfs pull` fetches it")])
}

fn are<T>(paths: &[T], shown: &str) -> String {
    format!("{shown} {}", if paths.len() == 1 { "is" } else { "are" })
}

/// The first few of the paths.
fn shown(paths: &[String]) -> String {
    let first: Vec<String> = paths.iter().take(5).map(|path| format!("`{path}`")).collect();
    match paths.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
