//! `pyrelease run`: preflights, the plan, one question, and the release.

use super::Context;
use super::credentials::ask_for_missing;
use super::session::{Session, tell_unused_indexes};
use crate::engine::event::{Event, Listener};
use crate::engine::execute::Execution;
use crate::engine::journal::{Journal, entries, point_of_no_return};
use crate::engine::model::Leave;
use crate::engine::preflight::preflight;
use crate::engine::run::Store;
use crate::error::{Error, ExitCode, Result};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How to raise the version: major minor patch, a b rc, post, dev, release (drop the pre-release), or a version.
    /// Without it, the present version if it has no tag yet, else what the changelog's Unreleased part calls for
    #[arg(value_name = "BUMP")]
    bump: Option<String>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Show the plan and run every preflight; change nothing
    #[arg(long)]
    dry_run: bool,

    /// When everything is built, send something that is no distribution under each file's name: the indexes refuse it,
    /// and by how they do it is known whether they would take the file. A new project counts towards PyPI's limit of
    /// those in an hour
    #[arg(long)]
    probe: bool,

    /// Go on although a token says itself that it is for another index or project or has expired, or the index has put
    /// the project into quarantine
    #[arg(long)]
    force: bool,
}

impl Arguments {
    /// As `pyrelease run --yes`.
    pub(super) fn without_asking() -> Self {
        Self { bump: None, yes: true, dry_run: false, force: false, probe: false }
    }
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let session = Session::open(context)?;
    let lock = if arguments.dry_run { None } else { Some(session.store.lock()?) };
    refuse_unfinished(&session.store)?;
    if !arguments.yes && !arguments.dry_run && !super::can_ask() {
        return Err(Error::usage("there is no terminal to ask on")
            .help("`pyrelease run --yes` releases without asking"));
    }
    let (config, pipeline, store, mut release) = session.release(arguments.bump.as_deref())?;
    let (environment, project) = (&release.workspace.environment, &release.target.project.name);
    release.workspace.environment =
        ask_for_missing(context, &config, &pipeline, project, arguments.yes, environment.clone())?;
    let listener: &dyn Listener = &context.ui;
    tell_unused_indexes(&config, listener);
    let leave = Leave { force: arguments.force, can_ask: !arguments.yes && super::can_ask() };
    let questions = preflight(&pipeline, &release, config.carry(), leave, listener)?;
    let plan = pipeline.plan(&mut release, listener)?;
    // Whoever does not want to be asked has read the plan, or will not.
    let is_brief = arguments.yes && !arguments.dry_run;
    listener.on_event(&Event::Plan { plan: &plan, is_brief });
    if arguments.dry_run {
        let message = match questions.as_slice() {
            [] => "every preflight passed; nothing has been done",
            _ => "`run` asks about the warnings first, and `run --yes` is refused; nothing has been done",
        };
        listener.on_event(&Event::Note { stage: None, message });
        return Ok(());
    }
    questions.iter().try_for_each(|question| context.confirm(false, question))?;
    context.confirm(arguments.yes, &format!("Release {} {}?", plan.name, plan.version))?;
    release.workspace.repository.give_consent();
    context.listen_for_interrupts()?;
    let configuration = (config.source(), config.carry());
    let mut execution =
        Execution::begin(&store, &pipeline, release, configuration, &context.interrupted, listener)?;
    execution.probe = arguments.probe;
    let _guard = lock.as_ref().and_then(|lock| lock.guard(&execution.run));
    execution.complete()
}

/// An unfinished run comes first: what it left would confuse a new one.
pub(super) fn refuse_unfinished(store: &Store) -> Result<()> {
    let Some(run) = store.unfinished()? else { return Ok(()) };
    if run.is_lost() {
        return Err(super::recover::lost(&run).with_code(ExitCode::Refused));
    }
    let effects = entries(&Journal::read(&run.journal())?);
    let help = match point_of_no_return(&effects) {
        Some(_) => "it has gone public: `pyrelease resume` finishes it, `pyrelease status` shows where it is",
        None => {
            "`pyrelease resume` finishes it, `pyrelease rollback` undoes it, `pyrelease status` shows where it is"
        }
    };
    Err(Error::refused(format!("run {} was cut short and is not finished", run.id())).help(help))
}
