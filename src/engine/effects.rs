//! Effects: the only way for a stage to change anything. Each is written to the journal; while a plan is made, they do
//! nothing.

mod members;
mod plugin;
mod workbench;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use members::path_in;
pub use workbench::Workbench;

use super::event::{Event, Listener};
use super::journal::{Earlier, Entry, Journal, Record};
use super::locks::LocksBefore;
use super::model::{Action, Effect, MemberActions, PluginSteps, Reach, State};
use super::run::RunFolder;
use crate::error::{Error, Result};
use crate::python::project::Files;
use crate::world::failpoints::InEffect;
use crate::world::git::{PrivateClone, Repository};

/// The interval at which a wait checks for an interrupt
const TICK: Duration = Duration::from_millis(50);

fn unknown(stage: &str) -> Error {
    let message = format!("it is not known whether `{stage}` did its work when the run was interrupted");
    let how = format!(
        "check by hand, then run `pyrelease resume --done {stage}` if it did, or `pyrelease resume --again {stage}` \
         if it did not"
    );
    Error::left(message)
        .help(how)
        .help(format!("a command by which pyrelease finds out by itself: [stage.{stage}] verify = [...]"))
}

/// Waits, and calls `go_on` in between.
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

/// Files after writes
pub struct AfterWrites<'a> {
    pub files: &'a dyn Files,
    /// By path
    pub writes: &'a [(String, Vec<u8>)],
}

impl Files for AfterWrites<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let written = self.writes.iter().rfind(|(written, _)| written == path);
        written.map(|(_, bytes)| bytes.clone()).or_else(|| self.files.read(path))
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.files.list(folder)
    }

    fn list_near(&self, folder: &str, levels: usize) -> Vec<String> {
        self.files.list_near(folder, levels)
    }
}

/// How an attempt at an effect failed
#[derive(Debug)]
pub enum Attempt {
    /// It did not happen
    NotDone(Error),
    /// It did not happen, and repeating it cannot help
    Never(Error),
    /// It happened in part and was stopped
    InPart(Error),
    /// It may have happened; recovery must ask
    InDoubt(Error),
}

/// What live effects act on
pub(super) struct Live<'run> {
    pub(super) run: &'run RunFolder,
    pub(super) clone: &'run PrivateClone,
    pub(super) repository: &'run Repository,
    pub(super) journal: &'run mut Journal,
    pub(super) interrupted: &'run AtomicBool,
}

/// The effects of one stage: inert while a plan is made, else live
pub struct Effects<'run> {
    stage: String,
    reach: Reach,
    listener: &'run dyn Listener,
    live: Option<Live<'run>>,
    actions: Vec<Action>,
    /// What inert effects would write, by path in the project
    writes: Vec<(String, Vec<u8>)>,
    /// Whether an earlier stage changes files, as far as the plan knows
    after_changes: bool,
    /// What the stage's plugin would do, by its preflight
    plugin_steps: PluginSteps,
    /// The member of the workspace that they are for
    member: Option<String>,
    /// What was done for each member
    members: Vec<MemberActions>,
}

impl<'run> Effects<'run> {
    /// Inert effects, which only record the actions.
    pub fn inert(stage: &str, reach: Reach, listener: &'run dyn Listener) -> Self {
        Self {
            stage: stage.to_owned(),
            reach,
            listener,
            live: None,
            actions: Vec::new(),
            writes: Vec::new(),
            after_changes: false,
            plugin_steps: PluginSteps::new(),
            member: None,
            members: Vec::new(),
        }
    }

    /// Inert effects for a stage after others that change files.
    pub(super) fn after_changes(self, after_changes: bool) -> Self {
        Self { after_changes, ..self }
    }

    /// Inert effects for a stage whose plugin has said what it would do.
    pub(super) fn with_plugin_steps(mut self, all: &PluginSteps) -> Self {
        let own = all.iter().filter(|((stage, _), _)| *stage == self.stage);
        self.plugin_steps = own.map(|(key, steps)| (key.clone(), steps.clone())).collect();
        self
    }

    /// What the stage's plugin would do, in a plan.
    pub fn plugin_steps(&self) -> &[String] {
        let steps = self.plugin_steps.get(&(self.stage.clone(), self.member.clone()));
        steps.map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether, in a plan, there is something to commit; a command may always have changed something.
    pub fn is_after_changes(&self) -> bool {
        self.after_changes
    }

    pub(super) fn live(stage: &str, reach: Reach, listener: &'run dyn Listener, live: Live<'run>) -> Self {
        Self { live: Some(live), ..Self::inert(stage, reach, listener) }
    }

    /// The actions, and those of each member.
    pub(super) fn into_actions(self) -> (Vec<Action>, Vec<MemberActions>) {
        (self.actions, self.members)
    }

    /// What inert effects would write, by path in the project.
    pub(super) fn take_writes(&mut self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut self.writes)
    }

    /// The project's files with what these effects would have written to them so far.
    pub fn after_writes<'a>(&'a self, files: &'a dyn Files) -> impl Files + 'a {
        AfterWrites { files, writes: &self.writes }
    }

    /// Announces the stage's next action.
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

    /// Emits a note.
    pub fn note(&self, message: &str) {
        if self.live.is_some() {
            self.listener.on_event(&Event::Note { stage: Some(&self.stage), message });
        }
    }

    /// Emits a warning.
    pub fn warn(&self, message: &str, help: Option<&str>) {
        if self.live.is_some() {
            self.listener.on_event(&Event::Warning { stage: Some(&self.stage), message, help });
        }
    }

    /// Reports progress in bytes.
    pub fn progress(&self, what: &str, done: u64, total: u64) {
        self.listener.on_event(&Event::Progress { stage: &self.stage, what, done, total });
    }

    /// Waits.
    ///
    /// # Errors
    /// The user interrupted the wait.
    pub fn wait(&self, time: Duration) -> Result<()> {
        wait(time, || self.check_interrupt())
    }

    /// Announces that the stage has nothing to do.
    ///
    /// # Errors
    /// The user interrupted.
    pub fn skip(&mut self, reason: &str) -> Result<()> {
        self.announce(Action::Skip { reason: reason.to_owned() })
    }

    /// Does private work, inside the run's folder only. Returns none if the effects are inert.
    ///
    /// # Errors
    /// The work failed, or the user interrupted.
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
        let written = self.private(Action::Write { path: path.to_owned() }, |bench| {
            Ok(fs_err::write(bench.file(root, path)?, bytes)?)
        })?;
        if written.is_none() {
            self.writes.push((path.to_owned(), bytes.to_vec()));
        }
        Ok(())
    }

    /// Does one effect: writes the intent, acts, and writes the outcome. Does nothing if the effects are inert.
    ///
    /// `attempt` returns the evidence for the journal, such as a reply.
    ///
    /// # Errors
    /// The attempt failed; or the effect exceeds the stage's declared reach, and was not attempted.
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

    /// Writes the intent of an effect and returns its id; none if the effect is already done or the effects are inert.
    pub(super) fn intend(&mut self, effect: Effect) -> Result<Option<u64>> {
        self.check_interrupt()?;
        let Some(live) = &mut self.live else { return Ok(None) };
        if effect.reach() > self.reach {
            return Err(Error::failed(format!(
                "`{}` reaches only as far as {}; it was stopped before it changed {effect}",
                self.stage, self.reach
            )));
        }
        match Earlier::of(live.journal.records(), live.journal.entries(), &self.stage, &effect) {
            Earlier::Open => {}
            Earlier::Done => {
                self.note(&format!("{effect}: done before the run was interrupted"));
                return Ok(None);
            }
            Earlier::InDoubt => return Err(unknown(&self.stage)),
        }
        let locks = LocksBefore::of(&effect, live.repository);
        live.journal.intend(&self.stage, effect, locks).map(Some)
    }

    /// Writes the outcome. An effect in doubt gets no outcome, only the time at which the attempt ended.
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

    /// The effects that earlier attempts at this stage did, and that still stand; the last one last.
    pub fn completed(&self) -> Vec<Effect> {
        let Some(live) = &self.live else { return Vec::new() };
        let own = |entry: &&Entry| entry.stage == self.stage && entry.state == State::Done;
        live.journal.entries().iter().filter(own).map(|entry| entry.effect.clone()).collect()
    }

    /// The run's id; none if the effects are inert.
    pub fn run(&self) -> Option<&str> {
        self.live.as_ref().map(|live| live.run.id())
    }

    /// The user's interrupt flag; none if the effects are inert.
    pub(super) fn interrupted(&self) -> Option<&'run AtomicBool> {
        self.live.as_ref().map(|live| live.interrupted)
    }

    /// Emits an event.
    pub fn tell(&self, event: &Event<'_>) {
        self.listener.on_event(event);
    }

    /// The folders for private work; none if the effects are inert.
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

    /// Whether the effects are live.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Fails if the user interrupted.
    ///
    /// # Errors
    /// The user interrupted.
    pub fn check_interrupt(&self) -> Result<()> {
        match &self.live {
            Some(live) if live.interrupted.load(Ordering::Relaxed) => Err(Error::interrupted()),
            _ => Ok(()),
        }
    }
}
