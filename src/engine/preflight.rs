//! Everything that would make a release fail, found together and before anything happens.

use super::event::{Event, Listener};
use super::plan::Pipeline;
use super::release::Release;
use super::stage::{Finding, Severity};
use crate::error::{Error, Result};

/// Asks the repository and every stage, tells all findings, and refuses if one is an error.
///
/// # Errors
/// At least one finding is an error.
pub fn preflight(pipeline: &Pipeline, release: &Release, listener: &dyn Listener) -> Result<()> {
    let mut errors = 0;
    let mut tell = |stage: Option<&str>, finding: &Finding| {
        errors += usize::from(finding.severity == Severity::Error);
        listener.hear(&Event::Finding { stage, finding });
    };
    for finding in repository(release)? {
        tell(None, &finding);
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
    if release.workspace.read_gitmodules() {
        let message = "the repository has submodules; their content is not in the release's clone";
        findings.push(
            Finding::warning(message).help("if a build needs them, it will fail before anything is done"),
        );
    }
    let edited = repository.edited()?;
    if !edited.is_empty() {
        let shown: Vec<String> = edited.iter().take(5).map(|path| format!("`{path}`")).collect();
        let more = if edited.len() > shown.len() {
            format!(" and {} more", edited.len() - shown.len())
        } else {
            String::new()
        };
        let message = format!("edits that are not committed are not released: {}{more}", shown.join(", "));
        findings.push(Finding::warning(message).help("commit them first if they belong to this release"));
    }
    Ok(findings)
}
