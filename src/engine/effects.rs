//! The verbs through which a stage changes anything: each is journalled, and inert when only a plan is made.

mod plugin;
mod workbench;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use workbench::Workbench;

use super::event::{Event, Listener};
use super::journal::{Earlier, Journal, Record};
use super::locks::LocksBefore;
use super::model::{Action, Effect, Reach};
use super::run::RunFolder;
use crate::error::{Error, Result};
use crate::world::failpoints::InEffect;
use crate::world::git::{PrivateClone, Repository};

/// How soon a wait notices an interrupt
const TICK: Duration = Duration::from_millis(50);

fn unknown(stage: &str) -> Error {
    let message = format!("it is not known whether `{stage}` did its work when the run was cut short");
    let how = format!(
        "check by hand, then run `pyrelease resume --done {stage}` if it did, or `pyrelease resume --again {stage}` if it did not"
    );
    Error::left(message)
        .help(how)
        .help(format!("a command by which pyrelease finds out by itself: [stage.{stage}] verify = [...]"))
}

/// Lets time pass, and asks now and then whether to go on.
pub(super) fn wait(time: Duration, go_on: impl Fn() -> Result<()>) -> Result<()> {
    let began = Instant::now();
    loop {
        go_on()?;
        match time.checked_sub(began.elapsed()) {
            Some(left) if !left.is_zero() => std::thread::sleep(left.min(TICK)),
            _ => return Ok(()),
        }
    }
}

/// How an attempt at an effect went wrong
#[derive(Debug)]
pub enum Attempt {
    /// It certainly did not happen
    NotDone(Error),
    /// It did not happen, and never will, however often it is tried
    Never(Error),
    /// It happened in part, and goes no further
    InPart(Error),
    /// It may have happened: only the world can tell
    InDoubt(Error),
}

/// What the effects act on when they are not inert
pub(super) struct Live<'run> {
    pub(super) run: &'run RunFolder,
    pub(super) clone: &'run PrivateClone,
    pub(super) repository: &'run Repository,
    pub(super) journal: &'run mut Journal,
    pub(super) interrupted: &'run AtomicBool,
}

/// The hands of a stage
pub struct Effects<'run> {
    stage: String,
    reach: Reach,
    listener: &'run dyn Listener,
    live: Option<Live<'run>>,
    actions: Vec<Action>,
    /// Whether a stage before this one changes files, as far as a plan can tell
    after_changes: bool,
}

impl<'run> Effects<'run> {
    /// Effects that do nothing but write down what they were asked for.
    pub fn inert(stage: &str, reach: Reach, listener: &'run dyn Listener) -> Self {
        Self {
            stage: stage.to_owned(),
            reach,
            listener,
            live: None,
            actions: Vec::new(),
            after_changes: false,
        }
    }

    /// The same for a stage that comes after others that change files.
    pub(super) fn after_changes(self, after_changes: bool) -> Self {
        Self { after_changes, ..self }
    }

    /// Whether, in a plan, there is something to commit; a command may always have changed something.
    pub fn is_after_changes(&self) -> bool {
        self.after_changes
    }

    pub(super) fn live(stage: &str, reach: Reach, listener: &'run dyn Listener, live: Live<'run>) -> Self {
        Self { live: Some(live), ..Self::inert(stage, reach, listener) }
    }

    pub(super) fn into_actions(self) -> Vec<Action> {
        self.actions
    }

    /// Says what the stage is about to do.
    ///
    /// # Errors
    /// The user interrupted.
    pub fn announce(&mut self, action: Action) -> Result<()> {
        self.check_interrupt()?;
        if self.live.is_some() {
            self.listener.on_event(&Event::Action { stage: &self.stage, action: &action });
        }
        self.actions.push(action);
        Ok(())
    }

    /// Says something about what the stage does.
    pub fn note(&self, message: &str) {
        if self.live.is_some() {
            self.listener.on_event(&Event::Note { stage: Some(&self.stage), message });
        }
    }

    /// Warns of something that does not make the stage fail.
    pub fn warn(&self, message: &str, help: Option<&str>) {
        if self.live.is_some() {
            self.listener.on_event(&Event::Warning { stage: Some(&self.stage), message, help });
        }
    }

    /// Reports how many bytes of something have been sent.
    pub fn progress(&self, what: &str, done: u64, total: u64) {
        self.listener.on_event(&Event::Progress { stage: &self.stage, what, done, total });
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// The user interrupted, and did not wait for its end.
    pub fn wait(&self, time: Duration) -> Result<()> {
        wait(time, || self.check_interrupt())
    }

    /// The stage has nothing to do.
    ///
    /// # Errors
    /// The user interrupted.
    pub fn skip(&mut self, reason: &str) -> Result<()> {
        self.announce(Action::Skip { reason: reason.to_owned() })
    }

    /// Does private work: inside the run's folder only. None where the effects are inert.
    ///
    /// # Errors
    /// What the work gives, or that the user interrupted.
    pub fn private<T>(
        &mut self,
        action: Action,
        work: impl FnOnce(&Workbench<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.announce(action)?;
        let Some(bench) = self.bench() else { return Ok(None) };
        let worked = work(&bench);
        self.check_interrupt()?;
        worked.map(Some)
    }

    /// Writes a file of the clone; `path` is relative to `root`, the project's folder there.
    ///
    /// # Errors
    /// The file cannot be written; or a symbolic link leads out of the clone, and nothing was written.
    pub fn write(&mut self, root: &Path, path: &str, bytes: &[u8]) -> Result<()> {
        self.private(Action::Write { path: path.to_owned() }, |bench| {
            let file = fs_err::canonicalize(root.join(path))?;
            if !file.starts_with(fs_err::canonicalize(bench.clone.top())?) {
                return Err(Error::failed(format!(
                    "`{path}` is a link to `{}`, outside the repository",
                    file.display()
                ))
                .help("a release changes files of the repository only"));
            }
            Ok(fs_err::write(file, bytes)?)
        })?;
        Ok(())
    }

    /// Does one thing outside: writes the intent, acts, writes how it went. Nothing where the effects are inert.
    ///
    /// The attempt gives what the world said, as evidence for the journal.
    ///
    /// # Errors
    /// The attempt failed; or the effect reaches further than the stage said it would, and was not attempted.
    pub fn attempt(
        &mut self,
        effect: Effect,
        attempt: impl FnOnce(&Self) -> Result<String, Attempt>,
    ) -> Result<()> {
        let Some(id) = self.intend(effect)? else { return Ok(()) };
        let inside = InEffect::begin();
        let attempted = attempt(self);
        drop(inside);
        self.conclude(id, attempted)
    }

    /// Writes that something is about to be done outside, and gives the id under which its end is written; none where
    /// it is done already, or the effects are inert.
    pub(super) fn intend(&mut self, effect: Effect) -> Result<Option<u64>> {
        self.check_interrupt()?;
        let Some(live) = &mut self.live else { return Ok(None) };
        if effect.reach() > self.reach {
            return Err(Error::failed(format!(
                "`{}` reaches only as far as {}; it was stopped before it changed {effect}",
                self.stage, self.reach
            )));
        }
        match Earlier::of(live.journal.records(), &self.stage, &effect) {
            Earlier::Open => {}
            Earlier::Done => {
                self.note(&format!("{effect}: done before the run was cut short"));
                return Ok(None);
            }
            Earlier::InDoubt => return Err(unknown(&self.stage)),
        }
        let locks = LocksBefore::of(&effect, live.repository);
        live.journal.intend(&self.stage, effect, locks).map(Some)
    }

    /// Writes what became of it. What is in doubt stays so: the journal has its intent, when the attempt ended, and no end.
    pub(super) fn conclude(&mut self, id: u64, attempted: Result<String, Attempt>) -> Result<()> {
        let Some(live) = &mut self.live else { return Ok(()) };
        match attempted {
            Ok(evidence) => live.journal.write(Record::Done { id, evidence }),
            Err(Attempt::NotDone(error)) => {
                live.journal.write(Record::NotDone { id, reason: error.chain(), is_final: false })?;
                Err(error)
            }
            Err(Attempt::Never(error)) => {
                live.journal.write(Record::NotDone { id, reason: error.chain(), is_final: true })?;
                Err(error)
            }
            Err(Attempt::InPart(error)) => {
                live.journal.write(Record::Done { id, evidence: format!("in part: {}", error.chain()) })?;
                Err(error)
            }
            Err(Attempt::InDoubt(error)) => {
                let at = jiff::Timestamp::now().as_second();
                live.journal.write(Record::Doubted { id, at })?;
                Err(error)
            }
        }
    }

    /// The id of the run; none where the effects are inert.
    pub fn run(&self) -> Option<&str> {
        self.live.as_ref().map(|live| live.run.id())
    }

    /// What says that the user interrupted; none where the effects are inert.
    pub(super) fn interrupted(&self) -> Option<&'run AtomicBool> {
        self.live.as_ref().map(|live| live.interrupted)
    }

    /// Tells what happens in the stage.
    pub fn tell(&self, event: &Event<'_>) {
        self.listener.on_event(event);
    }

    /// The folders that private work happens in; none where the effects are inert.
    pub fn bench(&self) -> Option<Workbench<'_>> {
        let live = self.live.as_ref()?;
        Some(Workbench {
            clone: live.clone,
            run: live.run,
            stage: &self.stage,
            listener: self.listener,
            interrupted: live.interrupted,
        })
    }

    /// Whether anything really happens.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Stops here if the user interrupted.
    ///
    /// # Errors
    /// They did.
    pub fn check_interrupt(&self) -> Result<()> {
        match &self.live {
            Some(live) if live.interrupted.load(Ordering::Relaxed) => Err(Error::interrupted()),
            _ => Ok(()),
        }
    }
}
