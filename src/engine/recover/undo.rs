//! Rollback: undoes every effect, the last one first, if it is unchanged since the run.

use std::sync::atomic::AtomicBool;

use super::push::NotUndone;
use super::{Presence, RecoveryContext};
use crate::engine::event::Event;
use crate::engine::journal::{
    Entry, Journal, Outcome, Record, entries, is_being_given_up, may_be_on_an_index, point_of_no_return,
};
use crate::engine::locks::LocksBefore;
use crate::engine::model::{Destination, Effect, Reach, State};
use crate::error::{Error, ErrorKind, Result};
use crate::plugin::protocol::Class;
use crate::world::failpoints::InEffect;
use crate::world::process::Since;

/// What to do with an effect that cannot be undone
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUndoFailure {
    /// Stop, so that the rollback can be repeated
    Stop,
    /// Keep it, and end the run
    Leave,
}

impl RecoveryContext<'_> {
    /// Undoes all effects of the run, the last one first, and ends the run if nothing is left.
    ///
    /// # Errors
    /// The run is past the point of no return, one of the `destinations` has a file that the journal does not record, or an
    /// effect could not be undone; with [`OnUndoFailure::Leave`] these are not errors. The journal cannot be written.
    pub fn rollback(
        &self,
        journal: &mut Journal,
        on_failure: OnUndoFailure,
        destinations: &[Destination],
    ) -> Result<()> {
        self.undo_all(journal, on_failure, destinations).map_err(|error| match error.kind() {
            ErrorKind::Left => error,
            // Whatever the failure, the run is not over.
            _ => error
                .with_kind(ErrorKind::Left)
                .help("the rollback was interrupted: fix the error, then run `pyrelease rollback` again"),
        })
    }

    fn undo_all(
        &self,
        journal: &mut Journal,
        on_failure: OnUndoFailure,
        destinations: &[Destination],
    ) -> Result<()> {
        let known = entries(journal.records());
        let is_public = |entry: &&Entry| entry.effect.reach() >= Reach::Public && entry.state == State::Done;
        // What is certain needs no look around, which could already complete a landing.
        if let (OnUndoFailure::Stop, false, Some(entry)) =
            (on_failure, is_being_given_up(&known), known.iter().find(is_public))
        {
            return Err(refusal(entry));
        }
        self.reconcile(journal)?;
        let entries = entries(journal.records());
        let on_failure = if is_being_given_up(&entries) { OnUndoFailure::Leave } else { on_failure };
        let mut left = None;
        let mut failed: Option<(&Entry, String)> = None;
        if let Some(entry) = point_of_no_return(&entries) {
            if on_failure == OnUndoFailure::Stop {
                return Err(refusal(entry));
            }
            left = Some("the release was given up after it became public");
        } else if let Some(refusal) = self.refusal_of_drafts(&entries) {
            if on_failure == OnUndoFailure::Stop {
                return Err(refusal);
            }
            left = Some("the draft on the forge was published, or may have been");
        } else {
            let unexplained = self.unexplained(journal, destinations);
            if !unexplained.is_empty() {
                if on_failure == OnUndoFailure::Stop {
                    return Err(unexplained.refusal());
                }
                left = Some("later effects are not known");
            }
        }
        for entry in entries.iter().rev() {
            if matches!(entry.state, State::NotDone | State::Undone | State::Kept) {
                continue;
            }
            // Once one effect is kept, keep all earlier ones.
            if let Some(reason) = left {
                self.keep(journal, entry, reason)?;
                continue;
            }
            let Err(reason) = self.undo(journal, entry)? else { continue };
            if on_failure == OnUndoFailure::Leave {
                self.keep(journal, entry, &reason)?;
                left = Some("later effects are kept");
                continue;
            }
            failed.get_or_insert((entry, reason));
            // An effect that a plugin or a forge keeps does not prevent undoing others, unless it was published meanwhile.
            let goes_on = match &entry.effect {
                Effect::Plugin(_) => true,
                Effect::Forge(_) => self.refusal_of_drafts(&entries).is_none(),
                _ => false,
            };
            if !goes_on {
                break;
            }
        }
        if let Some((entry, reason)) = failed {
            return Err(Error::left(format!("{} could not be undone: {reason}", entry.effect)).help(
                "fix the cause and run `pyrelease rollback` again, or finish the release with `pyrelease resume`, or \
                 give up the run as it is with `pyrelease rollback --leave`",
            ));
        }
        let outcome = if left.is_some() { Outcome::GivenUp } else { Outcome::RolledBack };
        journal.end(outcome)?;
        let is_nowhere = left.is_none() && journal.is_whole() && !may_be_on_an_index(journal.records());
        self.run.clear_up(is_nowhere, self.listener);
        self.listener.on_event(&match outcome {
            Outcome::GivenUp => Event::GivenUp { run: self.run.id() },
            _ => Event::RolledBack { run: self.run.id() },
        });
        Ok(())
    }

    fn keep(&self, journal: &mut Journal, entry: &Entry, reason: &str) -> Result<()> {
        journal.write(Record::Kept { id: entry.id, reason: reason.to_owned() })?;
        self.listener.on_event(&Event::Kept { what: &entry.effect.to_string(), reason });
        Ok(())
    }

    /// Undoes one effect. The inner error is the reason why it remains; the next rollback tries again.
    pub(in crate::engine) fn undo(&self, journal: &mut Journal, entry: &Entry) -> Result<Result<(), String>> {
        let what = entry.effect.to_string();
        let stays = match &entry.effect {
            Effect::Upload { reach: Reach::Rehearsal, .. } => {
                Some("an index accepts a file name only once, so it stays used there; this does no harm")
            }
            Effect::Attest { .. } => Some(
                "a transparency log forgets nothing; it says that this job signed these files, and no more",
            ),
            Effect::Command { reach: Reach::Rehearsal, .. } => Some("it was a rehearsal"),
            Effect::Command { undo: None, .. } => Some("the stage has no `undo` command"),
            Effect::Plugin(effect) if effect.class == Class::Irreversible => {
                Some("its plugin cannot undo it")
            }
            _ => None,
        };
        if let Some(reason) = stays {
            self.keep(journal, entry, reason)?;
            return Ok(Ok(()));
        }
        if let Some(reason) = self.may_still_be_pushed(entry) {
            return Ok(Err(reason));
        }
        self.listener.on_event(&Event::Undoing { what: &what });
        let at = Some(jiff::Timestamp::now().as_second());
        let locks = LocksBefore::of(&entry.effect, self.repository);
        let fence = self.fence_of_undo(&entry.effect)?;
        journal.write(Record::Undo { id: entry.id, fence: fence.clone(), at, locks })?;
        let (inside, began) = (InEffect::begin(), Since::now());
        let undone = self.try_to_undo(entry, fence.as_deref());
        drop(inside);
        // If the effect is already gone, count it as undone; if it is still there, as done.
        let presence = match &undone {
            Ok(()) => Presence::Absent,
            // An undo that the remote may still apply stays in doubt, whatever the refs are now. After an interrupt, do not
            // wait for an answer.
            Err(not) if not.may_arrive || began.is_interrupted() => Presence::Unknown(not.reason.clone()),
            // git alone may have been killed and have left its locks. Restored refs do not mean that the working tree follows.
            Err(_) => {
                match self.remove_locks(journal.records()).and_then(|()| self.update_worktree(&entry.effect))
                {
                    Ok(()) => self.probe(&entry.effect),
                    Err(error) => Presence::Unknown(error.to_string()),
                }
            }
        };
        match (undone, presence) {
            (Ok(()), _) | (Err(_), Presence::Absent) => {
                journal.write(Record::Undone { id: entry.id, evidence: String::new() })?;
                self.listener.on_event(&Event::Undone { what: &what });
                Ok(Ok(()))
            }
            (Err(NotUndone { reason, .. }), presence) => {
                if presence == Presence::Present {
                    journal
                        .write(Record::Done { id: entry.id, evidence: format!("still there: {reason}") })?;
                }
                Ok(Err(reason))
            }
        }
    }

    /// Updates the working tree to the refs of a landing.
    fn update_worktree(&self, effect: &Effect) -> Result<()> {
        match effect {
            Effect::Land { landing } => landing.update_worktree(self.repository),
            _ => Ok(()),
        }
    }

    fn try_to_undo(&self, entry: &Entry, fence: Option<&str>) -> Result<(), NotUndone> {
        match &entry.effect {
            Effect::Land { landing } => {
                landing.undo(self.repository).map_err(|error| NotUndone::over(error.chain()))
            }
            Effect::Push { .. } => self.undo_push(entry, fence),
            Effect::Command { undo: Some(undo), environment, member, .. } => {
                let log = self.run.log(&entry.stage);
                let on_line =
                    |line: &str| self.listener.on_event(&Event::Output { stage: &entry.stage, line });
                self.command(undo, environment, member.as_deref())
                    .stream(&log, &AtomicBool::new(false), on_line)
                    .map_err(NotUndone::over)
            }
            Effect::Command { undo: None, .. } => Err(NotUndone::over("the stage has no `undo` command")),
            Effect::Plugin(effect) => self.undo_plugin(effect, entry.state).map_err(NotUndone::over),
            Effect::Forge(effect) => self.undo_on_forge(effect).map_err(NotUndone::over),
            Effect::Upload { .. } => Err(NotUndone::over("an upload cannot be undone")),
            Effect::Attest { .. } => Err(NotUndone::over("a transparency log forgets nothing")),
        }
    }
}

/// The refusal to undo once something is public.
fn refusal(entry: &Entry) -> Error {
    let message = match (&entry.effect, entry.state) {
        (Effect::Push { .. }, _) => format!("{}, so the push cannot be undone", entry.shown_public()),
        (effect, _) if effect.starts_workflow() => {
            format!("{}, so the release cannot be undone", entry.shown_public())
        }
        (_, State::InDoubt) => format!("{} may be public, now or later, and cannot be undone", entry.effect),
        _ => format!("{} is public and cannot be undone", entry.effect),
    };
    let refusal = Error::left(message).help("finish the release: `pyrelease resume`");
    if entry.effect.starts_workflow() {
        return refusal.help("or keep everything as it is, and end the run: `pyrelease rollback --leave`");
    }
    if entry.state == State::InDoubt && entry.may_still_arrive(jiff::Timestamp::now().as_second()) {
        return refusal
            .help("or wait five minutes: if the index still does not list it, `rollback` undoes the run");
    }
    refusal
}
