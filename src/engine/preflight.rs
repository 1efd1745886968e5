//! Preflight: finds everything that would make a release fail, before anything is changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ScopedJoinHandle};

use super::event::{Event, Listener};
use super::release::Release;
use super::repository_checks;
use crate::engine::model::{PluginSteps, Reach};
use crate::engine::pipeline::Pipeline;
use crate::engine::stage::{PluginPreflight, Stage};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, Leave, Severity};
use crate::world::git::Examination;

/// Checks the repository, every stage and the files in `carry`, reports all findings, and refuses the release if one is
/// an error that `leave` does not allow. Returns the questions that the user must answer with yes, and the steps of the
/// plugins.
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
    expect_none(errors).map(|()| (questions, steps))
}

/// Checks the stages after the first `done` ones of a prepared release, which has its outputs; reports all findings, and
/// refuses the release if one is an error that `leave` does not allow.
///
/// # Errors
/// At least one finding is an error.
pub fn preflight_of_prepared(
    pipeline: &Pipeline,
    release: &Release,
    done: usize,
    leave: Leave,
    listener: &dyn Listener,
) -> Result<()> {
    let stages: Vec<&dyn Stage> = pipeline.stages().skip(done).collect();
    let ((), found) =
        ask_all(&stages, release, |stage, release| stage.preflight_of_prepared(release), |_| ());
    let mut errors = 0;
    for (stage, findings) in stages.iter().zip(found) {
        for finding in findings.unwrap_or_else(|error| vec![error.into()]) {
            let finding = finding.under(leave);
            errors += usize::from(finding.severity == Severity::Error);
            listener.on_event(&Event::Finding { stage: Some(stage.name()), finding: &finding });
        }
    }
    expect_none(errors)
}

fn expect_none(errors: usize) -> Result<()> {
    match errors {
        0 => Ok(()),
        1 => Err(Error::refused("the release was refused; nothing has been done")),
        several => Err(Error::refused(format!(
            "the release was refused for {several} reasons; nothing has been done"
        ))),
    }
}

/// Asks all stages at the same time, since each may wait for a server or a process of its own; returns what they found in
/// their order. `meanwhile` runs in this thread.
fn ask_all<T>(
    stages: &[&dyn Stage],
    release: &Release,
    ask: fn(&dyn Stage, &Release) -> Result<Vec<Finding>>,
    meanwhile: impl FnOnce(&Arc<Examination>) -> T,
) -> (T, Vec<Result<Vec<Finding>>>) {
    let examination = Arc::default();
    thread::scope(|scope| {
        let start = |stage| {
            let release = release.again(&examination)?;
            Ok(scope.spawn(move || ask(stage, &release)))
        };
        let asked: Vec<Result<_>> = stages.iter().copied().map(start).collect();
        let meanwhile = meanwhile(&examination);
        (meanwhile, asked.into_iter().map(|asked| joined(asked?)).collect())
    })
}

/// Checks the repository, every stage and the files in `carry`; calls `on_finding` for each finding. Returns the steps of
/// the plugins.
pub fn examine(
    pipeline: &Pipeline,
    release: &Release,
    carry: &[String],
    on_finding: &mut dyn FnMut(Option<&str>, Finding),
) -> PluginSteps {
    let plugins: Vec<_> = pipeline.stages().map(|stage| stage.ask_plugin(release)).collect();
    let all: Vec<&dyn Stage> = pipeline.stages().collect();
    let (repository, stages) = ask_all(
        &all,
        release,
        |stage, release| stage.preflight(release),
        |examination| match release.again(examination) {
            Ok(release) => repository_checks::repository(&release),
            Err(error) => vec![error.into()],
        },
    );
    for finding in repository {
        on_finding(None, finding);
    }
    for path in carry.iter().filter(|path| !release.checkout.root().join(path).exists()) {
        let finding = Finding::error(format!("`carry` names `{path}`, which does not exist"));
        on_finding(None, finding.help("create it, or remove it from `carry`"));
    }
    let mut steps = PluginSteps::new();
    for ((stage, preflight), plugin) in pipeline.stages().zip(stages).zip(plugins) {
        let mut findings = preflight.unwrap_or_else(|error| vec![Finding::from(error)]);
        match plugin.map(join).transpose() {
            Ok(reply) => {
                let reply = reply.unwrap_or_default();
                // Only the plugin knows what they are about, and later stages run where the rights are.
                let is_later = stage.reach() > Reach::Private;
                findings.extend(reply.findings.into_iter().map(|finding| match is_later {
                    true => finding.about_rights(),
                    false => finding,
                }));
                steps.extend(by_member(stage, reply.steps, reply.members));
            }
            Err(error) => findings.push(error.into()),
        }
        for finding in findings {
            on_finding(Some(stage.name()), finding);
        }
    }
    steps
}

/// The steps of the plugins, for a plan without a preflight.
///
/// # Errors
/// A plugin does not report its steps.
pub fn plugin_steps(pipeline: &Pipeline, release: &Release) -> Result<PluginSteps> {
    let threads: Vec<_> = pipeline.stages().map(|stage| stage.ask_plugin(release)).collect();
    let replies = pipeline.stages().zip(threads).map(|(stage, thread)| {
        let reply = thread.map(join).transpose().map_err(|error| error.with_kind(ErrorKind::Refused))?;
        let reply = reply.unwrap_or_default();
        Ok(by_member(stage, reply.steps, reply.members))
    });
    // Join every thread, also after an error.
    let replies: Vec<Result<PluginSteps>> = replies.collect();
    Ok(replies.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn by_member(stage: &dyn Stage, own: Vec<String>, members: BTreeMap<String, Vec<String>>) -> PluginSteps {
    let members = members.into_iter().map(|(member, steps)| (Some(member), steps));
    let all = members.chain([(None, own)]);
    all.map(|(member, steps)| ((stage.name().to_owned(), member), steps)).collect()
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn join(thread: JoinHandle<Result<PluginPreflight>>) -> Result<PluginPreflight> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
