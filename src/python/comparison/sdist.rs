//! Compares the members of two source distributions.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};

use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::{Difference, examples};
use crate::python::archive::{Limits, sha256_of};

/// The members of a source distribution that are files: the path without the first folder, and its sha256
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SdistMembers(BTreeMap<String, [u8; 32]>);

impl SdistMembers {
    /// Reads a source distribution of `size` bytes.
    ///
    /// # Errors
    /// It is not a gzipped tar archive, or exceeds a limit.
    pub fn read(file: impl Read, size: u64) -> io::Result<Self> {
        let limits = Limits::default();
        let most = limits.unpacked.max(size.saturating_mul(limits.sdist_ratio));
        let unpacked = GzDecoder::new(BufReader::with_capacity(64 << 10, file)).take(most);
        let mut archive = tar::Archive::new(unpacked);
        let mut members = BTreeMap::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            if members.len() == limits.members {
                return Err(io::Error::other(format!("it has more than {} members", limits.members)));
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let Some((_, inside)) = path.split_once('/') else { continue };
            if entry.header().entry_type().is_file() {
                members.insert(inside.to_owned(), sha256_of(&mut entry)?);
            }
        }
        Ok(Self(members))
    }
}

/// How a published source distribution differs from the one that was built here. `committed` has the content of a file
/// in the release's commit.
pub fn of_sdists(
    built: &SdistMembers,
    published: &SdistMembers,
    committed: impl Fn(&str) -> Option<Vec<u8>>,
) -> Vec<Difference> {
    // The metadata is compared by itself.
    let is_compared = |path: &&String| *path != "PKG-INFO" && !path.contains(".egg-info/");
    let is_as_committed = |path: &str, hash: &[u8; 32]| {
        committed(path).is_some_and(|content| Sha256::digest(content).as_slice() == hash.as_slice())
    };
    let (mut altered, mut other) = (Vec::new(), Vec::new());
    for (path, ours) in built.0.iter().filter(|(path, _)| is_compared(path)) {
        match published.0.get(path) {
            Some(theirs) if theirs != ours && is_as_committed(path, ours) => altered.push(path),
            Some(theirs) if theirs != ours => other.push(path),
            _ => {}
        }
    }
    let only = |these: &SdistMembers, those: &SdistMembers| -> Vec<String> {
        these.0.keys().filter(|path| is_compared(path) && !those.0.contains_key(*path)).cloned().collect()
    };
    let (here, there) = (only(built, published), only(published, built));
    let mut differences = Vec::new();
    if !altered.is_empty() {
        let text = format!("it has {} with another content than the release's commit", examples(&altered));
        differences.push(Difference::serious(text));
    }
    if !other.is_empty() {
        let text = format!("it has {} with another content than the one built here", examples(&other));
        differences.push(Difference::minor(text));
    }
    if !there.is_empty() {
        differences
            .push(Difference::minor(format!("it has {}, which the one built here lacks", examples(&there))));
    }
    if !here.is_empty() {
        differences
            .push(Difference::minor(format!("it lacks {}, which the one built here has", examples(&here))));
    }
    differences
}

#[cfg(test)]
mod tests {
    use flate2::write::GzEncoder;

    use super::*;

    fn sdist(members: &[(&str, &str)]) -> SdistMembers {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (path, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, format!("demo-1.0/{path}"), content.as_bytes()).unwrap();
        }
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        SdistMembers::read(&bytes[..], bytes.len() as u64).unwrap()
    }

    #[test]
    fn only_another_content_of_a_committed_file_is_serious() {
        let built = sdist(&[("demo.py", "x = 1"), ("setup.cfg", "old"), ("PKG-INFO", "a"), ("gone", "")]);
        let published =
            sdist(&[("demo.py", "x = 2"), ("setup.cfg", "new"), ("PKG-INFO", "b"), ("new.pth", "")]);
        let committed = |path: &str| (path == "demo.py").then(|| b"x = 1".to_vec());
        let found: Vec<(bool, String)> = of_sdists(&built, &published, committed)
            .into_iter()
            .map(|difference| (difference.is_serious, difference.text))
            .collect();
        assert_eq!(
            found,
            [
                (true, "it has demo.py with another content than the release's commit".to_owned()),
                (false, "it has setup.cfg with another content than the one built here".to_owned()),
                (false, "it has new.pth, which the one built here lacks".to_owned()),
                (false, "it lacks gone, which the one built here has".to_owned()),
            ]
        );
        assert_eq!(of_sdists(&built, &built, committed), []);
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        assert!(SdistMembers::read(&b"no archive"[..], 10).is_err());
    }
}
