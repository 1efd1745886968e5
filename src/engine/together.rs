//! Effects that are under way at the same time. Each has its own intent in the journal before it begins and its own end
//! after; the stage's thread writes them all, so a run that is killed leaves as many in doubt as were under way, and
//! recovery asks the world about each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::effects::{Attempt, Effect, Effects, wait};
use super::event::{Event, Listener};
use crate::error::{Error, Result};
use crate::world::crew::{Foreman, Voice, have_done};
use crate::world::faults::InEffect;

/// One of several effects, and how it is attempted
pub struct Task<'t> {
    pub effect: Effect,
    pub attempt: Attempting<'t>,
}

/// Gives what the world said, as evidence for the journal
pub type Attempting<'t> = Box<dyn FnOnce(&Hand<'_>) -> Result<String, Attempt> + Send + 't>;

/// What became of one of several effects
#[derive(Debug)]
pub enum Ending {
    /// Done, now or before the run was cut short; with what the world said, where it was now
    Done(Option<String>),
    /// It certainly did not happen.
    NotDone(Error),
    /// It may have happened.
    InDoubt(Error),
    /// It was not begun, because another failed or the user interrupted.
    Unbegun,
}

/// What an attempt may do that runs beside others
pub struct Hand<'a> {
    voice: &'a Voice<'a, Word>,
    interrupted: &'a AtomicBool,
}

/// What an attempt tells of itself
enum Word {
    Progress { what: String, done: u64, total: u64 },
    Note(String),
    Warning { message: String, help: Option<String> },
}

impl Hand<'_> {
    /// Reports how many bytes of something have been sent.
    pub fn progress(&self, what: &str, done: u64, total: u64) {
        self.voice.say(Word::Progress { what: what.to_owned(), done, total });
    }

    /// Says something about the attempt.
    pub fn note(&self, message: &str) {
        self.voice.say(Word::Note(message.to_owned()));
    }

    /// Warns of something that does not make it fail.
    pub fn warn(&self, message: &str, help: Option<&str>) {
        self.voice.say(Word::Warning { message: message.to_owned(), help: help.map(str::to_owned) });
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// The user interrupted, and did not wait for its end.
    pub fn wait(&self, time: Duration) -> Result<()> {
        pause(time, self.interrupted)
    }

    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

impl Effects<'_> {
    /// Does several things outside, in their order and at most so many at the same time. The first that fails stops
    /// further ones from beginning; those under way are taken to their end. Nothing where the effects are inert.
    ///
    /// `ended` hears of each when it is over and written down.
    pub fn attempt_together(
        &mut self,
        tasks: Vec<Task<'_>>,
        at_once: usize,
        ended: &dyn Fn(&Self, usize, &Ending),
    ) -> Vec<Ending> {
        let mut endings: Vec<Ending> = tasks.iter().map(|_| Ending::Unbegun).collect();
        let Some(interrupted) = self.interrupted() else { return endings };
        let mut clerk =
            Clerk { effects: self, endings: &mut endings, ended, under_way: BTreeMap::new(), failed: false };
        let work = |task: Task<'_>, voice: &Voice<'_, Word>| (task.attempt)(&Hand { voice, interrupted });
        have_done(tasks, at_once, &mut clerk, &work, &broken);
        endings
    }
}

/// The same for attempts outside of a run, of which no journal is kept.
pub fn attempt_unrecorded(
    stage: &str,
    attempts: Vec<Attempting<'_>>,
    at_once: usize,
    interrupted: &AtomicBool,
    listener: &dyn Listener,
    ended: &dyn Fn(usize, &Ending),
) -> Vec<Ending> {
    let endings = attempts.iter().map(|_| Ending::Unbegun).collect();
    let mut usher = Usher { stage, interrupted, listener, ended, endings, failed: false };
    let work = |attempt: Attempting<'_>, voice: &Voice<'_, Word>| attempt(&Hand { voice, interrupted });
    have_done(attempts, at_once, &mut usher, &work, &broken);
    usher.endings
}

/// Lets time pass outside of a run.
///
/// # Errors
/// The user interrupted, and did not wait for its end.
pub fn pause(time: Duration, interrupted: &AtomicBool) -> Result<()> {
    wait(time, || if interrupted.load(Ordering::Relaxed) { Err(Error::interrupted()) } else { Ok(()) })
}

/// What an attempt that panicked has come to.
fn broken(said: String) -> Result<String, Attempt> {
    let error = Error::failed(format!("the attempt panicked: {said}"));
    Err(Attempt::InDoubt(error.help("this is a defect of pyrelease; please report it")))
}

/// Who sees to attempts of which no journal is kept
struct Usher<'a> {
    stage: &'a str,
    interrupted: &'a AtomicBool,
    listener: &'a dyn Listener,
    ended: &'a dyn Fn(usize, &Ending),
    endings: Vec<Ending>,
    failed: bool,
}

impl Usher<'_> {
    fn over(&mut self, place: usize, ending: Ending) {
        self.failed |= !matches!(ending, Ending::Done(_));
        (self.ended)(place, &ending);
        self.endings[place] = ending;
    }
}

impl Foreman<Attempting<'_>, Word, Result<String, Attempt>> for Usher<'_> {
    fn begin(&mut self, place: usize, _: &Attempting<'_>) -> bool {
        let interrupted = self.interrupted.load(Ordering::Relaxed);
        if interrupted {
            self.over(place, Ending::NotDone(Error::interrupted()));
        }
        !interrupted
    }

    fn hear(&mut self, word: Word) {
        let stage = Some(self.stage);
        match &word {
            Word::Progress { what, done, total } => {
                self.listener.hear(&Event::Progress { stage: self.stage, what, done: *done, total: *total })
            }
            Word::Note(message) => self.listener.hear(&Event::Note { stage, message }),
            Word::Warning { message, help } => {
                self.listener.hear(&Event::Warning { stage, message, help: help.as_deref() })
            }
        }
    }

    fn end(&mut self, place: usize, attempted: Result<String, Attempt>) {
        self.over(
            place,
            match attempted {
                Ok(evidence) => Ending::Done(Some(evidence)),
                Err(Attempt::NotDone(error) | Attempt::Never(error)) => Ending::NotDone(error),
                Err(Attempt::InPart(error) | Attempt::InDoubt(error)) => Ending::InDoubt(error),
            },
        );
    }

    fn is_stopped(&self) -> bool {
        self.failed
    }
}

/// Who keeps the journal of effects that are under way at the same time
struct Clerk<'a, 'run> {
    effects: &'a mut Effects<'run>,
    endings: &'a mut Vec<Ending>,
    ended: &'a dyn Fn(&Effects<'run>, usize, &Ending),
    /// By their places, the ids in the journal
    under_way: BTreeMap<usize, (u64, InEffect)>,
    failed: bool,
}

impl Clerk<'_, '_> {
    fn over(&mut self, place: usize, ending: Ending) {
        self.failed |= !matches!(ending, Ending::Done(_));
        (self.ended)(self.effects, place, &ending);
        self.endings[place] = ending;
    }
}

impl Foreman<Task<'_>, Word, Result<String, Attempt>> for Clerk<'_, '_> {
    fn begin(&mut self, place: usize, task: &Task<'_>) -> bool {
        match self.effects.intend(task.effect.clone()) {
            Ok(Some(id)) => {
                self.under_way.insert(place, (id, InEffect::begin()));
                return true;
            }
            Ok(None) => self.over(place, Ending::Done(None)),
            Err(error) => self.over(place, Ending::NotDone(error)),
        }
        false
    }

    fn hear(&mut self, word: Word) {
        match word {
            Word::Progress { what, done, total } => self.effects.progress(&what, done, total),
            Word::Note(message) => self.effects.note(&message),
            Word::Warning { message, help } => self.effects.warn(&message, help.as_deref()),
        }
    }

    fn end(&mut self, place: usize, attempted: Result<String, Attempt>) {
        let Some((id, inside)) = self.under_way.remove(&place) else { return };
        drop(inside);
        let in_doubt = matches!(attempted, Err(Attempt::InPart(_) | Attempt::InDoubt(_)));
        let evidence = attempted.as_ref().ok().cloned();
        let written = self.effects.conclude(id, attempted);
        let ending = match (written, evidence) {
            (Ok(()), evidence) => Ending::Done(evidence),
            // It happened, or may have, and the journal does not say so: whoever recovers has to ask.
            (Err(error), Some(_)) => Ending::InDoubt(error),
            (Err(error), None) if in_doubt => Ending::InDoubt(error),
            (Err(error), None) => Ending::NotDone(error),
        };
        self.over(place, ending);
    }

    fn is_stopped(&self) -> bool {
        self.failed
    }
}
