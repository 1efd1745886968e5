//! A partial checkout: git was killed, or the disk was full, after some files were written but before the index.

use std::fs::Permissions;
use std::path::PathBuf;

use fs_err as fs;

use super::Repository;
use crate::error::Result;

/// Whether the commit's complete tree is here, except for file contents: a fetch that fills the disk can leave a commit
/// without its tree.
pub(super) fn has_tree(user: &Repository, commit: &str) -> Result<bool> {
    Ok(user.has(commit) && user.git(["ls-tree", "-r", "--name-only", commit]).capture()?.success())
}

/// Partially written files, deleted before the checkout is repeated: git would treat them as local edits. Each is a
/// prefix of the file in the target commit.
pub(super) struct PartialCheckout {
    files: Vec<(PathBuf, Vec<u8>, Permissions)>,
}

impl PartialCheckout {
    /// Deletes the partially written files, keeping their content.
    ///
    /// # Errors
    /// A file cannot be read or deleted.
    pub(super) fn clear(user: &Repository, from: &str, to: &str) -> Result<Self> {
        let diff = ["diff-tree", "-r", "--no-renames", "--diff-filter=AM", "--name-only", "-z", from, to];
        let changed = user.git(diff).read()?;
        let mut partial = Self { files: Vec::new() };
        for path in changed.split('\0').filter(|path| !path.is_empty()) {
            let file = user.top().join(path);
            let Ok(metadata) = file.symlink_metadata() else { continue };
            let whole = user.git(["cat-file", "--filters", &format!("{to}:{path}")]).capture()?;
            if !metadata.is_file() || !whole.success() {
                continue;
            }
            let bytes = fs::read(&file)?;
            if whole.stdout.starts_with(&bytes) {
                fs::remove_file(&file)?;
                partial.files.push((file, bytes, metadata.permissions()));
            }
        }
        Ok(partial)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Writes back the files that git has not written, after a local edit has blocked the checkout of others.
    ///
    /// # Errors
    /// A file cannot be written.
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
