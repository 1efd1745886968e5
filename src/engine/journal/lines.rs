//! Reads a journal as far as possible, to show it but not to act on it.

use std::path::Path;

use serde::Deserialize;

use super::{FORMAT, Line, Record, checksum, relocate};
use crate::error::{Error, Result};

/// A line of a journal
#[derive(Debug, Clone, PartialEq)]
pub struct ReadLine {
    /// Counted from 1
    pub number: usize,
    /// When it was written; none where that cannot be read
    pub time: Option<jiff::Timestamp>,
    /// Its checksum; empty where that cannot be read
    pub(super) sum: String,
    pub content: Content,
}

/// What a line holds
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Record(Box<Record>),
    /// Its checksum is right, but this version does not know the record
    Foreign,
    /// Somebody changed it after it was written
    Damaged,
    /// The last line, cut off by whatever ended the run
    Torn,
}

impl ReadLine {
    pub fn record(&self) -> Option<&Record> {
        match &self.content {
            Content::Record(record) => Some(record),
            _ => None,
        }
    }
}

/// Reads every line, even if others are damaged.
///
/// # Errors
/// The file cannot be read.
pub fn lines(path: &Path) -> Result<Vec<ReadLine>> {
    let text = fs_err::read(path)?;
    let mut lines: Vec<ReadLine> =
        text.split_inclusive(|byte| *byte == b'\n').enumerate().map(|(at, line)| read(line, at)).collect();
    let records = lines.iter_mut().filter_map(|line| match &mut line.content {
        Content::Record(record) => Some(record.as_mut()),
        _ => None,
    });
    relocate(records, path);
    Ok(lines)
}

/// The records of the lines that are sound.
pub fn records(lines: &[ReadLine]) -> Vec<Record> {
    lines.iter().filter_map(|line| line.record().cloned()).collect()
}

fn read(text: &[u8], at: usize) -> ReadLine {
    let mut line = ReadLine { number: at + 1, time: None, sum: String::new(), content: Content::Torn };
    if !text.ends_with(b"\n") {
        return line;
    }
    line.content = Content::Damaged;
    let Ok(parsed) = serde_json::from_slice::<Line<'_>>(text) else { return line };
    if parsed.sum == checksum(parsed.seq, &parsed.time, parsed.record.get()) && parsed.seq == at as u64 {
        line.time = parsed.time.parse().ok();
        line.sum.clone_from(&parsed.sum);
        line.content = match serde_json::from_str(parsed.record.get()) {
            Ok(record) => Content::Record(Box::new(record)),
            Err(_) => Content::Foreign,
        };
    }
    line
}

/// Refuses a journal of a later format, which may have records that this version does not know.
pub(super) fn refuse_newer(text: &[u8], path: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct First {
        record: Format,
    }
    #[derive(Deserialize)]
    struct Format {
        format: u32,
        pyrelease: String,
    }
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match serde_json::from_slice::<First>(first) {
        Ok(First { record: Format { format, pyrelease } }) if format > FORMAT => Err(Error::left(format!(
            "`{}` was written by pyrelease {pyrelease}, in a format that this version ({}) does not know",
            path.display(),
            env!("CARGO_PKG_VERSION")
        ))
        .help(format!("continue with pyrelease {pyrelease} or a later one"))),
        _ => Ok(()),
    }
}
