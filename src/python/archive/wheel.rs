//! Reading a wheel: a ZIP archive, every member hashed.

use std::io::{self, Read, Seek};

use sha2::{Digest, Sha256};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::{Contents, Limits, Member, MemberKind, Problem, is_kept};
use crate::python::distribution::Kind;

/// The longest target of a symbolic link that is read, in bytes (Linux's `PATH_MAX`)
const LONGEST_TARGET: u64 = 4096;

/// Reads a wheel of `size` bytes into `contents`.
pub(super) fn read(file: &mut (impl Read + Seek), size: u64, limits: &Limits, contents: &mut Contents) {
    let mut archive = match ZipArchive::new(file) {
        Ok(archive) => archive,
        Err(error) => return contents.fault(None, not_opened(error)),
    };
    if archive.offset() != 0 {
        contents.fault(None, Problem::Framing("there are bytes before the archive".to_owned()));
    }
    if archive.len() > limits.members {
        return contents.fault(None, Problem::TooManyMembers { most: limits.members });
    }
    if let Err(error) = archive.validate_header_consistency() {
        contents.fault(None, Problem::Framing(said(&error)));
    }
    let budget = limits.unpacked.max(size.saturating_mul(limits.wheel_ratio));
    let (mut declared, mut streamed) = (0_u64, None);
    for entry in (0..archive.len()).filter_map(|index| archive.by_index_data(index).ok()) {
        declared = declared.saturating_add(entry.size());
        if streamed.is_none() && entry.flags().is_using_data_descriptor() {
            streamed = Some(String::from_utf8_lossy(entry.name_raw()).into_owned());
        }
    }
    if let Some(member) = streamed {
        // PyPI: "ZIP contains a data descriptor"
        let why = "a member's size follows its content, as in a ZIP archive written as a stream";
        contents.fault(Some(&member), Problem::Framing(why.to_owned()));
    }
    if declared > budget {
        contents.fault(None, Problem::Ratio { ratio: limits.wheel_ratio });
        list(&archive, contents);
        return;
    }
    let mut left = budget;
    for index in 0..archive.len() {
        if !read_member(&mut archive, index, &mut left, limits, contents) {
            contents.fault(None, Problem::Ratio { ratio: limits.wheel_ratio });
            return;
        }
    }
}

/// Lists the members of an archive that is not going to be unpacked.
fn list<R: Read + Seek>(archive: &ZipArchive<R>, contents: &mut Contents) {
    for index in 0..archive.len() {
        if let Ok(entry) = archive.by_index_data(index) {
            let name = entry.name().unwrap_or_else(|_| String::from_utf8_lossy(entry.name_raw()));
            let kind = if entry.is_dir() { MemberKind::Folder } else { MemberKind::File };
            let path = name.trim_end_matches('/').to_owned();
            contents.members.push(Member { path, kind, size: entry.size(), sha256: None });
        }
    }
}

/// Reads one member; false when nothing is left of the budget of unpacked bytes.
fn read_member<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    left: &mut u64,
    limits: &Limits,
    contents: &mut Contents,
) -> bool {
    let Ok(entry) = archive.by_index_data(index) else { return true };
    let name = entry.name().unwrap_or_else(|_| String::from_utf8_lossy(entry.name_raw())).into_owned();
    let (is_folder, is_symlink) = (entry.is_dir(), entry.is_symlink());
    let path = name.trim_end_matches('/').to_owned();
    let compression = entry.compression();
    let encrypted = entry.encrypted();
    let size = entry.size();
    if is_folder {
        contents.members.push(Member { path, kind: MemberKind::Folder, size: 0, sha256: None });
        return true;
    }
    let mut member = Member { path, kind: MemberKind::File, size, sha256: None };
    if encrypted {
        contents.fault(Some(&name), Problem::Encrypted);
    } else if !matches!(compression, CompressionMethod::Stored | CompressionMethod::Deflated) {
        contents.fault(Some(&name), Problem::Compression(compression.to_string()));
    } else {
        let keep = if is_symlink {
            Some(LONGEST_TARGET)
        } else {
            is_kept(&name, Kind::Wheel).then_some(limits.kept_member)
        };
        let unpacked = archive
            .by_index(index)
            .map_err(|error| said(&error))
            .and_then(|mut reader| unpack(&mut reader, *left, keep).map_err(|error| error.to_string()));
        match unpacked {
            Ok(unpacked) if unpacked.size > *left => return false,
            Ok(unpacked) => {
                *left -= unpacked.size;
                member.size = unpacked.size;
                member.sha256 = Some(unpacked.sha256);
                if is_symlink {
                    let target = String::from_utf8_lossy(&unpacked.kept).into_owned();
                    member.kind = MemberKind::Symlink(target);
                } else if keep.is_some() {
                    contents.keep(&name, unpacked.kept, limits);
                }
            }
            Err(error) => contents.fault(Some(&name), Problem::Damaged(error)),
        }
    }
    contents.members.push(member);
    true
}

struct Unpacked {
    size: u64,
    sha256: [u8; 32],
    /// The content up to one byte past the bound, so that passing it shows
    kept: Vec<u8>,
}

fn unpack(reader: &mut impl Read, left: u64, keep: Option<u64>) -> io::Result<Unpacked> {
    let mut buffer = vec![0; 64 << 10];
    let mut hash = Sha256::new();
    let (mut size, mut kept) = (0, Vec::new());
    // One byte more than is left tells that there is more.
    let mut reader = reader.take(left.saturating_add(1));
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..read]);
        if let Some(most) = keep {
            let room = usize::try_from(most + 1).unwrap_or(usize::MAX) - kept.len();
            kept.extend_from_slice(&buffer[..read.min(room)]);
        }
        size += read as u64;
    }
    Ok(Unpacked { size, sha256: hash.finalize().into(), kept })
}

fn not_opened(error: ZipError) -> Problem {
    match error {
        ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Problem::Unreadable(error.to_string())
        }
        error => Problem::NotAnArchive { expected: "a ZIP archive", why: said(&error) },
    }
}

/// The error's words without the crate's preamble.
fn said(error: &ZipError) -> String {
    match error {
        ZipError::InvalidArchive(what) => what.to_string(),
        ZipError::UnsupportedArchive(what) => (*what).to_owned(),
        error => error.to_string(),
    }
}
