//! One resolution of an environment on disk: its folder, its record, its lock and the backends that were seen in it.

use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::files::{self, FileRecord};
use super::{ResolvedEnvironment, Wanted};
use crate::error::Result;
use crate::world::write_whole;

const FORMAT: u32 = 1;
const RECORD: &str = "json";
pub(super) const LOCK: &str = "lock";
const SEEN: &str = "seen";
const MODULES: &str = "modules";
/// The folder of what is being installed
pub(super) const LISTS: &str = "lists";
/// How much the clock may be set back before what it says about an age counts for nothing
const SET_BACK: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    format: u32,
    pub(super) resolved: ResolvedEnvironment,
    files: BTreeMap<String, FileRecord>,
}

/// A complete generation, locked against removal
#[derive(Debug)]
pub(super) struct Generation {
    folder: PathBuf,
    record: Record,
    _lock: fs_err::File,
}

/// The lock of those who make a generation for the key with this folder.
pub(super) fn making(folder: &Path, say: &dyn Fn(&str)) -> Result<fs_err::File> {
    let lock = open_lock(&folder.join(LOCK))?;
    if lock.file().try_lock().is_err() {
        say("waiting for another pyrelease to make the build environment");
        lock.file().lock()?;
    }
    Ok(lock)
}

pub(super) fn open_lock(path: &Path) -> std::io::Result<fs_err::File> {
    fs_err::OpenOptions::new().create(true).append(true).open(path)
}

impl Generation {
    /// The newest generation of a key, if it is complete, intact and new enough.
    pub(super) fn newest(key: &Path, wanted: &Wanted<'_>) -> Option<Self> {
        let names = fs_err::read_dir(key).ok()?.flatten().map(|entry| entry.path());
        let folder = names.filter(|path| path.extension().is_some_and(|ending| ending == RECORD)).max()?;
        let folder = folder.with_extension("");
        let lock = open_lock(&folder.with_extension(LOCK)).ok()?;
        if matches!(lock.file().try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return None;
        }
        let record: Record =
            serde_json::from_slice(&fs_err::read(folder.with_extension(RECORD)).ok()?).ok()?;
        let is_current = record.format == FORMAT && is_new_enough(record.resolved.time(), wanted);
        let generation = Self { folder, record, _lock: lock };
        if !is_current || !generation.changed(false).is_ok_and(|changed| changed.is_empty()) {
            return None;
        }
        // Removal counts from the last use; without the time it comes early.
        let _ = generation._lock.file().set_modified(SystemTime::now());
        Some(generation)
    }

    /// Makes a generation: `install` fills the folder.
    pub(super) fn make(
        key: &Path,
        install: impl FnOnce(&Path) -> Result<ResolvedEnvironment>,
    ) -> Result<Self> {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%S%3f");
        let folder = key.join(format!("{time}-{:05}", std::process::id() % 100_000));
        let lock = open_lock(&folder.with_extension(LOCK))?;
        lock.file().lock()?;
        let made = install(&folder).and_then(|resolved| {
            let record = Record { format: FORMAT, resolved, files: files::record(&folder)? };
            write_whole(
                &folder.with_extension(RECORD),
                &serde_json::to_vec(&record).map_err(std::io::Error::other)?,
            )?;
            Ok(record)
        });
        match made {
            Ok(record) => {
                lock.file().lock_shared()?;
                Ok(Self { folder, record, _lock: lock })
            }
            Err(error) => {
                remove(&folder);
                Err(error)
            }
        }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// The files that are not as they were made.
    pub(super) fn changed(&self, by_content: bool) -> Result<Vec<String>> {
        files::differing(&self.folder, &self.record.files, by_content)
    }

    /// Whether a build by this backend left all files as they were.
    pub(super) fn has_seen(&self, backend: &str) -> bool {
        let seen = fs_err::read_to_string(self.folder.with_extension(SEEN));
        seen.is_ok_and(|seen| seen.lines().any(|line| line == backend))
    }

    /// Notes that it did. Without the note the bytes are compared once more.
    pub(super) fn see(&self, backend: &str) {
        let path = self.folder.with_extension(SEEN);
        let mut seen = fs_err::read_to_string(&path).unwrap_or_default();
        seen.push_str(backend);
        seen.push('\n');
        let _ = write_whole(&path, seen.as_bytes());
    }

    /// What the hooks of each backend imported.
    pub(super) fn modules(&self) -> BTreeMap<String, Vec<String>> {
        let text = fs_err::read(self.folder.with_extension(MODULES)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Notes what the hooks of a backend imported. Without the note they import it again.
    pub(super) fn note_modules(&self, backend: &str, modules: &[String]) {
        let mut known = self.modules();
        known.insert(backend.to_owned(), modules.to_vec());
        let text = serde_json::to_vec(&known).unwrap_or_default();
        let _ = write_whole(&self.folder.with_extension(MODULES), &text);
    }

    /// Removes the record, so that nobody uses it from now on. The files go when no build uses them.
    pub(super) fn discard(&self) -> Result<()> {
        Ok(fs_err::remove_file(self.folder.with_extension(RECORD))?)
    }
}

/// Whether the times of the resolution are as wanted. A given set of packages does not age.
fn is_new_enough(resolved: Option<Timestamp>, wanted: &Wanted<'_>) -> bool {
    if wanted.like.is_some() {
        return true;
    }
    let Some(resolved) = resolved else { return false };
    let age = Timestamp::now().duration_since(resolved);
    let longest = SignedDuration::try_from(wanted.max_age).unwrap_or(SignedDuration::MAX);
    let is_after = wanted.not_before.is_none_or(|earliest| resolved >= earliest);
    is_after && age <= longest && age >= -SET_BACK
}

/// Removes a generation, the record first. A failure leaves it to be removed later.
pub(super) fn remove(folder: &Path) {
    let _ = fs_err::remove_file(folder.with_extension(RECORD));
    let _ = fs_err::remove_dir_all(folder.with_extension(LISTS));
    if folder.exists() && fs_err::remove_dir_all(folder).is_err() {
        return;
    }
    for rest in [SEEN, MODULES, LOCK] {
        let _ = fs_err::remove_file(folder.with_extension(rest));
    }
}

/// Whether a generation has a record.
pub(super) fn is_complete(folder: &Path) -> bool {
    folder.with_extension(RECORD).is_file()
}
