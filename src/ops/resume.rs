//! `resume`: completes an interrupted run.

use std::path::Path;

use jiff::Timestamp;

use super::credentials::ask_for_missing;
use super::report::renew_report;
use super::session::{Session, configuration_of_run, destinations};
use super::{Context, open, reconstruct, recovery_context, transfer};
use crate::engine::checkout::Checkout;
use crate::engine::execute::Execution;
use crate::engine::journal::{Journal, entries};
use crate::engine::release::BuildRequest;
use crate::engine::resume_state::{awaits_wheels, export_of};
use crate::engine::run::{Lock, RunFolder, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::world::Environment;
use crate::world::git::Author;
use crate::world::orphans;

/// The options of `resume`
#[derive(Debug, Clone, Copy, Default)]
pub struct ResumeOptions<'a> {
    /// Do not ask for confirmation
    pub yes: bool,
    /// Stages whose interrupted command did its work, according to the user
    pub done: &'a [String],
    /// Stages whose interrupted command did not do its work, according to the user
    pub again: &'a [String],
    /// Continue despite errors marked as overridable
    pub force: bool,
    /// Resolve the build requirements again
    pub fresh: bool,
    /// A file that `status --export` wrote, whose run to import and complete
    pub import: Option<&'a Path>,
    /// The author of what later stages commit, if git has none
    pub author: Option<&'a Author>,
}

/// Completes the interrupted run.
///
/// # Errors
/// The run cannot be completed; it stays unfinished.
pub fn resume(context: &Context, options: &ResumeOptions<'_>) -> Result<()> {
    let (checkout, store) = open(context)?;
    let lock = store.lock()?;
    let mut yes = options.yes;
    let can_pause = !yes && super::can_ask();
    let mut checked = None;
    if let Some(file) = options.import {
        checked = transfer::import(context, &checkout, &store, (file, yes, options.force))?;
        yes = true;
    }
    let run = match store.unfinished()? {
        Some(run) if !run.is_lost() && !needs_reconstruction(context, &checkout, &run)? => run,
        other => match reconstruct::reconstruct(context, &store, other.as_ref(), yes)? {
            None => return Ok(()),
            Some(run) => {
                yes = true;
                run
            }
        },
    };
    let options = ResumeOptions { yes, ..*options };
    complete(context, &checkout, (&store, &lock), run, (&options, can_pause, checked.as_ref()))
}

/// Completes a run, after asking. `checked` is the environment with its credentials, if they have been checked.
///
/// # Errors
/// As [`resume`].
pub(super) fn complete(
    context: &Context,
    checkout: &Checkout,
    (store, lock): (&Store, &Lock),
    run: RunFolder,
    (options, can_pause, checked): (&ResumeOptions<'_>, bool, Option<&Environment>),
) -> Result<()> {
    let mut journal = Journal::open(&run.journal()).map_err(not_over)?;
    let header = journal.header().cloned().ok_or_else(|| Error::left("the journal has no header"))?;
    let _ = configuration_of_run(&header);
    if awaits_wheels(journal.records()) && export_of(journal.records()).is_none() {
        return Err(Error::left(format!("run {} waits for wheels that are built elsewhere", run.id()))
            .help("`pyrelease publish FILE --adopt DIR` adds them, with the FILE that `prepare` wrote")
            .help("`pyrelease publish FILE --sdist-only` releases the sdist alone"));
    }
    let yes = options.yes;
    let question = format!("Finish the release of {} {} (run {})?", header.name, header.version, run.id());
    context.confirm(yes, &question)?;
    checkout.repository.give_consent();
    context.listen_for_interrupts()?;
    orphans::terminate_all(run.id());
    let _guard = lock.start_watchdog(&run);
    let recovery = recovery_context(context, checkout, &run);
    let before = entries(journal.records());
    recovery.reconcile(&mut journal).map_err(not_over)?;
    for (stages, has_done) in [(options.done, true), (options.again, false)] {
        stages
            .iter()
            .try_for_each(|stage| recovery.resolve_manually(&mut journal, &before, stage, has_done))?;
    }
    recovery.expect_no_late_push(&journal)?;
    recovery.look_again_at_pushes(&mut journal).map_err(not_over)?;
    let (config, pipeline, mut release) = Session::of_run(context, &header).map_err(not_over)?;
    let fresh_since = options.fresh.then(Timestamp::now);
    release.set_building(&BuildRequest { fresh_since, ..release.building.clone() });
    release.set_export(export_of(journal.records()).as_ref());
    release.give_consent();
    if let Some(author) = options.author {
        release.set_author(author);
    }
    let environment = release.checkout.environment.clone();
    let environment = match checked {
        Some(checked) => checked.clone(),
        None => {
            let projects = release.uploaded_projects();
            ask_for_missing(context, &config, &pipeline, &projects, yes, environment).map_err(not_over)?
        }
    };
    release.set_environment(&environment);
    let ask = |question: &str| context.ask_in_a_run(question);
    let execution = Execution {
        pipeline: &pipeline,
        release,
        run,
        journal,
        interrupted: &context.interrupted,
        listener: &context.ui,
        carry: config.carry(),
        probe: false,
        ask: can_pause.then_some(&ask),
        is_resumed: true,
        keeps_clone: false,
        rehearsal: None,
    };
    if checked.is_none() {
        execution.check_credentials(options.force)?;
    }
    execution.fetch_missing()?;
    let (run, is_export) = (execution.run.clone(), execution.release.export.is_some());
    let result = execution.complete();
    if is_export && result.is_ok() {
        return store.discard(&run);
    }
    renew_report(&run);
    result
}

/// Whether the run's journal has lost its end and a file of the run is public.
///
/// # Errors
/// The journal is damaged, or an index or a remote cannot be asked.
fn needs_reconstruction(context: &Context, checkout: &Checkout, run: &RunFolder) -> Result<bool> {
    let journal = Journal::open(&run.journal()).map_err(not_over)?;
    if journal.is_whole() {
        return Ok(false);
    }
    let mut destinations = journal.header().map(destinations).unwrap_or_default();
    // What a workflow publishes does not depend on what this run has sent.
    destinations.retain(|destination| !destination.by_workflow);
    let unexplained = recovery_context(context, checkout, run).unexplained(&journal, &destinations);
    match (unexplained.public.as_slice(), unexplained.unasked.as_slice()) {
        ([_, ..], _) => Ok(true),
        ([], []) => Ok(false),
        ([], unasked) => Err(Error::left(format!(
            "the journal of run {} has lost its end, and it is not known what is public: {}",
            run.id(),
            unasked.join("; ")
        ))
        .help("try again once that works")),
    }
}

/// Gives an error exit code 4 and a hint, because the run is still unfinished.
pub(super) fn not_over(error: Error) -> Error {
    match error.kind() {
        // The lock's and the journal's own errors have the right kind.
        ErrorKind::Left | ErrorKind::Refused => error,
        _ => error
            .with_kind(ErrorKind::Left)
            .help("the run is unchanged; `pyrelease status` shows how to continue"),
    }
}
