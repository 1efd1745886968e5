//! A note beside a journal of how far it was written. Without it, a journal that lost its end looks like one of an
//! interrupted run, although the lost effects may be public.
//!
//! Two slots of a fixed size, written in turn after each record, so that one of them is whole at any time. They are not
//! synced to the disk: what is noted is never ahead of the journal, and a power cut leaves a note that lags behind.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Line;

/// Bytes of a slot
const SLOT: usize = 64;

/// Where the end of a journal is noted.
pub(in crate::engine) fn path(journal: &Path) -> PathBuf {
    journal.with_file_name("journal.tail")
}

/// The note beside a journal that is being written
#[derive(Debug)]
pub(super) struct Tail {
    file: fs_err::File,
}

/// What a note says: the number of the last record and its checksum
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) seq: u64,
    pub(super) sum: String,
}

impl Tail {
    /// Creates the note of a new journal, replacing any other.
    pub(super) fn create(journal: &Path) -> std::io::Result<Self> {
        // Allocate all of it now, so that a full disk cannot stop it later.
        fs_err::write(path(journal), vec![b' '; 2 * SLOT])?;
        Self::open(journal)
    }

    pub(super) fn open(journal: &Path) -> std::io::Result<Self> {
        Ok(Self { file: fs_err::OpenOptions::new().write(true).open(path(journal))? })
    }

    /// Notes the last record. A failure is ignored: a note that lags behind does no harm.
    pub(super) fn write(&mut self, seq: u64, sum: &str) {
        let noted = format!("{seq} {sum}");
        let mut slot = format!("{noted} {}", check(&noted)).into_bytes();
        slot.resize(SLOT - 1, b' ');
        slot.push(b'\n');
        let at = SeekFrom::Start(seq % 2 * SLOT as u64);
        let _ = self.file.seek(at).and_then(|_| self.file.write_all(&slot));
    }
}

/// The last record that was noted; none where there is no note that can be read.
pub(super) fn read(journal: &Path) -> Option<Note> {
    let bytes = fs_err::read(path(journal)).ok()?;
    let slots = bytes.chunks(SLOT).filter_map(|slot| {
        let mut words = std::str::from_utf8(slot).ok()?.split_ascii_whitespace();
        let (seq, sum, sealed) = (words.next()?, words.next()?, words.next()?);
        let is_sound = check(&format!("{seq} {sum}")) == sealed;
        is_sound.then(|| Some(Note { seq: seq.parse().ok()?, sum: sum.to_owned() }))?
    });
    slots.max_by_key(|note| note.seq)
}

/// Where a journal ends, by the note beside it
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It ends where it was written to
    Noted,
    /// There is no note
    Unnoted,
    /// It lost at least this many records, or they differ
    Lost { records: u64 },
}

/// Where a journal ends; one that cannot be read has no end that anybody noted.
pub fn end_of(path: &Path) -> End {
    fs_err::read(path).map_or(End::Unnoted, |text| end(&text, path))
}

/// Compares the lines of a journal with the note beside it.
pub(super) fn end(text: &[u8], path: &Path) -> End {
    let Some(note) = read(path) else { return End::Unnoted };
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    match lines.nth(note.seq as usize).map(serde_json::from_slice::<Line<'_>>) {
        Some(Ok(line)) if line.sum == note.sum => End::Noted,
        Some(_) => End::Lost { records: 1 },
        None => {
            let there = text.iter().filter(|byte| **byte == b'\n').count() as u64;
            End::Lost { records: note.seq + 1 - there }
        }
    }
}

fn check(noted: &str) -> String {
    Sha256::digest(noted).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_slot_counts() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal.jsonl");
        assert_eq!(read(&journal), None);
        let mut tail = Tail::create(&journal).unwrap();
        assert_eq!(read(&journal), None);
        for seq in [0, 1, 2] {
            tail.write(seq, &format!("{seq:016x}"));
        }
        let note = |seq: u64| Some(Note { seq, sum: format!("{seq:016x}") });
        assert_eq!(read(&journal), note(2));

        // Torn while the next one was written over the one before the last.
        let mut bytes = fs_err::read(path(&journal)).unwrap();
        bytes[SLOT + 3] = b'!';
        fs_err::write(path(&journal), &bytes).unwrap();
        assert_eq!(read(&journal), note(2));
        bytes[2] = b'!';
        fs_err::write(path(&journal), &bytes).unwrap();
        assert_eq!(read(&journal), None);
    }
}
