//! Reads a ZIP archive's central directory as Python's `zipfile` does, because pip and PyPI use that.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::{Limits, Problem};

pub(super) const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const END_SIZE: u64 = 22;
const END_64_SIZE: u64 = 56;
const LOCATOR_SIZE: u64 = 20;
/// The longest comment that may follow the end record
const LONGEST_COMMENT: u64 = 65_535;
/// The extra field with sizes above 4 GiB
const ZIP64: u16 = 1;

/// A member in the directory
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::python) struct Entry {
    pub(in crate::python) name: Vec<u8>,
    pub(super) flags: u16,
    pub(in crate::python) method: u16,
    /// The time and, in the upper half, the date
    pub(in crate::python) modified: u32,
    pub(in crate::python) crc: u32,
    pub(in crate::python) packed: u64,
    pub(in crate::python) size: u64,
    /// The mode on Unix is in the upper half
    pub(in crate::python) attributes: u32,
    /// The position of its local header
    pub(super) offset: u64,
    /// Whether it was made on Unix and is marked as a symbolic link
    pub(super) is_symlink: bool,
}

impl Entry {
    const UTF_8: u16 = 0x800;
    const ENCRYPTED: u16 = 1;

    /// The name as Python's `zipfile` decodes it, if the local header can have the same name: UTF-8 and marked so, or
    /// ASCII.
    pub(super) fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.name).ok()?;
        (self.flags & Self::UTF_8 != 0 || text.is_ascii()).then_some(text)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & Self::ENCRYPTED != 0
    }
}

fn not_a_zip(why: &str) -> Problem {
    Problem::NotAnArchive { expected: "a ZIP archive", why: why.to_owned() }
}

fn unreadable(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => not_a_zip("its directory is truncated"),
        _ => Problem::Unreadable(error.to_string()),
    }
}

/// Reads the directory of an archive of `size` bytes.
pub(in crate::python) fn read<R: Read + Seek>(
    file: &mut R,
    size: u64,
    limits: &Limits,
) -> Result<Vec<Entry>, Problem> {
    let (length, start, shift) = locate(file, size)?;
    file.seek(SeekFrom::Start(start)).map_err(|error| unreadable(&error))?;
    let mut reader = BufReader::with_capacity(16 << 10, file).take(length);
    let mut entries: Vec<Entry> = Vec::new();
    let mut kept = 0;
    while reader.limit() > 0 {
        if reader.fill_buf().map_err(|error| unreadable(&error))?.is_empty() {
            return Err(not_a_zip("its directory is truncated"));
        }
        let entry = entry(&mut reader, shift)?;
        kept += entry.name.len() as u64;
        if entries.len() == limits.members || kept > limits.kept {
            return Err(Problem::TooManyMembers { most: limits.members });
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The directory's length and start, and the amount to add to all offsets.
fn locate<R: Read + Seek>(file: &mut R, size: u64) -> Result<(u64, u64, u64), Problem> {
    let window = size.min(END_64_SIZE + LOCATOR_SIZE + END_SIZE + LONGEST_COMMENT);
    file.seek(SeekFrom::Start(size - window)).map_err(|error| unreadable(&error))?;
    let mut tail = Vec::with_capacity(window as usize + 1);
    file.take(window).read_to_end(&mut tail).map_err(|error| unreadable(&error))?;
    let end_size = END_SIZE as usize;
    let at_the_end = tail
        .len()
        .checked_sub(end_size)
        .filter(|at| tail[*at..].starts_with(&END) && tail.ends_with(&[0, 0]));
    let searched =
        || (0..tail.len().saturating_sub(end_size - 1)).rev().find(|at| tail[*at..].starts_with(&END));
    let end = at_the_end.or_else(searched).ok_or_else(|| not_a_zip("it has no end record"))?;
    let record = &tail[end..];
    let (mut length, mut offset) = (u64::from(long(record, 12)), u64::from(long(record, 16)));
    let mut before_end = size - window + end as u64;
    let locator = end.checked_sub(LOCATOR_SIZE as usize).filter(|at| tail[*at..].starts_with(&LOCATOR_64));
    if let Some(record) = locator.and_then(|at| at.checked_sub(END_64_SIZE as usize)).map(|at| &tail[at..])
        && record.starts_with(&END_64)
    {
        (length, offset) = (very_long(record, 40), very_long(record, 48));
        before_end -= LOCATOR_SIZE + END_64_SIZE;
    }
    // Data before the archive, such as a self-extracting program, shifts all offsets.
    let start =
        before_end.checked_sub(length).ok_or_else(|| not_a_zip("its directory is larger than the file"))?;
    let shift = start
        .checked_sub(offset)
        .ok_or_else(|| not_a_zip("its directory is not at its recorded position"))?;
    Ok((length, start, shift))
}

fn entry(reader: &mut impl Read, shift: u64) -> Result<Entry, Problem> {
    let mut fixed = [0; 46];
    reader.read_exact(&mut fixed).map_err(|error| unreadable(&error))?;
    if !fixed.starts_with(&CENTRAL) {
        return Err(not_a_zip("its directory has an invalid entry"));
    }
    let mut take = |length: u16| {
        let mut bytes = vec![0; usize::from(length)];
        reader.read_exact(&mut bytes).map(|()| bytes).map_err(|error| unreadable(&error))
    };
    let name = take(short(&fixed, 28))?;
    let extra = take(short(&fixed, 30))?;
    take(short(&fixed, 32))?;
    let (mut packed, mut size) = (u64::from(long(&fixed, 20)), u64::from(long(&fixed, 24)));
    let mut offset = u64::from(long(&fixed, 42));
    for (id, content) in extras(&extra) {
        if id == ZIP64 {
            // The extra field has only the values that do not fit their fields, in this order.
            let mut values = content.chunks_exact(8).map(|value| very_long(value, 0));
            for field in [&mut size, &mut packed, &mut offset] {
                if *field == u64::from(u32::MAX) {
                    *field = values.next().ok_or_else(|| not_a_zip("an entry's extra field is corrupt"))?;
                }
            }
        }
    }
    let attributes = long(&fixed, 38);
    let mode = attributes >> 16;
    Ok(Entry {
        flags: short(&fixed, 8),
        method: short(&fixed, 10),
        modified: long(&fixed, 12),
        crc: long(&fixed, 16),
        attributes,
        is_symlink: fixed[5] == 3 && mode & 0o170_000 == 0o120_000,
        offset: offset.saturating_add(shift),
        name,
        packed,
        size,
    })
}

/// The complete extra fields with their ids.
fn extras(mut extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (header, rest) = extra.split_at_checked(4)?;
        let (content, rest) = rest.split_at_checked(usize::from(short(header, 2)))?;
        extra = rest;
        Some((short(header, 0), content))
    })
}

/// The two-byte number at this position, which must exist.
pub(super) fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// The four-byte number.
pub(super) fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(short(bytes, at)) | u32::from(short(bytes, at + 2)) << 16
}

/// The eight-byte number.
pub(super) fn very_long(bytes: &[u8], at: usize) -> u64 {
    u64::from(long(bytes, at)) | u64::from(long(bytes, at + 4)) << 32
}
