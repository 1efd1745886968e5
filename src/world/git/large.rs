//! Git LFS: the repository contains pointer files, and a filter replaces them with the content. Pointers that were not
//! replaced must not be packaged.

use std::path::{Path, PathBuf};

use super::native::has_filtered;
use super::{PrivateClone, Repository, paths};
use crate::error::{Error, Result};
use crate::world::process::Process;

/// The beginning of every pointer
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
/// Pointers are shorter than this.
const LONGEST: u64 = 1024;

/// The large files of a repository
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeFiles {
    /// Relative to the top
    pub paths: Vec<PathBuf>,
    /// The configured filter, if any
    pub program: Option<String>,
    /// Those whose content is not in the local storage
    pub missing: Vec<PathBuf>,
}

impl Repository {
    /// The files of the commit that are tracked by Git LFS.
    ///
    /// # Errors
    /// A `git` command failed.
    pub fn large(&self, commit: &str) -> Result<LargeFiles> {
        let paths = filtered(Some(&self.repository), || self.git::<&str>([]))?;
        let mut large = LargeFiles { paths, program: None, missing: Vec::new() };
        if large.paths.is_empty() {
            return Ok(large);
        }
        let command = ["filter.lfs.process", "filter.lfs.smudge"].iter().find_map(|key| self.configured(key));
        large.program = command.and_then(|command| command.split_whitespace().next().map(str::to_owned));
        let storage = self.large_files()?;
        let is_missing = |path: &&PathBuf| {
            let pointer = path.to_str().and_then(|path| self.committed(commit, path)).unwrap_or_default();
            object(&pointer).is_some_and(|object| !storage.join(object).is_file())
        };
        large.missing = large.paths.iter().filter(is_missing).cloned().collect();
        Ok(large)
    }
}

impl PrivateClone {
    /// Refuses a working tree in which a pointer was not replaced.
    pub(super) fn refuse_pointers(&self) -> Result<()> {
        let is_pointer = |path: &PathBuf| {
            let path = self.top().join(path);
            let short = path.symlink_metadata().is_ok_and(|file| file.is_file() && file.len() <= LONGEST);
            short && fs_err::read(path).is_ok_and(|content| content.starts_with(POINTER))
        };
        let paths = filtered(self.open().as_ref(), || self.git::<&str>([]))?;
        match paths.into_iter().find(is_pointer) {
            None => Ok(()),
            Some(path) => Err(Error::refused(format!(
                "the content of `{}` (tracked by Git LFS) is missing: the file is still a pointer",
                path.display()
            ))
            .help("run `git lfs install` to set up the filter, and `git lfs pull` to fetch the content")
            .help("unset GIT_LFS_SKIP_SMUDGE")),
        }
    }
}

/// The tracked files to which the filter applies.
fn filtered(own: Option<&git2::Repository>, git: impl Fn() -> Process) -> Result<Vec<PathBuf>> {
    if own.and_then(has_filtered) == Some(false) {
        return Ok(Vec::new());
    }
    Ok(paths(&git().args(["ls-files", "-z", "--", ":(top,attr:filter=lfs)"]).read_bytes()?))
}

/// The path of a pointer's content in the storage; `None` if it is not a pointer.
fn object(pointer: &[u8]) -> Option<PathBuf> {
    if !pointer.starts_with(POINTER) {
        return None;
    }
    let text = std::str::from_utf8(pointer).ok()?;
    let id = text.lines().find_map(|line| line.strip_prefix("oid sha256:"))?;
    let (first, second) = (id.get(..2)?, id.get(2..4)?);
    Some(Path::new("objects").join(first).join(second).join(id))
}
