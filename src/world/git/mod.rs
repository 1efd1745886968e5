//! The repository: read by git2, written by the `git` command, so that signing, hooks, LFS and credential helpers
//! work as the user knows them.

mod ask;
mod bundle;
mod fence;
mod file;
mod history;
mod holders;
mod land;
mod large;
mod locks;
mod partial_checkout;
mod patience;
mod private_clone;
mod push;
mod remote;
mod settings;
mod signing;
mod submodules;
mod untrusted;
mod update_worktree;
mod worktree;

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};

use git2::{ErrorCode, ObjectType};

pub use ask::Question;
pub use fence::{FENCES, ShutOut, useless_fences};
pub use holders::{Holder, holders, holders_after};
pub use land::{Landing, TagRef, short};
pub use large::LargeFiles;
pub use locks::{LockFile, LockScope};
pub use patience::PATIENCE;
pub use private_clone::PrivateClone;
pub use push::PushError;
pub use remote::{DefaultBranch, LocalRemote, RefUpdate, Remote};
use settings::Settings;
pub use submodules::{Submodule, SubmoduleState};
pub use untrusted::TRUSTED;
use untrusted::Withheld;

use super::process::Process;
use crate::error::{Error, Result};

/// Folders above which no repository is looked for
const NO_CEILING: &[&Path] = &[];

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
    settings: OnceCell<Settings>,
    /// Whether the user has agreed to a release
    has_consent: Cell<bool>,
    withheld: OnceCell<Withheld>,
}

impl Repository {
    /// Opens the repository that `folder` lies in.
    ///
    /// # Errors
    /// No repository there, or one without a working tree, or of a format that cannot be read.
    pub fn discover(folder: &Path) -> Result<Self> {
        let repository = git2::Repository::open_ext(folder, git2::RepositoryOpenFlags::empty(), NO_CEILING)
            .map_err(|error| unreadable(folder, error))?;
        let Some(top) = repository.workdir() else {
            return Err(Error::usage("the repository has no working tree (it is bare)")
                .help("run pyrelease in a clone of it"));
        };
        let top = fs_err::canonicalize(top)?;
        let (settings, withheld) = (OnceCell::new(), OnceCell::new());
        Ok(Self { repository, top, settings, has_consent: Cell::new(false), withheld })
    }

    /// Opens another one that belongs to this: what was agreed to holds for it.
    fn other(&self, folder: &Path) -> Result<Self> {
        let other = Self::discover(folder)?;
        other.has_consent.set(self.has_consent.get());
        Ok(other)
    }

    /// The user has agreed to a release: from here on git does as the repository's own settings say, hooks and filters
    /// and all.
    pub fn give_consent(&self) {
        self.has_consent.set(true);
    }

    /// The top of the working tree.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The folder that all worktrees of the repository share.
    pub fn common_folder(&self) -> &Path {
        self.repository.commondir()
    }

    /// A `git` command run at the top of the working tree. Until the user has agreed to a release, it runs no program that
    /// the repository's own settings name.
    pub fn git<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Process {
        let process = git(&self.top, arguments);
        if self.has_consent.get() { process } else { self.withheld().apply(process) }
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

    /// The full name of the reference that a symbolic one stands for; none if there is no such reference.
    pub fn symbolic_reference(&self, name: &str) -> Option<String> {
        let reference = self.repository.find_reference(name).ok()?;
        reference.symbolic_target().ok().flatten().map(str::to_owned)
    }

    /// The commit that a tag marks.
    pub fn tag(&self, name: &str) -> Option<String> {
        let reference = self.repository.find_reference(&format!("refs/tags/{name}")).ok()?;
        reference.peel(ObjectType::Commit).ok().map(|commit| commit.id().to_string())
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

    /// Whether the commit is here.
    pub fn has(&self, commit: &str) -> bool {
        commit.parse().is_ok_and(|id| self.repository.find_commit(id).is_ok())
    }
}

/// A path that git is told of in a file.
fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::refused(format!("the repository's path is not Unicode: `{}`", path.display()))
            .help("move the repository to a folder whose name is UTF-8")
    })
}

/// Why a repository cannot be opened, and what to do about it.
fn unreadable(folder: &Path, error: git2::Error) -> Error {
    let folder = folder.display();
    let said = error.message().to_ascii_lowercase();
    if error.code() == ErrorCode::NotFound {
        return Error::usage(format!("`{folder}` is not in a git repository"))
            .help("a release is a commit and a tag: run `git init`, commit the project, and try again");
    }
    let (refused, help) = if error.code() == ErrorCode::Owner {
        let message = format!("the repository of `{folder}` belongs to somebody else");
        (message, format!("if you trust it: `git config --global --add safe.directory {folder}`"))
    } else if said.contains("refstorage") {
        let message =
            format!("the repository of `{folder}` keeps its refs as a reftable, which cannot be read");
        (message, "`git refs migrate --ref-format=files` keeps them as files".to_owned())
    } else if said.contains("object format") || said.contains("objectformat") {
        let message =
            format!("the repository of `{folder}` has SHA-256 for its objects, which cannot be read");
        (message, "release from a clone of it that has SHA-1".to_owned())
    } else {
        (format!("the repository of `{folder}` cannot be opened"), "`git status` may say more".to_owned())
    };
    Error::refused(refused).because(error).help(help)
}

/// The paths of a list that git printed with `-z`, byte for byte: a path need not be UTF-8.
fn paths(listed: &[u8]) -> Vec<PathBuf> {
    let parts = listed.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        parts.map(|part| PathBuf::from(std::ffi::OsStr::from_bytes(part))).collect()
    }
    #[cfg(not(unix))]
    parts.map(|part| PathBuf::from(String::from_utf8_lossy(part).into_owned())).collect()
}

/// A `git` command run in `folder`.
fn git<S: AsRef<std::ffi::OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Process {
    Process::new("git").args(arguments).folder(folder)
}

#[cfg(test)]
mod tests;
