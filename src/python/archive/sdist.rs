//! Reads a source distribution: one gzip stream with a tar archive.
//!
//! This module walks the tar archive itself and uses the `tar` crate only for its headers, because a walker must not
//! trust the length of a long name or of a pax header in a hostile file.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use tar::{EntryType, Header, PaxExtensions};

use super::scan::Scanner;
use super::{Contents, Limits, Member, MemberKind, Problem, is_kept};
use crate::python::distribution::Kind;

const BLOCK: usize = 512;
/// The longest extension (long name, pax header) that is read, in bytes
const LONGEST_EXTENSION: u64 = 1 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a source distribution of `size` bytes into `contents`.
pub(super) fn read(file: impl Read, size: u64, limits: &Limits, contents: &mut Contents) {
    let mut file = BufReader::with_capacity(64 << 10, file);
    match file.fill_buf() {
        Ok(start) if start.starts_with(&GZIP) => (),
        Ok(start) => {
            let why = if start.starts_with(b"PK") { "it is a ZIP archive" } else { "it is not gzip" };
            return contents.fault(None, not_a_tar(why));
        }
        Err(error) => return contents.fault(None, Problem::Unreadable(error.to_string())),
    }
    let budget = limits.unpacked.max(size.saturating_mul(limits.sdist_ratio));
    // One byte more than the budget shows that there is more.
    let mut walk = Walk {
        reader: GzDecoder::new(file).take(budget.saturating_add(1)),
        buffer: vec![0; 64 << 10],
        limits,
        contents,
    };
    let ended = walk.members().and_then(|()| walk.rest());
    let exhausted = walk.reader.limit() == 0;
    let mut file = walk.reader.into_inner().into_inner();
    if exhausted {
        contents.fault(None, Problem::Ratio { ratio: limits.sdist_ratio });
    } else if let Err(problem) = ended {
        contents.fault(None, problem);
    } else if file.fill_buf().is_ok_and(|rest| !rest.is_empty()) {
        contents.fault(None, Problem::Trailing("there are bytes after the gzip stream"));
    }
}

fn not_a_tar(why: &str) -> Problem {
    Problem::NotAnArchive { expected: "a gzipped tar archive", why: why.to_owned() }
}

fn damaged(error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Problem::Damaged("it is truncated".to_owned())
    } else {
        Problem::Damaged(error.to_string())
    }
}

/// The extension headers before a member
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

struct Walk<'a, R> {
    reader: io::Take<R>,
    buffer: Vec<u8>,
    limits: &'a Limits,
    contents: &'a mut Contents,
}

impl<R: Read> Walk<'_, R> {
    /// Walks to the end of the archive: a block of zeros, or the end of the stream.
    fn members(&mut self) -> Result<(), Problem> {
        let mut extensions = Extensions::default();
        let mut first = true;
        while let Some(header) = self.header(first)? {
            first = false;
            let size = header.entry_size().map_err(|error| damaged(&error))?;
            match header.entry_type() {
                EntryType::GNULongName => extensions.path = Some(self.long_name(size)?),
                EntryType::GNULongLink => extensions.target = Some(self.long_name(size)?),
                EntryType::XHeader => self.pax(size, &mut extensions)?,
                EntryType::XGlobalHeader => self.skip(padded(size)?)?,
                kind => {
                    if self.contents.members.len() == self.limits.members {
                        return Err(Problem::TooManyMembers { most: self.limits.members });
                    }
                    self.member(&header, kind, size, std::mem::take(&mut extensions))?;
                }
            }
        }
        Ok(())
    }

    /// The next header; none at the end of the archive.
    fn header(&mut self, first: bool) -> Result<Option<Header>, Problem> {
        let mut header = Header::new_old();
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut header.as_mut_bytes()[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(damaged(&io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(damaged(&error)),
            }
        }
        let bytes = header.as_bytes();
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let outside = bytes[..148].iter().chain(&bytes[156..]);
        let sum = outside.fold(8 * u32::from(b' '), |sum, byte| sum + u32::from(*byte));
        if header.cksum().is_ok_and(|said| said == sum) {
            Ok(Some(header))
        } else if first {
            Err(not_a_tar("its first block is not a tar header"))
        } else {
            Err(Problem::Damaged("the checksum of a tar header is wrong".to_owned()))
        }
    }

    fn member(
        &mut self,
        header: &Header,
        kind: EntryType,
        size: u64,
        extensions: Extensions,
    ) -> Result<(), Problem> {
        let written = extensions.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let written = String::from_utf8_lossy(&written).into_owned();
        let path = written.trim_end_matches('/').to_owned();
        let target = || {
            let target = extensions.target.or_else(|| header.link_name_bytes().map(|name| name.into_owned()));
            String::from_utf8_lossy(&target.unwrap_or_default()).into_owned()
        };
        // Only files have content: Python's tarfile skips none for other kinds, whatever their size field says.
        let (kind, size) = match kind {
            EntryType::Directory => (MemberKind::Folder, 0),
            EntryType::Symlink => (MemberKind::Symlink(target()), 0),
            EntryType::Link => (MemberKind::Hardlink(target()), 0),
            EntryType::Char | EntryType::Block => (MemberKind::Device, 0),
            EntryType::Fifo => (MemberKind::Fifo, 0),
            // Before ustar, a directory was a file with a name that ends in `/`.
            EntryType::Regular if written.ends_with('/') => (MemberKind::Folder, 0),
            _ => (MemberKind::File, extensions.size.unwrap_or(size)),
        };
        if extensions.sparse || header.entry_type() == EntryType::GNUSparse {
            self.contents.fault(Some(&path), Problem::Sparse);
        }
        if kind == MemberKind::File && is_kept(&path, Kind::Sdist) {
            if size <= self.limits.kept_member {
                let content = self.content(size)?;
                self.contents.keep(&path, content, self.limits);
            } else {
                let most = self.limits.kept_member;
                self.contents.fault(Some(&path), Problem::TooLarge { most });
                self.skip(padded(size)?)?;
            }
        } else if let Some(mut scanner) =
            Some(size).filter(|size| *size > 0).and_then(|size| Scanner::new(&path, size))
        {
            let passed = self.pass(size, |piece| scanner.feed(piece));
            self.contents.add_hits(scanner.finish());
            passed?;
            self.skip(padded(size)? - size)?;
        } else {
            self.skip(padded(size)?)?;
        }
        self.contents.members.push(Member { path, kind, size, sha256: None });
        Ok(())
    }

    /// The content of a member, whose size is within limits, and its padding.
    fn content(&mut self, size: u64) -> Result<Vec<u8>, Problem> {
        let mut content = Vec::new();
        (&mut self.reader).take(size).read_to_end(&mut content).map_err(|error| damaged(&error))?;
        if (content.len() as u64) < size {
            return Err(damaged(&io::ErrorKind::UnexpectedEof.into()));
        }
        self.skip(padded(size)? - size)?;
        Ok(content)
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Problem> {
        if size > LONGEST_EXTENSION {
            let what = format!("an extended header of {size} bytes; the limit is {LONGEST_EXTENSION}");
            return Err(Problem::Damaged(what));
        }
        self.content(size)
    }

    fn long_name(&mut self, size: u64) -> Result<Vec<u8>, Problem> {
        let mut name = self.extension(size)?;
        if let Some(end) = name.iter().position(|byte| *byte == 0) {
            name.truncate(end);
        }
        Ok(name)
    }

    fn pax(&mut self, size: u64, extensions: &mut Extensions) -> Result<(), Problem> {
        let content = self.extension(size)?;
        for extension in PaxExtensions::new(&content) {
            let extension = extension.map_err(|error| damaged(&error))?;
            let value = extension.value_bytes();
            match extension.key_bytes() {
                b"path" => extensions.path = Some(value.to_owned()),
                b"linkpath" => extensions.target = Some(value.to_owned()),
                b"size" => {
                    let size = extension.value().ok().and_then(|value| value.parse().ok());
                    let wrong = || Problem::Damaged("the size in a pax header is not a number".to_owned());
                    extensions.size = Some(size.ok_or_else(wrong)?);
                }
                key => extensions.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Problem> {
        self.pass(bytes, |_| ())
    }

    /// Advances by this many bytes and passes them to `show`.
    fn pass(&mut self, mut bytes: u64, mut show: impl FnMut(&[u8])) -> Result<(), Problem> {
        while bytes > 0 {
            let most = self.buffer.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
            match self.reader.read(&mut self.buffer[..most]) {
                Ok(0) => return Err(damaged(&io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => {
                    show(&self.buffer[..read]);
                    bytes -= read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(damaged(&error)),
            }
        }
        Ok(())
    }

    /// Reads from the archive's end to the end of the gzip stream, which verifies its checksum.
    fn rest(&mut self) -> Result<(), Problem> {
        let mut zeros = true;
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(0) if zeros => return Ok(()),
                Ok(0) => return Err(Problem::Trailing("there are bytes after the end of the tar archive")),
                Ok(read) => zeros &= self.buffer[..read].iter().all(|byte| *byte == 0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(damaged(&error)),
            }
        }
    }
}

/// The size, padded to whole blocks.
fn padded(size: u64) -> Result<u64, Problem> {
    size.checked_next_multiple_of(BLOCK as u64)
        .ok_or_else(|| Problem::Damaged("the size of a member is too large".to_owned()))
}
