//! What is where: a run's journal held against the facts, without changing either.
//!
//! [`StatusCollector::collect`] gives a [`StatusReport`]: for people to read, for programs as JSON, and with the commands that go
//! on from here. Where the network gives no answer, that is what the report says.

mod files;
mod locks;
mod next;
mod refs;
mod remote_facts;

use serde::Serialize;

use super::journal::{self, Content, End, Outcome, ReadLine, Record};
use super::run::{RunFolder, Store};
use crate::engine::journal::{Entry, entries};
use crate::engine::model::{Destination, Effect, Reach};
use crate::error::Result;
use crate::world::Environment;
use crate::world::git::Repository;

pub use files::{AtIndex, DistributionStatus, FileState, Here, Window};
pub use locks::LockStatus;
pub use refs::{RefState, RefStatus};
pub use remote_facts::listing;

/// What is known of a run
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    pub run: String,
    pub name: String,
    pub version: String,
    pub tag: String,
    /// RFC 3339
    pub began: Option<String>,
    /// How it ended; none for a run that is under way or was cut short
    pub outcome: Option<Outcome>,
    /// Whether a run is at work at this moment
    pub under_way: bool,
    /// The stage that is at work or was when the run was cut short
    pub at: Option<String>,
    /// Why it failed, where it did
    pub failure: Option<String>,
    pub journal: JournalState,
    pub stages: Vec<StageStatus>,
    pub effects: Vec<EffectStatus>,
    pub files: Vec<DistributionStatus>,
    pub refs: Vec<RefStatus>,
    /// Locks of git's that are in the way
    pub locks: Vec<LockStatus>,
    /// How long each public index takes files of the release
    pub windows: Vec<Window>,
    /// What to know before going on
    pub notes: Vec<String>,
    /// The commands that go on from here
    pub next: Vec<String>,
    pub folder: String,
}

/// How far a journal can be read
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum JournalState {
    Sound,
    /// This line was changed after it was written; nothing is done on the journal's word
    Damaged {
        line: usize,
    },
    /// It has lost its end: at least so many records
    Cut {
        records: u64,
    },
    /// A later version of pyrelease wrote it, or a record of it, in a way that this one does not know
    Newer,
    /// It is gone, and other things of the run are not
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageStatus {
    pub stage: String,
    pub reach: Reach,
    pub done: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectStatus {
    pub stage: String,
    pub effect: String,
    pub state: String,
}

/// Whoever looks what is where
pub struct StatusCollector<'a> {
    pub repository: &'a Repository,
    pub environment: &'a Environment,
    pub store: &'a Store,
    /// Whether the remotes and the indexes may be asked
    pub online: bool,
}

/// What of a run its journal tells
struct JournalSummary {
    run: RunFolder,
    records: Vec<Record>,
    entries: Vec<Entry>,
    destinations: Vec<Destination>,
    journal: JournalState,
    outcome: Option<Outcome>,
    /// Whether the journal is known to have its end
    is_noted: bool,
    /// Whether a public index lists a file of the version, where it was asked
    is_public: bool,
}

impl StatusCollector<'_> {
    /// Surveys the run that is not finished, else the last one; none if there is no run. `destinations` gives the
    /// indexes that the stages of a configuration upload to.
    ///
    /// # Errors
    /// A folder or a journal that cannot be read at all.
    pub fn collect(
        &self,
        destinations: impl FnOnce(&journal::Header) -> Vec<Destination>,
    ) -> Result<Option<StatusReport>> {
        let under_way = self.store.is_locked();
        let Some((run, lines)) = self.chosen()? else { return Ok(None) };
        let records = journal::records(&lines);
        let header = journal::header(&records).cloned();
        let entries = entries(&records);
        let mut summary = JournalSummary {
            journal: journal_state(&run, &lines),
            destinations: header.as_ref().map(destinations).unwrap_or_default(),
            outcome: outcome(&records).or_else(|| given_up(&run)),
            is_noted: journal::end_of(&run.journal()) == End::Noted,
            run,
            records,
            entries,
            is_public: false,
        };
        summary.add_destinations_used();
        let mut report = summary.report(header.as_ref(), under_way);
        report.began = lines.first().and_then(|line| line.time).map(|time| time.to_string());
        if under_way {
            return Ok(Some(report));
        }
        if let Some(header) = &header {
            let facts = remote_facts::RemoteFacts::ask(self, &summary, header);
            report.files = files::files(&summary, header, &facts);
            report.windows = files::windows(&summary, header, &facts);
            report.refs = refs::refs(self.repository, &summary, &facts);
            summary.is_public = facts.has_public(&header.version);
        }
        report.locks = locks::locks(self.repository, &summary);
        next::judge(&mut report, &summary, self.repository);
        Ok(Some(report))
    }

    /// The newest run that is not over, else the newest one.
    fn chosen(&self) -> Result<Option<(RunFolder, Vec<ReadLine>)>> {
        let mut newest = None;
        for run in self.store.runs()?.into_iter().rev() {
            let lines = if run.journal().is_file() { journal::lines(&run.journal())? } else { Vec::new() };
            let nothing = lines.iter().all(|line| line.content == Content::Torn);
            if nothing && !run.is_lost() && !run.is_given_up() {
                continue;
            }
            if !run.is_over().unwrap_or(false) {
                return Ok(Some((run, lines)));
            }
            newest.get_or_insert((run, lines));
        }
        Ok(newest)
    }
}

/// A run whose journal cannot be read says otherwise that it was given up.
fn given_up(run: &RunFolder) -> Option<Outcome> {
    (run.is_given_up()).then_some(Outcome::GivenUp)
}

/// How the run ended, as far as the records tell.
pub fn outcome(records: &[Record]) -> Option<Outcome> {
    records.iter().rev().find_map(|record| match record {
        Record::End { outcome } => Some(*outcome),
        _ => None,
    })
}

/// How far a run's journal can be read.
pub fn journal_state(run: &RunFolder, lines: &[ReadLine]) -> JournalState {
    if run.is_lost() {
        return JournalState::Lost;
    }
    let format = lines.first().and_then(ReadLine::record).map(|record| match record {
        Record::Run(header) => header.format,
        _ => journal::FORMAT,
    });
    if format > Some(journal::FORMAT) || lines.iter().any(|line| line.content == Content::Foreign) {
        return JournalState::Newer;
    }
    let damaged = lines.iter().find(|line| line.content == Content::Damaged);
    if let Some(line) = damaged {
        return JournalState::Damaged { line: line.number };
    }
    match journal::end_of(&run.journal()) {
        End::Lost { records } => JournalState::Cut { records },
        End::Noted | End::Unnoted => JournalState::Sound,
    }
}

impl JournalSummary {
    /// Where files went that no stage says: the configuration may not be readable any more.
    fn add_destinations_used(&mut self) {
        for entry in &self.entries {
            let Effect::Upload { index, url, simple, reach, .. } = &entry.effect else { continue };
            if self.destinations.iter().any(|known| known.index == *index && known.url == *url) {
                continue;
            }
            let (index, url, simple) = (index.clone(), url.clone(), simple.clone());
            self.destinations.push(Destination { index, url, simple, reach: *reach, exact: true });
        }
    }

    fn report(&self, header: Option<&journal::Header>, under_way: bool) -> StatusReport {
        let done = |stage: &str| {
            self.records.iter().any(|record| match record {
                Record::StageDone { stage: done, .. } => done == stage,
                Record::Found { stages, .. } => stages.iter().any(|done| done == stage),
                _ => false,
            })
        };
        let failure = self.records.iter().rev().find_map(|record| match record {
            Record::Failed { stage, reason } => Some(format!("{stage}: {reason}")),
            _ => None,
        });
        let at = self.records.iter().rev().find_map(|record| match record {
            Record::StageBegun { stage } => Some(Some(stage.clone())),
            Record::StageDone { .. } | Record::End { .. } => Some(None),
            _ => None,
        });
        let text = |field: fn(&journal::Header) -> &String| header.map(field).cloned().unwrap_or_default();
        StatusReport {
            run: self.run.id().to_owned(),
            name: text(|header| &header.name),
            version: text(|header| &header.version),
            tag: text(|header| &header.tag),
            began: None,
            outcome: self.outcome,
            under_way,
            at: at.flatten().filter(|_| self.outcome.is_none()),
            failure: failure.filter(|_| self.outcome != Some(Outcome::Released)),
            journal: self.journal,
            stages: header
                .map(|header| header.stages.as_slice())
                .unwrap_or_default()
                .iter()
                .map(|(stage, reach)| StageStatus { done: done(stage), stage: stage.clone(), reach: *reach })
                .collect(),
            effects: self
                .entries
                .iter()
                .map(|entry| EffectStatus {
                    stage: entry.stage.clone(),
                    effect: entry.effect.to_string(),
                    state: entry.state.to_string(),
                })
                .collect(),
            files: Vec::new(),
            refs: Vec::new(),
            locks: Vec::new(),
            windows: Vec::new(),
            notes: Vec::new(),
            next: Vec::new(),
            folder: self.run.folder().display().to_string(),
        }
    }
}
