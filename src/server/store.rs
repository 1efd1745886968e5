//! The index's storage: files at `PROJECT/FILE`, and their records at `.records/PROJECT/FILE.json`. A file gets its
//! name only once it is complete and on disk; its record is written first.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fs_err as fs;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::form::Content;
use super::refusal::{Refusal, refuse};
use super::rules::{Claim, check_agreement, check_archive, confusable};
use crate::python::filename::normalize;
use crate::world::sync_to_disk;

const RECORDS: &str = ".records";
const INCOMING: &str = ".incoming";
/// Releases older than this accept no new files, as on PyPI.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A listed file
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The project's name as its author writes it
    pub(super) name: String,
    /// In PEP 440's normal form
    pub(super) version: String,
    pub(super) filename: String,
    pub(super) sdist: bool,
    pub(super) sha256: String,
    pub(super) blake2_256: String,
    /// In bytes
    pub(super) size: u64,
    #[serde(with = "rfc3339")]
    pub(super) uploaded: Timestamp,
    pub(super) summary: String,
    pub(super) requires_python: Option<String>,
}

/// A timestamp in a record, in a readable form
mod rfc3339 {
    use jiff::Timestamp;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(moment: &Timestamp, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(moment)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Files by normalized project name
type Projects = BTreeMap<String, Vec<Entry>>;

pub(super) struct Store {
    folder: PathBuf,
    projects: Mutex<Projects>,
}

impl Store {
    /// Opens the folder, or creates it.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let records = folder.join(RECORDS);
        fs::create_dir_all(&records)?;
        let incoming = folder.join(INCOMING);
        if incoming.exists() {
            // Uploads that were interrupted.
            fs::remove_dir_all(&incoming)?;
        }
        fs::create_dir_all(&incoming)?;

        let mut projects = Projects::new();
        for project in fs::read_dir(&records)? {
            let project = project?.path();
            if !project.is_dir() {
                continue;
            }
            for record in fs::read_dir(&project)? {
                let record = record?.path();
                // An incomplete record has no file yet, because the file is written after it.
                let Ok(entry) = serde_json::from_slice::<Entry>(&fs::read(&record)?) else { continue };
                let normal = normalize(&entry.name);
                let file = folder.join(&normal).join(&entry.filename);
                if fs::metadata(&file).is_ok_and(|file| file.is_file() && file.len() == entry.size) {
                    projects.entry(normal).or_default().push(entry);
                }
            }
        }
        for entries in projects.values_mut() {
            entries.sort_by_key(|entry| (entry.uploaded, entry.filename.clone()));
        }
        Ok(Self { folder: folder.to_owned(), projects: Mutex::new(projects) })
    }

    /// A new file for an upload; it is deleted unless it is kept.
    pub(super) fn incoming(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.folder.join(INCOMING))
    }

    /// The normalized names of the projects.
    pub(super) fn projects(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// A project's files in upload order.
    pub(super) fn entries(&self, project: &str) -> Vec<Entry> {
        self.lock().get(project).cloned().unwrap_or_default()
    }

    /// The path of a listed file.
    pub(super) fn path(&self, project: &str, filename: &str) -> Option<PathBuf> {
        let projects = self.lock();
        let entry = projects.get(project)?.iter().find(|entry| entry.filename == filename)?;
        Some(self.folder.join(project).join(&entry.filename))
    }

    /// Keeps a file if PyPI would. Uploading identical bytes again succeeds.
    pub(super) fn keep(&self, claim: &Claim, content: Content, now: Timestamp) -> Result<(), Refusal> {
        let failed = |error: io::Error| Refusal { status: 500, message: error.to_string() };
        let Content { filename, file, digests, .. } = content;
        // Before taking the lock, because it is slow.
        file.as_file().sync_all().map_err(failed)?;

        let mut projects = self.lock();
        let normal = normalize(&claim.name);
        if !projects.contains_key(&normal)
            && projects.keys().any(|other| confusable(other) == confusable(&normal))
        {
            return refuse(format!("The name '{}' is too similar to an existing project.", claim.name));
        }
        let known = |entry: &&Entry| entry.filename == filename || entry.blake2_256 == digests.blake2_256;
        let same = |entry: &Entry| {
            entry.filename == filename && entry.sha256 == digests.sha256 && normalize(&entry.name) == normal
        };
        match projects.values().flatten().find(known) {
            Some(entry) if same(entry) => return Ok(()),
            Some(entry) => {
                return refuse(format!(
                    "File already exists ('{filename}', with blake2_256 hash '{}').",
                    entry.blake2_256
                ));
            }
            None => {}
        }
        let version = claim.version.to_string();
        let release = || projects.get(&normal).into_iter().flatten().filter(|entry| entry.version == version);
        if release()
            .map(|entry| entry.uploaded)
            .min()
            .is_some_and(|first| now.duration_since(first) > OPEN_FOR)
        {
            return refuse("Uploading new files to releases older than 14 days is not allowed.");
        }
        if claim.sdist && release().any(|entry| entry.sdist) {
            return refuse("Only one sdist may be uploaded per release.");
        }
        check_archive(file.path(), claim.sdist)?;
        check_agreement(claim, &filename)?;

        let entry = Entry {
            name: claim.name.clone(),
            version,
            filename,
            sdist: claim.sdist,
            sha256: digests.sha256,
            blake2_256: digests.blake2_256,
            size: digests.size,
            uploaded: now,
            summary: claim.summary.clone(),
            requires_python: claim.requires_python.clone(),
        };
        self.write(&normal, &entry, file).map_err(failed)?;
        projects.entry(normal).or_default().push(entry);
        Ok(())
    }

    fn write(&self, project: &str, entry: &Entry, file: NamedTempFile) -> io::Result<()> {
        let records = self.folder.join(RECORDS).join(project);
        fs::create_dir_all(&records)?;
        let mut record = self.incoming()?;
        record.write_all(&serde_json::to_vec_pretty(entry)?)?;
        record.as_file().sync_all()?;
        record.persist(records.join(format!("{}.json", entry.filename)))?;
        sync_to_disk(&records).map_err(io::Error::other)?;

        let folder = self.folder.join(project);
        fs::create_dir_all(&folder)?;
        file.persist(folder.join(&entry.filename))?;
        sync_to_disk(&folder).map_err(io::Error::other)
    }

    fn lock(&self) -> MutexGuard<'_, Projects> {
        // A poisoned lock is harmless: an entry is pushed last.
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
