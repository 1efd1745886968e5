//! The repository. It is read with git2 and changed with the `git` command, so that signing, hooks, LFS and credential
//! helpers work as usual.

mod addresses;
mod author;
mod bundle;
mod changed_lines;
mod editor;
mod examination;
mod fence;
mod file;
mod history;
mod holders;
mod land;
mod large;
mod locks;
mod native;
mod partial_checkout;
mod past;
mod patience;
mod private_clone;
mod push;
mod ref_names;
mod ref_query;
mod releases;
mod remote;
mod send;
mod settings;
mod signing;
mod submodules;
mod untrusted;
mod update_worktree;
mod worktree;

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{ErrorCode, ObjectType};

pub use author::Author;
pub use changed_lines::{changed_lines, unified_diff};
pub use examination::Examination;
use examination::Uncommitted;
pub use fence::{FENCES, FenceOutcome, expired_fences, is_fence};
pub use holders::{Holder, holders, holders_after};
pub use land::{Landing, TagRef, short};
pub use large::LargeFiles;
pub use locks::{LockFile, LockScope};
pub use past::Past;
pub use patience::PATIENCE;
pub use private_clone::PrivateClone;
pub use push::PushError;
pub use ref_names::exclude_each_other;
pub use ref_query::RefQuery;
pub use releases::{CommitRecord, ListedTag};
pub use remote::{DefaultBranch, LocalRemote, RefUpdate, Remote};
use settings::Settings;
pub use submodules::{Submodule, SubmoduleState};
use untrusted::Restrictions;
pub use untrusted::{TRUSTED, with_settings};

use super::process::Process;
use crate::error::{Error, Result};

/// Searches all parent folders for a repository
const NO_CEILING: &[&Path] = &[];

/// The position of HEAD
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit id, 40 (or 64) hexadecimal digits
    pub commit: String,
    /// The full name of the branch, such as `refs/heads/main`; `None` when detached
    pub branch: Option<String>,
}

impl Head {
    /// The branch's short name, or `HEAD` when detached.
    pub fn shown(&self) -> &str {
        self.branch.as_deref().map_or("HEAD", |branch| branch.strip_prefix("refs/heads/").unwrap_or(branch))
    }
}

/// The user's repository, with its working tree
pub struct Repository {
    repository: git2::Repository,
    top: PathBuf,
    settings: OnceCell<Settings>,
    /// Whether the user has agreed to a release
    has_consent: Cell<bool>,
    restrictions: OnceCell<Restrictions>,
    /// Shared with other handles while preflights run
    examination: Option<Arc<Examination>>,
    /// The author, if it is not the one that git has
    author: OnceCell<Author>,
}

impl Repository {
    /// Opens the repository that contains `folder`.
    ///
    /// # Errors
    /// There is no repository, it has no working tree, or its format cannot be read.
    pub fn discover(folder: &Path) -> Result<Self> {
        let repository = git2::Repository::open_ext(folder, git2::RepositoryOpenFlags::empty(), NO_CEILING)
            .map_err(|error| unreadable(folder, error))?;
        let Some(top) = repository.workdir() else {
            return Err(Error::usage("the repository is bare: it has no working tree")
                .help("run pyrelease in a clone with a working tree"));
        };
        let top = fs_err::canonicalize(top)?;
        let (settings, restrictions, author) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let has_consent = Cell::new(false);
        Ok(Self { repository, top, settings, has_consent, restrictions, examination: None, author })
    }

    /// Opens another worktree of this repository, with the same consent.
    fn other(&self, folder: &Path) -> Result<Self> {
        let other = Self::discover(folder)?;
        other.has_consent.set(self.has_consent.get());
        Ok(Self { author: self.author.clone(), ..other })
    }

    /// Another handle on this repository and working tree.
    ///
    /// # Errors
    /// The repository cannot be opened again.
    pub fn reopened(&self) -> Result<Self> {
        let again = self.other(&self.top)?;
        // Both would read them; one that cannot be read is the problem of whoever asks for it.
        let _ = self.settings();
        let (settings, restrictions) = (self.settings.clone(), self.restrictions.clone());
        Ok(Self { settings, restrictions, examination: self.examination.clone(), ..again })
    }

    /// Another handle on it, for a preflight in a thread of its own.
    ///
    /// # Errors
    /// The repository cannot be opened again.
    pub fn again(&self, examination: &Arc<Examination>) -> Result<Self> {
        Ok(Self { examination: Some(Arc::clone(examination)), ..self.reopened()? })
    }

    /// Records that the user has agreed to a release. From here on git follows the repository's own settings, including
    /// hooks and filters.
    pub fn give_consent(&self) {
        self.has_consent.set(true);
    }

    /// The top of the working tree.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The git folder that all worktrees share.
    pub fn common_folder(&self) -> &Path {
        self.repository.commondir()
    }

    /// A `git` command, run at the top of the working tree. Until the user has agreed to a release, it runs no programs
    /// named by the repository's own settings.
    pub fn git<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Process {
        let process = git(&self.top, arguments);
        let process = match self.author.get() {
            Some(author) => author.apply(process),
            None => process,
        };
        if self.has_consent.get() { process } else { self.restrictions().apply(process) }
    }

    /// The position of HEAD.
    ///
    /// # Errors
    /// The repository has no commits.
    pub fn head(&self) -> Result<Head> {
        let head = self.repository.head().map_err(|error| match error.code() {
            ErrorCode::UnbornBranch | ErrorCode::NotFound => Error::usage("the repository has no commit yet")
                .help("commit the project first: a release is made from committed files"),
            _ => Error::usage("failed to read HEAD").because(error),
        })?;
        let commit =
            head.peel_to_commit().map_err(|error| Error::usage("HEAD is not a commit").because(error))?;
        let branch = head.is_branch().then(|| head.name().ok().map(str::to_owned)).flatten();
        Ok(Head { commit: commit.id().to_string(), branch })
    }

    /// The id that a reference points to, without peeling tag objects; `None` if the reference does not exist.
    pub fn reference(&self, name: &str) -> Option<String> {
        self.repository.refname_to_id(name).ok().map(|id| id.to_string())
    }

    /// The full name of the reference that a symbolic one stands for; none if there is no such reference.
    pub fn symbolic_reference(&self, name: &str) -> Option<String> {
        let reference = self.repository.find_reference(name).ok()?;
        reference.symbolic_target().ok().flatten().map(str::to_owned)
    }

    /// The commit that a tag points to.
    pub fn tag(&self, name: &str) -> Option<String> {
        let reference = self.repository.find_reference(&format!("refs/tags/{name}")).ok()?;
        reference.peel(ObjectType::Commit).ok().map(|commit| commit.id().to_string())
    }

    /// The tracked files that differ from HEAD in the index or the working tree, relative to the top. The `git` command
    /// is asked, because it supports filters, split indexes and other features that git2 lacks.
    ///
    /// # Errors
    /// The working tree cannot be read.
    pub fn edited(&self) -> Result<Vec<String>> {
        match &self.examination {
            Some(examination) => Ok(examination.uncommitted(|| self.ask_uncommitted("normal"))?.edited),
            None => Ok(self.ask_uncommitted("no")?.edited),
        }
    }

    /// The untracked files that are not ignored, relative to the top; a folder of such files is one entry.
    ///
    /// # Errors
    /// The working tree cannot be read.
    pub fn untracked(&self) -> Result<Vec<String>> {
        match &self.examination {
            Some(examination) => Ok(examination.uncommitted(|| self.ask_uncommitted("normal"))?.untracked),
            None => Ok(self.ask_uncommitted("normal")?.untracked),
        }
    }

    /// What is not committed; untracked files as `git status --untracked-files` lists them.
    fn ask_uncommitted(&self, untracked_files: &str) -> Result<Uncommitted> {
        let status = ["--no-optional-locks", "status", "--porcelain=v1", "-z", "--no-renames"];
        let status = self.git(status).arg("--ignore-submodules");
        let listed = status.arg(format!("--untracked-files={untracked_files}")).read()?;
        // Each entry consists of two letters, a space and the path.
        let (untracked, edited): (Vec<_>, Vec<_>) = listed
            .split('\0')
            .filter_map(|entry| Some((entry, entry.get(3..)?.to_owned())))
            .partition(|(entry, _)| entry.starts_with("??"));
        let paths = |entries: Vec<(&str, String)>| entries.into_iter().map(|(_, path)| path).collect();
        Ok(Uncommitted { edited: paths(edited), untracked: paths(untracked) })
    }

    /// An operation in progress, such as a merge or a rebase.
    fn unfinished_operation(&self) -> Option<&'static str> {
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

    /// Why nothing can be changed while an operation such as a merge is in progress, and how to end it.
    ///
    /// # Errors
    /// One is.
    pub fn expect_no_operation(&self) -> Result<()> {
        let Some(operation) = self.unfinished_operation() else { return Ok(()) };
        let end = if operation == "bisect" { "reset" } else { "--abort" };
        Err(Error::refused(format!("a {operation} is in progress in the repository"))
            .help(format!("finish it, or run `git {operation} {end}`")))
    }

    /// Whether git takes the full name of a reference.
    pub fn is_valid_name(reference: &str) -> bool {
        git2::Reference::is_valid_name(reference)
    }

    /// Whether the object exists here.
    pub fn has(&self, commit: &str) -> bool {
        commit.parse().is_ok_and(|id| self.repository.find_commit(id).is_ok())
    }
}

/// A path as text, for a file that git reads.
fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::refused(format!("the repository's path is not valid UTF-8: `{}`", path.display()))
            .help("move the repository to a folder with a valid UTF-8 name")
    })
}

/// Explains why a repository cannot be opened, and what to do.
fn unreadable(folder: &Path, error: git2::Error) -> Error {
    let folder = folder.display();
    let message_text = error.message().to_ascii_lowercase();
    if error.code() == ErrorCode::NotFound {
        return Error::usage(format!("`{folder}` is not in a git repository"))
            .help("run `git init` and commit the project: a release is a commit and a tag");
    }
    let (refused, help) = if error.code() == ErrorCode::Owner {
        let message = format!("the repository of `{folder}` is owned by another user");
        (message, format!("if you trust it, run `git config --global --add safe.directory {folder}`"))
    } else if message_text.contains("refstorage") {
        let message = format!(
            "the repository of `{folder}` stores its refs in the reftable format, which is not supported"
        );
        (message, "run `git refs migrate --ref-format=files`".to_owned())
    } else if message_text.contains("object format") || message_text.contains("objectformat") {
        let message =
            format!("the repository of `{folder}` uses SHA-256 object ids, which are not supported");
        (message, "release from a repository with SHA-1 object ids".to_owned())
    } else {
        (format!("failed to open the repository of `{folder}`"), "`git status` may say more".to_owned())
    };
    Error::refused(refused).because(error).help(help)
}

/// The paths that git printed with `-z`, byte for byte: they need not be UTF-8.
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

/// A `git` command, run in `folder`.
fn git<S: AsRef<std::ffi::OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Process {
    Process::new("git").args(arguments).folder(folder)
}

#[cfg(test)]
mod question_tests;
#[cfg(test)]
mod tests;
