//! Reads the contents of a distribution once, as a stream, within limits that also hold for hostile files.
//!
//! This module does not judge. A problem with the archive becomes a [`Fault`], and the readable members are returned
//! nevertheless; `verdict` decides what a fault means.

mod described;
mod directory;
mod inflate;
mod path;
mod record;
mod scan;
mod sdist;
mod secret;
mod wheel;

pub use described::metadata;
pub(super) use directory::read as read_directory;
pub use path::{Escape, escape_of_link, escape_of_member};
pub use record::{Entry, Record, RecordError, encode_digest};
pub(crate) use scan::is_test;
pub use scan::{ScanHit, ScanHitKind};

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read, Seek};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::distribution::Kind;

/// Limits for reading an archive
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Number of members; three times more than the largest distributions on PyPI have
    pub members: usize,
    /// Bytes of one member whose content is kept, such as `METADATA` or `RECORD` (the longest)
    pub kept_member: u64,
    /// Bytes of all members whose content is kept
    pub kept: u64,
    /// Unpacked bytes below which the ratio does not matter
    pub unpacked: u64,
    /// Unpacked bytes per byte of a wheel; PyPI: "File exceeds compression ratio of 50"
    pub wheel_ratio: u64,
    /// Unpacked bytes per byte of a source distribution, where PyPI has no bound and deflate's is 1032
    pub sdist_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 100_000,
            kept_member: 16 << 20,
            kept: 24 << 20,
            unpacked: 64 << 20,
            wheel_ratio: 50,
            sdist_ratio: 200,
        }
    }
}

/// What an archive contains
#[derive(Debug, Default)]
pub struct Contents {
    /// In the archive's order
    pub members: Vec<Member>,
    /// What is wrong with the archive itself
    pub faults: Vec<Fault>,
    /// Secrets and encrypted code in the members; a limited number
    pub scan_hits: Vec<ScanHit>,
    kept: BTreeMap<String, Vec<u8>>,
}

/// One member
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// As written, directories without the final `/`; invalid UTF-8 is replaced
    pub path: String,
    pub kind: MemberKind,
    /// Unpacked, in bytes
    pub size: u64,
    /// Only of a wheel's files that were read completely
    pub sha256: Option<[u8; 32]>,
}

/// What a member is
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    File,
    Folder,
    /// With its target
    Symlink(String),
    /// With its target, a path from the archive's root
    Hardlink(String),
    /// A character or block device
    Device,
    /// A named pipe
    Fifo,
}

/// Something wrong with the archive itself
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The member it was found in
    pub member: Option<String>,
    pub problem: Problem,
}

/// What is wrong with an archive
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    #[error("the file is not {expected}: {why}")]
    NotAnArchive { expected: &'static str, why: String },
    #[error("the file could not be read: {0}")]
    Unreadable(String),
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    #[error("{0}")]
    Trailing(&'static str),
    #[error("the archive's directory is inconsistent: {0}")]
    /// In PyPI's words
    Framing(&'static str),
    #[error("the member is compressed with {0}, but PyPI accepts only stored and deflated members")]
    Compression(String),
    #[error("the member is encrypted")]
    Encrypted,
    #[error("the member is sparse")]
    Sparse,
    #[error("the archive unpacks to more than {ratio} times its size")]
    Ratio { ratio: u64 },
    #[error("the archive has more than {most} members")]
    TooManyMembers { most: usize },
    #[error("the member is larger than {most} bytes, the limit for its kind")]
    TooLarge { most: u64 },
}

impl Contents {
    /// Reads an archive of `size` bytes completely. Never fails: problems are among the faults.
    pub fn read(file: &mut (impl Read + Seek), kind: Kind, size: u64, limits: &Limits) -> Self {
        let mut contents = Self::default();
        match kind {
            Kind::Wheel => wheel::read(file, size, limits, &mut contents),
            Kind::Sdist => sdist::read(file, size, limits, &mut contents),
        }
        contents
    }

    /// The content of a member that describes the distribution; of several with the same path, the last, as in
    /// Python.
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        self.kept.get(path).map(Vec::as_slice)
    }

    /// A hash of the members and their contents; different contents almost always have different hashes.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for Member { path, size, sha256, .. } in &self.members {
            (path, size, sha256).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Whether there is a member with this path that is not a directory.
    pub fn has(&self, path: &str) -> bool {
        self.members.iter().any(|member| member.kind != MemberKind::Folder && member.path == path)
    }

    /// The distinct first components of the members' paths, in the archive's order.
    pub fn top_levels(&self) -> Vec<&str> {
        let mut tops: Vec<&str> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for member in &self.members {
            let top = member.path.split('/').next().unwrap_or_default();
            if seen.insert(top) {
                tops.push(top);
            }
        }
        tops
    }

    /// Records what a scanner found in a member.
    fn add_hits(&mut self, scan_hits: Vec<ScanHit>) {
        const MOST: usize = 200;
        for hit in scan_hits {
            let is_alike =
                |known: &&ScanHit| std::mem::discriminant(&known.what) == std::mem::discriminant(&hit.what);
            if self.scan_hits.iter().filter(is_alike).count() < MOST {
                self.scan_hits.push(hit);
            }
        }
    }

    fn fault(&mut self, member: Option<&str>, problem: Problem) {
        self.faults.push(Fault { member: member.map(str::to_owned), problem });
    }

    /// Keeps a member's content, or records a fault if it exceeds a limit.
    fn keep(&mut self, path: &str, content: Vec<u8>, limits: &Limits) {
        let before: usize = self.kept.values().map(Vec::len).sum();
        if content.len() as u64 > limits.kept_member || (before + content.len()) as u64 > limits.kept {
            self.fault(Some(path), Problem::TooLarge { most: limits.kept_member });
        } else {
            self.kept.insert(path.to_owned(), content);
        }
    }
}

/// Whether a member's content is kept: files that describe the distribution, in their proper place.
fn is_kept(path: &str, kind: Kind) -> bool {
    let Some((folder, file)) = path.split_once('/') else { return false };
    match kind {
        Kind::Wheel => {
            folder.ends_with(".dist-info")
                && matches!(file, "METADATA" | "WHEEL" | "RECORD" | "entry_points.txt")
        }
        Kind::Sdist => file == "PKG-INFO",
    }
}

#[cfg(test)]
mod tests;

/// The sha256 of all that a member has, in constant memory.
///
/// # Errors
/// It cannot be read.
pub fn sha256_of(member: &mut impl Read) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut chunk = [0; 16 << 10];
    loop {
        match member.read(&mut chunk)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&chunk[..read]),
        }
    }
}
