//! The worktrees of a repository: which one has a branch checked out, and the names of their HEADs.

use std::path::{Path, PathBuf};

use super::{Repository, paths};
use crate::error::Result;

impl Repository {
    /// The name of this worktree's HEAD as seen from every worktree.
    pub fn head_name(&self) -> String {
        let own = canonical(self.repository.path());
        let inside = own.strip_prefix(canonical(self.common_folder())).map(Path::to_path_buf);
        let inside = inside.unwrap_or_default().to_string_lossy().replace('\\', "/");
        if inside.is_empty() { "main-worktree/HEAD".to_owned() } else { format!("{inside}/HEAD") }
    }

    /// The commit of a detached HEAD, by the name from [`Self::head_name`]; `None` if it is on a branch, or the
    /// worktree no longer exists.
    pub fn detached(&self, head: &str) -> Option<String> {
        if self.git(["symbolic-ref", "--quiet", head]).capture().ok()?.success() {
            return None;
        }
        self.git(["rev-parse", "--verify", "--quiet", head]).read().ok()
    }

    /// The worktree that has the branch checked out; this one if it does.
    ///
    /// # Errors
    /// The worktrees cannot be listed.
    pub fn worktree_on(&self, branch: &str) -> Result<Option<Self>> {
        self.worktree_that(|worktree| {
            worktree.head().is_ok_and(|head| head.branch.as_deref() == Some(branch))
        })
    }

    /// The worktree whose HEAD has that name; `None` if it no longer exists.
    ///
    /// # Errors
    /// The worktrees cannot be listed.
    pub fn worktree_of(&self, head: &str) -> Result<Option<Self>> {
        self.worktree_that(|worktree| worktree.head_name() == head)
    }

    fn worktree_that(&self, is_it: impl Fn(&Self) -> bool) -> Result<Option<Self>> {
        // Open again, because the cached HEAD may be out of date.
        if let Some(this) = self.other(&self.top).ok().filter(&is_it) {
            return Ok(Some(this));
        }
        let listed = self.git(["worktree", "list", "--porcelain", "-z"]).read_bytes()?;
        let common = canonical(self.common_folder());
        let found = paths(&listed).into_iter().find_map(|line| {
            let top = line.to_str()?.strip_prefix("worktree ")?;
            // A deleted worktree may have left a folder inside another repository.
            let other = self.other(Path::new(top)).ok()?;
            let is_worktree = canonical(other.common_folder()) == common && other.top == canonical(top);
            (is_worktree && is_it(&other)).then_some(other)
        });
        Ok(found)
    }
}

fn canonical(path: impl AsRef<Path>) -> PathBuf {
    fs_err::canonicalize(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned())
}
