//! `rollback`: undoes an interrupted run.

use super::report::renew_report;
use super::resume::not_over;
use super::session::{configuration_of_run, destinations};
use super::{Context, lost, open, recovery_context};
use crate::engine::event::{Event, Listener as _};
use crate::engine::journal::{Journal, Outcome, header};
use crate::engine::model::Reach;
use crate::engine::recover::OnUndoFailure;
use crate::engine::run::Store;
use crate::error::{Error, Result};
use crate::world::orphans;

/// The options of `rollback`
#[derive(Debug, Clone, Copy, Default)]
pub struct RollbackOptions {
    /// Do not ask for confirmation
    pub yes: bool,
    /// Keep what cannot be undone, and give up the run
    pub leave: bool,
}

/// Undoes the interrupted run.
///
/// # Errors
/// An effect cannot be undone, or is public.
pub fn rollback(context: &Context, options: &RollbackOptions) -> Result<()> {
    let (checkout, store) = open(context)?;
    let lock = store.lock()?;
    let run = match store.unfinished() {
        Ok(Some(run)) if run.is_lost() => return give_up_unreadable(context, options, &store, lost(&run)),
        Ok(Some(run)) => run,
        Ok(None) => {
            let say = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
            say("there is nothing to roll back");
            if has_published(&store) {
                say(
                    "the last release is complete and stays; if it is broken, yank it on the index's page, and release the next version",
                );
            }
            return Ok(());
        }
        Err(unreadable) => return give_up_unreadable(context, options, &store, unreadable),
    };
    let mut journal = Journal::open(&run.journal()).map_err(not_over)?;
    // A configuration that cannot be read must not prevent the rollback.
    let _ = journal.header().map(configuration_of_run);
    let destinations = journal.header().map(destinations).unwrap_or_default();
    let question = match options.leave {
        false => format!("Undo what run {} did?", run.id()),
        true => format!("Undo what run {} did, keep what cannot be undone, and give up the run?", run.id()),
    };
    context.confirm(options.yes, &question)?;
    checkout.repository.give_consent();
    context.listen_for_interrupts()?;
    orphans::terminate_all(run.id());
    let _guard = lock.start_watchdog(&run);
    let on_failure = if options.leave { OnUndoFailure::Leave } else { OnUndoFailure::Stop };
    let result = recovery_context(context, &checkout, &run).rollback(&mut journal, on_failure, &destinations);
    renew_report(&run);
    result
}

/// Whether the last run, rehearsals aside, ended with a release that has files on a public index.
fn has_published(store: &Store) -> bool {
    let runs = store.runs().unwrap_or_default();
    let Some(last) = runs.iter().rev().find(|run| !run.is_rehearsal()) else { return false };
    if !last.outcome().is_ok_and(|outcome| outcome == Some(Outcome::Released)) {
        return false;
    }
    let records = Journal::read(&last.journal()).unwrap_or_default();
    let destinations = header(&records).map(destinations).unwrap_or_default();
    destinations.iter().any(|destination| destination.reach == Reach::Public)
}

/// Gives up runs whose journals cannot be read, if `--leave` was passed. Undoes nothing.
fn give_up_unreadable(
    context: &Context,
    options: &RollbackOptions,
    store: &Store,
    unreadable: Error,
) -> Result<()> {
    if !options.leave {
        return Err(unreadable);
    }
    for run in store.runs()? {
        if run.is_lost() || run.is_over().is_err() {
            context
                .confirm(options.yes, &format!("Give up run {}, and leave everything as it is?", run.id()))?;
            run.give_up()?;
            context.ui.on_event(&Event::GivenUp { run: run.id() });
        }
    }
    Ok(())
}
