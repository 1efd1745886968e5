//! The repository: read by git2, written by the `git` command, so that signing, hooks, LFS and credential helpers
//! work as the user knows them.

mod ask;
mod bundle;
mod clone;
mod halfway;
mod land;
mod remote;

use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, ObjectType};

pub use ask::Question;
pub use clone::Clone;
pub use land::{Landing, TagRef, short};
pub use remote::{PushError, RefUpdate, Remote};

use super::process::Process;
use crate::error::{Error, Result};

/// Where HEAD is
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit, 40 (or 64) hexadecimal digits
    pub commit: String,
    /// The full name of the branch, such as `refs/heads/main`; none when detached
    pub branch: Option<String>,
}

impl Head {
    /// The branch's short name, or `HEAD` when detached.
    pub fn shown(&self) -> &str {
        self.branch.as_deref().map_or("HEAD", |branch| branch.strip_prefix("refs/heads/").unwrap_or(branch))
    }
}

/// A user's repository with a working tree
pub struct Repository {
    repository: git2::Repository,
    top: PathBuf,
}

impl Repository {
    /// Opens the repository that `folder` lies in.
    ///
    /// # Errors
    /// No repository there, or one without a working tree, or of a format that cannot be read.
    pub fn discover(folder: &Path) -> Result<Self> {
        let repository = git2::Repository::discover(folder).map_err(|error| {
            if error.code() == ErrorCode::NotFound {
                Error::usage(format!("`{}` is not in a git repository", folder.display())).help(
                    "a release is a commit and a tag: run `git init`, commit the project, and try again",
                )
            } else {
                Error::usage(format!("the repository of `{}` cannot be opened", folder.display()))
                    .because(error)
            }
        })?;
        let Some(top) = repository.workdir() else {
            return Err(Error::usage("the repository has no working tree (it is bare)")
                .help("run pyrelease in a clone of it"));
        };
        let top = fs_err::canonicalize(top)?;
        Ok(Self { repository, top })
    }

    /// The top of the working tree.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The folder that all worktrees of the repository share.
    pub fn common_folder(&self) -> &Path {
        self.repository.commondir()
    }

    /// A `git` command run at the top of the working tree.
    pub fn git<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Process {
        git(&self.top, arguments)
    }

    /// Where HEAD is.
    ///
    /// # Errors
    /// A repository without any commit.
    pub fn head(&self) -> Result<Head> {
        let head = self.repository.head().map_err(|error| match error.code() {
            ErrorCode::UnbornBranch | ErrorCode::NotFound => Error::usage("the repository has no commit yet")
                .help("commit the project first: a release is made from what is committed"),
            _ => Error::usage("HEAD cannot be read").because(error),
        })?;
        let commit =
            head.peel_to_commit().map_err(|error| Error::usage("HEAD is not a commit").because(error))?;
        let branch = head.is_branch().then(|| head.name().ok().map(str::to_owned)).flatten();
        Ok(Head { commit: commit.id().to_string(), branch })
    }

    /// The id of what a reference points at, a tag object not peeled; none if there is no such reference.
    pub fn reference(&self, name: &str) -> Option<String> {
        self.repository.refname_to_id(name).ok().map(|id| id.to_string())
    }

    /// The commit that a tag marks.
    pub fn tag(&self, name: &str) -> Option<String> {
        let reference = self.repository.find_reference(&format!("refs/tags/{name}")).ok()?;
        reference.peel(ObjectType::Commit).ok().map(|commit| commit.id().to_string())
    }

    /// All tags' names.
    ///
    /// # Errors
    /// A reference store that cannot be read.
    pub fn tags(&self) -> Result<Vec<String>> {
        let names = self
            .repository
            .tag_names(None)
            .map_err(|error| Error::failed("the tags cannot be read").because(error))?;
        Ok(names.iter().flatten().flatten().map(str::to_owned).collect())
    }

    /// A file's bytes as committed; `path` is relative to the top with `/`. Symbolic links inside the repository are
    /// followed. None if it is not committed or no file.
    pub fn committed(&self, commit: &str, path: &str) -> Option<Vec<u8>> {
        const LINK: i32 = 0o120_000;
        let tree = self.repository.find_commit(commit.parse().ok()?).ok()?.tree().ok()?;
        let mut path = PathBuf::from(path);
        for _ in 0..8 {
            let entry = tree.get_path(&path).ok()?;
            let blob = self.repository.find_blob(entry.id()).ok()?;
            if entry.filemode() != LINK {
                return Some(blob.content().to_vec());
            }
            let target = std::str::from_utf8(blob.content()).ok()?;
            path = joined(path.parent()?, target)?;
        }
        None
    }

    /// The tracked files whose content differs from HEAD, in the index or the working tree, relative to the top. The
    /// `git` command is asked: it knows filters, split indexes and whatever else git2 does not.
    ///
    /// # Errors
    /// A working tree that cannot be read.
    pub fn edited(&self) -> Result<Vec<String>> {
        let status = ["--no-optional-locks", "status", "--porcelain=v1", "-z", "--untracked-files=no"];
        let listed = self.git(status).args(["--no-renames", "--ignore-submodules"]).read()?;
        // Each entry is two letters, a blank and the path.
        let paths = listed.split('\0').filter_map(|entry| entry.get(3..));
        Ok(paths.map(str::to_owned).collect())
    }

    /// The files that git neither tracks nor ignores, relative to the top; a folder of such files is one entry.
    ///
    /// # Errors
    /// A working tree that cannot be read.
    pub fn untracked(&self) -> Result<Vec<String>> {
        let listed = self.git(["ls-files", "--others", "--exclude-standard", "--directory", "-z"]).read()?;
        Ok(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
    }

    /// An operation that is under way, such as a merge or a rebase.
    pub fn unfinished_operation(&self) -> Option<&'static str> {
        use git2::RepositoryState as State;
        match self.repository.state() {
            State::Clean => None,
            State::Merge => Some("merge"),
            State::Revert | State::RevertSequence => Some("revert"),
            State::CherryPick | State::CherryPickSequence => Some("cherry-pick"),
            State::Bisect => Some("bisect"),
            State::Rebase | State::RebaseInteractive | State::RebaseMerge => Some("rebase"),
            State::ApplyMailbox | State::ApplyMailboxOrRebase => Some("am"),
        }
    }

    /// A configured value.
    pub fn configured(&self, key: &str) -> Option<String> {
        self.repository.config().ok()?.snapshot().ok()?.get_string(key).ok()
    }

    /// Whether the commit is here.
    pub fn has(&self, commit: &str) -> bool {
        commit.parse().is_ok_and(|id| self.repository.find_commit(id).is_ok())
    }

    /// Whether `ancestor` is `commit` or one of its ancestors; false where either is not here.
    pub fn contains(&self, commit: &str, ancestor: &str) -> bool {
        let (Ok(commit), Ok(ancestor)) = (commit.parse(), ancestor.parse()) else { return false };
        commit == ancestor || self.repository.graph_descendant_of(commit, ancestor).unwrap_or(false)
    }

    /// The nearest tag that marks HEAD or an ancestor, among those that `accept` takes.
    ///
    /// # Errors
    /// A history that cannot be walked.
    pub fn nearest_tag(&self, commit: &str, accept: impl Fn(&str) -> bool) -> Result<Option<String>> {
        let broken = |error| Error::failed("the history cannot be walked").because(error);
        let mut marks = std::collections::HashMap::new();
        for name in self.tags()?.into_iter().filter(|name| accept(name)) {
            if let Some(marked) = self.tag(&name) {
                marks.insert(marked, name);
            }
        }
        if marks.is_empty() {
            return Ok(None);
        }
        let mut walk = self.repository.revwalk().map_err(broken)?;
        walk.set_sorting(git2::Sort::TOPOLOGICAL).map_err(broken)?;
        walk.push(commit.parse().map_err(broken)?).map_err(broken)?;
        for id in walk {
            // A shallow clone ends its history with an error instead of a root.
            let Ok(id) = id else { return Ok(None) };
            if let Some(name) = marks.remove(&id.to_string()) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// The path that a link in `folder` leads to; none where it leaves the repository.
fn joined(folder: &Path, target: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => path.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// A `git` command run in `folder`.
fn git<S: AsRef<std::ffi::OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Process {
    Process::new("git").args(arguments).folder(folder)
}

#[cfg(test)]
mod tests;
