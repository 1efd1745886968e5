//! `run`: the preflight checks, the plan, one question, and the release.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Context;
use super::credentials::ask_for_missing;
use super::notes::{ask_for_notes, forget};
use super::report::renew_report;
use super::session::{Session, Wanted, backend_question, tell_unused_indexes};
use crate::config::Config;
use crate::engine::event::{Event, Listener};
use crate::engine::execute::Execution;
use crate::engine::journal::{Journal, entries, point_of_no_return};
use crate::engine::log;
use crate::engine::model::{Action, PluginSteps};
use crate::engine::pipeline::Pipeline;
use crate::engine::preflight::preflight;
use crate::engine::rehearsed::Subject;
use crate::engine::release::{BuildRequest, Release};
use crate::engine::run::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Leave;
use crate::stages;
use crate::world::edits::PendingEdits;
use crate::world::git::{Author, Remote, short};
use crate::world::kept_environment::ResolvedEnvironment;

/// The options of `run`
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions<'a> {
    pub wanted: Wanted<'a>,
    /// Do not ask for confirmation
    pub yes: bool,
    pub dry_run: bool,
    /// Resolve the build requirements again
    pub fresh: bool,
    /// The run whose build environment to use
    pub like: Option<&'a str>,
    /// Ask each index whether it would accept the files, once they are built
    pub probe: bool,
    /// The folder with the distributions, which are not built
    pub from: Option<&'a Path>,
    /// What to do instead of publishing the release
    pub prepare: Option<&'a Preparation>,
}

/// How to prepare a release that is published elsewhere
#[derive(Debug)]
pub struct Preparation {
    /// The file to export the run to
    pub file: PathBuf,
    /// Whether to leave the wheels to others
    pub sdist_only: bool,
    /// Whether the release's tag was pushed before
    pub is_tagged: bool,
    /// Whether only what is committed as a release is one: otherwise there is nothing to prepare
    pub only_committed: bool,
    /// The author of commit and tag, if git has none
    pub author: Option<Author>,
}

/// Releases the project.
///
/// # Errors
/// A preflight refuses the release, or the release fails; the exit code tells whether something is left behind.
pub fn run(context: &Context, options: &RunOptions<'_>) -> Result<()> {
    let session = Session::open(context)?;
    if let Some(author) = options.prepare.and_then(|prepare| prepare.author.clone()) {
        session.checkout.repository.set_author(author);
    }
    let lock = if options.dry_run { None } else { Some(session.store.lock()?) };
    refuse_unfinished(&session.store)?;
    if !options.yes && !options.dry_run && !super::can_ask() {
        let what = if options.prepare.is_some() { "prepare the release" } else { "release" };
        return Err(Error::usage("there is no terminal to ask on")
            .help(format!("pass `--yes` to {what} without confirmation")));
    }
    let ask = |error: Error| match options.dry_run {
        true => Err(error),
        false => context.confirm(options.yes, &backend_question(&error)),
    };
    let like = options.like.map(|run| environments_of(&session.store, run)).transpose()?;
    let is_tagged = options.prepare.is_some_and(|prepare| prepare.is_tagged);
    let only_committed = options.prepare.is_some_and(|prepare| prepare.only_committed);
    let wanted = Wanted { is_tagged, only_committed, ..options.wanted };
    let (config, mut pipeline, store, mut release) = match session.release(wanted, ask, &context.ui) {
        Err(error) if only_committed && error.kind() == ErrorKind::NoEntries => {
            return nothing_to_prepare(&error.to_string(), &context.ui);
        }
        other => other?,
    };
    release.set_export(options.prepare.map(|prepare| &prepare.file));
    if is_tagged {
        refuse_untagged(&release)?;
        release.set_tagged();
        pipeline = pipeline.of_tagged();
    }
    if only_committed && let Some(reason) = why_not_committed(&pipeline, &mut release, &context.ui) {
        return nothing_to_prepare(&reason, &context.ui);
    }
    release.set_building(&BuildRequest {
        fresh_since: options.fresh.then(Timestamp::now),
        like,
        sdist_only: options.prepare.is_some_and(|prepare| prepare.sdist_only),
        from: options.from.map(|folder| context.folder.join(folder)),
    });
    refuse_without_build(&config, &release.building)?;
    if let (Some(folder), true) = (&release.building.from, release.is_of_workspace()) {
        stages::of_each(&stages::distributions_below(folder)?, &release.uploaded_projects())?;
    }
    if options.prepare.is_none() {
        let (environment, projects) = (&release.checkout.environment, release.uploaded_projects());
        let environment =
            ask_for_missing(context, &config, &pipeline, &projects, options.yes, environment.clone())?;
        release.set_environment(&environment);
    }
    if !options.yes
        && !options.dry_run
        && let Some(notes) = ask_for_notes(context, &config, &store, &release)?
    {
        release.target.conventions.notes = Some(notes);
    }
    let listener: &dyn Listener = &context.ui;
    tell_unused_indexes(&config, listener);
    let leave = Leave {
        force: options.wanted.force,
        can_ask: !options.yes && super::can_ask(),
        prepares: options.prepare.is_some(),
    };
    let (questions, steps) = preflight(&pipeline, &release, config.carry(), leave, listener)?;
    let subject = Subject::of(&pipeline, &release, (config.source(), config.carry()))?;
    let plan = pipeline.plan(&mut release, steps, listener)?;
    let is_built_anew = options.fresh || options.like.is_some() || options.from.is_some();
    let rehearsal = if is_built_anew { None } else { store.rehearsal_of(&subject)? };
    if let Some(rehearsal) = &rehearsal {
        let id = rehearsal.id();
        let message = format!(
            "nothing is built again: the commit, the tag and the distributions are those of rehearsal {id}"
        );
        listener.on_event(&Event::Note { stage: None, message: &message });
    }
    // A user who passes `--yes` does not need the whole plan.
    let is_brief = options.yes && !options.dry_run;
    listener.on_event(&Event::Plan { plan: &plan, is_brief });
    if options.dry_run {
        let message = match questions.as_slice() {
            [] => "all preflight checks passed; nothing has been done",
            _ => "`run` asks about the warnings first, and `run --yes` refuses; nothing has been done",
        };
        listener.on_event(&Event::Note { stage: None, message });
        return Ok(());
    }
    questions.iter().try_for_each(|question| context.confirm(false, question))?;
    let question = match options.prepare {
        None => format!("Release {} {}?", plan.name, plan.version),
        Some(_) => format!(
            "Prepare the release of {} {}? Only the stages in the run's own clone run here.",
            plan.name, plan.version
        ),
    };
    context.confirm(options.yes, &question)?;
    release.give_consent();
    context.listen_for_interrupts()?;
    let configuration = (config.source(), config.carry());
    let mut execution =
        Execution::begin(&store, &pipeline, release, configuration, &context.interrupted, listener)?;
    forget(&store, &plan.version);
    execution.probe = options.probe;
    let ask = |question: &str| context.ask_in_a_run(question);
    execution.ask = (!options.yes && super::can_ask()).then_some(&ask);
    let _guard = lock.as_ref().and_then(|lock| lock.start_watchdog(&execution.run));
    execution.rehearsal = rehearsal;
    let run = execution.run.clone();
    let result = execution.complete();
    if options.prepare.is_some() && result.is_ok() {
        // The file has it, and `publish` imports it from there.
        return store.discard(&run);
    }
    renew_report(&run);
    result
}

fn nothing_to_prepare(reason: &str, listener: &dyn Listener) -> Result<()> {
    let message = format!("nothing to prepare: {reason}");
    listener.on_event(&Event::Note { stage: None, message: &message });
    Ok(())
}

/// Refuses the release of a version whose tag does not mark HEAD.
fn refuse_untagged(release: &Release) -> Result<()> {
    for released in release.of_each() {
        refuse_other_tag(released)?;
    }
    refuse_unpushed(release)
}

fn refuse_other_tag(release: &Release) -> Result<()> {
    let (repository, names) = (&release.checkout.repository, release.names());
    let marked = repository.tag(&names.tag);
    if marked.as_ref() == Some(&release.checkout.head.commit) {
        return Ok(());
    }
    let message = match marked {
        Some(commit) => format!("tag `{}` marks {}, not HEAD", names.tag, short(&commit)),
        None => format!("the project states {}, and there is no tag `{}`", names.version, names.tag),
    };
    Err(Error::refused(message).help("check out the tag of the version that the project's files state"))
}

/// Refuses a tag that the remote does not have; a remote that cannot be read in this job may have it.
fn refuse_unpushed(release: &Release) -> Result<()> {
    let repository = &release.checkout.repository;
    let Some(remote) = Remote::of(repository, &release.checkout.head, None)? else { return Ok(()) };
    if release.not_asked(&remote.name).is_some() {
        return Ok(());
    }
    let names: Vec<String> = release.tag_names().map(|tag| format!("refs/tags/{tag}")).collect();
    let asked: Vec<&str> = names.iter().map(String::as_str).collect();
    let Ok(refs) = remote.refs(repository, &asked) else { return Ok(()) };
    let is_other = |name: &&String| refs.get(*name) != repository.reference(name).as_ref();
    let Some(other) = names.iter().find(is_other) else { return Ok(()) };
    let tag = other.trim_start_matches("refs/tags/");
    Err(Error::refused(format!("`{}` does not have the tag `{tag}` as it is here", remote.name))
        .help(format!("push it: `git push {} {tag}`", remote.name)))
}

/// Why the project is not released as it is committed; none if no stage would change one of its files.
fn why_not_committed(pipeline: &Pipeline, release: &mut Release, listener: &dyn Listener) -> Option<String> {
    for released in release.of_each() {
        let target = &released.target;
        if target.version != target.previous {
            let what = released.member.as_deref().unwrap_or("the project");
            return Some(format!(
                "{what} states {}, and its next release is {}",
                target.previous, target.version
            ));
        }
    }
    let plan = match pipeline.plan(release, PluginSteps::default(), listener) {
        Ok(plan) => plan,
        Err(error) => return Some(error.to_string()),
    };
    plan.stages.iter().flat_map(|stage| stage.all_actions()).find_map(|action| match action {
        Action::Write { path } => Some(format!("`{path}` is not yet as it is for {}", plan.version)),
        _ => None,
    })
}

/// Refuses a request about the build where no stage builds.
fn refuse_without_build(config: &Config, request: &BuildRequest) -> Result<()> {
    let option = match (request.sdist_only, &request.from) {
        (true, _) => "--sdist-only",
        (_, Some(_)) => "--from",
        _ => return Ok(()),
    };
    if config.stages().iter().any(|stage| stage.value == "build") {
        return Ok(());
    }
    Err(Error::usage(format!("`{option}` needs the stage `build`, which `stages` does not have"))
        .help("add \"build\" to `stages`, before \"check\""))
}

/// The build environments of an earlier run.
fn environments_of(store: &Store, run: &str) -> Result<Vec<ResolvedEnvironment>> {
    let run = log::find(store, Some(run))?;
    let environments = log::environments(&run)?;
    if environments.is_empty() {
        let message = format!("run {} has no record of a build environment to build like", run.id());
        return Err(Error::usage(message).help("only runs that built in a kept environment have one"));
    }
    Ok(environments)
}

/// Refuses to start while a run is unfinished: its effects would confuse a new one.
pub(super) fn refuse_unfinished(store: &Store) -> Result<()> {
    if PendingEdits::find(&store.pending_edits())?.is_some() {
        return Err(Error::refused("a bump was interrupted: not all of its files are written")
            .help("`pyrelease bump` completes it"));
    }
    let Some(run) = store.unfinished()? else { return Ok(()) };
    if run.is_lost() {
        return Err(super::lost(&run).with_kind(ErrorKind::Refused));
    }
    let effects = entries(&Journal::read(&run.journal())?);
    let help = match point_of_no_return(&effects) {
        Some(_) => {
            "it is already public: `pyrelease resume` finishes it, `pyrelease status` shows where it is"
        }
        None => {
            "`pyrelease resume` finishes it, `pyrelease rollback` undoes it, `pyrelease status` shows where it is"
        }
    };
    Err(Error::refused(format!("run {} was interrupted and is not finished", run.id())).help(help))
}
