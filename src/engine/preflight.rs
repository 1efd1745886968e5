//! Everything that would make a release fail, found together and before anything happens.

use super::event::{Event, Listener};
use super::plan::Pipeline;
use super::release::Release;
use super::stage::{Finding, Severity};
use crate::error::{Error, Result};

/// Asks the repository and every stage, looks for the files that are to be carried, tells all findings, and refuses if one is an error.
///
/// # Errors
/// At least one finding is an error.
pub fn preflight(
    pipeline: &Pipeline,
    release: &Release,
    carry: &[String],
    listener: &dyn Listener,
) -> Result<()> {
    let mut errors = 0;
    let mut tell = |stage: Option<&str>, finding: &Finding| {
        errors += usize::from(finding.severity == Severity::Error);
        listener.hear(&Event::Finding { stage, finding });
    };
    for finding in repository(release)? {
        tell(None, &finding);
    }
    for path in carry.iter().filter(|path| !release.workspace.root().join(path).exists()) {
        let finding = Finding::error(format!("`carry` names `{path}`, which is not there"));
        tell(None, &finding.help("make it, or take it out of `carry`"));
    }
    for stage in pipeline.stages() {
        let findings = stage.preflight(release).unwrap_or_else(|error| vec![Finding::from(error)]);
        for finding in findings {
            tell(Some(stage.name()), &finding);
        }
    }
    match errors {
        0 => Ok(()),
        1 => Err(Error::refused("the release was refused; nothing has been done")),
        several => Err(Error::refused(format!(
            "the release was refused for {several} reasons; nothing has been done"
        ))),
    }
}

fn repository(release: &Release) -> Result<Vec<Finding>> {
    let repository = &release.workspace.repository;
    let mut findings = Vec::new();
    if let Some(operation) = repository.unfinished_operation() {
        let message = format!("a {operation} is under way in the repository");
        findings.push(
            Finding::error(message).help(format!("finish it or give it up: `git {operation} --abort`")),
        );
    }
    if release.workspace.has_submodules() {
        let message = "the repository has submodules; their content is not in the release's clone";
        findings.push(
            Finding::warning(message).help("if a build needs them, it will fail before anything is done"),
        );
    }
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

/// The first few of the paths.
fn shown(paths: &[String]) -> String {
    let first: Vec<String> = paths.iter().take(5).map(|path| format!("`{path}`")).collect();
    match paths.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
