//! Reads a wheel, a ZIP archive, from its first byte to its last, and hashes every member.
//!
//! PyPI requires that the directory at the end and the headers before each member agree, with nothing between the
//! members. So the file is walked in order, and members are unpacked during the walk. If the walk breaks off, the
//! members that describe the distribution are looked up by the directory, so that the rules about them can still be
//! applied.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::Decompress;
use sha2::{Digest, Sha256};

use super::directory::{self, CENTRAL, Entry, long, short, very_long};
use super::inflate::InflateReader;
use super::scan::Scanner;
use super::{Contents, Limits, Member, MemberKind, Problem, is_kept};
use crate::python::distribution::Kind;

/// The longest target of a symbolic link that is read, in bytes (Linux's `PATH_MAX`)
const LONGEST_TARGET: u64 = 4096;
const BUFFER: usize = 64 << 10;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Extra fields: sizes above 4 GiB, and a name in UTF-8
const ZIP64: u16 = 1;
const UNICODE_PATH: u16 = 0x7075;
const DATA_DESCRIPTOR: u16 = 8;

/// Reads a wheel of `size` bytes into `contents`.
pub(super) fn read<R: Read + Seek>(file: &mut R, size: u64, limits: &Limits, contents: &mut Contents) {
    let entries = match directory::read(file, size, limits) {
        Ok(entries) => entries,
        Err(problem) => return contents.fault(None, problem),
    };
    let declared = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    let budget = limits.unpacked.max(size.saturating_mul(limits.wheel_ratio));
    let mut members = vec![None; entries.len()];
    if declared > budget {
        contents.fault(None, Problem::Ratio { ratio: limits.wheel_ratio });
    } else {
        if let Err(error) = file.seek(SeekFrom::Start(0)) {
            return contents.fault(None, Problem::Unreadable(error.to_string()));
        }
        let walk = Walk::new(&mut *file, &entries, limits, budget);
        walk.run(size, &mut members, contents);
    }
    for (entry, member) in entries.iter().zip(members) {
        let member = member.unwrap_or_else(|| looked_up(file, entry, limits, contents));
        contents.members.push(member);
    }
}

/// A member that the walk did not reach: its content is read only if it is kept.
fn looked_up<R: Read + Seek>(
    file: &mut R,
    entry: &Entry,
    limits: &Limits,
    contents: &mut Contents,
) -> Member {
    let member = listed(entry);
    if is_kept(&member.path, Kind::Wheel)
        && contents.content(&member.path).is_none()
        && let Ok(content) = content_of(file, entry, limits)
    {
        contents.keep(&member.path, content, limits);
    }
    member
}

/// The content of one member, found by the directory alone.
pub(super) fn content_of<R: Read + Seek>(
    file: &mut R,
    entry: &Entry,
    limits: &Limits,
) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::with_capacity(BUFFER, file);
    reader.seek(SeekFrom::Start(entry.offset))?;
    let mut header = [0; 30];
    reader.read_exact(&mut header)?;
    let names = i64::from(short(&header, 26)) + i64::from(short(&header, 28));
    reader.seek_relative(names)?;
    let packed = &mut (&mut reader).take(entry.packed);
    let mut state = Decompress::new(false);
    Ok(unpack(packed, entry, &mut state, limits.kept_member, Some(limits.kept_member), None)?.kept)
}

/// A member according to the directory.
fn listed(entry: &Entry) -> Member {
    let name = String::from_utf8_lossy(&entry.name);
    let is_folder = name.ends_with('/');
    let kind = if is_folder { MemberKind::Folder } else { MemberKind::File };
    let path = name.trim_end_matches('/').to_owned();
    Member { path, kind, size: entry.size, sha256: None }
}

struct Walk<'a, R> {
    reader: BufReader<R>,
    entries: &'a [Entry],
    limits: &'a Limits,
    /// The index of the last entry of each name
    places: HashMap<&'a str, usize>,
    /// Bytes that may still be unpacked
    left: u64,
    /// Bytes of the file read so far
    at: u64,
    /// The shared decompression state
    state: Decompress,
}

/// The directory according to the end record
#[derive(PartialEq, Eq)]
struct Said {
    records: u64,
    size: u64,
    offset: u64,
}

/// Why the walk ended: PyPI's message, or another problem with the archive
enum Stop {
    Framing(&'static str),
    Problem(Problem),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Framing("Malformed zip file"),
            _ => Self::Problem(Problem::Unreadable(error.to_string())),
        }
    }
}

impl<'a, R: Read + Seek> Walk<'a, R> {
    fn new(file: R, entries: &'a [Entry], limits: &'a Limits, budget: u64) -> Self {
        let named = entries.iter().enumerate().filter_map(|(place, entry)| Some((entry.text()?, place)));
        let reader = BufReader::with_capacity(BUFFER, file);
        Self {
            reader,
            entries,
            limits,
            places: named.collect(),
            left: budget,
            at: 0,
            state: Decompress::new(false),
        }
    }

    fn run(mut self, size: u64, members: &mut [Option<Member>], contents: &mut Contents) {
        match self.records(members, contents) {
            Ok(()) if self.at != size => contents.fault(None, Problem::Framing("Trailing data")),
            Ok(()) => {}
            Err(Stop::Framing(what)) => contents.fault(None, Problem::Framing(what)),
            Err(Stop::Problem(problem)) => contents.fault(None, problem),
        }
    }

    /// Walks from record to record up to the end record.
    fn records(&mut self, members: &mut [Option<Member>], contents: &mut Contents) -> Result<(), Stop> {
        let (mut local, mut central) = (HashSet::new(), HashSet::new());
        let (mut start, mut size): (Option<u64>, u64) = (None, 0);
        let (mut end_64, mut locator): (Option<Said>, bool) = (None, false);
        loop {
            let here = self.at;
            match self.bytes::<4>()? {
                LOCAL => {
                    let name = self.member(members, contents)?;
                    if !local.insert(name) {
                        return Err(Stop::Framing("Duplicate filename in local headers"));
                    }
                }
                CENTRAL => {
                    start.get_or_insert(here);
                    let (name, extra) = self.central()?;
                    size += 46 + name.len() as u64 + extra;
                    if central.contains(&name) {
                        return Err(Stop::Framing("Duplicate filename in central directory"));
                    }
                    if !local.contains(&name) {
                        return Err(Stop::Framing("Missing filename in local headers"));
                    }
                    central.insert(name);
                }
                END_64 => {
                    let record = self.bytes::<52>()?;
                    if very_long(&record, 20) != very_long(&record, 28) {
                        return Err(Stop::Framing("Malformed zip file"));
                    }
                    if very_long(&record, 0) != 44 {
                        return Err(Stop::Framing("ZIP64 extensible data not allowed"));
                    }
                    let [records, size, offset] = [28, 36, 44].map(|at| very_long(&record, at));
                    end_64 = Some(Said { records, size, offset });
                }
                LOCATOR_64 => {
                    self.bytes::<16>()?;
                    locator = true;
                }
                END => {
                    if end_64.is_some() && !locator {
                        return Err(Stop::Framing("Malformed zip file"));
                    }
                    let record = self.bytes::<18>()?;
                    if short(&record, 4) != short(&record, 6) {
                        return Err(Stop::Framing("Malformed zip file"));
                    }
                    self.skip(u64::from(short(&record, 16)))?;
                    let [size_said, offset] = [8, 12].map(|at| u64::from(long(&record, at)));
                    let records = u64::from(short(&record, 6));
                    let said = end_64.unwrap_or(Said { records, size: size_said, offset });
                    let found = Said { records: central.len() as u64, size, offset: start.unwrap_or(here) };
                    let differs = if said.records != found.records {
                        "Mismatched central directory records"
                    } else if said.offset != found.offset {
                        "Mismatched central directory offset"
                    } else if said.size != found.size {
                        "Mismatched central directory size"
                    } else if local != central {
                        "Mis-matched local headers and central directory"
                    } else {
                        return Ok(());
                    };
                    return Err(Stop::Framing(differs));
                }
                _ => return Err(Stop::Framing("Unknown record signature")),
            }
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn vector(&mut self, length: u16) -> Result<Vec<u8>, Stop> {
        let mut bytes = vec![0; usize::from(length)];
        self.reader.read_exact(&mut bytes)?;
        self.at += u64::from(length);
        Ok(bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Stop> {
        self.at = self.at.saturating_add(bytes);
        let step = i64::try_from(bytes).map_err(|_| Stop::Framing("Malformed zip file"))?;
        Ok(self.reader.seek_relative(step)?)
    }

    /// A header in the directory: its name and the length of its extra fields.
    fn central(&mut self) -> Result<(Vec<u8>, u64), Stop> {
        let header = self.bytes::<42>()?;
        if short(&header, 28) != 0 {
            return Err(Stop::Framing("Comment in central directory"));
        }
        let name = self.vector(short(&header, 24))?;
        let extra = short(&header, 26);
        self.vector(extra)?;
        if has_control_characters(&name) {
            return Err(Stop::Framing("Invalid character in filename"));
        }
        Ok((name, u64::from(extra)))
    }

    /// A local header and its member; returns the name.
    fn member(&mut self, members: &mut [Option<Member>], contents: &mut Contents) -> Result<Vec<u8>, Stop> {
        let header = self.bytes::<26>()?;
        let name = self.vector(short(&header, 22))?;
        let extra = self.vector(short(&header, 24))?;
        if has_control_characters(&name) {
            return Err(Stop::Framing("Invalid character in filename"));
        }
        let sizes = (u64::from(long(&header, 14)), u64::from(long(&header, 18)));
        let (packed, size) = extended(&extra, short(&header, 4), sizes).map_err(Stop::Framing)?;
        if short(&header, 2) & DATA_DESCRIPTOR != 0 {
            return Err(Stop::Framing("ZIP contains a data descriptor"));
        }
        let text = std::str::from_utf8(&name).map_err(|_| Stop::Framing("Filename not unicode"))?;
        let place = *self.places.get(text).ok_or(Stop::Framing("Filename not in central directory"))?;
        let entry = &self.entries[place];
        if entry.packed != packed {
            return Err(Stop::Framing("Mis-matched data size"));
        }
        if entry.size != size {
            return Err(Stop::Framing("Mis-matched file size"));
        }
        if members[place].is_some() {
            return Err(Stop::Framing("Duplicate filename in local headers"));
        }
        members[place] = Some(self.content(entry, contents)?);
        Ok(name)
    }

    /// Unpacks a member; the position is after its local header.
    fn content(&mut self, entry: &Entry, contents: &mut Contents) -> Result<Member, Stop> {
        let mut member = listed(entry);
        let is_folder = member.kind == MemberKind::Folder;
        if entry.is_encrypted() {
            contents.fault(Some(&member.path), Problem::Encrypted);
        } else if !matches!(entry.method, STORED | DEFLATED) {
            contents.fault(Some(&member.path), Problem::Compression(method(entry.method)));
        } else if !(is_folder && entry.packed == 0) {
            let keep = if entry.is_symlink {
                Some(LONGEST_TARGET)
            } else {
                is_kept(&member.path, Kind::Wheel).then_some(self.limits.kept_member)
            };
            let mut packed = (&mut self.reader).take(entry.packed);
            let mut scanner = Scanner::new(&member.path, entry.size);
            let unpacked = unpack(&mut packed, entry, &mut self.state, self.left, keep, scanner.as_mut());
            contents.add_hits(scanner.map(Scanner::finish).unwrap_or_default());
            let rest = packed.limit();
            self.at += entry.packed - rest;
            match unpacked {
                Ok(unpacked) if unpacked.size > self.left => {
                    return Err(Stop::Problem(Problem::Ratio { ratio: self.limits.wheel_ratio }));
                }
                Ok(unpacked) => {
                    self.left -= unpacked.size;
                    member.size = unpacked.size;
                    member.sha256 = Some(unpacked.sha256);
                    if entry.is_symlink {
                        member.kind =
                            MemberKind::Symlink(String::from_utf8_lossy(&unpacked.kept).into_owned());
                    } else if keep.is_some() {
                        contents.keep(&member.path, unpacked.kept, self.limits);
                    }
                }
                Err(error) => contents.fault(Some(&member.path), Problem::Damaged(error.to_string())),
            }
            self.skip(rest)?;
            return Ok(member);
        }
        self.skip(entry.packed)?;
        Ok(member)
    }
}

fn has_control_characters(name: &[u8]) -> bool {
    name.iter().any(u8::is_ascii_control)
}

/// The packed and unpacked sizes of a local header with its extra fields.
fn extended(
    mut extra: &[u8],
    method: u16,
    (mut packed, mut size): (u64, u64),
) -> Result<(u64, u64), &'static str> {
    const MALFORMED: &str = "Malformed zip file";
    const UNSAID: u64 = u32::MAX as u64;
    let mut seen = Vec::new();
    while !extra.is_empty() {
        let (header, rest) = extra.split_at_checked(4).ok_or(MALFORMED)?;
        let (id, length) = (short(header, 0), usize::from(short(header, 2)));
        let (content, rest) = rest.split_at_checked(length).ok_or(MALFORMED)?;
        extra = rest;
        if matches!(id, ZIP64 | UNICODE_PATH) && seen.contains(&id) {
            return Err("Invalid duplicate extra in local file");
        }
        seen.push(id);
        match (id, length) {
            (ZIP64, 0) if packed == UNSAID || size == UNSAID => return Err(MALFORMED),
            (ZIP64, 0) => {}
            (ZIP64, 8) if method != STORED => return Err(MALFORMED),
            (ZIP64, 8) => {
                packed = very_long(content, 0);
                size = if size == UNSAID { packed } else { size };
            }
            (ZIP64, 16 | 24 | 28) => {
                size = if size == UNSAID { very_long(content, 0) } else { size };
                packed = very_long(content, 8);
            }
            (ZIP64, _) => return Err(MALFORMED),
            (UNICODE_PATH, _) => {
                let name = content.get(5..).unwrap_or_default();
                if has_control_characters(name) {
                    return Err("Invalid character in filename");
                }
                if std::str::from_utf8(name).is_err() {
                    return Err("Filename not valid UTF-8");
                }
            }
            _ => {}
        }
    }
    Ok((packed, size))
}

struct Unpacked {
    size: u64,
    sha256: [u8; 32],
    /// The content up to one byte over the limit, so that exceeding it shows
    kept: Vec<u8>,
}

/// Unpacks a member up to one byte over `left`, so that exceeding it shows.
fn unpack(
    packed: &mut io::Take<impl BufRead>,
    entry: &Entry,
    state: &mut Decompress,
    left: u64,
    keep: Option<u64>,
    scanner: Option<&mut Scanner>,
) -> io::Result<Unpacked> {
    let most = left.saturating_add(1);
    let (unpacked, crc) = match entry.method {
        STORED => drain(packed.by_ref().take(most), keep, scanner)?,
        DEFLATED => drain(InflateReader::new(state, packed.by_ref()).take(most), keep, scanner)?,
        other => return Err(io::Error::other(format!("it is compressed with {}", method(other)))),
    };
    if unpacked.size > left {
        return Ok(unpacked);
    }
    if packed.limit() > 0 {
        return Err(io::Error::other("there are extra bytes after the member's end"));
    }
    if unpacked.size != entry.size {
        let message = format!("it unpacks to {} bytes instead of {}", unpacked.size, entry.size);
        return Err(io::Error::other(message));
    }
    if crc != entry.crc {
        return Err(io::Error::other("its checksum (CRC-32) is wrong"));
    }
    Ok(unpacked)
}

/// Reads to the end; returns the size, the hash, the kept content, and the CRC-32.
fn drain(
    mut reader: impl Read,
    keep: Option<u64>,
    mut scanner: Option<&mut Scanner>,
) -> io::Result<(Unpacked, u32)> {
    let mut buffer = [0; 16 << 10];
    let mut hash = Sha256::new();
    let mut crc = flate2::Crc::new();
    let (mut size, mut kept) = (0, Vec::new());
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..read]);
        crc.update(&buffer[..read]);
        if let Some(scanner) = &mut scanner {
            scanner.feed(&buffer[..read]);
        }
        if let Some(most) = keep {
            let room = usize::try_from(most + 1).unwrap_or(usize::MAX) - kept.len();
            kept.extend_from_slice(&buffer[..read.min(room)]);
        }
        size += read as u64;
    }
    Ok((Unpacked { size, sha256: hash.finalize().into(), kept }, crc.sum()))
}

/// A compression method's name (APPNOTE.TXT 4.4.5).
fn method(number: u16) -> String {
    match number {
        12 => "bzip2".to_owned(),
        14 => "LZMA".to_owned(),
        93 => "Zstandard".to_owned(),
        95 => "XZ".to_owned(),
        other => format!("method {other}"),
    }
}
