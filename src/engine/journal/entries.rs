//! The effects of a run and their states, from the journal's records alone.

use std::collections::BTreeMap;

use super::Record;
use crate::engine::model::{Effect, Reach, State};
use crate::plugin::protocol::Class;

/// An effect of a run and its state
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: u64,
    /// When it was intended, in seconds since the epoch
    pub at: i64,
    pub stage: String,
    pub effect: Effect,
    pub state: State,
    /// Whether its undo is in doubt, not the effect itself
    pub is_being_undone: bool,
    /// The fence ref of its undo, if that is a push
    pub undo_fence: Option<String>,
    /// Whether nothing was sent for it since `at`, because the attempt was over or it was checked then
    pub is_sent: bool,
    /// The reason why repeating it cannot help, if so
    pub never: Option<String>,
}

impl Entry {
    /// Whether an index may still list a public file that it does not list now. A killed run may have been sending long
    /// after its intent, and a clock that was set back does not tell how long ago that was.
    pub fn may_still_arrive(&self, now: i64) -> bool {
        let upload = matches!(self.effect, Effect::Upload { reach: Reach::Public, .. });
        upload && self.is_under_way(now, ON_ITS_WAY)
    }

    /// That it is public, or may be, for people.
    pub fn shown_public(&self) -> String {
        let (effect, is_open) = (&self.effect, self.state == State::InDoubt);
        match (effect.starts_workflow(), is_open) {
            (true, false) => format!("a workflow publishes {effect}"),
            (true, true) => format!("a workflow may publish {effect}"),
            (false, false) => format!("{effect} is public"),
            (false, true) => format!("{effect} may be public"),
        }
    }

    fn is_under_way(&self, now: i64, longest: i64) -> bool {
        !self.is_sent || now - self.at < longest
    }

    /// Whether the remote may still apply an unanswered push, or its undo, that is not fenced off.
    pub fn may_be_pushed(&self, now: i64) -> bool {
        let is_push = matches!(self.effect, Effect::Push { .. });
        is_push && self.state == State::InDoubt && self.is_under_way(now, PUSH_ON_ITS_WAY)
    }
}

/// The effects of a run in their order.
pub fn entries(records: &[Record]) -> Vec<Entry> {
    let mut entries = Vec::new();
    records.iter().for_each(|record| follow(&mut entries, record));
    entries
}

/// Brings the effects to the state after one more record.
pub(super) fn follow(entries: &mut Vec<Entry>, record: &Record) {
    match record {
        Record::Intent { id, at, stage, effect, .. } => entries.push(Entry {
            id: *id,
            at: *at,
            stage: stage.clone(),
            effect: effect.clone(),
            state: State::InDoubt,
            is_being_undone: false,
            undo_fence: None,
            is_sent: false,
            never: None,
        }),
        Record::Done { id, .. } => {
            set(entries, *id, State::Done);
            // A repeated attempt that succeeded settles the earlier one.
            if let Some(at) = entries.iter().rposition(|entry| entry.id == *id) {
                let (before, now) = entries.split_at_mut(at);
                let same = |entry: &&mut Entry| {
                    entry.state == State::InDoubt && entry.effect.repeats(&now[0].effect)
                };
                before.iter_mut().filter(same).for_each(|entry| entry.state = State::NotDone);
            }
        }
        Record::NotDone { id, reason, is_final } => {
            if let Some(entry) = set(entries, *id, State::NotDone) {
                entry.never = is_final.then(|| reason.clone());
            }
        }
        Record::Doubted { id, at } => {
            if let Some(entry) = of_id(entries, *id) {
                entry.at = *at;
                entry.is_sent = true;
            }
        }
        // An undo that began may or may not have happened.
        Record::Undo { id, at, fence, .. } => {
            if let Some(entry) = of_id(entries, *id) {
                entry.state = State::InDoubt;
                entry.at = at.unwrap_or(entry.at);
                entry.is_being_undone = true;
                entry.undo_fence.clone_from(fence);
                entry.is_sent = false;
            }
        }
        Record::Undone { id, .. } => drop(set(entries, *id, State::Undone)),
        Record::Kept { id, .. } => drop(set(entries, *id, State::Kept)),
        // The effects on refs happened in another repository.
        Record::Imported {} => {
            let at_refs =
                |entry: &&mut Entry| matches!(entry.effect, Effect::Land { .. } | Effect::Push { .. });
            let done = entries.iter_mut().filter(at_refs).filter(|entry| entry.state == State::Done);
            done.for_each(|entry| entry.state = State::InDoubt);
        }
        _ => {}
    }
}

/// The effect with this id; most records are about a late one.
fn of_id(entries: &mut [Entry], id: u64) -> Option<&mut Entry> {
    entries.iter_mut().rfind(|entry| entry.id == id)
}

fn set(entries: &mut [Entry], id: u64, state: State) -> Option<&mut Entry> {
    let entry = of_id(entries, id)?;
    entry.state = state;
    entry.is_being_undone = false;
    Some(entry)
}

/// How long an interrupted upload may still arrive, in seconds: PyPI allows a request 240
const ON_ITS_WAY: i64 = 300;

/// How long a remote may still apply an unanswered push, in seconds: its hooks take minutes at most
pub const PUSH_ON_ITS_WAY: i64 = 900;

/// The first public effect that happened or may have: after it the release can only be completed. An effect that was kept
/// is as public as before.
pub fn point_of_no_return(entries: &[Entry]) -> Option<&Entry> {
    entries.iter().find(|entry| {
        entry.effect.reach() >= Reach::Public
            && matches!(entry.state, State::Done | State::InDoubt | State::Kept)
    })
}

/// A public file whose last attempt was refused for good.
pub fn refused_for_good(entries: &[Entry]) -> Option<&Entry> {
    let is_last = |entry: &&Entry| {
        let later = entries.iter().filter(|later| later.id > entry.id);
        later.into_iter().all(|later| !later.effect.repeats(&entry.effect))
    };
    let mut refused =
        entries.iter().filter(|entry| entry.never.is_some() && entry.effect.reach() == Reach::Public);
    refused.find(is_last)
}

/// Whether `rollback --leave` began and was interrupted: refs are kept for no other reason.
pub fn is_being_given_up(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| {
        let is_of_refs = matches!(entry.effect, Effect::Land { .. } | Effect::Push { .. });
        entry.state == State::Kept && (is_of_refs || entry.effect.reach() >= Reach::Public)
    })
}

/// Whether an index may have a file of the run: then the distributions are not deleted.
pub fn may_be_on_an_index(records: &[Record]) -> bool {
    entries(records).iter().any(|entry| {
        matches!(entry.effect, Effect::Upload { .. })
            && matches!(entry.state, State::Done | State::InDoubt | State::Kept)
    })
}

/// The state of an effect from an earlier attempt at its stage
pub enum Earlier {
    Done,
    /// A permanent effect that may have happened and cannot be verified
    InDoubt,
    Open,
}

/// Whether a run stops at this effect in doubt until the user says whether it happened: an interrupted permanent command
/// that cannot be verified, or an irreversible effect of a plugin.
pub fn needs_user_decision(records: &[Record], stage: &str, effect: &Effect) -> bool {
    if let Effect::Plugin(effect) = effect {
        return effect.class == Class::Irreversible && effect.reach >= Reach::Public;
    }
    let has_verify = matches!(effect, Effect::Command { verify: Some(_), .. });
    !has_verify && matches!(Earlier::of(records, &entries(records), stage, effect), Earlier::InDoubt)
}

impl Earlier {
    pub fn of(records: &[Record], entries: &[Entry], stage: &str, effect: &Effect) -> Self {
        let Some(last) = entries.iter().rfind(|entry| entry.stage == stage && entry.effect == *effect) else {
            return Self::Open;
        };
        let is_command = matches!(effect, Effect::Command { reach: Reach::Public, .. });
        match last.state {
            // The stage asks for it only if an attestation is lost.
            State::Done if matches!(effect, Effect::Attest { .. }) => Self::Open,
            State::Done => Self::Done,
            // A command that reported its failure is run again.
            State::InDoubt if is_command && !has_recorded_failure(records, last.id) => Self::InDoubt,
            _ => Self::Open,
        }
    }
}

/// Whether the run that wrote the intent also recorded the stage's failure. Ignores failures of later resumes.
fn has_recorded_failure(records: &[Record], id: u64) -> bool {
    let intent = |record: &&Record| matches!(record, Record::Intent { id: of, .. } if *of == id);
    let mut since = records.iter().skip_while(|record| !intent(record));
    let Some(Record::Intent { stage, .. }) = since.next() else { return false };
    let mut of_that_run = since.take_while(|record| !matches!(record, Record::StageBegun { .. }));
    of_that_run.any(|record| matches!(record, Record::Failed { stage: failed, .. } if failed == stage))
}

/// The files that the run left, or may have left, on each rehearsal index.
pub fn left_on_rehearsals(entries: &[Entry]) -> BTreeMap<&str, Vec<&str>> {
    let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in entries {
        if let Effect::Upload { index, distribution, reach: Reach::Rehearsal, .. } = &entry.effect
            && matches!(entry.state, State::Done | State::InDoubt | State::Kept)
        {
            let files = left.entry(index).or_default();
            if !files.contains(&distribution.filename.as_str()) {
                files.push(&distribution.filename);
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::distribution::{Distribution, Kind};

    fn upload() -> Effect {
        let filename = "demo-1.0-py3-none-any.whl".to_owned();
        let distribution = Distribution {
            path: filename.clone().into(),
            filename,
            kind: Kind::Wheel,
            size: 1,
            sha256: "0".into(),
        };
        Effect::Upload {
            index: "pypi".into(),
            url: "https://upload.pypi.org/legacy/".into(),
            simple: None,
            reach: Reach::Public,
            project: "demo".into(),
            distribution,
        }
    }

    #[test]
    fn an_upload_may_still_arrive_for_five_minutes_whatever_the_clock_does() {
        let now = 1_000_000;
        let mut records =
            vec![Record::Intent { id: 0, at: now, stage: "pypi".into(), effect: upload(), locks: None }];
        let entry = |records: &[Record]| entries(records).remove(0);
        // The journal does not tell how long a killed run was sending.
        assert!(entry(&records).may_still_arrive(now + 30 * 86_400));
        records.push(Record::Doubted { id: 0, at: now });
        assert!(entry(&records).may_still_arrive(now + ON_ITS_WAY - 1));
        assert!(!entry(&records).may_still_arrive(now + ON_ITS_WAY));
        // A clock set back by a month tells nothing; the five minutes count again from when recovery notices it.
        let back = now - 30 * 86_400;
        assert!(entry(&records).may_still_arrive(back));
        records.push(Record::Doubted { id: 0, at: back });
        assert!(entry(&records).may_still_arrive(back + ON_ITS_WAY - 1));
        assert!(!entry(&records).may_still_arrive(back + ON_ITS_WAY));
    }

    #[test]
    fn nothing_else_arrives_later() {
        let effect = Effect::Command {
            reach: Reach::Public,
            command: vec!["x".into()],
            undo: None,
            verify: None,
            environment: Vec::new(),
            member: None,
        };
        let records = [Record::Intent { id: 0, at: 0, stage: "x".into(), effect, locks: None }];
        assert!(!entries(&records)[0].may_still_arrive(0));
    }
}
