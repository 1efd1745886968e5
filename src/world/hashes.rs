//! A cache of file digests: a file is hashed again only after it was written to or replaced.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use fs_err::File;

use super::digest::Digests;
use super::files::{changed, distribution};
use crate::error::Result;
use crate::python::distribution::Distribution;

/// Changes when a file is written to or replaced
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStamp {
    /// In bytes
    size: u64,
    modified: Option<SystemTime>,
    /// Device, inode and change time; user programs cannot set the change time.
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

impl FileStamp {
    /// The stamp of an open file.
    ///
    /// # Errors
    /// The file's metadata cannot be read.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        #[cfg(unix)]
        let identity = identity(&metadata);
        Ok(Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            identity,
        })
    }

    /// Whether the file was written to between this stamp and `later`.
    pub fn was_written_before(&self, later: &Self) -> bool {
        (self.size, self.modified) != (later.size, later.modified)
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64, i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

/// Digests by path; clones share the cache.
#[derive(Debug, Clone, Default)]
pub struct Hashes(Arc<Mutex<BTreeMap<PathBuf, (FileStamp, Digests)>>>);

impl Hashes {
    /// The digests of a file, and its stamp when they were computed.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(&self, path: &Path) -> io::Result<(Digests, FileStamp)> {
        let file = File::open(path)?;
        let stamp = FileStamp::of(&file)?;
        if let Some((known, digests)) = self.lock().get(path)
            && *known == stamp
        {
            return Ok((digests.clone(), stamp));
        }
        let digests = Digests::of_file(file, stamp.size)?;
        self.lock().insert(path.to_owned(), (stamp.clone(), digests.clone()));
        Ok((digests, stamp))
    }

    /// Records the sha256 of a distribution; [`Hashes::verify`] compares against it later.
    ///
    /// # Errors
    /// The file cannot be read, or is neither an sdist nor a wheel.
    pub fn record_digest(&self, path: &Path) -> Result<Distribution> {
        distribution(path, || {
            let (digests, _) = self.of(path)?;
            Ok((digests.sha256, digests.size))
        })
    }

    /// Refuses a distribution whose bytes no longer match the recorded digest.
    ///
    /// # Errors
    /// The file cannot be read, or has changed.
    pub fn verify(&self, distribution: &Distribution) -> Result<()> {
        let (digests, _) = self.of(&distribution.path)?;
        changed(distribution, &digests.sha256)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, (FileStamp, Digests)>> {
        // A poisoned lock is harmless: each entry is inserted whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapbox::{assert_data_eq, str};

    #[test]
    fn an_unchanged_file_is_read_once_and_a_replaced_one_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo-1.0.tar.gz");
        fs_err::write(&path, "one").unwrap();
        let hashes = Hashes::default();
        let recorded = hashes.record_digest(&path).unwrap();
        let key = hashes.lock().first_entry().unwrap().get().clone();
        // Plant a wrong digest to see that the cache is used.
        let planted = Digests { sha256: "remembered".to_owned(), ..key.1.clone() };
        hashes.lock().insert(path.clone(), (key.0, planted));
        assert_eq!(hashes.of(&path).unwrap().0.sha256, "remembered");

        // Same size and same modification time, but another file
        let modified = fs_err::metadata(&path).unwrap().modified().unwrap();
        fs_err::write(folder.path().join("new"), "two").unwrap();
        fs_err::rename(folder.path().join("new"), &path).unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.file().set_modified(modified).unwrap();
        let error = hashes.verify(&recorded).unwrap_err();
        let error = error.to_string().replace(&folder.path().display().to_string(), "[FOLDER]");
        assert_data_eq!(
            error,
            str![
                "`demo-1.0.tar.gz` was changed after it was built: sha256 3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3, was 7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
            ]
        );
    }
}
