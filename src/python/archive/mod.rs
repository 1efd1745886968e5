//! What is inside a distribution: read once, as a stream, within bounds that hold for hostile files too.
//!
//! Nothing here judges. What is wrong with the archive itself becomes a [`Fault`], so that the members that could
//! be read are there all the same; `verdict` says what each fault means.

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
pub use path::{Escape, escape_of_link, escape_of_member};
pub use record::{Entry, Record, RecordError, encode_digest};
pub(crate) use scan::is_test;
pub use scan::{Seen, Sighting};

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read, Seek};

use thiserror::Error;

use super::distribution::Kind;

/// The bounds within which an archive is read
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Members; more than three times what the largest distributions on PyPI have
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
    /// What the members' contents give away; of a bounded number of them
    pub sightings: Vec<Sighting>,
    kept: BTreeMap<String, Vec<u8>>,
}

/// One member
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// As written, folders without the final `/`; bytes that are not UTF-8 replaced
    pub path: String,
    pub kind: MemberKind,
    /// Unpacked, in bytes
    pub size: u64,
    /// Of a wheel's files that could be read to their end
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
    #[error("the member is compressed by {0}; PyPI takes stored and deflated members")]
    Compression(String),
    #[error("the member is encrypted")]
    Encrypted,
    #[error("the member is sparse")]
    Sparse,
    #[error("the archive unpacks to more than {ratio} times its size")]
    Ratio { ratio: u64 },
    #[error("the archive has more than {most} members")]
    TooManyMembers { most: usize },
    #[error("the member is larger than the {most} bytes that are read of its kind")]
    TooLarge { most: u64 },
}

impl Contents {
    /// Reads an archive of `size` bytes to its end. Never fails: what is wrong is among the faults.
    pub fn read(file: &mut (impl Read + Seek), kind: Kind, size: u64, limits: &Limits) -> Self {
        let mut contents = Self::default();
        match kind {
            Kind::Wheel => wheel::read(file, size, limits, &mut contents),
            Kind::Sdist => sdist::read(file, size, limits, &mut contents),
        }
        contents
    }

    /// The content of a member that says something about the distribution; of several with one path, the last, as
    /// Python sees it.
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        self.kept.get(path).map(Vec::as_slice)
    }

    /// A number that differs, but for rare accidents, where the members or their contents differ.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for Member { path, size, sha256, .. } in &self.members {
            (path, size, sha256).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Whether there is a member of that path that is no folder.
    pub fn has(&self, path: &str) -> bool {
        self.members.iter().any(|member| member.kind != MemberKind::Folder && member.path == path)
    }

    /// The different first parts of the members' paths, in the archive's order.
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

    /// Notes what a scanner saw in a member.
    fn saw(&mut self, sightings: Vec<Sighting>) {
        const MOST: usize = 200;
        for sighting in sightings {
            let is_alike = |known: &&Sighting| {
                std::mem::discriminant(&known.what) == std::mem::discriminant(&sighting.what)
            };
            if self.sightings.iter().filter(is_alike).count() < MOST {
                self.sightings.push(sighting);
            }
        }
    }

    fn fault(&mut self, member: Option<&str>, problem: Problem) {
        self.faults.push(Fault { member: member.map(str::to_owned), problem });
    }

    /// Keeps a member's content unless it passes a bound, which becomes a fault.
    fn keep(&mut self, path: &str, content: Vec<u8>, limits: &Limits) {
        let before: usize = self.kept.values().map(Vec::len).sum();
        if content.len() as u64 > limits.kept_member || (before + content.len()) as u64 > limits.kept {
            self.fault(Some(path), Problem::TooLarge { most: limits.kept_member });
        } else {
            self.kept.insert(path.to_owned(), content);
        }
    }
}

/// Whether a member's content is kept: the files that describe the distribution, at their place.
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
