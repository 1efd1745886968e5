//! `rehearse`: the whole release in a copy of the repository, with remotes and indexes of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::preview::{PreviewOptions, preview};
use super::report::write_report;
use super::run::refuse_unfinished;
use super::session::{Session, Wanted, backend_question};
use super::{Context, can_ask, locate};
use crate::drill::{Copy, PluginStage, RehearsalSource, in_copy};
use crate::engine::event::{Event, Listener};
use crate::engine::execute::Execution;
use crate::engine::journal::Outcome;
use crate::engine::model::{Action, Plan, Reach};
use crate::engine::pipeline::Pipeline;
use crate::engine::preflight::{plugin_steps, preflight};
use crate::engine::rehearsed::{Subject, keep};
use crate::engine::release::BuildRequest;
use crate::engine::run::{Lock, RunFolder};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Leave;
use crate::python::archive;
use crate::python::distribution::{Distribution, Kind};
use crate::python::metadata::Metadata;
use crate::stages::{Installer, TrialByName, distributions_in};
use crate::ui::Ui;
use crate::world::process::Process;
use crate::world::record_digest;

/// The project page in the rehearsal's folder
const PAGE: &str = "page.html";
/// The stage name of the installations in events
const INSTALL: &str = "install";

/// The options of `rehearse`
#[derive(Debug, Clone, Copy, Default)]
pub struct RehearseOptions<'a> {
    pub wanted: Wanted<'a>,
    /// Do not ask for confirmation
    pub yes: bool,
    /// Resolve the build requirements again
    pub fresh: bool,
}

/// What a rehearsal leaves to look at
#[derive(Debug)]
pub struct Rehearsed {
    /// The project page; none if it could not be made
    pub page: Option<PathBuf>,
    pub report: PathBuf,
}

/// Rehearses the release. Nothing outside the rehearsal's folder changes.
///
/// # Errors
/// A preflight refuses the release, a stage fails, or the release cannot be installed.
pub fn rehearse(context: &Context, options: &RehearseOptions<'_>) -> Result<Rehearsed> {
    let location = locate(context)?;
    let session = Session::open(context)?;
    let lock = session.store.lock()?;
    refuse_unfinished(&session.store)?;
    if !options.yes && !can_ask() {
        return Err(Error::usage("there is no terminal to ask on")
            .help("pass `--yes` to rehearse without confirmation"));
    }
    let ask = |error: Error| context.confirm(options.yes, &backend_question(&error));
    let (config, pipeline, store, mut release) = session.release(options.wanted, ask, &context.ui)?;
    let question = format!(
        "Rehearse the release of {} {} in a copy? This runs the project's build and its private commands.",
        release.names().name,
        release.names().version
    );
    context.confirm(options.yes, &question)?;
    release.give_consent();
    let subject = Subject::of(&pipeline, &release, (config.source(), config.carry()))?;
    let rehearsal = store.begin_rehearsal(&subject)?;
    let temporary = tempfile::Builder::new().prefix("pyr-").tempdir()?;
    let source = RehearsalSource {
        location: &location,
        checkout: &release.checkout,
        environment: &context.environment,
        plugins: &plugin_stages(&pipeline),
        folder: &rehearsal.tree(),
        temporary: temporary.path(),
    };
    let stage = Stage { context, options, lock: &lock, rehearsal: &rehearsal, subject: &subject };
    let worked = in_copy(&source, |copy| {
        stage.release(copy)?;
        for released in release.uploaded() {
            stage.install(copy, &released.names().name, &released.names().version)?;
        }
        Ok(copy.left_out.clone())
    });
    // A journal is there once the release had begun.
    let has_begun = rehearsal.journal().is_file();
    let cleared = fs_err::remove_dir_all(match has_begun {
        true => rehearsal.tree(),
        false => rehearsal.folder().to_owned(),
    });
    let report = if has_begun { write_report(&rehearsal).ok() } else { None };
    let left_out = worked.map_err(|error| failed(error, report.as_deref()))?;
    cleared?;

    let steps = plugin_steps(&pipeline, &release)?;
    let mut plan = pipeline.plan(&mut release, steps, &context.ui)?;
    plan.stages.retain(|stage| stage.reach > Reach::Private);
    plan.conventions.clear();
    let files = kept_files(&rehearsal)?;
    let rehearsed =
        Rehearsed { page: stage.page(&files), report: report.map_or_else(|| write_report(&rehearsal), Ok)? };
    tell(&context.ui, &rehearsal, (&rehearsed, &files), (&plan, &left_out));
    Ok(rehearsed)
}

fn plugin_stages(pipeline: &Pipeline) -> Vec<PluginStage> {
    let stages = pipeline.stages().filter_map(|stage| {
        let (assignment, classes) = stage.plugin()?;
        let (stage, reach) = (stage.name().to_owned(), stage.reach());
        Some(PluginStage { stage, reach, classes, source: assignment.plugin.source.clone() })
    });
    stages.collect()
}

/// The error of a rehearsal: nothing is left that a command would have to clear up.
fn failed(error: Error, report: Option<&Path>) -> Error {
    let error = match error.kind() {
        ErrorKind::Left | ErrorKind::TrialFailed => Error::failed(error.chain()),
        _ => error,
    };
    match report {
        Some(report) => {
            error.help(format!("nothing has left the copy; the report is in {}", report.display()))
        }
        None => error,
    }
}

fn kept_files(rehearsal: &RunFolder) -> Result<Vec<Distribution>> {
    if !rehearsal.dist().is_dir() {
        return Ok(Vec::new());
    }
    distributions_in(&rehearsal.dist())?.iter().map(|file| record_digest(file)).collect()
}

fn tell(
    ui: &Ui,
    rehearsal: &RunFolder,
    (rehearsed, files): (&Rehearsed, &[Distribution]),
    (plan, left_out): (&Plan, &[String]),
) {
    let page = rehearsed.page.as_deref().map(|page| page.display().to_string());
    ui.on_event(&Event::Rehearsed {
        name: &plan.name,
        version: &plan.version,
        run: rehearsal.id(),
        folder: &rehearsal.folder().display().to_string(),
        files,
        page: page.as_deref(),
        report: &rehearsed.report.display().to_string(),
        left_out,
        next: plan,
    });
}

/// What the parts of a rehearsal share
struct Stage<'a> {
    context: &'a Context,
    options: &'a RehearseOptions<'a>,
    lock: &'a Lock,
    rehearsal: &'a RunFolder,
    subject: &'a Subject,
}

impl Stage<'_> {
    /// Releases the project in the copy, and keeps what that made.
    fn release(&self, copy: &Copy) -> Result<()> {
        let Context { format, verbosity, ref interrupted, ref ui, .. } = *self.context;
        let context = Context {
            folder: copy.project.clone(),
            manifest: Some(copy.manifest.clone()),
            environment: copy.environment.clone(),
            ui: Ui::new(format, verbosity),
            format,
            verbosity,
            interrupted: Arc::clone(interrupted),
        };
        let session = Session::open(&context)?;
        // The copy has the workflow's place, but not necessarily its file.
        let force = copy.has_workflows;
        let notes = self.options.wanted.notes.map(std::path::absolute).transpose()?;
        let wanted = Wanted { notes: notes.as_deref(), force, ..self.options.wanted };
        let (config, pipeline, store, mut release) = session.release(wanted, |_| Ok(()), ui)?;
        let fresh_since = self.options.fresh.then(Timestamp::now);
        release.set_building(&BuildRequest { fresh_since, ..BuildRequest::default() });
        let listener = Rehearsing { ui, id: self.rehearsal.id() };
        let leave = Leave { force, ..Leave::default() };
        let (_, steps) = preflight(&pipeline, &release, config.carry(), leave, &listener)?;
        let plan = pipeline.plan(&mut release, steps, &listener)?;
        listener.on_event(&Event::Plan { plan: &plan, is_brief: true });
        release.give_consent();
        self.context.listen_for_interrupts()?;
        let configuration = (config.source(), config.carry());
        let mut execution =
            Execution::begin(&store, &pipeline, release, configuration, interrupted, &listener)?;
        execution.keeps_clone = true;
        let _guard = self.lock.start_watchdog(&execution.run);
        let run = execution.run.clone();
        let released = execution.complete();
        let outcome = if released.is_ok() { Outcome::Rehearsed } else { Outcome::RehearsalFailed };
        let repository = Session::open(&context)?.checkout.repository;
        let kept = keep(self.rehearsal, self.subject, (&run, &repository), (outcome, copy.is_whole));
        // Why the release failed says more than that nothing of it could be kept.
        released.map_err(|error| error.moved(run.folder(), self.rehearsal.folder())).and(kept)
    }

    /// Installs the release from its index as its users will, with pip and, if it is there, with uv.
    fn install(&self, copy: &Copy, project: &str, version: &str) -> Result<()> {
        let Some((index, simple)) = &copy.index else { return Ok(()) };
        let asks_usual_indexes = needs_usual_indexes(&kept_files(self.rehearsal)?);
        let mut installers = vec![("pip", Installer::Pip)];
        if copy.environment.has_program("uv", Path::new("")) {
            installers.push(("uv", Installer::Uv));
        }
        let log = self.rehearsal.log(INSTALL);
        for (name, installer) in installers {
            let say =
                |message: &str| self.context.ui.on_event(&Event::Note { stage: Some(INSTALL), message });
            let folder = self.rehearsal.tree().join(format!("with-{name}")).join(project);
            fs_err::create_dir_all(&folder)?;
            let smoke = copy.smoke.as_deref();
            let trial = TrialByName {
                installer,
                simple,
                project,
                version,
                asks_usual_indexes,
                smoke,
                folder: &folder,
                variables: &copy.environment,
            };
            trial.run(&|process| self.command(process, &log)).map_err(|error| {
                let message = format!("{name} cannot install {project} {version} from the copy of {index}");
                Error::failed(message).because(error)
            })?;
            let tested = smoke.map_or(String::new(), |smoke| format!(", and `{smoke}` passes"));
            say(&format!("{name} installs {project} {version} from the copy of {index}{tested}"));
        }
        Ok(())
    }

    fn command(&self, process: &Process, log: &Path) -> Result<()> {
        let tell = |line: &str| self.context.ui.on_event(&Event::Output { stage: INSTALL, line });
        Ok(process.stream(log, &self.context.interrupted, tell)?)
    }

    /// Writes the project page. A failure is a warning: the release itself went well.
    fn page(&self, files: &[Distribution]) -> Option<PathBuf> {
        let wheel = files.iter().find(|file| file.kind == Kind::Wheel).or(files.first())?;
        let out = self.rehearsal.folder().join(PAGE);
        let options = PreviewOptions {
            file: Some(&wheel.path),
            out: Some(&out),
            loads_images: false,
            refreshes: false,
        };
        match preview(self.context, &options) {
            Ok(preview) => Some(preview.page),
            Err(error) => {
                let message = format!("the project page cannot be shown: {}", error.chain());
                self.context.ui.on_event(&Event::Warning { stage: None, message: &message, help: None });
                None
            }
        }
    }
}

/// Whether an installation needs more than the release's own files: it has dependencies, or is built.
fn needs_usual_indexes(files: &[Distribution]) -> bool {
    let stands_alone = |file: &Distribution| {
        let mut opened = fs_err::File::open(&file.path).ok()?;
        let metadata = archive::metadata(&mut opened, file.kind, file.size)?;
        Some(Metadata::parse(&metadata).ok()?.all("Requires-Dist").next().is_none())
    };
    let mut wheels = files.iter().filter(|file| file.kind == Kind::Wheel).peekable();
    wheels.peek().is_none() || !wheels.all(|wheel| stands_alone(wheel).unwrap_or(false))
}

/// Tells the events of the release in the copy as those of a rehearsal.
struct Rehearsing<'a> {
    ui: &'a Ui,
    id: &'a str,
}

impl Listener for Rehearsing<'_> {
    fn on_event(&self, event: &Event<'_>) {
        match event {
            Event::RunStarted { folder, version, .. } => {
                self.ui.on_event(&Event::RehearsalStarted { run: self.id, folder, version });
            }
            // Nothing is released or rolled back, no point is one of no return, and the repository is not the user's.
            Event::Released { .. }
            | Event::RolledBack { .. }
            | Event::PointOfNoReturn { .. }
            | Event::Action { action: Action::Land { .. }, .. } => {}
            other => self.ui.on_event(other),
        }
    }

    fn on_event_of(&self, member: &str, event: &Event<'_>) {
        self.ui.on_event_of(member, event);
    }
}
