//! Who may hold a lock of git's: the living processes that are at work in a repository.
//!
//! Git closes a ref's lock while it holds it, so that a file which nobody has open proves nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{LockFile, Repository};
use crate::world::process::Since;
use crate::world::processes::{self, OtherProcess};

const TICK: Duration = Duration::from_millis(20);
/// How long a lock has to stay to be noticed where nobody can tell who holds it
const MOMENT: Duration = Duration::from_secs(1);

/// Commands that run for long, or wait for somebody, and lock nothing
const LOCKLESS: [&str; 8] =
    ["blame", "cat-file", "credential-cache--daemon", "daemon", "fsmonitor--daemon", "grep", "log", "show"];

/// Options of `git` whose value is the next word
const WITH_VALUE: [&str; 6] = ["-C", "-c", "--config-env", "--git-dir", "--namespace", "--work-tree"];

/// Variables by which a git is told of its repository
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

/// The locks of a repository that stay, and who may hold them; none where nobody can tell
pub type StandingLocks = (Vec<LockFile>, Option<Vec<Holder>>);

impl Repository {
    /// The locks that are still there when those who hold one have had so long to finish.
    pub fn standing_locks(&self, patience: Duration) -> StandingLocks {
        let mut locks = self.lock_files();
        if locks.is_empty() {
            return (locks, None);
        }
        let holders = holders_after(patience, &self.places(), &locks);
        locks.retain(LockFile::is_there);
        (locks, holders)
    }

    /// The folders by which a process shows that it is at work in this repository: the git folder and all worktrees.
    pub fn places(&self) -> Vec<PathBuf> {
        let common = canonical(self.common_folder());
        let linked = fs_err::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
        // Each says where the `.git` of its worktree is.
        let linked = linked.filter_map(|entry| fs_err::read_to_string(entry.path().join("gitdir")).ok());
        let linked = linked.filter_map(|file| Some(canonical(Path::new(file.trim_end()).parent()?)));
        let main = common.parent().filter(|_| common.ends_with(".git")).map(Path::to_owned);
        linked.chain(main).chain([canonical(self.top()), common]).collect()
    }
}

/// The living processes that may hold one of the locks: git commands at work in one of the places, and whoever has one
/// of the files open. None where the system does not show its processes.
pub fn holders(places: &[PathBuf], locks: &[LockFile]) -> Option<Vec<Holder>> {
    if !processes::VISIBLE {
        return None;
    }
    // A git that waits for us, such as one with an alias for us, holds nothing unless it has lent us its index.
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

/// Waits for so long until nobody is left who may hold one of the locks, unless the user interrupts; gives who is. Whoever
/// comes later does not hold what was there before.
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

/// Whether a git that runs a hook has started us.
fn lends_index() -> bool {
    processes::own_variable("GIT_INDEX_FILE").is_some_and(|value| !value.is_empty())
}

fn is_git(process: &OtherProcess, words: &[String]) -> bool {
    let is_git = process.name().is_some_and(|name| name.contains("git"));
    is_git && subcommand(words).is_none_or(|name| !LOCKLESS.contains(&name))
}

/// The subcommand of a `git`, where it has one.
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

/// The program and its subcommand: further words may be secrets, or move the cursor.
fn shown(name: &str, words: &[String]) -> String {
    let plain =
        |text: &&str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
    let subcommand = subcommand(words).filter(|_| name.contains("git"));
    let shown: Vec<&str> = std::iter::once(name).chain(subcommand).filter(plain).collect();
    shown.join(" ")
}

/// Whether it works in one of the places, or was told of one.
fn is_in(process: &OtherProcess, words: &[String], places: &[PathBuf]) -> bool {
    // One of another user shows no folder, and makes no file that is ours.
    let Some(folder) = process.folder() else { return false };
    let is_inside = |path: &Path| {
        let path = canonical(&folder.join(path));
        places.iter().any(|place| path.starts_with(place))
    };
    let told = LEADING.iter().filter_map(|name| process.variable(name));
    let told =
        told.map(|value| String::from_utf8_lossy(&value).into_owned()).filter(|value| !value.is_empty());
    let named = words.iter().skip(1).map(|word| match word.split_once('=') {
        Some((option, value)) if option.starts_with("--") => value.to_owned(),
        _ => word.clone(),
    });
    process.works_in(places) || told.chain(named).any(|path| is_inside(Path::new(&path)))
}

fn canonical(path: &Path) -> PathBuf {
    fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
