//! Questions that the library answers without a process. Each has no answer where the library does not see what git does:
//! a split or a sparse index, replaced objects, formats that it does not know. Then the `git` command is asked.

use std::collections::BTreeSet;
use std::path::Path;

use git2::{AttrCheckFlags, Delta, DiffDelta, DiffOptions, IndexEntryExtendedFlag, IndexEntryFlag};

use super::{LocalRemote, PrivateClone, Repository, git};
use crate::error::Result;

/// The most files of which attributes are looked up one by one
const FEW_FILES: usize = 2_000;

impl Repository {
    /// When a commit was made, in seconds since the epoch.
    ///
    /// # Errors
    /// There is no such commit.
    pub fn commit_time(&self, commit: &str) -> Result<String> {
        match commit_time(&self.repository, commit) {
            Some(time) => Ok(time),
            None => Ok(self.git(SHOW_TIME).arg(commit).read()?),
        }
    }

    /// The paths that the second commit has and the first has not, each with its terminating NUL.
    pub(super) fn added(&self, old: &str, new: &str) -> Result<Vec<u8>> {
        match added(&self.repository, old, new) {
            Some(added) => Ok(added),
            None => {
                let diff = ["diff-tree", "-r", "--no-renames", "--diff-filter=A", "--name-only", "-z"];
                Ok(self.git(diff).args([old, new]).read_bytes()?)
            }
        }
    }

    /// The files that the user marked as unchanged (`--assume-unchanged`), each with its terminating NUL.
    pub(super) fn assumed_unchanged(&self) -> Result<BTreeSet<Vec<u8>>> {
        if let Some(marked) = assumed_unchanged(&self.repository) {
            return Ok(marked);
        }
        let listed = self.git(["ls-files", "-v", "-z"]).read_bytes()?;
        // A letter and a space precede the path; a lower-case letter is the flag.
        let entries = listed.split_inclusive(|byte| *byte == 0);
        let marked = entries.filter(|entry| entry.first().is_some_and(u8::is_ascii_lowercase));
        Ok(marked.filter_map(|entry| entry.get(2..)).map(<[u8]>::to_vec).collect())
    }
}

impl PrivateClone {
    /// The commit of HEAD.
    ///
    /// # Errors
    /// The clone cannot be read.
    pub fn head(&self) -> Result<String> {
        let head = self.open().and_then(|own| Some(own.head().ok()?.peel_to_commit().ok()?.id().to_string()));
        match head {
            Some(head) => Ok(head),
            None => Ok(self.git(["rev-parse", "--verify", "HEAD^{commit}"]).read()?),
        }
    }

    /// What a reference points to, without peeling tag objects.
    pub(super) fn reference(&self, name: &str) -> Result<String> {
        match self.open().and_then(|own| own.refname_to_id(name).ok()) {
            Some(id) => Ok(id.to_string()),
            None => Ok(self.git(["rev-parse", "--verify", name]).read()?),
        }
    }

    /// Creates a reference.
    ///
    /// # Errors
    /// It exists already, or cannot be written.
    pub(super) fn point(&self, name: &str, commit: &str) -> Result<()> {
        let point =
            |own: git2::Repository| own.reference(name, commit.parse().ok()?, false, "").ok().map(|_| ());
        if self.open().and_then(point).is_none() {
            // The empty old value: it must not exist.
            self.git(["update-ref", name, commit, ""]).read()?;
        }
        Ok(())
    }

    /// When a commit was made, in seconds since the epoch.
    ///
    /// # Errors
    /// There is no such commit.
    pub fn commit_time(&self, commit: &str) -> Result<String> {
        match self.open().and_then(|own| commit_time(&own, commit)) {
            Some(time) => Ok(time),
            None => Ok(self.git(SHOW_TIME).arg(commit).read()?),
        }
    }

    /// Whether the index is the same as the commit of HEAD.
    pub(super) fn has_nothing_staged(&self) -> Result<bool> {
        match self.open().and_then(|own| has_nothing_staged(&own)) {
            Some(same) => Ok(same),
            None => Ok(self.git(["diff", "--cached", "--quiet"]).capture()?.success()),
        }
    }

    pub(super) fn open(&self) -> Option<git2::Repository> {
        git2::Repository::open(self.top()).ok()
    }
}

impl LocalRemote {
    /// The branch that its working tree shows; none if it has no working tree, or a detached HEAD.
    pub(super) fn checked_out(&self) -> Option<String> {
        let folder = &self.folder;
        let Ok(there) = git2::Repository::discover(folder) else {
            let says = |arguments: &[&str]| git(folder, arguments).read().ok();
            let has_tree =
                says(&["rev-parse", "--is-bare-repository"]).is_some_and(|is_bare| is_bare == "false");
            return has_tree.then(|| says(&["symbolic-ref", "--quiet", "HEAD"])).flatten();
        };
        let head = (!there.is_bare()).then(|| there.find_reference("HEAD").ok()).flatten()?;
        head.symbolic_target().ok().flatten().map(str::to_owned)
    }
}

const SHOW_TIME: [&str; 4] = ["show", "--no-patch", "--no-show-signature", "--format=%ct"];

/// Git reads another object in the place of a replaced one.
pub(super) fn has_replacements(repository: &git2::Repository) -> bool {
    repository.references_glob("refs/replace/*").map_or(true, |mut found| found.next().is_some())
}

fn commit_time(repository: &git2::Repository, commit: &str) -> Option<String> {
    if has_replacements(repository) {
        return None;
    }
    let time = repository.find_commit(commit.parse().ok()?).ok()?.time().seconds();
    (time > 0).then(|| time.to_string())
}

fn added(repository: &git2::Repository, old: &str, new: &str) -> Option<Vec<u8>> {
    if has_replacements(repository) {
        return None;
    }
    let tree = |commit: &str| repository.find_commit(commit.parse().ok()?).ok()?.tree().ok();
    let mut options = DiffOptions::new();
    options.include_typechange(true);
    let diff = repository.diff_tree_to_tree(Some(&tree(old)?), Some(&tree(new)?), Some(&mut options)).ok()?;
    let mut paths = Vec::new();
    for delta in diff.deltas().filter(|delta| delta.status() == Delta::Added) {
        paths.extend_from_slice(delta.new_file().path_bytes()?);
        paths.push(0);
    }
    Some(paths)
}

fn has_nothing_staged(repository: &git2::Repository) -> Option<bool> {
    if has_replacements(repository) {
        return None;
    }
    let tree = repository.head().ok()?.peel_to_tree().ok()?;
    let index = repository.index().ok()?;
    let diff = repository.diff_tree_to_index(Some(&tree), Some(&index), None).ok()?;
    // Git does not count what is yet to be added (`--intent-to-add`).
    let is_yet_to_come = |path: Option<&Path>| {
        let entry = path.and_then(|path| index.get_path(path, 0));
        let flags = entry.map(|entry| IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended));
        flags.is_some_and(|flags| flags.is_intent_to_add())
    };
    let counts =
        |delta: DiffDelta<'_>| delta.status() != Delta::Added || !is_yet_to_come(delta.new_file().path());
    Some(!diff.deltas().any(counts))
}

/// Whether the filter of Git LFS applies to any tracked file; none if they are many.
pub(super) fn has_filtered(repository: &git2::Repository) -> Option<bool> {
    let index = repository.index().ok().filter(|index| index.len() <= FEW_FILES)?;
    for entry in index.iter() {
        let path = std::str::from_utf8(&entry.path).ok()?;
        let filter = repository.get_attr(Path::new(path), "filter", AttrCheckFlags::FILE_THEN_INDEX).ok()?;
        if filter == Some("lfs") {
            return Some(true);
        }
    }
    Some(false)
}

fn assumed_unchanged(repository: &git2::Repository) -> Option<BTreeSet<Vec<u8>>> {
    let mut index = repository.index().ok()?;
    index.read(true).ok()?;
    let is_marked = |entry: &git2::IndexEntry| IndexEntryFlag::from_bits_truncate(entry.flags).is_valid();
    Some(index.iter().filter(is_marked).map(|entry| [entry.path.as_slice(), &[0]].concat()).collect())
}
