//! Executes a run: makes the clone, runs the stages, lands between them, and undoes everything if one fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::carry::carry;
use super::effects::{Effects, Live};
use super::event::{Event, Listener, ReleasedMember};
use super::journal::{FORMAT, Header, HeaderMember, Journal, Outcome, Record, left_on_rehearsals};
use super::locks::LocksBefore;
use super::recover::{OnUndoFailure, RecoveryContext};
use super::release::{Release, Target};
use super::resume_state::{completed_stages, is_continued, is_rebuilt, is_whole, landing, restore};
use super::run::{RunFolder, Store};
use super::stage::Stage;
use crate::config::Source;
use crate::engine::journal::{entries, point_of_no_return, refused_for_good};
use crate::engine::model::{Action, Destination, Effect, Outputs, Reach, State};
use crate::engine::pipeline::Pipeline;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Severity;
use crate::world::failpoints::InEffect;
use crate::world::git::PrivateClone;
use crate::world::orphans::{self, OrphanScope};

/// The landing's stage name in the journal
pub const LANDING: &str = "land";
/// The stage name of the export in the journal
const EXPORT: &str = "export";

/// Asks the user a question that is answered with yes or no. An interrupt is an error.
pub type Ask<'a> = &'a dyn Fn(&str) -> Result<bool>;

/// A run in progress
pub struct Execution<'a> {
    pub pipeline: &'a Pipeline,
    pub release: Release,
    pub run: RunFolder,
    pub journal: Journal,
    pub interrupted: &'a AtomicBool,
    pub listener: &'a dyn Listener,
    /// Ignored files that the build needs, relative to the project
    pub carry: &'a [String],
    /// Whether to probe the indexes before the first effect outside the run's folder (`--probe`)
    pub probe: bool,
    /// Asks the user whether to go on after a stage that pauses; none without a terminal and with `--yes`
    pub ask: Option<Ask<'a>>,
    /// Whether an earlier process began the run, so that the state may have changed since
    pub is_resumed: bool,
    /// Whether the clone stays after the run
    pub keeps_clone: bool,
    /// The rehearsal whose commit, tag and distributions are taken over
    pub rehearsal: Option<RunFolder>,
}

impl<'a> Execution<'a> {
    /// Begins a run and its journal.
    ///
    /// # Errors
    /// The run's folder cannot be written.
    pub fn begin(
        store: &Store,
        pipeline: &'a Pipeline,
        release: Release,
        configuration: (&Source, &'a [String]),
        interrupted: &'a AtomicBool,
        listener: &'a dyn Listener,
    ) -> Result<Self> {
        let (source, carry) = configuration;
        let (run, journal) = store.begin(|run| header(run, pipeline, &release, source))?;
        let execution = Self {
            pipeline,
            release,
            run,
            journal,
            interrupted,
            listener,
            carry,
            probe: false,
            ask: None,
            is_resumed: false,
            keeps_clone: false,
            rehearsal: None,
        };
        let folder = execution.run.folder().display().to_string();
        let version = execution.release.names().version.clone();
        listener.on_event(&Event::RunStarted { run: execution.run.id(), folder: &folder, version: &version });
        Ok(execution)
    }

    /// Runs the stages. A failure before the point of no return undoes everything.
    ///
    /// # Errors
    /// The release failed and nothing is left (exit code 1, 3 or 130), or something is left (4).
    pub fn complete(mut self) -> Result<()> {
        let result = self.stages();
        self.terminate_orphans();
        let (stage, error) = match result {
            Ok(()) if self.release.export.is_some() => return Ok(()),
            Ok(()) => return self.finish(),
            Err(failed) => failed,
        };
        // The journal itself may have failed; undo what it contains.
        let _ = self.journal.write(Record::Failed { stage: stage.clone(), reason: error.chain() });
        let context = RecoveryContext {
            repository: &self.release.checkout.repository,
            environment: &self.release.checkout.environment,
            run: &self.run,
            listener: self.listener,
        };
        if let Err(unsettled) = context.reconcile(&mut self.journal) {
            let left =
                Error::left(format!("`{stage}` failed, and its effects could not be verified: {unsettled}"));
            return Err(left
                .because(error)
                .help("fix the error, then run `pyrelease rollback` or `pyrelease resume`"));
        }
        let effects = entries(self.journal.records());
        if let Some(entry) = point_of_no_return(&effects) {
            let message = format!("`{stage}` failed after the point of no return: {}", error.chain());
            let mut left = Error::left(message);
            for hint in error.hints() {
                left = left.help(hint);
            }
            // A stage that reports what is left also gives the help.
            if error.kind() == ErrorKind::Left && !error.hints().is_empty() {
                return Err(left);
            }
            if refused_for_good(&effects).is_some() {
                return Err(left
                    .help(format!("{}, but the rest of the release cannot be published", entry.shown_public()))
                    .help(
                        "if the public files are not enough, yank the release; run `pyrelease rollback --leave` to \
                         end the run, then release the next version",
                    ));
            }
            let help = format!("{}; finish the release with `pyrelease resume`", entry.shown_public());
            return Err(left.help(help));
        }
        let untouched = effects.iter().all(|entry| entry.state == State::NotDone);
        let destinations: Vec<Destination> = match self.is_resumed {
            true => self.pipeline.stages().filter_map(Stage::destination).collect(),
            false => Vec::new(),
        };
        if let Err(left) = context.rollback(&mut self.journal, OnUndoFailure::Stop, &destinations) {
            return Err(left.because(error));
        }
        let interrupted = self.interrupted.load(Ordering::SeqCst);
        let error = match error.kind() {
            _ if interrupted => Error::interrupted(),
            ErrorKind::Refused if untouched => error,
            _ => error.with_kind(ErrorKind::Failed),
        };
        Err(left_on_rehearsals(&effects).into_iter().fold(error, |error, (index, files)| {
            error.help(format!(
                "left on `{index}`: {}; the next run rehearses there as `.devN`, unless it builds the same bytes",
                files.join(", ")
            ))
        }))
    }

    /// Ends processes that the stages' commands left running.
    fn terminate_orphans(&self) {
        for orphan in orphans::end(self.run.id(), OrphanScope::Stages) {
            let message = format!("it left `{}` running; it was terminated", orphan.command);
            self.listener.on_event(&Event::Warning {
                stage: orphan.stage.as_deref(),
                message: &message,
                help: Some("a stage cannot start processes that outlive the release"),
            });
        }
    }

    fn stages(&mut self) -> Result<(), (String, Error)> {
        let first = self.prepare().map_err(|error| ("prepare".to_owned(), error))?;
        let pipeline = self.pipeline;
        let stages = pipeline.reaching(&self.release);
        let count = stages.len();
        for (at, (stage, reach)) in stages.into_iter().enumerate().skip(first) {
            let in_stage = |error| (stage.name().to_owned(), error);
            if reach > Reach::Private && self.release.export.is_some() {
                break;
            }
            if reach > Reach::Private && std::mem::take(&mut self.probe) {
                self.ask_stages().map_err(|error| ("probe".to_owned(), error))?;
            }
            if reach >= Reach::Repository {
                self.land().map_err(|error| (LANDING.to_owned(), error))?;
            }
            if reach == Reach::Public && !self.is_public() {
                let is_upload = stage.destination().is_some();
                self.listener.on_event(&Event::PointOfNoReturn { stage: stage.name(), is_upload });
            }
            match self.stage(stage, reach, (at + 1, count)) {
                Ok(()) if stage.pauses() && at + 1 < count => self.pause(stage).map_err(in_stage)?,
                Ok(()) => {}
                // A question to the user needs a run to answer it for, so the run must not end.
                Err(error)
                    if stage.reach() == Reach::FollowUp
                        && !matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Left) =>
                {
                    let message =
                        format!("the release is out, but `{}` failed: {}", stage.name(), error.chain());
                    let help = error.hints().first().map(String::as_str);
                    self.listener.on_event(&Event::Warning {
                        stage: Some(stage.name()),
                        message: &message,
                        help,
                    });
                }
                Err(error) => return Err(in_stage(error)),
            }
        }
        match &self.release.export {
            Some(file) => self.export_to(file).map_err(|error| (EXPORT.to_owned(), error)),
            None => self.land().map_err(|error| (LANDING.to_owned(), error)),
        }
    }

    /// Waits until the user has looked at what a stage did. Whoever resumes the run later has.
    fn pause(&self, stage: &dyn Stage) -> Result<()> {
        let Some(ask) = self.ask else { return Ok(()) };
        let links = self.release.outputs.links.iter();
        let look = links.fold(String::new(), |look, link| format!("{look}look at {link}\n"));
        match ask(&format!("{look}`{}` is done. Go on with the release?", stage.name()))? {
            true => Ok(()),
            false => Err(Error::failed("you chose not to go on with the release")),
        }
    }

    /// Probes every stage, and refuses the release if one would be refused.
    fn ask_stages(&self) -> Result<()> {
        let mut refused = false;
        for stage in self.pipeline.stages().filter(|stage| stage.reach() > Reach::Private) {
            let findings = stage.probe(&self.release).unwrap_or_else(|error| vec![error.into()]);
            for finding in findings {
                refused |= finding.severity == Severity::Error;
                self.listener.on_event(&Event::Finding { stage: Some(stage.name()), finding: &finding });
            }
        }
        match refused {
            true => Err(Error::refused(
                "at least one index would not accept the release; nothing has left the run's folder",
            )),
            false => Ok(()),
        }
    }

    fn is_public(&self) -> bool {
        point_of_no_return(self.journal.entries()).is_some()
    }

    /// Makes the clone, or reuses it; returns the position of the first stage to run.
    fn prepare(&mut self) -> Result<usize> {
        if let Some(rehearsal) = self.rehearsal.take() {
            self.expect_head()?;
            self.take_over(&rehearsal)?;
        }
        let tree = self.run.tree();
        let names: Vec<&str> = self.pipeline.stages().map(Stage::name).collect();
        let records = self.journal.records();
        let (done, outputs) = completed_stages(records, &names);
        self.release.set_outputs(outputs);
        let continued = is_continued(records);
        if is_rebuilt(records) {
            self.release.mark_reconstructed();
        } else if continued {
            self.release.mark_imported();
        }
        let private = self.pipeline.stages().filter(|stage| stage.reach() == Reach::Private).count();
        let happened = entries(records)
            .iter()
            .any(|entry| matches!(entry.state, State::Done | State::InDoubt | State::Kept));
        if (happened || continued) && !is_whole(&tree, &self.release) {
            restore(&self.run, records, &self.release)?;
        }
        if continued || (done >= private && done > 0 && tree.is_dir()) {
            self.release.enter(&tree);
            return Ok(done);
        }
        self.expect_head()?;
        // Redo interrupted private work from the start: it had no effects outside.
        self.run.clear(true)?;
        self.release.set_outputs(Outputs::default());
        fs_err::create_dir_all(self.run.dist())?;
        let checkout = &self.release.checkout;
        PrivateClone::make(&checkout.repository, &checkout.head, &tree)?;
        for path in self.carry {
            carry(&checkout.root(), &tree.join(&checkout.prefix), path)?;
        }
        self.release.enter(&tree);
        Ok(0)
    }

    /// Refuses to prepare a release of another commit than the one that the run began with.
    fn expect_head(&self) -> Result<()> {
        let at = self.release.checkout.repository.head()?;
        let began = &self.release.checkout.head;
        if at == *began {
            return Ok(());
        }
        Err(Error::failed(format!(
            "the repository has moved since the run began: HEAD was at {} on {}, and is now at {} on {}",
            began.commit,
            began.shown(),
            at.commit,
            at.shown()
        ))
        .help("run the release again"))
    }

    fn stage(&mut self, stage: &dyn Stage, reach: Reach, position: (usize, usize)) -> Result<()> {
        let started = Instant::now();
        self.journal.write(Record::StageBegun { stage: stage.name().to_owned() })?;
        self.listener.on_event(&Event::StageStarted { stage: stage.name(), reach, position });
        let clone = PrivateClone::at(&self.run.tree());
        let release = &self.release;
        let live = Live {
            run: &self.run,
            clone: &clone,
            repository: &release.checkout.repository,
            journal: &mut self.journal,
            interrupted: self.interrupted,
        };
        let mut effects = Effects::live(stage.name(), reach, self.listener, live);
        effects.check_interrupt()?;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut outputs = stage.run(release, &mut effects)?;
            outputs.merge(stage.conclude(release, &mut effects)?);
            Ok(outputs)
        }));
        let outputs = ran.unwrap_or_else(|panic| {
            let message =
                panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(Error::failed(format!(
                "`{}` panicked: {}",
                stage.name(),
                message.unwrap_or("without a message")
            ))
            .help("this is a bug in pyrelease; please report it"))
        })?;
        self.journal.write(Record::StageDone { stage: stage.name().to_owned(), outputs: outputs.clone() })?;
        self.release.take(outputs);
        let seconds = started.elapsed().as_secs_f64();
        self.listener.on_event(&Event::StageFinished { stage: stage.name(), seconds });
        Ok(())
    }

    /// Lands the release once, if there is a commit or a tag to land.
    fn land(&mut self) -> Result<()> {
        let landed = |entry: &super::journal::Entry| {
            matches!(entry.effect, Effect::Land { .. }) && entry.state == State::Done
        };
        if self.journal.entries().iter().any(landed) {
            return Ok(());
        }
        let Some(landing) = landing(&self.release).missing(&self.release.checkout.repository) else {
            return Ok(());
        };
        if landing.new == landing.old && landing.tags.is_empty() {
            return Ok(());
        }
        let tags = landing.tags.iter().map(|tag| tag.name.clone()).collect();
        let action = Action::land(landing.branch.clone(), tags);
        self.listener.on_event(&Event::Action { stage: LANDING, action: &action });
        let repository = &self.release.checkout.repository;
        let effect = Effect::Land { landing: landing.clone() };
        let locks = LocksBefore::of(&effect, repository);
        let id = self.journal.intend(LANDING, effect, locks)?;
        let inside = InEffect::begin();
        landing.land(repository, &PrivateClone::at(&self.run.tree()))?;
        drop(inside);
        self.journal.write(Record::Done { id, evidence: landing.new })
    }

    fn finish(mut self) -> Result<()> {
        self.journal.end(Outcome::Released).map_err(|error| {
            Error::left("the release is complete, but the journal of its run could not be ended")
                .because(error)
                .help("run `pyrelease resume` once the disk can be written again")
        })?;
        let names = self.release.names();
        let outputs = &self.release.outputs;
        let tags = outputs.tags();
        let links = outputs.all_links();
        let members: Vec<ReleasedMember<'_>> = self.release.members.iter().map(released).collect();
        self.listener.on_event(&Event::Released {
            name: &names.name,
            version: &names.version,
            tag: tags.first().filter(|_| tags.len() == 1).map(|tag| tag.name.as_str()),
            commit: outputs.commit.as_deref(),
            links: &links,
            members: &members,
        });
        if !self.keeps_clone {
            self.run.clear_up(false, self.listener);
        }
        match outputs.failed_trials().as_slice() {
            [] => Ok(()),
            reasons => Err(Error::failed(format!("released, but {}", reasons.join("; ")))
                .with_kind(ErrorKind::TrialFailed)
                .help("the run is over, and users can install the release")
                .help("if the release is broken, yank it on the index, and release the next version")),
        }
    }
}

pub(super) fn header(run: String, pipeline: &Pipeline, release: &Release, source: &Source) -> Header {
    let target = &release.target;
    Header {
        format: FORMAT,
        pyrelease: env!("CARGO_PKG_VERSION").to_owned(),
        run,
        name: target.names.name.clone(),
        version: target.names.version.clone(),
        previous_version: target.names.previous_version.clone(),
        previous_tag: target.previous_tag.clone(),
        tag: target.names.tag.clone(),
        date: target.names.date.clone(),
        branch: release.checkout.head.branch.clone(),
        worktree: Some(release.checkout.repository.head_name()),
        head: release.checkout.head.commit.clone(),
        prefix: release.checkout.prefix.clone(),
        stages: pipeline
            .reaching(release)
            .into_iter()
            .map(|(stage, reach)| (stage.name().to_owned(), reach))
            .collect(),
        configuration: (source.path().to_owned(), source.text().to_owned()),
        conventions: target.conventions.clone(),
        plugins: pipeline
            .stages()
            .filter_map(|stage| Some((stage.name().to_owned(), stage.plugin()?.0.plugin.clone())))
            .collect(),
        like: release.building.like.clone().unwrap_or_default(),
        export: release.export.clone(),
        sdist_only: release.building.sdist_only,
        is_tagged: release.is_tagged,
        from: release.building.from.clone(),
        members: release.members.iter().map(header_member).collect(),
    }
}

fn released(member: &Release) -> ReleasedMember<'_> {
    let names = member.names();
    ReleasedMember { name: &names.name, version: &names.version, tag: &names.tag }
}

fn header_member(member: &Release) -> HeaderMember {
    let Target { names, previous_tag, conventions, .. } = &member.target;
    HeaderMember {
        name: names.name.clone(),
        version: names.version.clone(),
        previous_version: names.previous_version.clone(),
        previous_tag: previous_tag.clone(),
        tag: names.tag.clone(),
        prefix: member.checkout.prefix.clone(),
        is_private: member.is_private,
        sdist_only: member.building.sdist_only,
        conventions: conventions.clone(),
    }
}
