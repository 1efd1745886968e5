//! The status of a run: compares its journal with the repository, the remotes and the indexes, and changes nothing.
//!
//! [`StatusCollector::collect`] returns a [`StatusReport`], for people and as JSON, with the commands that continue the
//! run. What a remote or an index does not answer is reported as unknown.

mod files;
mod forge;
mod locks;
mod next;
mod next_command;
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

pub use files::{DistributionStatus, FileState, IndexFile, LocalState, Window};
pub use locks::LockStatus;
pub use next_command::NextCommand;
pub use refs::{RefState, RefStatus};
pub use remote_facts::listing;

/// The status of a run
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StatusReport {
    pub run: String,
    pub name: String,
    pub version: String,
    pub tag: String,
    /// RFC 3339
    pub began: Option<String>,
    /// How it ended; none for a run that is under way or was interrupted
    pub outcome: Option<Outcome>,
    /// Whether a process is working on it now
    pub under_way: bool,
    /// The current stage, or the one that was interrupted
    pub at: Option<String>,
    /// Why it failed, if it did
    pub failure: Option<String>,
    pub journal: JournalState,
    pub stages: Vec<StageStatus>,
    pub effects: Vec<EffectStatus>,
    pub files: Vec<DistributionStatus>,
    pub refs: Vec<RefStatus>,
    /// Lock files of git that block the run
    pub locks: Vec<LockStatus>,
    /// How long each public index accepts files of the release
    pub windows: Vec<Window>,
    /// What to know before choosing one of the next commands
    pub notes: Vec<String>,
    /// The commands that continue the run
    pub next: Vec<NextCommand>,
    pub folder: String,
}

/// Whether a journal can be read
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum JournalState {
    Sound,
    /// This line was changed after it was written, so no command acts on the journal
    Damaged {
        line: usize,
    },
    /// The journal has lost its end, at least this many records
    Cut {
        records: u64,
    },
    /// A later version of pyrelease wrote a record that this version cannot read
    Newer,
    /// The journal is gone, but other files of the run are not
    Lost,
}

/// A stage of a run
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StageStatus {
    pub stage: String,
    pub reach: Reach,
    pub done: bool,
}

/// An effect of a run, in words
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EffectStatus {
    pub stage: String,
    pub effect: String,
    pub state: String,
    /// Whether the forge has what an effect made there; none where it was not asked or did not tell
    #[serde(skip_serializing_if = "Option::is_none")]
    pub there: Option<bool>,
    /// Why it is not known whether the forge has it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// Collects the status of a run
pub struct StatusCollector<'a> {
    pub repository: &'a Repository,
    pub environment: &'a Environment,
    pub store: &'a Store,
    /// Whether to query the remotes, the indexes and the forges
    pub online: bool,
}

/// The facts in a run's journal
struct JournalSummary {
    run: RunFolder,
    records: Vec<Record>,
    entries: Vec<Entry>,
    destinations: Vec<Destination>,
    journal: JournalState,
    outcome: Option<Outcome>,
    /// Whether the note beside the journal confirms that its end is there
    is_whole: bool,
    /// Whether a public index that was queried lists a file of the version
    is_public: bool,
}

impl StatusCollector<'_> {
    /// Reports the unfinished run, or else the last one; none if there is no run. `destinations` returns the indexes
    /// that the stages of a run's configuration upload to.
    ///
    /// # Errors
    /// A folder or a journal cannot be read.
    pub fn collect(
        &self,
        destinations: impl FnOnce(&journal::Header) -> Vec<Destination>,
    ) -> Result<Option<StatusReport>> {
        let under_way = self.store.is_locked();
        let Some((run, lines)) = self.select_run()? else { return Ok(None) };
        let records = journal::records(&lines);
        let header = journal::header(&records).cloned();
        let entries = entries(&records);
        let mut summary = JournalSummary {
            journal: journal_state(&run, &lines),
            destinations: header.as_ref().map(destinations).unwrap_or_default(),
            outcome: outcome(&records).or_else(|| given_up(&run)),
            is_whole: journal::end_of(&run.journal()) == End::Noted,
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
            report.windows = files::windows(&summary, &facts);
            report.refs = refs::refs(self.repository, &summary, &facts);
            for (entry, effect) in summary.entries.iter().zip(&mut report.effects) {
                match facts.on_forge(entry.id) {
                    Some(Ok(there)) => effect.there = Some(*there),
                    Some(Err(why)) => effect.unknown = Some(why.clone()),
                    None => {}
                }
            }
            summary.is_public = facts.has_public();
        }
        report.locks = locks::locks(self.repository, &summary);
        next::add_next_commands(&mut report, &summary, self.repository);
        Ok(Some(report))
    }

    /// The newest run that is not over, or else the newest one.
    fn select_run(&self) -> Result<Option<(RunFolder, Vec<ReadLine>)>> {
        let mut newest = None;
        for run in self.store.runs()?.into_iter().rev().filter(|run| !run.is_rehearsal()) {
            let lines = if run.journal().is_file() { journal::lines(&run.journal())? } else { Vec::new() };
            let is_empty = lines.iter().all(|line| line.content == Content::Torn);
            if is_empty && !run.is_lost() && !run.is_given_up() {
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

/// The outcome of a run that was given up without its journal.
fn given_up(run: &RunFolder) -> Option<Outcome> {
    (run.is_given_up()).then_some(Outcome::GivenUp)
}

/// How the run ended, from its records.
pub fn outcome(records: &[Record]) -> Option<Outcome> {
    records.iter().rev().find_map(|record| match record {
        Record::End { outcome } => Some(*outcome),
        _ => None,
    })
}

/// Whether a run's journal can be read.
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
    /// Adds the indexes of recorded uploads: the configuration may be unreadable by now.
    fn add_destinations_used(&mut self) {
        for entry in &self.entries {
            let Effect::Upload { index, url, simple, reach, .. } = &entry.effect else { continue };
            if self.destinations.iter().any(|known| known.index == *index && known.url == *url) {
                continue;
            }
            let (index, url, simple) = (index.clone(), url.clone(), simple.clone());
            self.destinations.push(Destination {
                index,
                url,
                simple,
                reach: *reach,
                exact: true,
                by_workflow: false,
            });
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
                    there: None,
                    unknown: None,
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
