//! Preflight: finds everything that would make a release fail, before anything is changed.

use std::thread::JoinHandle;

use super::event::{Event, Listener};
use super::release::Release;
use super::repository_checks;
use crate::engine::pipeline::{Pipeline, PluginSteps};
use crate::engine::stage::PluginPreflight;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, Leave, Severity};

/// Asks the repository and every stage, looks for the files that are to be carried, tells all findings, and refuses if
/// one is an error that the user's `leave` does not cover. Gives the questions that the user has to answer with yes, and
/// what plugins would do.
///
/// # Errors
/// At least one finding is an error.
pub fn preflight(
    pipeline: &Pipeline,
    release: &Release,
    carry: &[String],
    leave: Leave,
    listener: &dyn Listener,
) -> Result<(Vec<String>, PluginSteps)> {
    let mut errors = 0;
    let mut questions = Vec::new();
    let steps = examine(pipeline, release, carry, &mut |stage, finding| {
        let finding = finding.under(leave);
        errors += usize::from(finding.severity == Severity::Error);
        listener.on_event(&Event::Finding { stage, finding: &finding });
        questions.extend(finding.question);
    });
    match errors {
        0 => Ok((questions, steps)),
        1 => Err(Error::refused("the release was refused; nothing has been done")),
        several => Err(Error::refused(format!(
            "the release was refused for {several} reasons; nothing has been done"
        ))),
    }
}

/// Asks the repository and every stage, and looks for the files that are to be carried; `tell` hears of each finding. Gives
/// what plugins would do.
pub fn examine(
    pipeline: &Pipeline,
    release: &Release,
    carry: &[String],
    tell: &mut dyn FnMut(Option<&str>, Finding),
) -> PluginSteps {
    let asked: Vec<_> = pipeline.stages().map(|stage| stage.ask_plugin(release)).collect();
    for finding in repository_checks::repository(release) {
        tell(None, finding);
    }
    for path in carry.iter().filter(|path| !release.workspace.root().join(path).exists()) {
        let finding = Finding::error(format!("`carry` names `{path}`, which does not exist"));
        tell(None, finding.help("make it, or take it out of `carry`"));
    }
    let mut steps = PluginSteps::new();
    for (stage, asked) in pipeline.stages().zip(asked) {
        let mut findings = stage.preflight(release).unwrap_or_else(|error| vec![Finding::from(error)]);
        match asked.map(join).transpose() {
            Ok(said) => {
                let said = said.unwrap_or_default();
                findings.extend(said.findings);
                steps.insert(stage.name().to_owned(), said.steps);
            }
            Err(error) => findings.push(error.into()),
        }
        for finding in findings {
            tell(Some(stage.name()), finding);
        }
    }
    steps
}

/// What plugins would do, for a plan without a preflight.
///
/// # Errors
/// A plugin could not be asked.
pub fn plugin_steps(pipeline: &Pipeline, release: &Release) -> Result<PluginSteps> {
    let asked: Vec<_> = pipeline.stages().map(|stage| stage.ask_plugin(release)).collect();
    let said = pipeline.stages().zip(asked).map(|(stage, asked)| {
        let said = asked.map(join).transpose().map_err(|error| error.with_kind(ErrorKind::Refused))?;
        Ok((stage.name().to_owned(), said.unwrap_or_default().steps))
    });
    // Every thread is waited for, also after an error.
    let said: Vec<Result<_>> = said.collect();
    said.into_iter().collect()
}

fn join(asked: JoinHandle<Result<PluginPreflight>>) -> Result<PluginPreflight> {
    asked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
