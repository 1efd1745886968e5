//! A working tree on the way from one commit to another: git was killed, or the disk was full, when some of the files
//! were written and the index was not.

use std::fs::Permissions;
use std::path::PathBuf;

use fs_err as fs;

use super::Repository;
use crate::error::Result;

/// Whether everything that a commit's tree consists of is here, but for the contents of files: a fetch that ran into a
/// full disk can leave a commit without its tree.
pub(super) fn has_tree(user: &Repository, commit: &str) -> Result<bool> {
    Ok(user.has(commit) && user.git(["ls-tree", "-r", "--name-only", commit]).capture()?.success())
}

/// The files that were written, or begun to be, on the way to another commit, out of the way: git would take them for
/// edits. Each is a beginning of what that commit has.
pub(super) struct PartialCheckout {
    files: Vec<(PathBuf, Vec<u8>, Permissions)>,
}

impl PartialCheckout {
    /// Takes them out of the way.
    ///
    /// # Errors
    /// A file that cannot be read or deleted.
    pub(super) fn clear(user: &Repository, from: &str, to: &str) -> Result<Self> {
        let diff = ["diff-tree", "-r", "--no-renames", "--diff-filter=AM", "--name-only", "-z", from, to];
        let changed = user.git(diff).read()?;
        let mut partial = Self { files: Vec::new() };
        for path in changed.split('\0').filter(|path| !path.is_empty()) {
            let file = user.top().join(path);
            let Ok(there) = file.symlink_metadata() else { continue };
            let whole = user.git(["cat-file", "--filters", &format!("{to}:{path}")]).capture()?;
            if !there.is_file() || !whole.success() {
                continue;
            }
            let bytes = fs::read(&file)?;
            if whole.stdout.starts_with(&bytes) {
                fs::remove_file(&file)?;
                partial.files.push((file, bytes, there.permissions()));
            }
        }
        Ok(partial)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Puts them back, where git has not written them: an edit of the user's is in the way of others.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn restore(self) -> Result<()> {
        for (file, bytes, permissions) in self.files {
            if file.symlink_metadata().is_err() {
                fs::write(&file, bytes)?;
                fs::set_permissions(&file, permissions)?;
            }
        }
        Ok(())
    }
}
