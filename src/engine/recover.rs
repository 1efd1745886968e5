//! The ways on from any state, from the journal and the world alone: what happened, and taking it back.

use std::fmt;
use std::sync::atomic::AtomicBool;

use super::effects::Effect;
use super::event::{Event, Listener};
use super::journal::{Journal, Outcome, Record};
use super::run::RunFolder;
use super::stage::Reach;
use crate::error::{Error, Result};
use crate::index::{IndexClient, Standing};
use crate::world::Environment;
use crate::world::faults::InEffect;
use crate::world::git::{Remote, Repository};
use crate::world::process::Process;

/// What the journal knows of an effect
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Intended; whether it happened, only the world knows
    InDoubt,
    Done,
    NotDone,
    Undone,
    /// It stays
    Kept,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InDoubt => "in doubt",
            Self::Done => "done",
            Self::NotDone => "not done",
            Self::Undone => "undone",
            Self::Kept => "kept",
        })
    }
}

/// An effect of a run and what became of it
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: u64,
    /// When it was intended, in seconds since the epoch
    pub at: i64,
    pub stage: String,
    pub effect: Effect,
    pub state: State,
}

impl Entry {
    /// Whether an index may yet show a public file that it does not list now.
    fn may_still_arrive(&self) -> bool {
        let upload = matches!(self.effect, Effect::Upload { reach: Reach::Public, .. });
        upload && jiff::Timestamp::now().as_second() - self.at < ON_ITS_WAY
    }
}

/// The effects of a run in their order.
pub fn entries(records: &[Record]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let set = |entries: &mut Vec<Entry>, id: u64, state: State| {
        if let Some(entry) = entries.iter_mut().find(|entry| entry.id == id) {
            entry.state = state;
        }
    };
    for record in records {
        match record {
            Record::Intent { id, at, stage, effect } => entries.push(Entry {
                id: *id,
                at: *at,
                stage: stage.clone(),
                effect: effect.clone(),
                state: State::InDoubt,
            }),
            Record::Done { id, .. } => {
                set(&mut entries, *id, State::Done);
                // The same thing attempted again and done settles the attempt before.
                if let Some(at) = entries.iter().position(|entry| entry.id == *id) {
                    let (before, now) = entries.split_at_mut(at);
                    let same =
                        |entry: &&mut Entry| entry.state == State::InDoubt && entry.effect == now[0].effect;
                    before.iter_mut().filter(same).for_each(|entry| entry.state = State::NotDone);
                }
            }
            Record::NotDone { id, .. } => set(&mut entries, *id, State::NotDone),
            // An undo that was begun may or may not have happened.
            Record::Undo { id } => set(&mut entries, *id, State::InDoubt),
            Record::Undone { id, .. } => set(&mut entries, *id, State::Undone),
            Record::Kept { id, .. } => set(&mut entries, *id, State::Kept),
            _ => {}
        }
    }
    entries
}

/// What the world says of an effect
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    Present,
    Absent,
    /// The world could not be asked, or its answer is neither
    Unknown(String),
}

/// What recovery works with
pub struct World<'a> {
    pub repository: &'a Repository,
    pub environment: &'a Environment,
    pub run: &'a RunFolder,
    pub listener: &'a dyn Listener,
}

impl World<'_> {
    /// Asks the world whether an effect is there.
    pub fn probe(&self, effect: &Effect) -> Presence {
        match effect {
            Effect::Land { landing } if landing.is_done(self.repository) => Presence::Present,
            Effect::Land { landing } if landing.is_absent(self.repository) => Presence::Absent,
            Effect::Land { .. } => Presence::Unknown("the branch or the tag was moved since".to_owned()),
            Effect::Push { remote, updates } => {
                let names: Vec<&str> = updates.iter().map(|update| update.name.as_str()).collect();
                let remote = Remote { name: remote.clone() };
                match remote.refs(self.repository, &names) {
                    Err(error) => Presence::Unknown(error.chain()),
                    Ok(refs)
                        if updates.iter().all(|update| refs.get(&update.name) == update.new.as_ref()) =>
                    {
                        Presence::Present
                    }
                    Ok(refs)
                        if updates.iter().all(|update| refs.get(&update.name) == update.old.as_ref()) =>
                    {
                        Presence::Absent
                    }
                    Ok(_) => Presence::Unknown(format!("{} was changed by somebody else since", remote.name)),
                }
            }
            Effect::Upload { index, url, simple, project, distribution, .. } => {
                let client = match IndexClient::connect(self.environment, index, url, simple.as_deref(), None)
                {
                    Ok(client) => client,
                    Err(error) => return Presence::Unknown(error.chain()),
                };
                match client.standing(project, distribution) {
                    Ok(Standing::Identical) => Presence::Present,
                    Ok(Standing::Absent) => Presence::Absent,
                    Ok(Standing::Different { sha256 }) => Presence::Unknown(format!(
                        "`{index}` has another {} (sha256 {sha256})",
                        distribution.filename
                    )),
                    Err(error) => Presence::Unknown(error.to_string()),
                }
            }
            Effect::Command { .. } => {
                Presence::Unknown("a command leaves no trace that can be asked for".to_owned())
            }
        }
    }

    /// Settles what is in doubt by asking the world; what the world cannot tell stays in doubt.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn settle(&self, journal: &mut Journal) -> Result<()> {
        for entry in entries(journal.records()) {
            if entry.state != State::InDoubt {
                continue;
            }
            let presence = self.probe(&entry.effect);
            if let (Effect::Land { landing }, false) =
                (&entry.effect, matches!(presence, Presence::Unknown(_)))
            {
                landing.follow(self.repository)?;
            }
            match presence {
                Presence::Present => {
                    journal.write(Record::Done { id: entry.id, evidence: "found there".to_owned() })?;
                }
                Presence::Absent if entry.may_still_arrive() => {}
                Presence::Absent => {
                    journal.write(Record::NotDone { id: entry.id, reason: "not found there".to_owned() })?;
                }
                Presence::Unknown(_) => {}
            }
        }
        Ok(())
    }

    /// Takes back everything the run did, the last first, and ends the run if nothing is left.
    ///
    /// # Errors
    /// The point of no return is passed; or something could not be undone and is named.
    pub fn rollback(&self, journal: &mut Journal) -> Result<()> {
        self.settle(journal)?;
        let entries = entries(journal.records());
        if let Some(entry) = point_of_no_return(&entries) {
            let message = match entry.state {
                State::InDoubt => {
                    format!("{} may be public or become so, and could not be taken back", entry.effect)
                }
                _ => format!("{} is public and cannot be taken back", entry.effect),
            };
            let mut left = Error::left(message).help("finish the release: `pyrelease resume`");
            if entry.may_still_arrive() {
                left = left.help("or wait for five minutes: if the index does not list it then, `rollback` undoes the rest");
            }
            return Err(left);
        }
        for entry in entries.iter().rev() {
            if matches!(entry.state, State::NotDone | State::Undone | State::Kept) {
                continue;
            }
            if let Err(reason) = self.undo(journal, entry)? {
                // What came before is left, too: here and at the remote, things must not tell different stories.
                return Err(Error::left(format!("{} could not be undone: {reason}", entry.effect)).help(
                    "`pyrelease status` shows what is where; put right what is in the way and run `pyrelease rollback`, \
                     or finish the release with `pyrelease resume`",
                ));
            }
        }
        journal.write(Record::End { outcome: Outcome::RolledBack })?;
        self.run.clear(true)?;
        self.listener.hear(&Event::RolledBack { run: self.run.id() });
        Ok(())
    }

    /// Undoes one effect; the inner error is why it stays, to be tried again by the next rollback.
    fn undo(&self, journal: &mut Journal, entry: &Entry) -> Result<Result<(), String>> {
        let what = entry.effect.to_string();
        let stays = match &entry.effect {
            Effect::Upload { reach: Reach::Rehearsal, .. } => {
                Some("an index takes a version once, so this one is taken there; nobody installs from it")
            }
            Effect::Command { reach: Reach::Rehearsal, .. } => Some("it was for trial"),
            Effect::Command { undo: None, .. } => Some("the stage has no `undo` command"),
            _ => None,
        };
        if let Some(reason) = stays {
            journal.write(Record::Kept { id: entry.id, reason: reason.to_owned() })?;
            self.listener.hear(&Event::Kept { what: &what, reason });
            return Ok(Ok(()));
        }
        self.listener.hear(&Event::Undoing { what: &what });
        journal.write(Record::Undo { id: entry.id })?;
        let inside = InEffect::begin();
        let undone = match &entry.effect {
            Effect::Land { landing } => landing.undo(self.repository).map_err(|error| error.chain()),
            Effect::Push { remote, updates } => {
                let back: Vec<_> =
                    updates.iter().map(super::super::world::git::RefUpdate::reversed).collect();
                let remote = Remote { name: remote.clone() };
                remote.push(self.repository, &back).map_err(|error| error.to_string())
            }
            Effect::Command { undo: Some(undo), .. } => {
                let (program, arguments) =
                    undo.split_first().map_or(("true", undo.as_slice()), |(first, rest)| (first, rest));
                Process::new(program)
                    .args(arguments)
                    .folder(self.repository.top())
                    .stream(&self.run.log(&entry.stage), &AtomicBool::new(false), |line| {
                        self.listener.hear(&Event::Output { stage: &entry.stage, line })
                    })
                    .map_err(|error| error.to_string())
            }
            Effect::Command { undo: None, .. } => Err("the stage has no `undo` command".to_owned()),
            Effect::Upload { .. } => Err("an upload cannot be taken back".to_owned()),
        };
        drop(inside);
        // What cannot be undone because it is gone already is undone.
        let undone = match undone {
            Err(_) if self.probe(&entry.effect) == Presence::Absent => Ok(()),
            other => other,
        };
        match &undone {
            Ok(()) => {
                journal.write(Record::Undone { id: entry.id, evidence: String::new() })?;
                self.listener.hear(&Event::Undone { what: &what });
            }
            Err(reason) => self.listener.hear(&Event::Kept { what: &what, reason }),
        }
        Ok(undone)
    }
}

/// How long an upload that was cut off may still be on its way: PyPI gives a request 240 s
const ON_ITS_WAY: i64 = 300;

/// The public effect after which the only way is forward, if there is one that happened or may have.
pub fn point_of_no_return(entries: &[Entry]) -> Option<&Entry> {
    entries.iter().find(|entry| {
        entry.effect.reach() >= Reach::Public && matches!(entry.state, State::Done | State::InDoubt)
    })
}
