//! The index's storage: files at `PROJECT/FILE`, and their records at `.records/PROJECT/FILE.json`. A file gets its
//! name only once it is complete and on disk; its record is written first.

use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fs_err as fs;
use jiff::{SignedDuration, Timestamp};
use tempfile::NamedTempFile;

use super::Rules;
use super::entry::{Entry, ListedRecord, Record, RecordedMetadata};
use super::form::{Content, Form};
use super::refusal::{Refusal, refuse};
use super::rules::{Claim, check_file, confusable};
use crate::python::filename::normalize;
use crate::world::digest::hex;
use crate::world::sync_to_disk;

const RECORDS: &str = ".records";
const INCOMING: &str = ".incoming";
/// Held by the process that serves the folder
const LOCK: &str = ".lock";
/// How long to wait for an index that is stopping
const STOPPING: Duration = Duration::from_secs(1);
/// Releases older than this accept no new files, as on PyPI.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Files by normalized project name
type Projects = BTreeMap<String, Vec<Entry>>;

pub(super) struct Store {
    folder: PathBuf,
    rules: Rules,
    projects: Mutex<Projects>,
    /// Held while a file is stored, so that listings need not wait for the disk
    storing: Mutex<()>,
    _lock: fs::File,
}

/// An upload that has been received
pub(super) struct Upload {
    pub(super) claim: Claim,
    pub(super) form: Form,
    pub(super) content: Content,
    /// The provenance to serve, if it came with attestations
    pub(super) provenance: Option<String>,
}

impl Store {
    /// Opens the folder, or creates it.
    pub(super) fn open(folder: &Path, rules: Rules) -> io::Result<Self> {
        let records = folder.join(RECORDS);
        fs::create_dir_all(&records)?;
        let lock = lock(folder)?;
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
                if record.extension().is_none_or(|extension| extension != "json") {
                    continue;
                }
                // An incomplete record has no file yet, because the file is written after it.
                let Ok(ListedRecord { entry }) = serde_json::from_slice(&fs::read(&record)?) else {
                    continue;
                };
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
        let (projects, storing) = (Mutex::new(projects), Mutex::new(()));
        Ok(Self { folder: folder.to_owned(), rules, projects, storing, _lock: lock })
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

    /// Calls a function with the projects and their files.
    pub(super) fn with_projects<T>(&self, read: impl FnOnce(&Projects) -> T) -> T {
        read(&self.lock())
    }

    /// The path of a listed file, and its size; with `.metadata` after its name, those of its METADATA.
    pub(super) fn path(&self, project: &str, filename: &str) -> Option<PathBuf> {
        let projects = self.lock();
        let entries = projects.get(project)?;
        let find = |filename: &str| entries.iter().find(|entry| entry.filename == filename);
        if let Some(entry) = find(filename) {
            return Some(self.folder.join(project).join(&entry.filename));
        }
        let entry = find(filename.strip_suffix(".metadata")?)?;
        entry.core_metadata.as_ref().map(|_| self.beside(project, entry, "metadata"))
    }

    /// The provenance of a file with attestations.
    pub(super) fn provenance(&self, project: &str, entry: &Entry) -> io::Result<Vec<u8>> {
        fs::read(self.beside(project, entry, "attested"))
    }

    /// The metadata that a file was uploaded with.
    pub(super) fn metadata(&self, project: &str, entry: &Entry) -> io::Result<Vec<(String, String)>> {
        let record = fs::read(self.beside(project, entry, "json"))?;
        Ok(serde_json::from_slice::<RecordedMetadata>(&record)?.metadata)
    }

    /// What is recorded beside a file.
    fn beside(&self, project: &str, entry: &Entry, what: &str) -> PathBuf {
        self.folder.join(RECORDS).join(project).join(format!("{}.{what}", entry.filename))
    }

    /// Refuses a name that no new project may have, if the project is new.
    pub(super) fn check_project(&self, claim: &Claim) -> Result<(), Refusal> {
        let normal = normalize(&claim.name);
        let projects = self.lock();
        if self.rules == Rules::Lenient || projects.contains_key(&normal) {
            return Ok(());
        }
        claim.check_new()?;
        if projects.keys().any(|other| confusable(other) == confusable(&normal)) {
            return refuse(format!("The name '{}' is too similar to an existing project.", claim.name));
        }
        Ok(())
    }

    /// Whether exactly this file is listed already.
    fn is_known(&self, claim: &Claim, content: &Content, now: Timestamp) -> Result<bool, Refusal> {
        let normal = normalize(&claim.name);
        let Content { filename, digests, .. } = content;
        let projects = self.lock();
        let is_strict = self.rules == Rules::Pypi;
        let same_bytes = |entry: &Entry| is_strict && entry.blake2_256 == digests.blake2_256;
        let is_file = |project: &str, entry: &Entry| project == normal && entry.filename == *filename;
        let mut listed = projects
            .iter()
            .flat_map(|(project, entries)| entries.iter().map(move |entry| (project.as_str(), entry)));
        if let Some((project, entry)) =
            listed.find(|(project, entry)| is_file(project, entry) || same_bytes(entry))
        {
            if is_file(project, entry) && entry.sha256 == digests.sha256 {
                return Ok(true);
            }
            return refuse(format!(
                "File already exists ('{}', with blake2_256 hash '{}').",
                filename, digests.blake2_256
            ));
        }
        if !is_strict {
            return Ok(false);
        }
        let of_release = |entry: &&Entry| entry.parsed_version().as_ref() == Some(&claim.version);
        let release = || projects.get(&normal).into_iter().flatten().filter(of_release);
        let first = release().map(|entry| entry.uploaded).min();
        if first.is_some_and(|first| now.duration_since(first) > OPEN_FOR) {
            return refuse("Uploading new files to releases older than 14 days is not allowed.");
        }
        if claim.sdist && release().any(|entry| entry.sdist) {
            return refuse("Only one sdist may be uploaded per release.");
        }
        Ok(false)
    }

    /// Keeps a file if PyPI would. Uploading identical bytes again succeeds.
    pub(super) fn keep(&self, upload: Upload, now: Timestamp) -> Result<(), Refusal> {
        let Upload { claim, form, content, provenance } = upload;
        if self.is_known(&claim, &content, now)? {
            return Ok(());
        }
        let size = content.digests.size;
        let mut file = fs::File::open(content.file.path())?;
        let opened = check_file(&claim, &mut file, &content.filename, size, self.rules)?;
        drop(file);
        // Before taking the lock, because it is slow.
        content.file.as_file().sync_all()?;
        let metadata = opened.metadata.filter(|_| !claim.sdist);

        let _storing = self.storing.lock().unwrap_or_else(PoisonError::into_inner);
        // Another upload may have been stored meanwhile.
        self.check_project(&claim)?;
        if self.is_known(&claim, &content, now)? {
            return Ok(());
        }
        let Content { filename, file, digests, .. } = content;
        let entry = Entry {
            name: claim.name.clone(),
            version: claim.version.to_string(),
            filename,
            sdist: claim.sdist,
            python_version: claim.python_version,
            sha256: digests.sha256,
            blake2_256: digests.blake2_256,
            size: digests.size,
            uploaded: now,
            summary: claim.summary,
            requires_python: claim.requires_python,
            core_metadata: metadata.as_deref().map(sha256),
            attested: provenance.is_some(),
        };
        let record = Record { entry: &entry, metadata: form.metadata().collect() };
        let normal = normalize(&entry.name);
        let records = self.make_folder(&Path::new(RECORDS).join(&normal))?;
        let beside = [("metadata", metadata), ("attested", provenance.map(String::into_bytes))];
        for (what, bytes) in
            beside.into_iter().chain([("json", Some(serde_json::to_vec(&record).map_err(io::Error::other)?))])
        {
            if let Some(bytes) = bytes {
                self.write(&self.beside(&normal, &entry, what), &bytes)?;
            }
        }
        sync_to_disk(&records).map_err(io::Error::other)?;
        let folder = self.make_folder(Path::new(&normal))?;
        file.persist(folder.join(&entry.filename)).map_err(|error| error.error)?;
        sync_to_disk(&folder).map_err(io::Error::other)?;
        self.lock().entry(normal).or_default().push(entry);
        Ok(())
    }

    /// A folder in the index's, which survives a power cut.
    fn make_folder(&self, path: &Path) -> io::Result<PathBuf> {
        let folder = self.folder.join(path);
        if !folder.is_dir() {
            fs::create_dir_all(&folder)?;
            let parent = folder.parent().unwrap_or(&self.folder);
            sync_to_disk(parent).map_err(io::Error::other)?;
        }
        Ok(folder)
    }

    /// Writes a file whole or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.incoming()?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    fn lock(&self) -> MutexGuard<'_, Projects> {
        // A poisoned lock is harmless: an entry is pushed last.
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks a folder for this process. An index that is stopping may still hold it.
fn lock(folder: &Path) -> io::Result<fs::File> {
    let file = fs::File::create(folder.join(LOCK))?;
    let began = Instant::now();
    loop {
        match file.file().try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < STOPPING => thread::sleep(STOPPING / 20),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another index serves it"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}
