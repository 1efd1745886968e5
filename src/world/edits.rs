//! Changes several files as one: all of them or none, whatever interrupts it.
//!
//! The new files are written beside a manifest first. Once the manifest is there, the change is decided: what was
//! interrupted later is completed by the next command.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::failpoints::{self, Failpoint, InEffect};
use super::files::{sha256_of, sync_to_disk, write_whole};
use crate::error::{Error, Result};

const MANIFEST: &str = "manifest.json";

/// A change of a file
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub path: PathBuf,
    /// Its bytes before; none if it is new
    pub before: Option<Vec<u8>>,
    /// Its bytes afterwards; none if it is deleted
    pub after: Option<Vec<u8>>,
}

/// A change in the manifest, with the sha256 of the bytes
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    path: PathBuf,
    before: Option<String>,
    after: Option<String>,
}

/// Edits that were decided, in their folder until all of them are made
#[derive(Debug)]
pub struct PendingEdits {
    folder: PathBuf,
    entries: Vec<Entry>,
}

impl PendingEdits {
    /// Those that an earlier command has left in the folder, if any.
    ///
    /// # Errors
    /// The manifest cannot be read.
    pub fn find(folder: &Path) -> Result<Option<Self>> {
        let manifest = folder.join(MANIFEST);
        if !manifest.is_file() {
            return Ok(None);
        }
        let entries = serde_json::from_slice(&fs_err::read(&manifest)?).map_err(|error| {
            Error::left(format!("`{}` is not valid", manifest.display())).because(error).help(format!(
                "delete `{}`; the files that it names may be changed in part",
                folder.display()
            ))
        })?;
        Ok(Some(Self { folder: folder.to_owned(), entries }))
    }

    /// Decides the edits: from here on they can be completed, and nothing is changed yet.
    ///
    /// # Errors
    /// The folder cannot be written, or one of the files is not as it was.
    pub fn decide(folder: &Path, edits: &[Edit]) -> Result<Self> {
        if folder.is_dir() {
            fs_err::remove_dir_all(folder)?;
        }
        fs_err::create_dir_all(folder)?;
        let mut entries = Vec::new();
        for (at, edit) in edits.iter().enumerate() {
            let digest = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(sha256_of);
            let entry =
                Entry { path: edit.path.clone(), before: digest(&edit.before), after: digest(&edit.after) };
            if current(&entry.path)? != entry.before {
                let message = format!("`{}` was changed meanwhile", entry.path.display());
                return Err(Error::refused(message).help("nothing was changed; try again"));
            }
            if let Some(bytes) = &edit.after {
                let file = new_file(folder, at);
                fs_err::write(&file, bytes)?;
                sync_to_disk(&file)?;
            }
            entries.push(entry);
        }
        let inside = InEffect::begin();
        let manifest = serde_json::to_vec(&entries).expect("a manifest has string keys only");
        failpoints::in_effect(Failpoint::FileWritten, || "the new files".to_owned());
        write_whole(&folder.join(MANIFEST), &manifest)?;
        sync_to_disk(folder)?;
        failpoints::in_effect(Failpoint::FileWritten, || MANIFEST.to_owned());
        drop(inside);
        Ok(Self { folder: folder.to_owned(), entries })
    }

    /// Makes the edits that are not made yet. Returns the files that somebody has changed since, which stay as they are.
    ///
    /// # Errors
    /// A file cannot be written; the rest can be completed later.
    pub fn complete(self) -> Result<Vec<PathBuf>> {
        let inside = InEffect::begin();
        let mut changed_since = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let now = current(&entry.path)?;
            if now == entry.after {
                continue;
            }
            if now != entry.before {
                changed_since.push(entry.path.clone());
                continue;
            }
            match entry.after {
                Some(_) => replace(&new_file(&self.folder, at), &entry.path)?,
                None => fs_err::remove_file(&entry.path)?,
            }
            failpoints::in_effect(Failpoint::FileWritten, || entry.path.display().to_string());
        }
        let mut folders =
            self.entries.iter().filter_map(|entry| entry.path.parent()).filter(|folder| folder.is_dir());
        folders.try_for_each(sync_to_disk)?;
        fs_err::remove_file(self.folder.join(MANIFEST))?;
        drop(inside);
        // Without its manifest the folder means nothing.
        let _ = fs_err::remove_dir_all(&self.folder);
        Ok(changed_since)
    }
}

fn new_file(folder: &Path, at: usize) -> PathBuf {
    folder.join(at.to_string())
}

/// The sha256 of a file; none if it does not exist.
fn current(path: &Path) -> Result<Option<String>> {
    match fs_err::read(path) {
        Ok(bytes) => Ok(Some(sha256_of(&bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Replaces a file at once, with its permissions. Nobody sees it half written.
fn replace(new: &Path, path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    if let Ok(known) = fs_err::metadata(path) {
        fs_err::set_permissions(new, known.permissions())?;
    }
    match fs_err::rename(new, path) {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
            let permissions = fs_err::metadata(new)?.permissions();
            write_whole(path, &fs_err::read(new)?)?;
            Ok(fs_err::set_permissions(path, permissions)?)
        }
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(folder: &Path) -> Vec<Edit> {
        let edit = |name: &str, before: Option<&str>, after: Option<&str>| Edit {
            path: folder.join(name),
            before: before.map(|text| text.as_bytes().to_vec()),
            after: after.map(|text| text.as_bytes().to_vec()),
        };
        vec![
            edit("changed", Some("old"), Some("new")),
            edit("deleted", Some("old"), None),
            edit("folder/added", None, Some("new")),
        ]
    }

    #[test]
    fn what_is_decided_is_completed_and_others_edits_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (pending, folder) = (folder.path().join("pending"), folder.path());
        for name in ["changed", "deleted"] {
            fs_err::write(folder.join(name), "old").unwrap();
        }
        PendingEdits::decide(&pending, &edits(folder)).unwrap();
        assert_eq!(fs_err::read_to_string(folder.join("changed")).unwrap(), "old");
        fs_err::write(folder.join("deleted"), "edited since").unwrap();
        let found = PendingEdits::find(&pending).unwrap().unwrap();
        assert_eq!(found.complete().unwrap(), [folder.join("deleted")]);
        for (name, text) in [("changed", "new"), ("deleted", "edited since"), ("folder/added", "new")] {
            assert_eq!(fs_err::read_to_string(folder.join(name)).unwrap(), text, "{name}");
        }
        assert!(PendingEdits::find(&pending).unwrap().is_none() && !pending.exists());
    }

    #[test]
    fn nothing_is_decided_for_a_file_that_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let pending = folder.path().join("pending");
        fs_err::write(folder.path().join("changed"), "another").unwrap();
        let error = PendingEdits::decide(&pending, &edits(folder.path())).unwrap_err();
        assert!(error.to_string().contains("was changed meanwhile"), "{error}");
        assert!(PendingEdits::find(&pending).unwrap().is_none());
    }
}
