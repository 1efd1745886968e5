//! Finds the processes that may hold one of git's locks.
//!
//! Git closes a ref's lock file while it holds the lock, so a file that no process has open may still be held.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{LockFile, Repository};
use crate::world::process::Since;
use crate::world::processes::{self, OtherProcess};

const TICK: Duration = Duration::from_millis(20);
/// How long a lock must remain to be reported, where processes cannot be listed
const MOMENT: Duration = Duration::from_secs(1);

/// Long-running or interactive commands that take no locks
const LOCKLESS: [&str; 8] =
    ["blame", "cat-file", "credential-cache--daemon", "daemon", "fsmonitor--daemon", "grep", "log", "show"];

/// Options of `git` whose value is the next argument
const WITH_VALUE: [&str; 6] = ["-C", "-c", "--config-env", "--git-dir", "--namespace", "--work-tree"];

/// Variables that tell git which repository to use
const LEADING: [&str; 4] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE"];

/// A process that may hold a lock
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    process: u32,
    started: Option<u64>,
    command: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (process {})", self.command, self.process)
    }
}

/// The remaining locks and their possible holders; no holders where processes cannot be listed
pub type RemainingLocks = (Vec<LockFile>, Option<Vec<Holder>>);

impl Repository {
    /// The locks that remain after their holders had `patience` to finish.
    pub fn remaining_locks(&self, patience: Duration) -> RemainingLocks {
        let mut locks = self.lock_files();
        if locks.is_empty() {
            return (locks, None);
        }
        let holders = holders_after(patience, &self.places(), &locks);
        locks.retain(LockFile::is_there);
        (locks, holders)
    }

    /// The folders of this repository in which a git process may work: the git folder and all worktrees.
    pub fn places(&self) -> Vec<PathBuf> {
        let common = canonical(self.common_folder());
        let linked = fs_err::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
        // Each `gitdir` file names the `.git` of its worktree.
        let linked = linked.filter_map(|entry| fs_err::read_to_string(entry.path().join("gitdir")).ok());
        let linked = linked.filter_map(|file| Some(canonical(Path::new(file.trim_end()).parent()?)));
        let main = common.parent().filter(|_| common.ends_with(".git")).map(Path::to_owned);
        linked.chain(main).chain([canonical(self.top()), common]).collect()
    }
}

/// The processes that may hold one of the locks: git commands working in one of the folders, and processes that have a
/// lock file open. `None` where processes cannot be listed.
pub fn holders(places: &[PathBuf], locks: &[LockFile]) -> Option<Vec<Holder>> {
    if !processes::VISIBLE {
        return None;
    }
    // An ancestor that is git waits for us, such as for an alias. It holds no lock unless it has passed its index to
    // us.
    let waiting = match lends_index() {
        true => Vec::new(),
        false => processes::ancestors(),
    };
    let holder = |process: OtherProcess| {
        let words = process.words()?;
        let is_git = || is_git(&process, &words) && is_in(&process, &words, places);
        if waiting.contains(&process.id)
            || !(locks.iter().any(|lock| process.has_open(lock.path())) || is_git())
        {
            return None;
        }
        let command = shown(&process.name()?, &words);
        Some(Holder { process: process.id, started: process.started(), command })
    };
    Some(processes::others().into_iter().filter_map(holder).collect())
}

/// Waits up to `patience` until no process may hold one of the locks, unless the user interrupts; returns those that
/// still may. Processes that start later cannot hold older locks.
pub fn holders_after(patience: Duration, places: &[PathBuf], locks: &[LockFile]) -> Option<Vec<Holder>> {
    let (began, since) = (Instant::now(), Since::now());
    let Some(mut left) = holders(places, locks) else {
        std::thread::sleep(patience.min(MOMENT));
        return None;
    };
    let is_locked = || locks.iter().any(LockFile::is_there);
    while !left.is_empty() && is_locked() && began.elapsed() < patience && !since.is_interrupted() {
        std::thread::sleep(TICK);
        let now = holders(places, locks).unwrap_or_default();
        left.retain(|holder| now.contains(holder));
    }
    Some(left)
}

/// Whether git started us from a hook.
fn lends_index() -> bool {
    processes::own_variable("GIT_INDEX_FILE").is_some_and(|value| !value.is_empty())
}

fn is_git(process: &OtherProcess, words: &[String]) -> bool {
    let is_git = process.name().is_some_and(|name| name.contains("git"));
    is_git && subcommand(words).is_none_or(|name| !LOCKLESS.contains(&name))
}

/// The subcommand of a `git` command line, if any.
fn subcommand(words: &[String]) -> Option<&str> {
    let mut words = words.iter().skip(1).map(String::as_str);
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            return Some(word);
        }
    }
    None
}

/// The program and its subcommand only: other arguments may contain secrets or control characters.
fn shown(name: &str, words: &[String]) -> String {
    let plain =
        |text: &&str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
    let subcommand = subcommand(words).filter(|_| name.contains("git"));
    let shown: Vec<&str> = std::iter::once(name).chain(subcommand).filter(plain).collect();
    shown.join(" ")
}

/// Whether the process works in one of the folders, or its command line or environment names one.
fn is_in(process: &OtherProcess, words: &[String], places: &[PathBuf]) -> bool {
    // Another user's process shows no folder, and creates no files of ours.
    let Some(folder) = process.folder() else { return false };
    let is_inside = |path: &Path| {
        let path = canonical(&folder.join(path));
        places.iter().any(|place| path.starts_with(place))
    };
    let variables = LEADING.iter().filter_map(|name| process.variable(name));
    let variables =
        variables.map(|value| String::from_utf8_lossy(&value).into_owned()).filter(|value| !value.is_empty());
    let named = words.iter().skip(1).map(|word| match word.split_once('=') {
        Some((option, value)) if option.starts_with("--") => value.to_owned(),
        _ => word.clone(),
    });
    process.works_in(places) || variables.chain(named).any(|path| is_inside(Path::new(&path)))
}

fn canonical(path: &Path) -> PathBuf {
    fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
