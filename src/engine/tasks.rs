//! Runs several effects in parallel. Each has its own intent and outcome in the journal; the stage's thread writes them
//! all. A killed run leaves each effect that was in progress in doubt, and recovery asks about each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::effects::{Attempt, Effects, wait};
use super::event::{Event, Listener};
use crate::engine::model::Effect;
use crate::error::{Error, Result};
use crate::world::failpoints::InEffect;
use crate::world::parallel::{Reporter, Supervisor, run_bounded};

/// One of several effects, and how it is attempted
pub struct Task<'t> {
    pub effect: Effect,
    pub attempt: Attempting<'t>,
}

/// What shows that an effect happened, for the journal and for people
#[derive(Debug, Clone)]
pub struct Evidence {
    pub text: String,
    /// Whether it says no more than that the effect happened
    pub is_plain: bool,
}

impl From<String> for Evidence {
    fn from(text: String) -> Self {
        Self { text, is_plain: false }
    }
}

/// Gives what the world said, as evidence for the journal
pub type Attempting<'t> = Box<dyn FnOnce(&TaskContext<'_>) -> Result<Evidence, Attempt> + Send + 't>;

/// The outcome of one of several effects
#[derive(Debug)]
pub enum TaskOutcome {
    /// Done, now or before the run was interrupted; with what the world said, where it was now
    Done(Option<Evidence>),
    /// It certainly did not happen.
    NotDone(Error),
    /// It may have happened.
    InDoubt(Error),
    /// It was not started, because another failed or the user interrupted.
    NotStarted,
}

/// What an attempt can use while others run
pub struct TaskContext<'a> {
    reporter: &'a Reporter<'a, TaskMessage>,
    interrupted: &'a AtomicBool,
}

/// A message of an attempt
enum TaskMessage {
    Progress { what: String, done: u64, total: u64 },
    Note(String),
    Warning { message: String, help: Option<String> },
}

impl TaskContext<'_> {
    /// Reports how many bytes of something have been sent.
    pub fn progress(&self, what: &str, done: u64, total: u64) {
        self.reporter.report(TaskMessage::Progress { what: what.to_owned(), done, total });
    }

    /// Says something about the attempt.
    pub fn note(&self, message: &str) {
        self.reporter.report(TaskMessage::Note(message.to_owned()));
    }

    /// Warns of something that does not make it fail.
    pub fn warn(&self, message: &str, help: Option<&str>) {
        self.reporter
            .report(TaskMessage::Warning { message: message.to_owned(), help: help.map(str::to_owned) });
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// The user interrupted the wait.
    pub fn wait(&self, time: Duration) -> Result<()> {
        pause(time, self.interrupted)
    }

    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

impl Effects<'_> {
    /// Does several effects in order, at most `at_once` at a time. After a failure no further effect starts; those in
    /// progress are completed. Does nothing if the effects are inert.
    ///
    /// Calls `ended` for each effect after its outcome was written.
    pub fn attempt_all(
        &mut self,
        tasks: Vec<Task<'_>>,
        at_once: usize,
        ended: &dyn Fn(&Self, usize, &TaskOutcome),
    ) -> Vec<TaskOutcome> {
        let mut outcomes: Vec<TaskOutcome> = tasks.iter().map(|_| TaskOutcome::NotStarted).collect();
        let Some(interrupted) = self.interrupted() else { return outcomes };
        let mut tasks_under_way = JournaledTasks {
            effects: self,
            outcomes: &mut outcomes,
            ended,
            under_way: BTreeMap::new(),
            failed: false,
        };
        let work = |task: Task<'_>, reporter: &Reporter<'_, TaskMessage>| {
            (task.attempt)(&TaskContext { reporter, interrupted })
        };
        run_bounded(tasks, at_once, &mut tasks_under_way, &work, &broken);
        outcomes
    }
}

/// Like [`Effects::attempt_all`], without a journal, for uploads outside of a run.
pub fn attempt_unjournaled(
    stage: &str,
    attempts: Vec<Attempting<'_>>,
    at_once: usize,
    interrupted: &AtomicBool,
    listener: &dyn Listener,
    ended: &dyn Fn(usize, &TaskOutcome),
) -> Vec<TaskOutcome> {
    let outcomes = attempts.iter().map(|_| TaskOutcome::NotStarted).collect();
    let mut unjournaled = UnjournaledTasks { stage, interrupted, listener, ended, outcomes, failed: false };
    let work = |attempt: Attempting<'_>, reporter: &Reporter<'_, TaskMessage>| {
        attempt(&TaskContext { reporter, interrupted })
    };
    run_bounded(attempts, at_once, &mut unjournaled, &work, &broken);
    unjournaled.outcomes
}

/// Waits outside of a run.
///
/// # Errors
/// The user interrupted the wait.
pub fn pause(time: Duration, interrupted: &AtomicBool) -> Result<()> {
    wait(time, || if interrupted.load(Ordering::Relaxed) { Err(Error::interrupted()) } else { Ok(()) })
}

/// The outcome of an attempt that panicked.
fn broken(said: String) -> Result<Evidence, Attempt> {
    let error = Error::failed(format!("the attempt panicked: {said}"));
    Err(Attempt::InDoubt(error.help("this is a defect of pyrelease; please report it")))
}

/// Supervises attempts without a journal
struct UnjournaledTasks<'a> {
    stage: &'a str,
    interrupted: &'a AtomicBool,
    listener: &'a dyn Listener,
    ended: &'a dyn Fn(usize, &TaskOutcome),
    outcomes: Vec<TaskOutcome>,
    failed: bool,
}

impl UnjournaledTasks<'_> {
    fn over(&mut self, place: usize, outcome: TaskOutcome) {
        self.failed |= !matches!(outcome, TaskOutcome::Done(_));
        (self.ended)(place, &outcome);
        self.outcomes[place] = outcome;
    }
}

impl Supervisor<Attempting<'_>, TaskMessage, Result<Evidence, Attempt>> for UnjournaledTasks<'_> {
    fn begin(&mut self, place: usize, _: &Attempting<'_>) -> bool {
        let interrupted = self.interrupted.load(Ordering::Relaxed);
        if interrupted {
            self.over(place, TaskOutcome::NotDone(Error::interrupted()));
        }
        !interrupted
    }

    fn on_message(&mut self, word: TaskMessage) {
        let stage = Some(self.stage);
        match &word {
            TaskMessage::Progress { what, done, total } => self.listener.on_event(&Event::Progress {
                stage: self.stage,
                what,
                done: *done,
                total: *total,
            }),
            TaskMessage::Note(message) => self.listener.on_event(&Event::Note { stage, message }),
            TaskMessage::Warning { message, help } => {
                self.listener.on_event(&Event::Warning { stage, message, help: help.as_deref() })
            }
        }
    }

    fn end(&mut self, place: usize, attempted: Result<Evidence, Attempt>) {
        self.over(
            place,
            match attempted {
                Ok(evidence) => TaskOutcome::Done(Some(evidence)),
                Err(Attempt::NotDone(error) | Attempt::Never(error)) => TaskOutcome::NotDone(error),
                Err(Attempt::InPart(error) | Attempt::InDoubt(error)) => TaskOutcome::InDoubt(error),
            },
        );
    }

    fn is_stopped(&self) -> bool {
        self.failed
    }
}

/// Supervises effects and writes their journal
struct JournaledTasks<'a, 'run> {
    effects: &'a mut Effects<'run>,
    outcomes: &'a mut Vec<TaskOutcome>,
    ended: &'a dyn Fn(&Effects<'run>, usize, &TaskOutcome),
    /// The journal ids, by position
    under_way: BTreeMap<usize, (u64, InEffect)>,
    failed: bool,
}

impl JournaledTasks<'_, '_> {
    fn over(&mut self, place: usize, outcome: TaskOutcome) {
        self.failed |= !matches!(outcome, TaskOutcome::Done(_));
        (self.ended)(self.effects, place, &outcome);
        self.outcomes[place] = outcome;
    }
}

impl Supervisor<Task<'_>, TaskMessage, Result<Evidence, Attempt>> for JournaledTasks<'_, '_> {
    fn begin(&mut self, place: usize, task: &Task<'_>) -> bool {
        match self.effects.intend(task.effect.clone()) {
            Ok(Some(id)) => {
                self.under_way.insert(place, (id, InEffect::begin()));
                return true;
            }
            Ok(None) => self.over(place, TaskOutcome::Done(None)),
            Err(error) => self.over(place, TaskOutcome::NotDone(error)),
        }
        false
    }

    fn on_message(&mut self, word: TaskMessage) {
        match word {
            TaskMessage::Progress { what, done, total } => self.effects.progress(&what, done, total),
            TaskMessage::Note(message) => self.effects.note(&message),
            TaskMessage::Warning { message, help } => self.effects.warn(&message, help.as_deref()),
        }
    }

    fn end(&mut self, place: usize, attempted: Result<Evidence, Attempt>) {
        let Some((id, inside)) = self.under_way.remove(&place) else { return };
        drop(inside);
        let in_doubt = matches!(attempted, Err(Attempt::InPart(_) | Attempt::InDoubt(_)));
        let evidence = attempted.as_ref().ok().cloned();
        let written = self.effects.conclude(id, attempted.map(|evidence| evidence.text));
        let outcome = match (written, evidence) {
            (Ok(()), evidence) => TaskOutcome::Done(evidence),
            // It happened or may have, but the journal does not record it: recovery must ask.
            (Err(error), Some(_)) => TaskOutcome::InDoubt(error),
            (Err(error), None) if in_doubt => TaskOutcome::InDoubt(error),
            (Err(error), None) => TaskOutcome::NotDone(error),
        };
        self.over(place, outcome);
    }

    fn is_stopped(&self) -> bool {
        self.failed
    }
}
