//! The journal: what a run intended, did and undid, written before and after each effect.
//!
//! JSON lines, each with a sequence number and a checksum of its record. A crash can leave a torn last line, which
//! is dropped. An earlier damaged line means that the file was changed: nothing is done on its word.

mod copy;
mod entries;
mod header;
mod lines;
mod relocate;
pub(super) mod tail;

use std::fs::TryLockError;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

pub use copy::copy;
pub use header::{Header, HeaderMember};
use relocate::relocate;
pub use tail::{End, end_of};
use tail::{Tail, end};

use super::locks::LocksBefore;
use crate::engine::model::{Effect, Outputs};
use crate::error::{Error, Result};
use crate::python::distribution::Distribution;
use crate::world::failpoints::{self, Failpoint};
use crate::world::process;

pub use entries::{
    Earlier, Entry, PUSH_ON_ITS_WAY, entries, is_being_given_up, left_on_rehearsals, may_be_on_an_index,
    needs_user_decision, point_of_no_return, refused_for_good,
};
use lines::refuse_newer;
pub use lines::{Content, ReadLine, lines, records};

/// The format that this version writes
pub const FORMAT: u32 = 1;

/// A record of a journal
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Record {
    /// The first record: the run, with everything needed to resume it
    Run(Box<Header>),
    StageBegun {
        stage: String,
    },
    StageDone {
        stage: String,
        outputs: Outputs,
    },
    /// The run was reconstructed after its journal was lost: these stages count as done, with these outputs, by this
    /// evidence
    Found {
        stages: Vec<String>,
        outputs: Outputs,
        evidence: Vec<String>,
    },
    /// The run was imported from another repository: its effects on refs must be verified here
    Imported {},
    /// Distributions that were built elsewhere joined the run before anything left it; none if a run that waits for wheels
    /// goes on without
    Adopted {
        distributions: Vec<Distribution>,
    },
    /// The intent of an effect; a later record has its outcome
    Intent {
        id: u64,
        /// In seconds since the epoch
        at: i64,
        stage: String,
        effect: Effect,
        /// None if the effect takes no locks, and in old journals
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locks: Option<LocksBefore>,
    },
    /// The effect happened, with the evidence
    Done {
        id: u64,
        evidence: String,
    },
    /// The effect did not happen
    NotDone {
        id: u64,
        reason: String,
        /// Whether repeating it cannot help
        #[serde(default, rename = "final", skip_serializing_if = "std::ops::Not::not")]
        is_final: bool,
    },
    /// The effect is absent and may still arrive, counted from `at`
    Doubted {
        id: u64,
        /// In seconds since the epoch
        at: i64,
    },
    /// The intent to undo an effect
    Undo {
        id: u64,
        /// The fence ref of the push that undoes a push
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fence: Option<String>,
        /// In seconds since the epoch; none in old journals
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<i64>,
        /// As in the intent
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locks: Option<LocksBefore>,
    },
    Undone {
        id: u64,
        evidence: String,
    },
    /// The effect is kept, and why
    Kept {
        id: u64,
        reason: String,
    },
    /// The run failed
    Failed {
        stage: String,
        reason: String,
    },
    /// The run is over
    End {
        outcome: Outcome,
    },
}

impl Record {
    /// The record in a few words.
    pub fn shown(&self) -> String {
        match self {
            Self::Run(_) => "run".to_owned(),
            Self::StageBegun { stage } => format!("stage-begun {stage}"),
            Self::StageDone { stage, .. } => format!("stage-done {stage}"),
            Self::Found { .. } => "found".to_owned(),
            Self::Imported {} => "imported".to_owned(),
            Self::Adopted { .. } => "adopted".to_owned(),
            Self::Intent { effect, .. } => format!("intent: {effect}"),
            Self::Done { id, .. } => format!("done {id}"),
            Self::NotDone { id, .. } => format!("not-done {id}"),
            Self::Doubted { id, .. } => format!("doubted {id}"),
            Self::Undo { id, .. } => format!("undo {id}"),
            Self::Undone { id, .. } => format!("undone {id}"),
            Self::Kept { id, .. } => format!("kept {id}"),
            Self::Failed { stage, .. } => format!("failed {stage}"),
            Self::End { .. } => "end".to_owned(),
        }
    }

    /// The release's distributions that it names.
    pub fn distributions(&self) -> Vec<&Distribution> {
        match self {
            Self::StageDone { outputs, .. } | Self::Found { outputs, .. } => outputs.files().collect(),
            Self::Adopted { distributions } => distributions.iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// How a run ended
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "RunOutcome"))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Released,
    RolledBack,
    /// The user ended the run, and something was kept
    GivenUp,
    /// It was a rehearsal in a copy; nothing outside the run's folder was changed
    Rehearsed,
    /// It was a rehearsal in a copy, and failed
    RehearsalFailed,
}

impl Outcome {
    pub fn is_rehearsal(self) -> bool {
        matches!(self, Self::Rehearsed | Self::RehearsalFailed)
    }
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    seq: u64,
    time: String,
    #[serde(borrow)]
    record: &'a RawValue,
    sum: String,
}

/// A journal that is being written
#[derive(Debug)]
pub struct Journal {
    file: fs_err::File,
    /// Bytes of the file that hold whole records
    length: u64,
    records: Vec<Record>,
    /// The effects that the records are about, in their order
    entries: Vec<Entry>,
    next_id: u64,
    path: PathBuf,
    /// The note of the journal's end beside it; none if the journal had none from the start
    tail: Option<Tail>,
    is_whole: bool,
}

/// Bytes reserved for a full disk, so that a rollback can still be written
const RESERVE: usize = 1 << 20;

impl Journal {
    /// Starts a journal with its header.
    ///
    /// # Errors
    /// The file exists already or cannot be written.
    pub fn create(path: &Path, header: Header) -> Result<Self> {
        let file = fs_err::OpenOptions::new().create_new(true).append(true).open(path)?;
        hold(&file)?;
        fs_err::write(reserve(path), vec![b'.'; RESERVE])?;
        let tail = Some(Tail::create(path)?);
        let mut journal = Self {
            file,
            length: 0,
            records: Vec::new(),
            entries: Vec::new(),
            next_id: 0,
            path: path.to_owned(),
            tail,
            is_whole: true,
        };
        journal.write(Record::Run(Box::new(header)))?;
        Ok(journal)
    }

    /// Opens a journal to continue it; cuts off a torn last line.
    ///
    /// # Errors
    /// An earlier line is damaged; the file cannot be read or written, or another process is writing it.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = fs_err::OpenOptions::new().append(true).open(path)?;
        hold(&file)?;
        let text = fs_err::read(path)?;
        let (records, intact) = read(&text, path)?;
        if intact < text.len() {
            file.set_len(intact as u64)?;
            file.seek(SeekFrom::End(0))?;
        }
        let next_id = records.iter().filter(|record| matches!(record, Record::Intent { .. })).count() as u64;
        let is_whole = end(&text[..intact], path) == End::Noted;
        // A journal that lost its end keeps that state.
        let tail = if is_whole { Tail::open(path).ok() } else { None };
        let (length, path, entries) = (intact as u64, path.to_owned(), entries(&records));
        Ok(Self { file, length, records, entries, next_id, path, tail, is_whole })
    }

    /// Whether the journal is known to be complete. In an incomplete one every record is true, but later ones may be missing.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Marks the journal as complete, after its content was proven otherwise.
    ///
    /// # Errors
    /// The note cannot be written.
    pub(super) fn mark_as_whole(&mut self) -> Result<()> {
        let mut tail = Tail::create(&self.path)?;
        if let Some(line) = lines(&self.path)?.last() {
            tail.write(line.number as u64 - 1, &line.sum);
        }
        (self.tail, self.is_whole) = (Some(tail), true);
        Ok(())
    }

    /// Reads a journal without touching it.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn read(path: &Path) -> Result<Vec<Record>> {
        read(&fs_err::read(path)?, path).map(|(records, _)| records)
    }

    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The effects of the run in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn header(&self) -> Option<&Header> {
        header(&self.records)
    }

    /// Appends a record and syncs it to disk.
    ///
    /// # Errors
    /// The record could not be written; it does not count then.
    pub fn write(&mut self, record: Record) -> Result<()> {
        if !self.path.exists() {
            self.write_again()?;
        }
        self.put(record)
    }

    /// Writes the end of the run. From here on a second interrupt no longer stops the process.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn end(&mut self, outcome: Outcome) -> Result<()> {
        process::begin_last_record();
        self.write(Record::End { outcome })
    }

    /// Writes the journal again, if it was deleted while the run is in progress.
    fn write_again(&mut self) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        self.file = fs_err::OpenOptions::new().create_new(true).append(true).open(&self.path)?;
        hold(&self.file)?;
        self.length = 0;
        if self.is_whole {
            self.tail = Some(Tail::create(&self.path)?);
        }
        self.entries.clear();
        std::mem::take(&mut self.records).into_iter().try_for_each(|record| self.put(record))
    }

    fn put(&mut self, record: Record) -> Result<()> {
        let seq = self.records.len() as u64;
        let time = jiff::Timestamp::now().to_string();
        let unwritable =
            |error: serde_json::Error| Error::failed("the journal cannot be written").because(error);
        let record_text = serde_json::value::to_raw_value(&record).map_err(unwritable)?;
        let sum = checksum(seq, &time, record_text.get());
        let mut line = serde_json::to_vec(&Line { seq, time, record: &record_text, sum: sum.clone() })
            .map_err(unwritable)?;
        line.push(b'\n');
        failpoints::at_record(Failpoint::BeforeRecord, || record.shown());
        if let Err(error) = self.append(&line, &record) {
            let full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
            if !full || fs_err::remove_file(reserve(&self.path)).is_err() {
                return Err(error.into());
            }
            self.append(&line, &record)?;
        }
        self.length += line.len() as u64;
        if let Some(tail) = &mut self.tail {
            tail.write(seq, &sum);
        }
        if matches!(record, Record::End { .. }) {
            let _ = fs_err::remove_file(reserve(&self.path));
        }
        failpoints::at_record(Failpoint::AfterRecord, || record.shown());
        entries::follow(&mut self.entries, &record);
        self.records.push(record);
        Ok(())
    }

    /// Appends a line completely, or leaves the journal unchanged.
    fn append(&mut self, line: &[u8], record: &Record) -> std::io::Result<()> {
        let written = self.file.write_all(line).and_then(|()| {
            let half = self.length + line.len() as u64 / 2;
            failpoints::at_torn_record(|| record.shown(), || self.file.set_len(half));
            self.file.sync_data()
        });
        if written.is_err() {
            // Half a line would damage the next record.
            self.file.set_len(self.length)?;
        }
        written
    }

    /// Writes the intent of an effect and returns its id. `locks` are the git locks that exist before it.
    ///
    /// # Errors
    /// As [`Journal::write`].
    pub fn intend(&mut self, stage: &str, effect: Effect, locks: Option<LocksBefore>) -> Result<u64> {
        let id = self.next_id;
        let at = jiff::Timestamp::now().as_second();
        self.write(Record::Intent { id, at, stage: stage.to_owned(), effect, locks })?;
        self.next_id += 1;
        Ok(id)
    }
}

/// How long a lock may be held by a process that is only about to execute another program. The caller has the lock of the
/// repository, so that nobody else is likely to write.
const BETWEEN_FORK_AND_EXEC: Duration = Duration::from_secs(2);

/// Nobody else writes to it meanwhile, also if the lock of the repository was deleted or the file system has none.
fn hold(file: &fs_err::File) -> Result<()> {
    // There a lock would keep `status` from reading, too.
    if cfg!(windows) {
        return Ok(());
    }
    let began = Instant::now();
    while let Err(TryLockError::WouldBlock) = file.file().try_lock() {
        // A child process that this one has just started holds every lock until it executes its program.
        if began.elapsed() > BETWEEN_FORK_AND_EXEC {
            return Err(Error::refused("the run is under way").help("wait for it to end"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Whether a process writes to the journal; not known on Windows.
pub(super) fn is_held(journal: &Path) -> bool {
    let Ok(file) = fs_err::File::open(journal) else { return false };
    !cfg!(windows) && matches!(file.file().try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// The path of a journal's reserve file.
pub(super) fn reserve(journal: &Path) -> PathBuf {
    journal.with_file_name("reserve")
}

/// The header of a journal's records.
pub fn header(records: &[Record]) -> Option<&Header> {
    match records.first() {
        Some(Record::Run(header)) => Some(header),
        _ => None,
    }
}

/// The records, and the number of bytes that hold them.
fn read(text: &[u8], path: &Path) -> Result<(Vec<Record>, usize)> {
    refuse_newer(text, path)?;
    let mut records = Vec::new();
    let mut intact = 0;
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    for (seq, line) in lines.enumerate() {
        let end = intact + line.len();
        match parse(line, seq as u64) {
            Some(record) if line.ends_with(b"\n") => records.push(record),
            // The last line may be torn by whatever ended the run.
            _ if !line.ends_with(b"\n") => break,
            _ => {
                return Err(Error::left(format!("line {} of `{}` is damaged", seq + 1, path.display())).help(
                    "the journal was changed after it was written, so no command acts on it. Compare the tag, \
                     the remote and the index with what `pyrelease status` can still read, and repair by hand what is \
                     wrong; then `pyrelease rollback --leave` gives up the run and changes nothing",
                ));
            }
        }
        intact = end;
    }
    relocate(&mut records, path);
    Ok((records, intact))
}

fn parse(line: &[u8], seq: u64) -> Option<Record> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    let sound = line.seq == seq && line.sum == checksum(line.seq, &line.time, line.record.get());
    sound.then(|| serde_json::from_str(line.record.get()).ok()).flatten()
}

fn checksum(seq: u64, time: &str, record: &str) -> String {
    let digest = Sha256::digest(format!("{seq} {time} {record}"));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
