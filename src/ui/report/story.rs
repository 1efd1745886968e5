//! What happened in a run, as its journal tells it.

use jiff::Timestamp;

use crate::engine::journal::{Entry, Header, Outcome, ReadLine, Record, entries, header, records};
use crate::engine::model::{Outputs, Reach, State};

/// Longer than this between two records, and no stage was running: the run was interrupted. In seconds
const INTERRUPTED: f64 = 5.0;

/// A run from its first record to its last
pub(super) struct Story {
    pub(super) header: Option<Header>,
    pub(super) stages: Vec<Stage>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) pauses: Vec<Pause>,
    pub(super) effects: Vec<EffectStory>,
    pub(super) outputs: Outputs,
    pub(super) outcome: Option<Outcome>,
    /// The stage that failed last and why; none if it was done later
    pub(super) failure: Option<(String, String)>,
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    /// When the first public effect was about to happen
    pub(super) public_from: Option<Timestamp>,
    /// How many lines of the journal cannot be read
    pub(super) unreadable: usize,
}

/// A stage of the run
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) is_done: bool,
}

/// The time in which a stage ran, once or as part of a resume
pub(super) struct Attempt {
    pub(super) stage: String,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) end: AttemptEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptEnd {
    Done,
    Failed,
    /// The run was interrupted in it
    Cut,
}

/// A time without work between two commands
pub(super) struct Pause {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// An effect, and the evidence of what became of it
pub(super) struct EffectStory {
    pub(super) entry: Entry,
    pub(super) evidence: Vec<String>,
}

impl Story {
    pub(super) fn of(lines: &[ReadLine]) -> Self {
        let records = records(lines);
        let header = header(&records).cloned();
        let mut times = lines.iter().filter_map(|line| line.time);
        let began = times.next();
        let ended = times.next_back().or(began);
        let planned = header.iter().flat_map(|header| &header.stages);
        let stage = |(name, _): &(String, Reach)| Stage { name: name.clone(), is_done: false };
        let effect = |entry| EffectStory { entry, evidence: Vec::new() };
        let mut story = Self {
            stages: planned.map(stage).collect(),
            header,
            attempts: Vec::new(),
            pauses: Vec::new(),
            effects: entries(&records).into_iter().map(effect).collect(),
            outputs: Outputs::default(),
            outcome: None,
            failure: None,
            began,
            ended,
            public_from: None,
            unreadable: lines.iter().filter(|line| line.record().is_none()).count(),
        };
        let mut telling = Telling::default();
        for line in lines {
            if let (Some(record), Some(time)) = (line.record(), line.time.or(telling.last)) {
                telling.tell(&mut story, record, time);
            }
        }
        telling.cut(&mut story);
        story
    }

    /// The first stage that is not done.
    pub(super) fn next_stage(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| !stage.is_done)
    }

    /// Whether anything public happened or may have happened.
    pub(super) fn is_public(&self) -> bool {
        let may_be = |state| matches!(state, State::Done | State::InDoubt | State::Kept);
        let mut entries = self.effects.iter().map(|effect| &effect.entry);
        entries.any(|entry| entry.effect.reach() == Reach::Public && may_be(entry.state))
    }
}

/// Where the reading of the journal is
#[derive(Default)]
struct Telling {
    running: Option<(String, Timestamp)>,
    last: Option<Timestamp>,
}

impl Telling {
    fn tell(&mut self, story: &mut Story, record: &Record, time: Timestamp) {
        if let (Some(last), true) = (self.last, self.running.is_none() || begins(record))
            && time.duration_since(last).as_secs_f64() > INTERRUPTED
        {
            self.cut(story);
            story.pauses.push(Pause { from: last, to: time });
        }
        match record {
            Record::StageBegun { stage } => {
                self.cut(story);
                self.running = Some((stage.clone(), time));
            }
            Record::StageDone { stage, outputs } => {
                self.end(story, stage, time, AttemptEnd::Done);
                mark_done(story, stage);
                story.outputs.merge(outputs.clone());
                story.failure = None;
            }
            Record::Found { stages, outputs, .. } => {
                stages.iter().for_each(|stage| mark_done(story, stage));
                story.outputs.merge(outputs.clone());
            }
            Record::Adopted { distributions } => story.outputs.join(distributions.clone()),
            Record::Failed { stage, reason } => {
                self.end(story, stage, time, AttemptEnd::Failed);
                story.failure = Some((stage.clone(), reason.clone()));
            }
            Record::Intent { effect, .. } if effect.reach() == Reach::Public => {
                story.public_from.get_or_insert(time);
            }
            Record::End { outcome } => story.outcome = Some(*outcome),
            _ => {}
        }
        if let Some((id, evidence)) = evidence(record)
            && let Some(effect) = story.effects.iter_mut().find(|effect| effect.entry.id == id)
        {
            effect.evidence.push(evidence.to_owned());
        }
        self.last = Some(time);
    }

    fn end(&mut self, story: &mut Story, stage: &str, time: Timestamp, end: AttemptEnd) {
        if let Some((name, began)) = self.running.take_if(|(name, _)| name == stage) {
            story.attempts.push(Attempt { stage: name, began, ended: time, end });
        }
    }

    /// What was running had not ended when the journal was last written to.
    fn cut(&mut self, story: &mut Story) {
        if let Some((stage, began)) = self.running.take() {
            let ended = self.last.unwrap_or(began);
            story.attempts.push(Attempt { stage, began, ended, end: AttemptEnd::Cut });
        }
    }
}

/// Whether a record is the first of a command, or of a stage.
fn begins(record: &Record) -> bool {
    matches!(
        record,
        Record::StageBegun { .. } | Record::Undo { .. } | Record::Imported {} | Record::Found { .. }
    )
}

fn mark_done(story: &mut Story, name: &str) {
    if let Some(stage) = story.stages.iter_mut().find(|stage| stage.name == name) {
        stage.is_done = true;
    }
}

fn evidence(record: &Record) -> Option<(u64, &str)> {
    let (id, text) = match record {
        Record::Done { id, evidence } | Record::Undone { id, evidence } => (*id, evidence),
        Record::NotDone { id, reason, .. } | Record::Kept { id, reason } => (*id, reason),
        _ => return None,
    };
    (!text.is_empty()).then_some((id, text))
}
