//! Copies the journal of a rehearsal from the run in the copy of the repository to the run's folder in the repository.

use std::path::Path;

use super::tail::Tail;
use super::{Header, Line, Outcome, Record, checksum, lines, relocate};
use crate::error::{Error, Result};

/// Copies a journal, with the times of its lines, under another header and with another outcome. Paths below the run's
/// folder become paths below the new one.
///
/// # Errors
/// The journal cannot be read, or the copy cannot be written.
pub fn copy(from: &Path, to: &Path, header: Header, outcome: Outcome) -> Result<()> {
    let mut records = Vec::new();
    for line in lines(from)? {
        let time = line.time.unwrap_or_else(jiff::Timestamp::now);
        records.extend(line.record().map(|record| (time, record.clone())));
    }
    relocate(records.iter_mut().map(|(_, record)| record), to);
    for (_, record) in &mut records {
        // The indexes of the copy are gone.
        if let Record::StageDone { outputs, .. } = record {
            outputs.links.clear();
        }
    }
    let ended = records.last().map_or_else(jiff::Timestamp::now, |(time, _)| *time);
    records.retain(|(_, record)| !matches!(record, Record::End { .. }));
    if let Some((_, first)) = records.first_mut() {
        *first = Record::Run(Box::new(header));
    }
    records.push((ended, Record::End { outcome }));

    let unwritable = |error: serde_json::Error| Error::failed("the journal cannot be written").because(error);
    let (mut text, mut last) = (Vec::new(), (0, String::new()));
    for (seq, (time, record)) in (0..).zip(&records) {
        let time = time.to_string();
        let record = serde_json::value::to_raw_value(record).map_err(unwritable)?;
        let sum = checksum(seq, &time, record.get());
        last = (seq, sum.clone());
        serde_json::to_writer(&mut text, &Line { seq, time, record: &record, sum }).map_err(unwritable)?;
        text.push(b'\n');
    }
    fs_err::write(to, text)?;
    Tail::create(to)?.write(last.0, &last.1);
    Ok(())
}
