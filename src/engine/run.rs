//! A run's folder under `.git/pyrelease/runs/`, and the lock that admits one run at a time.

use std::ffi::OsString;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::event::{Event, Listener};
use super::journal::{End, Header, Journal, Outcome, Record, end_of, is_held, reserve, tail};
use crate::config::Names;
use crate::engine::journal::may_be_on_an_index;
use crate::error::{Error, Result};
use crate::python::filename::normalize;
use crate::world::git::Repository;
use crate::world::watchdog::Watchdog;
use crate::world::{clock, orphans, sync_to_disk};

/// How many runs keep their journals
const KEPT_RUNS: usize = 20;
/// The file that marks a run as given up if its journal cannot be written
const GIVEN_UP: &str = "given-up";
/// The folder of a run that is being deleted, beside the runs
const DISCARDED: &str = "discarded";
/// How long the watchdog of a killed run may hold the lock: longer than [`orphans::terminate_all`] takes
const WATCHDOG_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a process that was killed may hold the lock before it has ended
const DYING: Duration = Duration::from_millis(500);
/// How long to wait for a command that holds the lock and has no run under way: it may only look
const LOOKING: Duration = Duration::from_secs(2);

/// The folder `.git/pyrelease` of a repository, shared by all its worktrees
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    pub fn of(repository: &Repository) -> Result<Self> {
        Ok(Self { folder: fs_err::canonicalize(repository.common_folder())?.join("pyrelease") })
    }

    fn runs_folder(&self) -> PathBuf {
        self.folder.join("runs")
    }

    /// All runs, the oldest first.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn runs(&self) -> Result<Vec<RunFolder>> {
        let mut found = Vec::new();
        let folder = self.runs_folder();
        if !folder.is_dir() {
            return Ok(found);
        }
        for entry in fs_err::read_dir(&folder)? {
            let entry = entry?;
            if let (true, Ok(id)) = (entry.path().is_dir(), entry.file_name().into_string()) {
                found.push(RunFolder { folder: entry.path(), id, member: None });
            }
        }
        found.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(found)
    }

    /// The folder of a run by its id, which may not exist.
    pub fn run(&self, id: &str) -> RunFolder {
        RunFolder { folder: self.runs_folder().join(id), id: id.to_owned(), member: None }
    }

    /// Deletes a run that nobody needs any more. A kill in between leaves no half of a run. The caller holds the lock.
    ///
    /// # Errors
    /// Its folder cannot be moved.
    pub fn discard(&self, run: &RunFolder) -> Result<()> {
        let discarded = self.folder.join(DISCARDED);
        fs_err::rename(run.folder(), &discarded)?;
        // The next command retries what cannot be deleted now.
        let _ = fs_err::remove_dir_all(discarded);
        Ok(())
    }

    /// A new id. Ids sort in the order in which the runs began.
    ///
    /// # Errors
    /// As [`Store::runs`].
    pub(super) fn new_id(&self) -> Result<String> {
        Ok(id(jiff::Timestamp::now(), self.runs()?.last().map(RunFolder::id)))
    }

    /// Creates an empty folder beside the runs, to be renamed to a run, and deletes an earlier folder of that name. The
    /// caller holds the lock.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.is_dir() {
            fs_err::remove_dir_all(&folder)?;
        }
        fs_err::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// The file with the notes that the user is writing for a version, until a run has them.
    pub fn draft(&self, version: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("notes-{version}.{ending}"))
    }

    /// The folder of edits of the working tree that are not all made yet.
    pub fn pending_edits(&self) -> PathBuf {
        self.folder.join("edits")
    }

    /// The newest run that is not over.
    ///
    /// # Errors
    /// A journal is damaged.
    pub fn unfinished(&self) -> Result<Option<RunFolder>> {
        for run in self.runs()?.into_iter().rev() {
            if !run.is_over()? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    /// Takes the lock.
    ///
    /// # Errors
    /// Another run is under way in this repository.
    pub fn lock(&self) -> Result<Lock> {
        fs_err::create_dir_all(&self.folder)?;
        let path = self.folder.join("lock");
        let file =
            fs_err::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
        let mut file = file.into_file();
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => return Err(no_locks(&path, error)),
            }
            let (holder, is_dead) = holder(&mut file);
            let patience = match is_dead {
                // On a full disk, a run could not write its name.
                Some(true) | None => WATCHDOG_TIMEOUT,
                Some(false) if self.is_run_under_way() => DYING,
                // A command that only looks releases the lock soon.
                Some(false) => LOOKING,
            };
            if began.elapsed() > patience {
                let holder = if holder.is_empty() { "another process" } else { &holder };
                return Err(Error::refused(format!(
                    "a release is already under way in this repository ({holder})"
                ))
                .help("wait for it to end; `pyrelease status` shows where it is"));
            }
            // The dead run's watchdog holds the lock, too, until it has ended the run's processes.
            std::thread::sleep(Duration::from_millis(20));
        }
        let now = clock::now().strftime("%F %T").to_string();
        let process = std::process::id();
        let started = orphans::start_of(process).map(|started| format!("{started}\n")).unwrap_or_default();
        let holder = format!("process {process} since {now}\n{started}");
        // A full disk must not prevent a rollback: ignore a failure to write the holder's name.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        self.sweep();
        Ok(Lock { file })
    }

    /// Whether a process writes the journal of a run that is not over.
    fn is_run_under_way(&self) -> bool {
        self.unfinished().is_ok_and(|run| run.is_some_and(|run| is_held(&run.journal())))
    }

    /// Deletes the clones of runs that are over but were killed before they could delete them.
    fn sweep(&self) {
        // What is left of a run that was being deleted.
        let _ = fs_err::remove_dir_all(self.folder.join(DISCARDED));
        let has_leftovers = |run: &&RunFolder| run.tree().is_dir() || reserve(&run.journal()).exists();
        for run in self.runs().unwrap_or_default().iter().filter(has_leftovers) {
            if run.is_rehearsal() && !run.journal().is_file() {
                let _ = fs_err::remove_dir_all(&run.folder);
            } else if run.is_over().unwrap_or(false) {
                // Keep distributions that may be public.
                let is_nowhere = matches!(run.outcome(), Ok(Some(Outcome::RolledBack)))
                    && end_of(&run.journal()) == End::Noted
                    && Journal::read(&run.journal()).is_ok_and(|records| !may_be_on_an_index(&records));
                // The next command retries what cannot be deleted now.
                let _ = run.clear(is_nowhere);
                let _ = fs_err::remove_file(reserve(&run.journal()));
            }
        }
    }

    /// Whether a run is under way: a process other than the watchdog of a killed run holds the lock.
    pub fn is_locked(&self) -> bool {
        let path = self.folder.join("lock");
        let Ok(file) = fs_err::OpenOptions::new().read(true).write(true).open(path) else { return false };
        let mut file = file.into_file();
        let is_held = matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock));
        is_held && holder(&mut file).1 != Some(true)
    }

    /// Creates a run's folder and its journal, and deletes the oldest runs that are over.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn begin(&self, header: impl FnOnce(String) -> Header) -> Result<(RunFolder, Journal)> {
        let runs: Vec<RunFolder> = self.runs()?.into_iter().filter(|run| !run.is_rehearsal()).collect();
        for old in runs.iter().take(runs.len().saturating_sub(KEPT_RUNS)) {
            if old.is_over().unwrap_or(false) {
                fs_err::remove_dir_all(&old.folder)?;
            }
        }
        let run = self.run(&self.new_id()?);
        fs_err::create_dir_all(&run.folder)?;
        let journal = Journal::create(&run.journal(), header(run.id.clone()));
        let journal = journal.and_then(|journal| self.sync_to_disk(&run).map(|()| journal));
        if journal.is_err() {
            // Nothing has happened yet. A folder without a journal does not count as a run.
            let _ = fs_err::remove_dir_all(&run.folder);
        }
        Ok((run, journal?))
    }
}

impl Store {
    /// Syncs a run's folder and its parents to the disk, so that a power cut cannot remove the journal with its folder.
    pub(super) fn sync_to_disk(&self, run: &RunFolder) -> Result<()> {
        let outside = self.folder.parent().unwrap_or(&self.folder);
        [run.folder(), &self.runs_folder(), &self.folder, outside].into_iter().try_for_each(sync_to_disk)
    }
}

/// The refusal to work where nothing keeps two runs apart.
fn no_locks(path: &Path, error: std::io::Error) -> Error {
    Error::refused(format!("`{}` cannot be locked, so another run could begin meanwhile", path.display()))
        .because(error)
        .help("file systems without locks (some network file systems) cannot have releases: use a clone on another disk")
}

/// The holder of the lock, and whether that process is dead, if the file names it. A process with its id that began at
/// another time is another one: systems use ids again.
#[expect(clippy::disallowed_types, reason = "fs_err has no locks")]
fn holder(lock: &mut std::fs::File) -> (String, Option<bool>) {
    let mut text = String::new();
    // On Windows a locked file cannot be read, and the holder stays unnamed.
    let _ = lock.rewind().and_then(|()| lock.read_to_string(&mut text).map(drop));
    let mut lines = text.lines();
    let holder = lines.next().unwrap_or_default();
    let started = lines.next().and_then(|ticks| ticks.parse().ok());
    let process = holder.split(' ').nth(1).and_then(|process| process.parse().ok());
    let is_dead = process.map(|process| match started {
        Some(started) => !orphans::is_alive(process) || orphans::start_of(process) != Some(started),
        None => !orphans::is_alive(process),
    });
    (holder.to_owned(), is_dead)
}

/// The id of a new run. It sorts after the last one, even if the clock was set back in between.
fn id(now: jiff::Timestamp, last: Option<&str>) -> String {
    let time = now.strftime("%Y%m%dT%H%M%S%3f").to_string();
    let id = format!("{time}-{:05}", std::process::id() % 100_000);
    match last {
        Some(last) if *id <= *last => format!("{last}.{:05}", std::process::id() % 100_000),
        _ => id,
    }
}

/// The lock of a repository; released when dropped or when the process ends, however it ends
#[derive(Debug)]
#[expect(clippy::disallowed_types, reason = "fs_err has no locks")]
pub struct Lock {
    file: std::fs::File,
}

impl Lock {
    /// Starts the watchdog of a run, which ends the run's processes if the run is killed.
    pub fn start_watchdog(&self, run: &RunFolder) -> Option<Watchdog> {
        Watchdog::over((run.id(), run.folder()), &self.file)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would not release the lock while a child that is just being started has a copy of the
        // descriptor. If the unlock fails, the lock is released when the process ends.
        let _ = self.file.unlock();
    }
}

/// A run's folder
#[derive(Debug, Clone)]
pub struct RunFolder {
    folder: PathBuf,
    id: String,
    /// The member whose files it has, in a workspace
    member: Option<String>,
}

impl RunFolder {
    /// A folder for work outside any run, such as that of `bump`.
    pub fn outside(folder: &Path, id: &str) -> Self {
        Self { folder: folder.to_owned(), id: id.to_owned(), member: None }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal.jsonl")
    }

    /// The private clone.
    pub fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// The same run, for a member of the workspace: with a folder of its own for distributions, and outputs of its own.
    pub fn of_member(&self, member: &str) -> Self {
        Self { member: Some(normalize(member)), ..self.clone() }
    }

    /// The distributions.
    pub fn dist(&self) -> PathBuf {
        let all = self.folder.join("dist");
        self.member.iter().fold(all, |all, member| all.join(member))
    }

    /// The distributions of all members of a workspace.
    pub fn all_distributions(&self) -> PathBuf {
        self.folder.join("dist")
    }

    /// A folder for what only a stage needs.
    pub fn scratch(&self, stage: &str) -> PathBuf {
        let member = self.member.as_ref().map(|member| format!("-{member}")).unwrap_or_default();
        self.folder.join(format!("scratch-{stage}{member}"))
    }

    /// The git bundle of the release's commit and tag, if the run was imported.
    pub fn bundle(&self) -> PathBuf {
        self.folder.join("release.bundle")
    }

    /// The output of the stage's commands.
    pub fn log(&self, stage: &str) -> PathBuf {
        let safe = |letter: char| {
            if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' }
        };
        let stage: String = stage.chars().map(safe).collect();
        let member = self.member.as_ref().map(|member| format!("-{member}")).unwrap_or_default();
        self.folder.join(format!("{stage}{member}.log"))
    }

    /// What was rehearsed; only the folder of a rehearsal has this file.
    pub(super) fn rehearsal(&self) -> PathBuf {
        self.folder.join("rehearsal.json")
    }

    /// Whether it is a rehearsal's: it has no effects, and is over whenever it is not under way.
    pub fn is_rehearsal(&self) -> bool {
        self.rehearsal().is_file()
    }

    /// The environment variables for the user's commands.
    pub fn variables(&self, names: &Names) -> Vec<(&'static str, OsString)> {
        vec![
            ("PYRELEASE_NAME", names.name.clone().into()),
            ("PYRELEASE_VERSION", names.version.clone().into()),
            ("PYRELEASE_PREVIOUS_VERSION", names.previous_version.clone().into()),
            ("PYRELEASE_TAG", names.tag.clone().into()),
            ("PYRELEASE_DATE", names.date.clone().into()),
            ("PYRELEASE_DIST", self.dist().into()),
        ]
    }

    /// Ends a run whose journal cannot be read, and keeps its effects.
    ///
    /// # Errors
    /// The run's folder cannot be written.
    pub fn give_up(&self) -> Result<()> {
        Ok(fs_err::write(self.folder.join(GIVEN_UP), "")?)
    }

    /// Whether the run was given up without its journal.
    pub fn is_given_up(&self) -> bool {
        self.folder.join(GIVEN_UP).exists()
    }

    /// Whether the run was released, rolled back or given up, or never wrote a complete header.
    ///
    /// # Errors
    /// The journal is damaged or cannot be read.
    pub fn is_over(&self) -> Result<bool> {
        if self.is_given_up() || self.is_rehearsal() {
            return Ok(true);
        }
        if self.is_lost() {
            return Ok(false);
        }
        if !self.journal().is_file() {
            return Ok(true);
        }
        let records = Journal::read(&self.journal())?;
        Ok(records.is_empty() || records.iter().any(|record| matches!(record, Record::End { .. })))
    }

    /// Whether the journal is gone or empty, but other files of the run exist. The journal is always created first.
    pub fn is_lost(&self) -> bool {
        let has_header = fs_err::read(self.journal()).is_ok_and(|text| text.contains(&b'\n'));
        if has_header || self.is_given_up() || self.is_rehearsal() {
            return false;
        }
        let first = [self.journal(), reserve(&self.journal()), tail::path(&self.journal())];
        let entries = fs_err::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| !first.contains(&entry.path()))
    }

    /// How the run ended, if it did.
    pub fn outcome(&self) -> Result<Option<Outcome>> {
        let records = Journal::read(&self.journal())?;
        Ok(records.iter().rev().find_map(|record| match record {
            Record::End { outcome } => Some(*outcome),
            _ => None,
        }))
    }

    /// Clears up at the end of a run. A failure is only a warning: the next command tries again.
    pub fn clear_up(&self, distributions: bool, listener: &dyn Listener) {
        if let Err(error) = self.clear(distributions) {
            let message = format!("failed to delete the run's clone: {error}");
            listener.on_event(&Event::Warning { stage: None, message: &message, help: None });
        }
    }

    /// Deletes the clone and the stages' working folders, and with `distributions` those too. Keeps the journal and the
    /// logs.
    ///
    /// # Errors
    /// A folder cannot be deleted.
    pub fn clear(&self, distributions: bool) -> Result<()> {
        let (dist, tree) = (self.dist(), self.tree());
        let mut folders = Vec::new();
        for entry in fs_err::read_dir(&self.folder)? {
            let path = entry?.path();
            let kept = path == tree || (path == dist && !distributions);
            if !kept && !path.is_symlink() && path.is_dir() {
                folders.push(path);
            }
        }
        // Delete the clone last: its absence marks the run as cleared.
        folders.extend(tree.is_dir().then_some(tree));
        folders.iter().try_for_each(|folder| Ok(fs_err::remove_dir_all(folder)?))
    }
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn a_clock_that_is_set_back_does_not_change_the_order_of_runs() {
        let later: jiff::Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        let earlier: jiff::Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
        let first = id(later, None);
        let second = id(earlier, Some(&first));
        let third = id(earlier, Some(&second));
        let fourth = id("2026-05-01T12:00:00.001Z".parse().unwrap(), Some(&third));
        let runs = [first, second, third, fourth];
        assert!(runs.is_sorted() && runs[1] != runs[0] && runs[2] != runs[1], "{runs:?}");
    }
}
