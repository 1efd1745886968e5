//! `pyrelease resume` and `pyrelease rollback`: the two ways on from a run that was cut short.

use super::credentials::ask_for_missing;
use super::session::{Session, configuration_of_run, destinations, open_loosely};
use super::{Context, rebuild, transfer};
use crate::engine::event::{Event, Listener};
use crate::engine::execute::Execution;
use crate::engine::journal::{Journal, entries};
use crate::engine::recover::{OnUndoFailure, RecoveryContext};
use crate::engine::release::Workspace;
use crate::engine::run::{RunFolder, Store};
use crate::error::{Error, ExitCode, Result};
use crate::world::orphans;

#[derive(Debug, clap::Args)]
pub(super) struct Resume {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// The command of this stage, which was cut short, has done its work
    #[arg(long, value_name = "STAGE")]
    done: Vec<String>,

    /// The command of this stage, which was cut short, has not done its work: run it again
    #[arg(long, value_name = "STAGE", conflicts_with = "done")]
    again: Vec<String>,

    /// Go on where only advice speaks against it
    #[arg(long)]
    force: bool,

    /// Finish the run that `pyrelease status --export` packed into this file, in another clone of the repository
    #[arg(long, value_name = "FILE")]
    import: Option<std::path::PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Leave what cannot be undone as it is, and give the run up
    #[arg(long)]
    leave: bool,
}

pub(super) fn resume(context: &Context, arguments: &Resume) -> Result<()> {
    let (workspace, store) = open(context)?;
    let lock = store.lock()?;
    let mut yes = arguments.yes;
    if let Some(file) = &arguments.import {
        transfer::import(context, &workspace, &store, (file, yes))?;
        yes = true;
    }
    let run = match store.unfinished()? {
        Some(run) if !run.is_lost() && !is_partly_told(context, &workspace, &run)? => run,
        other => match rebuild::rebuild(context, &store, other.as_ref(), yes)? {
            None => return Ok(()),
            Some(run) => {
                yes = true;
                run
            }
        },
    };
    let mut journal = Journal::open(&run.journal()).map_err(not_over)?;
    let header = journal.header().cloned().ok_or_else(|| Error::left("the journal has no header"))?;
    let _ = configuration_of_run(&header);
    let question = format!("Finish the release of {} {} (run {})?", header.name, header.version, run.id());
    context.confirm(yes, &question)?;
    workspace.repository.give_consent();
    context.listen_for_interrupts()?;
    orphans::terminate_all(run.id());
    let _guard = lock.guard(&run);
    let recovery = recovery_context(context, &workspace, &run);
    let before = entries(journal.records());
    recovery.reconcile(&mut journal).map_err(not_over)?;
    for (stages, has_done) in [(&arguments.done, true), (&arguments.again, false)] {
        stages
            .iter()
            .try_for_each(|stage| recovery.resolve_manually(&mut journal, &before, stage, has_done))?;
    }
    recovery.expect_no_late_push(&journal)?;
    recovery.look_again_at_pushes(&mut journal).map_err(not_over)?;
    let (config, pipeline, mut release) = Session::of_run(context, &header).map_err(not_over)?;
    release.workspace.repository.give_consent();
    let environment = release.workspace.environment.clone();
    let asked = ask_for_missing(context, &config, &pipeline, &header.name, yes, environment);
    release.workspace.environment = asked.map_err(not_over)?;
    let execution = Execution {
        pipeline: &pipeline,
        release,
        run,
        journal,
        interrupted: &context.interrupted,
        listener: &context.ui,
        carry: config.carry(),
        probe: false,
        is_resumed: true,
    };
    execution.sign_in(arguments.force)?;
    execution.fetch_missing()?;
    execution.complete()
}

pub(super) fn rollback(context: &Context, arguments: &Rollback) -> Result<()> {
    let (workspace, store) = open(context)?;
    let lock = store.lock()?;
    let run = match store.unfinished() {
        Ok(Some(run)) if run.is_lost() => return give_up_unread(context, arguments, &store, lost(&run)),
        Ok(Some(run)) => run,
        Ok(None) => return nothing(context, "there is nothing to roll back"),
        Err(unreadable) => return give_up_unread(context, arguments, &store, unreadable),
    };
    let mut journal = Journal::open(&run.journal()).map_err(not_over)?;
    // One that cannot be read is no reason not to undo the rest.
    let _ = journal.header().map(configuration_of_run);
    let destinations = journal.header().map(destinations).unwrap_or_default();
    let question = match arguments.leave {
        false => format!("Undo what run {} did?", run.id()),
        true => format!("Undo what run {} did, leave what cannot be undone, and give it up?", run.id()),
    };
    context.confirm(arguments.yes, &question)?;
    workspace.repository.give_consent();
    context.listen_for_interrupts()?;
    orphans::terminate_all(run.id());
    let _guard = lock.guard(&run);
    let on_failure = if arguments.leave { OnUndoFailure::Leave } else { OnUndoFailure::Stop };
    recovery_context(context, &workspace, &run).rollback(&mut journal, on_failure, &destinations)
}

/// Whether the run's journal has lost its end and something of the run is public: then the journal is rebuilt.
///
/// # Errors
/// The journal is damaged, or somebody cannot be asked.
fn is_partly_told(context: &Context, workspace: &Workspace, run: &RunFolder) -> Result<bool> {
    let journal = Journal::open(&run.journal()).map_err(not_over)?;
    if journal.is_whole() {
        return Ok(false);
    }
    let destinations = journal.header().map(destinations).unwrap_or_default();
    let unexplained = recovery_context(context, workspace, run).unexplained(&journal, &destinations);
    match (unexplained.public.as_slice(), unexplained.unasked.as_slice()) {
        ([_, ..], _) => Ok(true),
        ([], []) => Ok(false),
        ([], unasked) => Err(Error::left(format!(
            "the journal of run {} has lost its end, and what was public by then is not known: {}",
            run.id(),
            unasked.join("; ")
        ))
        .help("try again when that is known")),
    }
}

/// Whatever has failed, the run is still there.
fn not_over(error: Error) -> Error {
    match error.code() {
        // It is under way.
        ExitCode::Left | ExitCode::Refused => error,
        _ => error
            .with_code(ExitCode::Left)
            .help("the run is as it was; `pyrelease status` shows how to go on"),
    }
}

/// Gives up a run whose journal cannot be read, if that is what was asked for; nothing is touched on its word.
fn give_up_unread(context: &Context, arguments: &Rollback, store: &Store, unreadable: Error) -> Result<()> {
    if !arguments.leave {
        return Err(unreadable);
    }
    for run in store.runs()? {
        if run.is_lost() || run.is_over().is_err() {
            context.confirm(arguments.yes, &format!("Give up run {}, and leave all as it is?", run.id()))?;
            run.give_up()?;
            context.ui.on_event(&Event::GivenUp { run: run.id() });
        }
    }
    Ok(())
}

fn open(context: &Context) -> Result<(Workspace, Store)> {
    let workspace = open_loosely(context)?;
    let store = Store::of(&workspace.repository)?;
    Ok((workspace, store))
}

fn recovery_context<'a>(
    context: &'a Context,
    workspace: &'a Workspace,
    run: &'a RunFolder,
) -> RecoveryContext<'a> {
    RecoveryContext {
        repository: &workspace.repository,
        environment: &workspace.environment,
        run,
        listener: &context.ui,
    }
}

fn nothing(context: &Context, message: &str) -> Result<()> {
    context.ui.on_event(&Event::Note { stage: None, message });
    Ok(())
}

/// What is said of a run without a journal by whoever would need one.
pub(super) fn lost(run: &RunFolder) -> Error {
    unknown(run)
        .help("`pyrelease resume` rebuilds it from the tag and the indexes, where publishing had begun")
        .help("`pyrelease rollback --leave` gives it up as it is")
}

/// The same where it cannot be rebuilt either.
pub(super) fn lost_for_good(run: &RunFolder) -> Error {
    unknown(run).help("`pyrelease rollback --leave` gives it up as it is")
}

fn unknown(run: &RunFolder) -> Error {
    Error::left(format!("run {} has lost its journal: what it did outside its folder is not known", run.id()))
}
