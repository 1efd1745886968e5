//! Preflight: finds everything that would make a release fail, before anything is changed.

use super::event::{Event, Listener};
use super::release::Release;
use super::repository_checks;
use crate::engine::pipeline::Pipeline;
use crate::error::{Error, Result};
use crate::finding::{Finding, Leave, Severity};

/// Asks the repository and every stage, looks for the files that are to be carried, tells all findings, and refuses if
/// one is an error that the user's `leave` does not cover. Gives the questions that the user has to answer with yes.
///
/// # Errors
/// At least one finding is an error.
pub fn preflight(
    pipeline: &Pipeline,
    release: &Release,
    carry: &[String],
    leave: Leave,
    listener: &dyn Listener,
) -> Result<Vec<String>> {
    let mut errors = 0;
    let mut questions = Vec::new();
    examine(pipeline, release, carry, &mut |stage, finding| {
        let finding = finding.under(leave);
        errors += usize::from(finding.severity == Severity::Error);
        listener.on_event(&Event::Finding { stage, finding: &finding });
        questions.extend(finding.question);
    });
    match errors {
        0 => Ok(questions),
        1 => Err(Error::refused("the release was refused; nothing has been done")),
        several => Err(Error::refused(format!(
            "the release was refused for {several} reasons; nothing has been done"
        ))),
    }
}

/// Asks the repository and every stage, and looks for the files that are to be carried; `tell` hears of each finding.
pub fn examine(
    pipeline: &Pipeline,
    release: &Release,
    carry: &[String],
    tell: &mut dyn FnMut(Option<&str>, Finding),
) {
    pipeline.stages().for_each(|stage| stage.begin_preflight(release));
    for finding in repository_checks::repository(release) {
        tell(None, finding);
    }
    for path in carry.iter().filter(|path| !release.workspace.root().join(path).exists()) {
        let finding = Finding::error(format!("`carry` names `{path}`, which does not exist"));
        tell(None, finding.help("make it, or take it out of `carry`"));
    }
    for stage in pipeline.stages() {
        let findings = stage.preflight(release).unwrap_or_else(|error| vec![Finding::from(error)]);
        for finding in findings {
            tell(Some(stage.name()), finding);
        }
    }
}
