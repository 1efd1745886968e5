//! What an archive tells about its members.

use std::io::{self, BufReader, Read, Seek};

use flate2::read::GzDecoder;

use crate::python::archive::{Limits, encode_digest, read_directory, sha256_of};
use crate::python::distribution::Kind;

/// The members of a distribution in their order, and what surrounds them
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The time, the name and the system in the header of a gzip file
    pub(super) envelope: String,
    pub(super) members: Vec<Member>,
}

/// Everything about a member, as text
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) path: String,
    /// A digest of the bytes, or the target of a link
    pub(super) content: String,
    pub(super) modified: String,
    /// The kind and the permissions
    pub(super) mode: String,
    pub(super) owner: String,
    pub(super) packing: String,
}

impl Archive {
    /// Reads a distribution of `size` bytes that was just built.
    ///
    /// # Errors
    /// It is damaged, or exceeds a limit.
    pub fn read(file: &mut (impl Read + Seek), kind: Kind, size: u64) -> io::Result<Self> {
        match kind {
            Kind::Wheel => wheel(file, size),
            Kind::Sdist => sdist(file, size),
        }
    }
}

fn wheel(file: &mut (impl Read + Seek), size: u64) -> io::Result<Archive> {
    let entries = read_directory(file, size, &Limits::default())
        .map_err(|problem| io::Error::other(problem.to_string()))?;
    let members = entries.into_iter().map(|entry| Member {
        path: String::from_utf8_lossy(&entry.name).into_owned(),
        content: format!("{:08x} {}", entry.crc, entry.size),
        modified: dos_time(entry.modified),
        mode: format!("{:o}", entry.attributes >> 16),
        owner: String::new(),
        packing: format!("method {}, {} bytes", entry.method, entry.packed),
    });
    Ok(Archive { envelope: String::new(), members: members.collect() })
}

/// The date and time of a ZIP archive, which counts two seconds as one.
fn dos_time(packed: u32) -> String {
    let (date, time) = (packed >> 16, packed & 0xffff);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        1980 + (date >> 9),
        date >> 5 & 15,
        date & 31,
        time >> 11,
        time >> 5 & 63,
        (time & 31) * 2
    )
}

fn sdist(file: impl Read, size: u64) -> io::Result<Archive> {
    let limits = Limits::default();
    let most = limits.unpacked.max(size.saturating_mul(limits.sdist_ratio));
    let unpacked = GzDecoder::new(BufReader::with_capacity(64 << 10, file));
    let envelope = unpacked.header().map(|header| {
        let name = String::from_utf8_lossy(header.filename().unwrap_or_default()).into_owned();
        format!("time {}, name `{name}`, system {}", header.mtime(), header.operating_system())
    });
    let mut archive = tar::Archive::new(unpacked.take(most));
    let mut members = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if members.len() == limits.members {
            return Err(io::Error::other(format!("it has more than {} members", limits.members)));
        }
        let header = entry.header().clone();
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        // A pax header has fractions of seconds.
        let modified = match entry.pax_extensions()? {
            Some(extensions) => extensions
                .flatten()
                .find(|one| one.key() == Ok("mtime"))
                .and_then(|one| one.value().ok().map(str::to_owned)),
            None => None,
        };
        let content = match entry.link_name_bytes() {
            Some(target) => format!("-> {}", String::from_utf8_lossy(&target)),
            None => encode_digest(&sha256_of(&mut entry)?),
        };
        members.push(Member {
            path: String::from_utf8_lossy(&entry.path_bytes()).into_owned(),
            content,
            modified: modified.map_or_else(|| header.mtime().map(|time| time.to_string()), Ok)?,
            mode: format!("{:o}", header.mode()?),
            owner: format!(
                "{} {}/{} {}",
                header.uid()?,
                text(header.username_bytes()),
                header.gid()?,
                text(header.groupname_bytes())
            ),
            packing: String::new(),
        });
    }
    Ok(Archive { envelope: envelope.unwrap_or_default(), members })
}
