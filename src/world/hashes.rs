//! What files are known by, worked out once: whoever asks again gets the same answer without a byte being read, as
//! long as nobody has touched the file.

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

/// What changes when somebody writes to a file or puts another in its place
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStamp {
    /// In bytes
    size: u64,
    modified: Option<SystemTime>,
    /// The device, the file's number, and when anything of it was changed; nobody can set that time
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

impl FileStamp {
    /// The stamp of an open file.
    ///
    /// # Errors
    /// The system does not tell.
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

    /// Whether somebody wrote to the file between this stamp and a later one.
    pub fn was_written_before(&self, later: &Self) -> bool {
        (self.size, self.modified) != (later.size, later.modified)
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64, i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

/// Digests by the files they are of; a clone knows the same
#[derive(Debug, Clone, Default)]
pub struct Hashes(Arc<Mutex<BTreeMap<PathBuf, (FileStamp, Digests)>>>);

impl Hashes {
    /// The digests of a file, and the stamp it had when they were worked out.
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

    /// Takes down the bytes of a distribution: from here on it is known by its sha256.
    ///
    /// # Errors
    /// The file cannot be read, or is neither an sdist nor a wheel.
    pub fn record_digest(&self, path: &Path) -> Result<Distribution> {
        distribution(path, || {
            let (digests, _) = self.of(path)?;
            Ok((digests.sha256, digests.size))
        })
    }

    /// Refuses a distribution whose bytes are no longer those that were recorded.
    ///
    /// # Errors
    /// The file cannot be read or has changed.
    pub fn verify(&self, distribution: &Distribution) -> Result<()> {
        let (digests, _) = self.of(&distribution.path)?;
        changed(distribution, &digests.sha256)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, (FileStamp, Digests)>> {
        // An entry is put in whole or not at all.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nobody_touches_is_read_once_and_one_that_was_replaced_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo-1.0.tar.gz");
        fs_err::write(&path, "one").unwrap();
        let hashes = Hashes::default();
        let recorded = hashes.record_digest(&path).unwrap();
        let key = hashes.lock().first_entry().unwrap().get().clone();
        // What is remembered is what is given out.
        let told = Digests { sha256: "remembered".to_owned(), ..key.1.clone() };
        hashes.lock().insert(path.clone(), (key.0, told));
        assert_eq!(hashes.of(&path).unwrap().0.sha256, "remembered");

        // The same size, the same time of writing: it is another file all the same.
        let modified = fs_err::metadata(&path).unwrap().modified().unwrap();
        fs_err::write(folder.path().join("new"), "two").unwrap();
        fs_err::rename(folder.path().join("new"), &path).unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.file().set_modified(modified).unwrap();
        let error = hashes.verify(&recorded).unwrap_err();
        assert!(error.to_string().contains("was changed after it was built"), "{error}");
    }
}
