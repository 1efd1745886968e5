//! Git's lock files. Git deletes a lock file when it is done. A git that is killed leaves the file behind, and git then
//! refuses to change what it locks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Repository;
use crate::world::process::quoted;

/// A lock file
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockFile {
    path: PathBuf,
    /// Relative to the git folder, with `/`
    name: String,
    /// Identifies the file, to tell it from a later one at the same path
    modified: Option<SystemTime>,
    number: u64,
}

impl LockFile {
    fn at(path: PathBuf, name: String) -> Option<Self> {
        let metadata = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let number = 0;
        Some(Self { path, name, modified: metadata.modified().ok(), number })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its path below the git folder, such as `refs/heads/main.lock`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the same file still exists.
    pub fn is_there(&self) -> bool {
        Self::at(self.path.clone(), self.name.clone()).as_ref() == Some(self)
    }

    /// Whether this user created it at `time` (in seconds since the epoch) or later.
    pub fn is_ours_since(&self, time: i64) -> bool {
        // Some file systems store times in steps of two seconds.
        let since = time - 2;
        let age = self.modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let is_since = age.is_some_and(|age| i64::try_from(age.as_secs()).is_ok_and(|at| at >= since));
        #[cfg(unix)]
        let is_ours = self.path.symlink_metadata().is_ok_and(|metadata| {
            let owner = std::os::unix::fs::MetadataExt::uid(&metadata);
            owner == rustix::process::geteuid().as_raw()
        });
        #[cfg(not(unix))]
        let is_ours = true;
        is_since && is_ours
    }

    /// Whether it is empty, or contains only the beginning of one of these texts.
    pub fn holds_one_of(&self, texts: &[String]) -> bool {
        // After a power cut, a file that was not yet on disk may contain zeros.
        let Ok(content) = fs_err::read(&self.path) else { return false };
        let content: Vec<u8> = content.into_iter().filter(|byte| *byte != 0).collect();
        let content = content.trim_ascii_end();
        content.is_empty() || texts.iter().any(|text| text.as_bytes().starts_with(content))
    }

    /// Deletes the file.
    ///
    /// # Errors
    /// The file cannot be deleted.
    pub fn remove(&self) -> std::io::Result<()> {
        fs_err::remove_file(&self.path)
    }

    /// The shell command that deletes it.
    pub fn removal(&self) -> String {
        format!("rm {}", quoted(&self.path.display().to_string()))
    }
}

/// The locks that a change takes in a git folder, and what git writes into them
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockScope {
    /// The git folder
    pub folder: PathBuf,
    /// The full names of the refs; a name that ends in `/` includes all refs below it
    pub refs: Vec<String>,
    /// Whether HEAD and the index of a worktree change too
    pub worktree: bool,
    /// The possible contents of the locks of refs
    pub contents: Vec<String>,
}

/// Taken for every change of refs, and for a fetch into a shallow clone
const ALWAYS: [&str; 3] = ["packed-refs.lock", PACKED_REFS, "shallow.lock"];
/// Acts as a lock despite its name: git creates it, and fails if it exists.
const PACKED_REFS: &str = "packed-refs.new";

impl LockScope {
    /// The existing locks that the change may have left behind.
    pub fn locks(&self) -> Vec<LockFile> {
        let mut locks = lock_files(&self.folder);
        locks.retain(|lock| self.covers(lock));
        locks
    }

    /// Whether the change takes this lock.
    pub fn covers(&self, lock: &LockFile) -> bool {
        let name = lock.name.as_str();
        ALWAYS.contains(&name) || (self.worktree && is_of_worktree(name)) || self.covers_ref(name)
    }

    fn covers_ref(&self, name: &str) -> bool {
        let Some(name) = name.strip_suffix(".lock") else { return false };
        let is_it = |known: &String| match known.strip_suffix('/') {
            Some(above) => name.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
            None => name == known,
        };
        self.refs.iter().any(is_it)
    }

    /// Whether the content of a lock may come from the change.
    pub fn may_have_written(&self, lock: &LockFile) -> bool {
        let name = lock.name.as_str();
        let is_ref = self.covers_ref(name) || (is_of_worktree(name) && name.ends_with("HEAD.lock"));
        !is_ref || lock.holds_one_of(&self.contents)
    }
}

/// Whether this is the lock of a HEAD or an index, of the main worktree or a linked one.
fn is_of_worktree(name: &str) -> bool {
    let own =
        name.strip_prefix("worktrees/").and_then(|name| name.split_once('/')).map_or(name, |(_, own)| own);
    ["HEAD.lock", "index.lock"].contains(&own)
}

impl Repository {
    /// The existing lock files: of refs, and of every worktree.
    pub fn lock_files(&self) -> Vec<LockFile> {
        lock_files(self.common_folder())
    }
}

/// The lock files in a git folder that block commits, refs and worktrees.
fn lock_files(folder: &Path) -> Vec<LockFile> {
    let folder = fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let mut found = BTreeSet::new();
    let worktrees = fs_err::read_dir(folder.join("worktrees")).into_iter().flatten().flatten();
    let worktrees = worktrees.filter_map(|entry| entry.file_name().into_string().ok());
    for of in worktrees.map(|name| format!("worktrees/{name}/")).chain([String::new()]) {
        find_in(&folder, &of, false, &mut found);
        find_in(&folder, &format!("{of}refs/"), true, &mut found);
    }
    found.into_iter().collect()
}

/// Collects the lock files in a folder, recursively if `below`. `prefix` is its path relative to the git folder, with a
/// trailing `/`. Names that are not Unicode cannot belong to a release.
fn find_in(folder: &Path, prefix: &str, below: bool, found: &mut BTreeSet<LockFile>) {
    for entry in fs_err::read_dir(folder.join(prefix)).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_lock = name.ends_with(".lock") || name == PACKED_REFS;
        let name = format!("{prefix}{name}");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if below {
                find_in(folder, &format!("{name}/"), true, found);
            }
        } else if is_lock {
            found.extend(LockFile::at(folder.join(&name), name));
        }
    }
}
