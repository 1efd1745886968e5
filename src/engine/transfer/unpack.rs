//! Unpacks a run into the repository: only known files, only into the run's folder, and only completely.

use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::{BUNDLE, DISTRIBUTIONS, FORMAT, Item, JOURNAL, MANIFEST, Manifest, is_allowed_name};
use crate::engine::journal::{Header, Journal, Outcome, Record, header, tail};
use crate::engine::model::Outputs;
use crate::engine::resume_state::completed_stages;
use crate::engine::run::{RunFolder, Store};
use crate::error::{Error, Result};
use crate::python::distribution::ATTESTATION;
use crate::world::digest::hex;
use crate::world::git::{Repository, short};
use crate::world::{free_space, size};

/// The largest manifest, in bytes
const LARGEST_MANIFEST: u64 = 1 << 20;
/// The most files in a packed run
const MOST_FILES: usize = 1_000;
/// The largest total size of a packed run's files, in bytes, and that of the files which its journal does not record: the
/// bundle, the notes, the logs and the attestations
const LARGEST_RUN: u64 = 4_000_000_000;
const LARGEST_REST: u64 = 250_000_000;
/// What must remain free on the disk, in bytes
const SPARE: u64 = 10_000_000;
/// The longest name of an entry, in bytes, with the NUL that ends it
const LONGEST_NAME: u64 = 512;
/// The largest journal, its longest line in bytes, and the most lines: all of it is held in memory
const LARGEST_JOURNAL: u64 = 8 << 20;
const LONGEST_LINE: usize = 2 << 20;
const MOST_LINES: usize = 20_000;

/// An unpacked run that the repository has not adopted yet
#[derive(Debug)]
pub struct ImportedRun {
    /// A temporary folder
    pub(super) folder: PathBuf,
    pub header: Header,
    pub records: Vec<Record>,
    /// What its stages gave; the paths of the distributions are in the temporary folder
    pub outputs: Outputs,
}

/// Where a repository has a run, compared with an export of it
#[derive(Debug)]
pub enum Here {
    Nowhere,
    /// The export continues the run that is here
    Behind,
    /// The run here is at least as far
    AsFar(RunFolder),
    /// The run has continued here since the export
    Apart(RunFolder),
    /// The run is over here
    Over(RunFolder, Outcome),
}

impl Drop for ImportedRun {
    fn drop(&mut self) {
        // An adopted run's folder has moved. What cannot be deleted now, the next import deletes.
        let _ = fs_err::remove_dir_all(&self.folder);
    }
}

/// Unpacks a run beside those of the repository, and checks it.
///
/// # Errors
/// The file cannot be read, or is not a valid export of a run: then nothing of it is left.
pub fn unpack(store: &Store, file: &Path) -> Result<ImportedRun> {
    let folder = store.scratch("arriving")?;
    let unreadable = |error: io::Error| {
        Error::usage(error.to_string())
            .help("name the file that `pyrelease prepare` or `pyrelease status --export` wrote")
    };
    if file.exists() && !file.is_file() {
        return Err(unreadable(io::Error::other(format!("`{}` is not a file", file.display()))));
    }
    let room = manifest_in(file).map_or(Ok(()), |manifest| expect_room(file, &manifest, free_space(&folder)));
    let unpacked = room
        .and_then(|()| fs_err::File::open(file).map_err(unreadable))
        .and_then(|archive| unpacked(archive, &folder).map_err(|reason| refused(file, &reason)));
    let (header, records) = match unpacked {
        Ok(read) => read,
        Err(error) => {
            // Report the first error.
            let _ = fs_err::remove_dir_all(&folder);
            return Err(error);
        }
    };
    let stages: Vec<&str> = header.stages.iter().map(|(name, _)| name.as_str()).collect();
    let (_, outputs) = completed_stages(&records, &stages);
    Ok(ImportedRun { folder, header, records, outputs })
}

/// Refuses a file whose content the disk cannot take. `free` is the free space in bytes, if that is known.
pub(super) fn expect_room(file: &Path, manifest: &Manifest, free: Option<u64>) -> Result<()> {
    let needed = total(&manifest.files).saturating_add(SPARE);
    match free {
        Some(free) if needed > free => Err(Error::refused(format!(
            "`{}` needs {} on the disk of the repository, which has only {} left",
            file.display(),
            size(needed),
            size(free)
        ))
        .help("free some space there; nothing was unpacked")),
        _ => Ok(()),
    }
}

fn total<'i>(files: impl IntoIterator<Item = &'i Item>) -> u64 {
    files.into_iter().fold(0, |total, item| total.saturating_add(item.size))
}

fn refused(file: &Path, reason: &str) -> Error {
    Error::refused(format!("`{}` is not a valid export of a run: {reason}", file.display()))
        .help("write it again: with `pyrelease prepare --out FILE`, or where the run is, with `pyrelease status --export FILE`")
}

/// Unpacks into an empty folder; returns the journal, or what is wrong.
fn unpacked(archive: impl Read, folder: &Path) -> Result<(Header, Vec<Record>), String> {
    let broken = |error: io::Error| error.to_string();
    // Unpack no more than this, whatever sizes the entries claim.
    let bounded = GzDecoder::new(archive).take(LARGEST_RUN + (16 << 20));
    let mut archive = tar::Archive::new(bounded);
    // Otherwise names of any length would be read into memory.
    let mut entries = archive.entries().map_err(broken)?.raw(true);
    let manifest = manifest_of(entries.next().ok_or("it is empty")?.map_err(broken)?)?;
    fs_err::create_dir_all(folder.join(DISTRIBUTIONS)).map_err(broken)?;
    let mut expected = manifest.files.iter();
    let (mut long_name, mut journal) = (None, None);
    for entry in entries {
        let entry = entry.map_err(broken)?;
        if entry.header().entry_type().is_gnu_longname() && long_name.is_none() {
            long_name = Some(long_name_in(entry)?);
            continue;
        }
        let name = match long_name.take() {
            Some(name) => expect_regular(&entry, &name).map(|()| name)?,
            None => name_of(&entry)?,
        };
        let item = expected.next().filter(|item| item.name == name && item.size == entry.size());
        let item = item
            .ok_or_else(|| format!("its manifest does not list `{}` at this place", name.escape_debug()))?;
        let mut file = fs_err::OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(folder.join(&item.name))
            .map_err(broken)?;
        copy(entry, &mut file, item)?;
        // It comes first, and bounds the rest.
        if journal.is_none() {
            journal = Some(read(folder, &manifest)?);
        }
    }
    match (expected.next(), journal) {
        (Some(item), _) => Err(format!("it ends before `{}`", item.name)),
        (None, None) => Err("it has no journal".to_owned()),
        (None, Some(journal)) => Ok(journal),
    }
}

/// The manifest, which is the first entry.
fn manifest_of(first: tar::Entry<'_, impl Read>) -> Result<Manifest, String> {
    if name_of(&first)? != MANIFEST || first.size() > LARGEST_MANIFEST {
        return Err("it does not start with a manifest".to_owned());
    }
    let mut text = Vec::new();
    first.take(LARGEST_MANIFEST).read_to_end(&mut text).map_err(|error| error.to_string())?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("its manifest is not valid: {error}"))?;
    check(&manifest).map(|()| manifest)
}

/// The id of the run in a file; none if the file is no export of a run.
pub(super) fn run_in(file: &Path) -> Option<String> {
    manifest_in(file).map(|manifest| manifest.run)
}

fn manifest_in(file: &Path) -> Option<Manifest> {
    // Opening anything else might wait forever.
    let opened = file.is_file().then(|| fs_err::File::open(file).ok()).flatten()?;
    let mut archive = tar::Archive::new(GzDecoder::new(opened).take(2 * LARGEST_MANIFEST));
    let first = archive.entries().ok()?.next()?.ok()?;
    manifest_of(first).ok()
}

/// The name of a regular file.
fn name_of(entry: &tar::Entry<'_, impl Read>) -> Result<String, String> {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    expect_regular(entry, &name).map(|()| name)
}

/// A run has no other kinds of entries.
fn expect_regular(entry: &tar::Entry<'_, impl Read>, name: &str) -> Result<(), String> {
    match entry.header().entry_type() {
        tar::EntryType::Regular => Ok(()),
        other => Err(format!("`{}` is not a regular file ({other:?})", name.escape_debug())),
    }
}

/// The name of the next entry, where it is too long for the entry's own header.
fn long_name_in(entry: tar::Entry<'_, impl Read>) -> Result<String, String> {
    let size = entry.size();
    if size > LONGEST_NAME {
        return Err(format!(
            "it has a name of {size} bytes, and a run's files have names of {LONGEST_NAME} at most"
        ));
    }
    let mut name = Vec::new();
    entry.take(LONGEST_NAME).read_to_end(&mut name).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(name.strip_suffix(b"\0").unwrap_or(&name)).into_owned())
}

/// Checks what a manifest lists; returns what is wrong.
pub(super) fn check(manifest: &Manifest) -> Result<(), String> {
    if manifest.format != FORMAT {
        return Err(format!("its format is {}, and this version reads format {FORMAT}", manifest.format));
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
    let is_id = !manifest.run.starts_with('.') && manifest.run.chars().all(plain);
    if !(1..=128).contains(&manifest.run.len()) || !is_id {
        return Err(format!("`{}` is not a valid run id", manifest.run.escape_debug()));
    }
    let count = manifest.files.len();
    if count > MOST_FILES {
        return Err(format!("it has {count} files, and a run has {MOST_FILES} at most"));
    }
    for (at, item) in manifest.files.iter().enumerate() {
        if !is_allowed_name(&item.name) {
            return Err(format!("`{}` is not a file of a run", item.name.escape_debug()));
        }
        if manifest.files[..at].iter().any(|other| other.name == item.name) {
            return Err(format!("its manifest lists `{}` twice", item.name));
        }
    }
    let whole = total(&manifest.files);
    if whole > LARGEST_RUN {
        return Err(format!("it holds {}, and a run has {} at most", size(whole), size(LARGEST_RUN)));
    }
    match manifest.files.first().filter(|item| item.name == JOURNAL) {
        None => return Err("it does not begin with a journal".to_owned()),
        Some(journal) if journal.size > LARGEST_JOURNAL => return Err(too_large_a_journal()),
        Some(_) => {}
    }
    let is_rest = |item: &&Item| !item.name.starts_with(DISTRIBUTIONS) || item.name.ends_with(ATTESTATION);
    let rest = total(manifest.files.iter().filter(is_rest));
    if rest > LARGEST_REST {
        let most = size(LARGEST_REST);
        return Err(format!("it holds {} besides distributions, and a run has {most} at most", size(rest)));
    }
    Ok(())
}

fn too_large_a_journal() -> String {
    format!("its journal is larger than {} MiB", LARGEST_JOURNAL >> 20)
}

/// Refuses a journal that would take too much memory once it is read; returns why.
pub(super) fn expect_modest(journal: &[u8]) -> Result<(), String> {
    if journal.len() as u64 > LARGEST_JOURNAL {
        return Err(too_large_a_journal());
    }
    let mut lines = 0;
    for line in journal.split(|byte| *byte == b'\n') {
        lines += 1;
        if line.len() > LONGEST_LINE || lines > MOST_LINES + 1 {
            return Err(format!(
                "its journal has more than {MOST_LINES} lines, or one of more than {} MiB",
                LONGEST_LINE >> 20
            ));
        }
    }
    Ok(())
}

/// Copies a file, and compares its size and sha256 with the manifest.
fn copy(mut from: impl Read, to: &mut impl Write, item: &Item) -> Result<(), String> {
    let broken = |error: io::Error| error.to_string();
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 128 << 10];
    let mut size = 0;
    loop {
        let read = from.read(&mut chunk).map_err(broken)?;
        if read == 0 {
            break;
        }
        size += read as u64;
        hash.update(&chunk[..read]);
        to.write_all(&chunk[..read]).map_err(broken)?;
    }
    if size != item.size || hex(&hash.finalize()) != item.sha256 {
        return Err(format!("`{}` differs from its entry in the manifest", item.name));
    }
    Ok(())
}

/// Reads the unpacked journal, which must be this run's and must record every distribution; returns what is wrong.
fn read(folder: &Path, manifest: &Manifest) -> Result<(Header, Vec<Record>), String> {
    let path = folder.join(JOURNAL);
    let shown = format!("`{}`", path.display());
    expect_modest(&fs_err::read(&path).map_err(|error| error.to_string())?)?;
    let records = Journal::read(&path).map_err(|error| error.chain().replace(&shown, "its journal"))?;
    let header = header(&records).cloned().filter(|header| header.run == manifest.run);
    let header = header.ok_or("its journal belongs to another run")?;
    let inside = Path::new(&header.prefix).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return Err("its project is outside the repository".to_owned());
    }
    let stages: Vec<&str> = header.stages.iter().map(|(name, _)| name.as_str()).collect();
    let (_, outputs) = completed_stages(&records, &stages);
    for item in &manifest.files {
        let Some(name) = item.name.strip_prefix(DISTRIBUTIONS) else { continue };
        if let Some(attested) = name.strip_suffix(ATTESTATION) {
            if outputs.files().all(|known| known.filename != attested) {
                return Err(format!("its journal does not record `{attested}`, which `{name}` attests"));
            }
            continue;
        }
        let is_known = |known: &crate::python::distribution::Distribution| {
            known.filename == name && known.sha256 == item.sha256 && known.size == item.size
        };
        if !outputs.files().any(is_known) {
            return Err(format!("its journal does not record `{name}` with these bytes"));
        }
    }
    Ok((header, records))
}

impl ImportedRun {
    /// Checks that the run can continue in this repository.
    ///
    /// # Errors
    /// The run exists here and is at least as far; another run is unfinished; the repository does not have the run's
    /// commit; HEAD is not where the release can land.
    pub fn check(&self, store: &Store, repository: &Repository) -> Result<()> {
        let id = &self.header.run;
        let exists = || Error::refused(format!("run {id} already exists here"));
        match self.here(store)? {
            Here::Behind => {}
            Here::Nowhere => {
                if let Some(other) = store.unfinished()? {
                    return Err(Error::refused(format!("run {} is unfinished here", other.id()))
                        .help("complete or undo it first: `pyrelease status` shows how"));
                }
            }
            Here::Over(..) => return Err(exists().help("it is over: `pyrelease status` shows how it ended")),
            Here::AsFar(_) => {
                return Err(exists().help("it is at least as far here: `pyrelease resume` finishes it"));
            }
            Here::Apart(_) => {
                return Err(
                    exists().help("it has continued here since the export: `pyrelease resume` finishes it")
                );
            }
        }
        self.check_repository(repository)
    }

    /// Checks that the release can land in this repository.
    ///
    /// # Errors
    /// The repository does not have the run's commit; HEAD is not where the release can land.
    pub fn check_repository(&self, repository: &Repository) -> Result<()> {
        let id = &self.header.run;
        if !repository.has(&self.header.head) {
            return Err(Error::refused(format!(
                "run {id} began at commit {}, which this repository does not have",
                short(&self.header.head)
            ))
            .help(
                "if this is a clone of the same project, `git fetch` (or `git fetch --unshallow`) gets it",
            ));
        }
        self.refuse_unless_it_can_land(repository)
    }

    /// Finds the run in the repository, and compares it with the export.
    ///
    /// # Errors
    /// The journal of the run here is damaged.
    pub fn here(&self, store: &Store) -> Result<Here> {
        let Some(local) = store.runs()?.into_iter().find(|run| run.id() == self.header.run) else {
            return Ok(Here::Nowhere);
        };
        if local.is_over()? {
            let outcome = if local.is_given_up() { None } else { local.outcome()? };
            return Ok(Here::Over(local, outcome.unwrap_or(Outcome::GivenUp)));
        }
        let records = Journal::read(&local.journal())?;
        // An imported journal has an `Imported` record; its origin does not.
        let own = records.iter().position(|record| *record == Record::Imported {}).unwrap_or(records.len());
        // Compare the written lines: the paths in parsed records depend on the journal's folder.
        let (known, imported) = (fs_err::read(local.journal())?, fs_err::read(self.folder.join(JOURNAL))?);
        let (known, imported) = (lines(&known), lines(&imported));
        let shared = known.iter().zip(&imported).take_while(|(known, imported)| known == imported).count();
        Ok(match shared {
            shared if shared == known.len() && imported.len() > shared => Here::Behind,
            shared if shared >= own && shared == imported.len() => Here::AsFar(local),
            _ => Here::Apart(local),
        })
    }

    /// Refuses a run that cannot land: HEAD must be where the run began, or have the release in its history.
    fn refuse_unless_it_can_land(&self, repository: &Repository) -> Result<()> {
        let began = &self.header;
        let Some(release) = &self.outputs.commit else { return Ok(()) };
        let head = repository.head()?;
        let at_beginning = head.commit == began.head || repository.contains(&head.commit, release);
        if head.branch == began.branch && at_beginning {
            return Ok(());
        }
        let branch = began.branch.as_ref().map(|_| began.shown_branch());
        let error = Error::refused(format!(
            "run {} releases from {} at {}, but HEAD here is at {} on {}",
            began.run,
            branch.unwrap_or("a detached HEAD"),
            short(&began.head),
            short(&head.commit),
            head.shown()
        ));
        Err(match branch {
            Some(branch) if repository.contains(&began.head, &head.commit) => {
                error.help(format!("run `git checkout {branch}` and `git merge --ff-only {}`", began.head))
            }
            Some(branch) => error.help(format!(
                "run `git checkout {branch}`; if the branch has commits that the run does not have, the run cannot \
                 land \
                 on it"
            )),
            None => error.help(format!("run `git checkout --detach {}`", began.head)),
        })
    }

    /// Makes the imported run one of this repository, which `resume` continues.
    ///
    /// # Errors
    /// A file cannot be moved.
    pub fn adopt(self, store: &Store) -> Result<RunFolder> {
        let mut journal = Journal::open(&self.folder.join(JOURNAL))?;
        // The manifest's checksum proves that it is complete.
        journal.mark_as_whole()?;
        journal.write(Record::Imported {})?;
        drop(journal);
        let run = store.run(&self.header.run);
        if !run.folder().is_dir() {
            fs_err::create_dir_all(run.folder().parent().unwrap_or(Path::new(".")))?;
            fs_err::rename(&self.folder, run.folder())?;
            store.sync_to_disk(&run)?;
            return Ok(run);
        }
        // The run was exported from here and comes back. Move the journal last: the others are useless without it.
        fs_err::create_dir_all(run.dist())?;
        for name in files_in(&self.folder)? {
            let to = run.folder().join(&name);
            let replaced = name.starts_with(DISTRIBUTIONS) || name.as_os_str() == BUNDLE;
            if name.as_os_str() != JOURNAL && (replaced || !to.exists()) {
                fs_err::rename(self.folder.join(&name), to)?;
            }
        }
        fs_err::rename(self.folder.join(JOURNAL), run.journal())?;
        // Replace the note, which covers only the beginning of the journal.
        fs_err::rename(tail::path(&self.folder.join(JOURNAL)), tail::path(&run.journal()))?;
        store.sync_to_disk(&run)?;
        Ok(run)
    }
}

/// The files of a run's folder, including the distributions, relative to it.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for below in ["", DISTRIBUTIONS] {
        for entry in fs_err::read_dir(folder.join(below))? {
            let entry = entry?;
            if entry.path().is_file() {
                files.push(Path::new(below).join(entry.file_name()));
            }
        }
    }
    Ok(files)
}

/// The complete lines of a journal.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).collect()
}
