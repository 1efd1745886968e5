//! Unpacks a run into the repository: only what belongs to one, only where it belongs, and only whole.

use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::{BUNDLE, DISTRIBUTIONS, FORMAT, Item, JOURNAL, MANIFEST, Manifest, is_ours};
use crate::engine::journal::{Header, Journal, Record, header, tail};
use crate::engine::model::Outputs;
use crate::engine::resume_state::completed_stages;
use crate::engine::run::{RunFolder, Store};
use crate::error::{Error, Result};
use crate::world::digest::hex;
use crate::world::git::{Repository, short};

/// Of a manifest, in bytes
const LARGEST_MANIFEST: u64 = 1 << 20;
/// Files in a packed run
const MOST_FILES: usize = 1_000;
/// All files of a packed run together, in bytes
const LARGEST_RUN: u64 = 4 << 30;

/// A run that has come, not yet one of the repository's
#[derive(Debug)]
pub struct ImportedRun {
    /// Where it lies meanwhile
    folder: PathBuf,
    pub header: Header,
    outputs: Outputs,
}

impl Drop for ImportedRun {
    fn drop(&mut self) {
        // Where it became a run, it is no longer there; what cannot be deleted now is by the next one.
        let _ = fs_err::remove_dir_all(&self.folder);
    }
}

/// Unpacks a run beside those of the repository, and checks it.
///
/// # Errors
/// The file cannot be read, or is not a run that pyrelease packed: then nothing of it is left.
pub fn unpack(store: &Store, file: &Path) -> Result<ImportedRun> {
    let folder = store.scratch("arriving")?;
    let unpacked = fs_err::File::open(file)
        .map_err(Error::from)
        .and_then(|archive| unpacked(archive, &folder).map_err(|reason| refused(file, &reason)))
        .and_then(|manifest| read(file, &folder, &manifest));
    let (header, records) = match unpacked {
        Ok(read) => read,
        Err(error) => {
            // The error is what counts.
            let _ = fs_err::remove_dir_all(&folder);
            return Err(error);
        }
    };
    let stages: Vec<&str> = header.stages.iter().map(|(name, _)| name.as_str()).collect();
    let (_, outputs) = completed_stages(&records, &stages);
    Ok(ImportedRun { folder, header, outputs })
}

fn refused(file: &Path, reason: &str) -> Error {
    Error::refused(format!("`{}` is not a run that pyrelease packed: {reason}", file.display()))
        .help("pack it again where the run is: `pyrelease status --export FILE`")
}

/// Unpacks into an empty folder; gives the manifest, or what is wrong.
fn unpacked(archive: impl Read, folder: &Path) -> Result<Manifest, String> {
    let broken = |error: io::Error| error.to_string();
    // Whatever the entries claim, not more is unpacked than this.
    let bounded = GzDecoder::new(archive).take(LARGEST_RUN + (16 << 20));
    let mut archive = tar::Archive::new(bounded);
    let mut entries = archive.entries().map_err(broken)?;
    let first = entries.next().ok_or("it is empty")?.map_err(broken)?;
    if name_of(&first)? != MANIFEST || first.size() > LARGEST_MANIFEST {
        return Err("it does not begin with a manifest".to_owned());
    }
    let mut text = Vec::new();
    first.take(LARGEST_MANIFEST).read_to_end(&mut text).map_err(broken)?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("its manifest: {error}"))?;
    check(&manifest)?;
    fs_err::create_dir_all(folder.join(DISTRIBUTIONS)).map_err(broken)?;
    let mut expected = manifest.files.iter();
    for entry in entries {
        let entry = entry.map_err(broken)?;
        let name = name_of(&entry)?;
        let item = expected.next().filter(|item| item.name == name && item.size == entry.size());
        let item = item.ok_or_else(|| format!("its manifest has no `{}` there", name.escape_debug()))?;
        let mut file = fs_err::OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(folder.join(&item.name))
            .map_err(broken)?;
        copy(entry, &mut file, item)?;
    }
    match expected.next() {
        None => Ok(manifest),
        Some(item) => Err(format!("it ends before `{}`", item.name)),
    }
}

/// The name of a regular file; anything else has no place in a run.
fn name_of(entry: &tar::Entry<'_, impl Read>) -> Result<String, String> {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    match entry.header().entry_type() {
        tar::EntryType::Regular => Ok(name),
        other => Err(format!("`{}` is no plain file ({other:?})", name.escape_debug())),
    }
}

fn check(manifest: &Manifest) -> Result<(), String> {
    if manifest.format != FORMAT {
        return Err(format!("it is of format {}, and this version reads {FORMAT}", manifest.format));
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
    let is_id = !manifest.run.starts_with('.') && manifest.run.chars().all(plain);
    if !(1..=128).contains(&manifest.run.len()) || !is_id {
        return Err(format!("`{}` is no run", manifest.run.escape_debug()));
    }
    let mut total: u64 = 0;
    for (at, item) in manifest.files.iter().enumerate() {
        if !is_ours(&item.name) || manifest.files[..at].iter().any(|other| other.name == item.name) {
            return Err(format!("a run has no file `{}`", item.name.escape_debug()));
        }
        total = total.saturating_add(item.size);
    }
    if manifest.files.len() > MOST_FILES || total > LARGEST_RUN {
        return Err("it holds more than a run may".to_owned());
    }
    if !manifest.files.iter().any(|item| item.name == JOURNAL) {
        return Err("it holds no journal".to_owned());
    }
    Ok(())
}

/// Copies a file that is what the manifest says.
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
        return Err(format!("`{}` is not what the manifest says", item.name));
    }
    Ok(())
}

/// The journal of what was unpacked; it must be about this run, and know every distribution.
fn read(file: &Path, folder: &Path, manifest: &Manifest) -> Result<(Header, Vec<Record>)> {
    let path = folder.join(JOURNAL);
    let shown = format!("`{}`", path.display());
    let records =
        Journal::read(&path).map_err(|error| refused(file, &error.chain().replace(&shown, "its journal")))?;
    let header = header(&records).cloned().filter(|header| header.run == manifest.run);
    let header = header.ok_or_else(|| refused(file, "its journal is another run's"))?;
    let inside = Path::new(&header.prefix).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return Err(refused(file, "its project is not in the repository"));
    }
    let stages: Vec<&str> = header.stages.iter().map(|(name, _)| name.as_str()).collect();
    let (_, outputs) = completed_stages(&records, &stages);
    for item in &manifest.files {
        let Some(name) = item.name.strip_prefix(DISTRIBUTIONS) else { continue };
        let is_known = |known: &crate::python::distribution::Distribution| {
            known.filename == name && known.sha256 == item.sha256
        };
        if !outputs.distributions.iter().any(is_known) {
            return Err(refused(file, &format!("its journal does not know `{name}` as it is there")));
        }
    }
    Ok((header, records))
}

impl ImportedRun {
    /// Whether the run can go on in this repository.
    ///
    /// # Errors
    /// The run is here already and as far; another one is unfinished; the repository is another one, or elsewhere
    /// than where the release could land.
    pub fn check(&self, store: &Store, repository: &Repository) -> Result<()> {
        let id = &self.header.run;
        if let Some(here) = store.runs()?.into_iter().find(|run| run.id() == id) {
            self.refuse_unless_behind(&here)?;
        } else if let Some(other) = store.unfinished()? {
            return Err(Error::refused(format!("run {} is here and not finished", other.id()))
                .help("finish it or undo it first: `pyrelease status` says how"));
        }
        if !repository.has(&self.header.head) {
            return Err(Error::refused(format!(
                "run {id} began at commit {}, which this repository does not have",
                short(&self.header.head)
            ))
            .help(
                "if it is a clone of the same project, `git fetch` (or `git fetch --unshallow`) brings it",
            ));
        }
        self.refuse_unless_it_can_land(repository)
    }

    /// The run may be here from before: then what has come must go further.
    fn refuse_unless_behind(&self, here: &RunFolder) -> Result<()> {
        let id = here.id();
        let told = Error::refused(format!("run {id} is here already"));
        let known = Journal::read(&here.journal())?;
        if here.is_over()? {
            return Err(told.help("it is over: `pyrelease status` shows how it ended"));
        }
        // A run that came here once has a record of that which what it came from has not.
        let own = known.iter().position(|record| *record == Record::Imported {}).unwrap_or(known.len());
        // Line by line as they were written: a record that is read has paths of where it lies.
        let (known, came) = (fs_err::read(here.journal())?, fs_err::read(self.folder.join(JOURNAL))?);
        let (known, came) = (lines(&known), lines(&came));
        let shared = known.iter().zip(&came).take_while(|(known, came)| known == came).count();
        match shared {
            shared if shared == known.len() && came.len() > shared => Ok(()),
            shared if shared >= own && shared == came.len() => {
                Err(told.help("it is as far or further: `pyrelease resume` finishes it"))
            }
            _ => Err(told.help("it has gone on here since it was packed: `pyrelease resume` finishes it")),
        }
    }

    /// Before the landing, HEAD must be where the run began, or have the release already.
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
            "run {} releases from {} at {}, and HEAD here is at {} on {}",
            began.run,
            branch.unwrap_or("a detached HEAD"),
            short(&began.head),
            short(&head.commit),
            head.shown()
        ));
        Err(match branch {
            Some(branch) if repository.contains(&began.head, &head.commit) => {
                error.help(format!("`git checkout {branch}` and `git merge --ff-only {}`", began.head))
            }
            Some(branch) => error.help(format!(
                "`git checkout {branch}`; if it has commits that the run does not know, the run cannot land on them"
            )),
            None => error.help(format!("`git checkout --detach {}`", began.head)),
        })
    }

    /// Makes what has come a run of this repository. From here on `resume` goes on with it, whatever happens.
    ///
    /// # Errors
    /// A file that cannot be moved.
    pub fn adopt(self, store: &Store) -> Result<RunFolder> {
        let mut journal = Journal::open(&self.folder.join(JOURNAL))?;
        // The manifest has its checksum.
        journal.vouch()?;
        journal.write(Record::Imported {})?;
        drop(journal);
        let run = store.run(&self.header.run);
        if !run.folder().is_dir() {
            fs_err::create_dir_all(run.folder().parent().unwrap_or(Path::new(".")))?;
            fs_err::rename(&self.folder, run.folder())?;
            store.sync_to_disk(&run)?;
            return Ok(run);
        }
        // It was here before and comes back: the journal last, for with it the run goes on.
        fs_err::create_dir_all(run.dist())?;
        for name in files_in(&self.folder)? {
            let to = run.folder().join(&name);
            let replaced = name.starts_with(DISTRIBUTIONS) || name.as_os_str() == BUNDLE;
            if name.as_os_str() != JOURNAL && (replaced || !to.exists()) {
                fs_err::rename(self.folder.join(&name), to)?;
            }
        }
        fs_err::rename(self.folder.join(JOURNAL), run.journal())?;
        // The note that is there is of a beginning of it.
        fs_err::rename(tail::path(&self.folder.join(JOURNAL)), tail::path(&run.journal()))?;
        store.sync_to_disk(&run)?;
        Ok(run)
    }
}

/// The files of a folder and of the distributions in it, relative to it.
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

/// The whole lines of a journal.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).collect()
}
