//! `pyrelease resume` and `pyrelease rollback`: the two ways on from a run that was cut short.

use super::Context;
use super::session::{Session, locate_loosely};
use crate::engine::event::{Event, Listener};
use crate::engine::execute::Execution;
use crate::engine::journal::Journal;
use crate::engine::recover::World;
use crate::engine::release::Workspace;
use crate::engine::run::{RunFolder, Store};
use crate::error::{Error, Result};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn resume(context: &Context, arguments: &Arguments) -> Result<()> {
    let (workspace, store) = open(context)?;
    let lock = store.lock()?;
    let Some(run) = store.unfinished()? else { return nothing(context, "there is no run to resume") };
    let mut journal = Journal::open(&run.journal())?;
    let header = journal.header().cloned().ok_or_else(|| Error::left("the journal has no header"))?;
    let question = format!("Finish the release of {} {} (run {})?", header.name, header.version, run.id());
    context.confirm(arguments.yes, &question)?;
    context.listen_for_interrupts()?;
    let _guard = lock.guard(&run);
    world(context, &workspace, &run).settle(&mut journal)?;
    let (config, pipeline, release) = Session::of_run(context, &header)?;
    let execution = Execution {
        pipeline: &pipeline,
        release,
        run,
        journal,
        interrupted: &context.interrupted,
        listener: &context.ui,
        carry: config.carry(),
    };
    execution.complete()
}

pub(super) fn rollback(context: &Context, arguments: &Arguments) -> Result<()> {
    let (workspace, store) = open(context)?;
    let lock = store.lock()?;
    let Some(run) = store.unfinished()? else { return nothing(context, "there is nothing to roll back") };
    let mut journal = Journal::open(&run.journal())?;
    context.confirm(arguments.yes, &format!("Undo what run {} did?", run.id()))?;
    context.listen_for_interrupts()?;
    let _guard = lock.guard(&run);
    world(context, &workspace, &run).rollback(&mut journal)
}

fn open(context: &Context) -> Result<(Workspace, Store)> {
    let workspace = Workspace::open(&locate_loosely(context)?, context.environment.clone())?;
    let store = Store::of(&workspace.repository)?;
    Ok((workspace, store))
}

fn world<'a>(context: &'a Context, workspace: &'a Workspace, run: &'a RunFolder) -> World<'a> {
    World {
        repository: &workspace.repository,
        environment: &workspace.environment,
        run,
        listener: &context.ui,
    }
}

fn nothing(context: &Context, message: &str) -> Result<()> {
    context.ui.hear(&Event::Note { stage: None, message });
    Ok(())
}
