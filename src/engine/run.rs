//! A run's own folder under `.git/pyrelease/runs/`, and the lock that lets one run at a time work.

use std::ffi::OsString;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::event::{Event, Listener};
use super::journal::{End, Header, Journal, Outcome, Record, end_of, reserve, tail};
use crate::config::Names;
use crate::engine::journal::may_be_on_an_index;
use crate::error::{Error, Result};
use crate::world::git::Repository;
use crate::world::watchdog::Watchdog;
use crate::world::{orphans, sync_to_disk};

/// Runs whose journals are kept
const KEPT_RUNS: usize = 20;
/// The file that says that a run was given up whose journal cannot say so
const GIVEN_UP: &str = "given-up";
/// How long the guard of a run that was killed may hold the lock
const GUARDED: Duration = Duration::from_secs(15);

/// Where pyrelease keeps what belongs to a repository: `.git/pyrelease`, shared by all its worktrees
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

    /// The runs there are, the oldest first.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn runs(&self) -> Result<Vec<RunFolder>> {
        let mut found = Vec::new();
        let folder = self.runs_folder();
        if !folder.is_dir() {
            return Ok(found);
        }
        for entry in fs_err::read_dir(&folder)? {
            let entry = entry?;
            if let (true, Ok(id)) = (entry.path().is_dir(), entry.file_name().into_string()) {
                found.push(RunFolder { folder: entry.path(), id });
            }
        }
        found.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(found)
    }

    /// The folder of a run by its id, whether or not it is there.
    pub fn run(&self, id: &str) -> RunFolder {
        RunFolder { folder: self.runs_folder().join(id), id: id.to_owned() }
    }

    /// An id that no run has: they sort as they began.
    ///
    /// # Errors
    /// As [`Store::runs`].
    pub(super) fn new_id(&self) -> Result<String> {
        Ok(id(jiff::Timestamp::now(), self.runs()?.last().map(RunFolder::id)))
    }

    /// A new, empty folder beside the runs, for what may become one by being moved; whatever an earlier one of that
    /// name left is deleted. Whoever asks holds the lock.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.is_dir() {
            fs_err::remove_dir_all(&folder)?;
        }
        fs_err::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// The newest run that has neither been released nor rolled back.
    ///
    /// # Errors
    /// A journal that is damaged.
    pub fn unfinished(&self) -> Result<Option<RunFolder>> {
        for run in self.runs()?.into_iter().rev() {
            if !run.is_over()? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    /// Takes the lock, or says who holds it.
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
                Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
            }
            let (holder, is_dead) = holder(&mut file);
            if !is_dead || began.elapsed() > GUARDED {
                let holder = if holder.trim().is_empty() { "another process" } else { holder.trim() };
                return Err(Error::refused(format!(
                    "a release is already under way in this repository ({holder})"
                ))
                .help("wait for it to end; `pyrelease status` shows where it is"));
            }
            // Its guard has the lock and ends what it had started.
            std::thread::sleep(Duration::from_millis(20));
        }
        let now = jiff::ZonedDateTime::now().strftime("%F %T").to_string();
        let holder = format!("process {} since {now}\n", std::process::id());
        // A full disk is no reason not to roll back: then the holder stays unnamed.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        self.sweep();
        Ok(Lock { file })
    }

    /// Deletes what runs that are over have left, which were killed between their last record and this, or amid their first.
    fn sweep(&self) {
        let remains = |run: &&RunFolder| run.tree().is_dir() || reserve(&run.journal()).exists();
        for run in self.runs().unwrap_or_default().iter().filter(remains) {
            if run.is_over().unwrap_or(false) {
                // What a run that nobody knows of has built may be public.
                let is_nowhere = matches!(run.outcome(), Ok(Some(Outcome::RolledBack)))
                    && end_of(&run.journal()) == End::Noted
                    && Journal::read(&run.journal()).is_ok_and(|records| !may_be_on_an_index(&records));
                // What cannot be deleted now is met again by the next command.
                let _ = run.clear(is_nowhere);
                let _ = fs_err::remove_file(reserve(&run.journal()));
            }
        }
    }

    /// Whether a run is under way: somebody holds the lock, and not only the guard of a run that was killed.
    pub fn is_locked(&self) -> bool {
        let path = self.folder.join("lock");
        let Ok(file) = fs_err::OpenOptions::new().read(true).write(true).open(path) else { return false };
        let mut file = file.into_file();
        let is_held = matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock));
        is_held && !holder(&mut file).1
    }

    /// Begins a run: its folder and its journal.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn begin(&self, header: impl FnOnce(String) -> Header) -> Result<(RunFolder, Journal)> {
        let runs = self.runs()?;
        for old in runs.iter().take(runs.len().saturating_sub(KEPT_RUNS)) {
            if old.is_over().unwrap_or(false) {
                fs_err::remove_dir_all(&old.folder)?;
            }
        }
        let run = self.run(&self.new_id()?);
        fs_err::create_dir_all(&run.folder)?;
        let begun = Journal::create(&run.journal(), header(run.id.clone()));
        let begun = begun.and_then(|journal| self.sync_to_disk(&run).map(|()| journal));
        if begun.is_err() {
            // Nothing has happened, so nothing is kept; what cannot be deleted either is no run for lack of a journal.
            let _ = fs_err::remove_dir_all(&run.folder);
        }
        Ok((run, begun?))
    }
}

impl Store {
    /// A journal that a power cut takes away with its folder could tell nothing.
    pub(super) fn sync_to_disk(&self, run: &RunFolder) -> Result<()> {
        let outside = self.folder.parent().unwrap_or(&self.folder);
        [run.folder(), &self.runs_folder(), &self.folder, outside].into_iter().try_for_each(sync_to_disk)
    }
}

/// Who holds the lock, and whether that process is known to be dead.
#[expect(clippy::disallowed_types, reason = "fs_err has no locks")]
fn holder(lock: &mut std::fs::File) -> (String, bool) {
    let mut holder = String::new();
    // Where a held lock bars reading (Windows), the holder stays unnamed.
    let _ = lock.rewind().and_then(|()| lock.read_to_string(&mut holder).map(drop));
    let process = holder.split(' ').nth(1).and_then(|process| process.parse().ok());
    let is_dead = process.is_some_and(|process| !orphans::is_alive(process));
    (holder, is_dead)
}

/// The id of a new run. Runs are in the order of their ids, also when the clock is set back in between.
fn id(now: jiff::Timestamp, last: Option<&str>) -> String {
    let time = now.strftime("%Y%m%dT%H%M%S%3f").to_string();
    let id = format!("{time}-{:05}", std::process::id() % 100_000);
    match last {
        Some(last) if *id <= *last => format!("{last}.{:05}", std::process::id() % 100_000),
        _ => id,
    }
}

/// The lock of a repository; free again when dropped or when the process ends, however it ends
#[derive(Debug)]
#[expect(clippy::disallowed_types, reason = "fs_err has no locks")]
pub struct Lock {
    file: std::fs::File,
}

impl Lock {
    /// Sets a guard over a run that is about to go on: it ends what the run has started if the run is killed.
    pub fn guard(&self, run: &RunFolder) -> Option<Watchdog> {
        Watchdog::over(run.id(), &self.file)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would not free it while a child that is just being started has a copy of the descriptor. A lock
        // that cannot be freed here is free when the process ends.
        let _ = self.file.unlock();
    }
}

/// A run's own folder
#[derive(Debug, Clone)]
pub struct RunFolder {
    folder: PathBuf,
    id: String,
}

impl RunFolder {
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

    /// The distributions.
    pub fn dist(&self) -> PathBuf {
        self.folder.join("dist")
    }

    /// The release's commit and tag, for a run that came from another repository.
    pub fn bundle(&self) -> PathBuf {
        self.folder.join("release.bundle")
    }

    /// What the stage's commands printed.
    pub fn log(&self, stage: &str) -> PathBuf {
        let safe = |letter: char| {
            if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' }
        };
        self.folder.join(format!("{}.log", stage.chars().map(safe).collect::<String>()))
    }

    /// What a command of the user's finds in its environment.
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

    /// Ends a run whose journal cannot be read: everything stays as it is.
    ///
    /// # Errors
    /// The run's folder cannot be written.
    pub fn give_up(&self) -> Result<()> {
        Ok(fs_err::write(self.folder.join(GIVEN_UP), "")?)
    }

    /// Whether the run has been given up without its journal.
    pub fn is_given_up(&self) -> bool {
        self.folder.join(GIVEN_UP).exists()
    }

    /// Whether the run has been released, rolled back or given up, or never got as far as a whole header.
    ///
    /// # Errors
    /// A journal that is damaged or cannot be read.
    pub fn is_over(&self) -> Result<bool> {
        if self.is_given_up() {
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

    /// Whether the journal is gone, or emptied, and other things of the run are not: it comes before them all.
    pub fn is_lost(&self) -> bool {
        let has_header = fs_err::read(self.journal()).is_ok_and(|text| text.contains(&b'\n'));
        if has_header || self.is_given_up() {
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

    /// Clears up at the end of a run, which is over whether that succeeds or not: the next command tries again.
    pub fn clear_up(&self, distributions: bool, listener: &dyn Listener) {
        if let Err(error) = self.clear(distributions) {
            let message = format!("the run's clone could not be deleted: {error}");
            listener.on_event(&Event::Warning { stage: None, message: &message, help: None });
        }
    }

    /// Deletes the clone and what the stages worked with, and with `distributions` those too; the journal and the logs
    /// stay.
    ///
    /// # Errors
    /// A folder that cannot be deleted.
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
        // Last, because its absence says that all is deleted.
        folders.extend(tree.is_dir().then_some(tree));
        folders.iter().try_for_each(|folder| Ok(fs_err::remove_dir_all(folder)?))
    }
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn a_clock_that_goes_back_does_not_change_the_order_of_runs() {
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
