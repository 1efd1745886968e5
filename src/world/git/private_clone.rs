//! The private clone in which a release is prepared. It has its own index, working tree and refs, and uses the user's
//! objects, configuration and hooks.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use git2::RepositoryInitOptions;

use super::{Head, Repository, git, paths, text};
use crate::error::{Error, Result};
use crate::world::process::Process;

/// A clone that shares the objects of the user's repository
#[derive(Debug)]
pub struct PrivateClone {
    top: PathBuf,
}

impl PrivateClone {
    /// Creates the clone at `top`, at HEAD's commit and branch, with all tags.
    ///
    /// `git clone --shared` is not used: it refuses shallow repositories, runs hooks from templates and writes one file
    /// per tag.
    ///
    /// # Errors
    /// A `git` command failed, or a file could not be written.
    pub fn make(user: &Repository, head: &Head, top: &Path) -> Result<Self> {
        let clone = Self::without_files(user, head, top)?;
        clone.check_out("HEAD")?;
        clone.refuse_pointers()?;
        clone.fill_submodules(user, &head.commit)?;
        Ok(clone)
    }

    /// The same, but with nothing checked out: for looking at commits.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub(super) fn without_files(user: &Repository, head: &Head, top: &Path) -> Result<Self> {
        fs_err::create_dir_all(top)?;
        let mut options = RepositoryInitOptions::new();
        options.external_template(false).no_reinit(true);
        git2::Repository::init_opts(top, &options)
            .map_err(|error| Error::failed("failed to make the run's clone").because(error))?;
        // The library's template, of which nothing is needed
        fs_err::remove_dir_all(top.join(".git/hooks")).or_else(absent)?;
        fs_err::remove_file(top.join(".git/description")).or_else(absent)?;
        let clone = Self { top: top.to_owned() };
        let folder = top.join(".git");
        let common = fs_err::canonicalize(user.common_folder())?;

        fs_err::create_dir_all(folder.join("objects/info"))?;
        fs_err::write(folder.join("objects/info/alternates"), alternate(&common.join("objects"))?)?;
        if common.join("shallow").is_file() {
            fs_err::copy(common.join("shallow"), folder.join("shallow"))?;
        }
        let mut refs = user.packed_refs(&["refs/replace/*", "refs/tags/*"])?;
        if let Some(branch) = &head.branch {
            let _ = writeln!(refs, "{} {branch}", head.commit);
        }
        fs_err::write(folder.join("packed-refs"), refs)?;
        match &head.branch {
            Some(branch) => fs_err::write(folder.join("HEAD"), format!("ref: {branch}\n"))?,
            None => fs_err::write(folder.join("HEAD"), format!("{}\n", head.commit))?,
        }
        clone.configure(user, &common)?;
        Ok(clone)
    }

    /// Checks whether a clone can be created: the repository's path must be representable in a file that git reads.
    ///
    /// # Errors
    /// The path is not.
    pub fn check_possible(user: &Repository) -> Result<()> {
        alternate(&fs_err::canonicalize(user.common_folder())?.join("objects")).map(|_| ())
    }

    /// The existing clone at `top`.
    pub fn at(top: &Path) -> Self {
        Self { top: top.to_owned() }
    }

    pub fn top(&self) -> &Path {
        &self.top
    }

    /// A `git` command, run in the clone.
    pub fn git<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Process {
        self.confine(git(&self.top, arguments))
    }

    /// The same command, which finds no repository but the clone. The clone lies in the user's repository: if a command
    /// deleted the clone's `.git`, git would go on in the user's.
    #[must_use]
    pub fn confine(&self, process: Process) -> Process {
        match self.top.parent() {
            Some(above) => process.env("GIT_CEILING_DIRECTORIES", above),
            None => process,
        }
    }

    /// Checks out a commit on the clone's branch, without local changes.
    ///
    /// # Errors
    /// The `git` command failed.
    pub fn check_out(&self, commit: &str) -> Result<()> {
        // The user's hooks do not expect to run for this checkout.
        self.git(["-c", "core.hooksPath=/dev/null", "reset", "--quiet", "--hard", commit]).read()?;
        Ok(())
    }

    /// The commit that HEAD is at, if there is nothing to commit: no change to a tracked file, and none that is staged.
    ///
    /// # Errors
    /// Whatever `git` says.
    pub fn unchanged(&self) -> Result<Option<String>> {
        if self.git(["add", "--update", ":/"]).read().is_err() {
            // Only what changed: git fails on a file whose bytes do not fit its declared encoding, even if nobody touched it.
            let compare = ["diff", "--name-only", "-z", "--no-ext-diff", "--ignore-submodules=dirty"];
            let changed = self.git(compare).read_bytes()?;
            if !changed.is_empty() {
                let add = [
                    "--literal-pathspecs",
                    "add",
                    "--update",
                    "--pathspec-from-file=-",
                    "--pathspec-file-nul",
                ];
                self.git(add).input(changed).read()?;
            }
        }
        match self.has_nothing_staged()? {
            true => self.head().map(Some),
            false => Ok(None),
        }
    }

    /// Adds files to the index, whatever is ignored.
    ///
    /// # Errors
    /// The `git` command failed.
    pub fn track(&self, paths: &[&str]) -> Result<()> {
        let add = ["--literal-pathspecs", "add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"];
        if !paths.is_empty() {
            self.git(add).input(paths.join("\0")).read()?;
        }
        Ok(())
    }

    /// The files that differ from the commit at HEAD: tracked ones, and those that were added.
    ///
    /// # Errors
    /// The `git` command failed.
    pub fn changed(&self) -> Result<Vec<PathBuf>> {
        let compare =
            ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules=all", "HEAD"];
        Ok(paths(&self.git(compare).read_bytes()?))
    }

    /// Commits all changes to tracked files and returns the commit. Without changes, returns HEAD.
    ///
    /// # Errors
    /// A `git` command or a hook failed.
    pub fn commit(&self, message: &str) -> Result<String> {
        if let Some(head) = self.unchanged()? {
            return Ok(head);
        }
        self.commit_staged(message)
    }

    /// Commits what is in the index, after [`Self::unchanged`] has put the changes there.
    ///
    /// # Errors
    /// There is nothing to commit, or a `git` command or a hook failed.
    pub fn commit_staged(&self, message: &str) -> Result<String> {
        self.git(["commit", "--quiet", "--file=-"]).input(message).read().map_err(|error| {
            Error::from(error)
                .help("set `user.name` and `user.email`; a hook or signing may also have failed")
                .help("hooks run in the release's private clone: list the untracked files that they need in `carry`")
        })?;
        self.head()
    }

    /// Creates a tag and returns the id of what its reference points to. With a message the tag is annotated (and signed
    /// if `sign` or the user's `tag.gpgSign` is set), without one it is lightweight.
    ///
    /// # Errors
    /// The `git` command failed.
    pub fn tag(&self, name: &str, message: Option<&str>, commit: &str, sign: Option<bool>) -> Result<String> {
        let Some(message) = message else {
            self.point(&format!("refs/tags/{name}"), commit)?;
            return Ok(commit.to_owned());
        };
        // Verbatim keeps lines that begin with `#`. The final newline lets git find an appended signature, which must
        // begin a line.
        let message = format!("{}\n", message.trim_end());
        let mut command = self.git(["tag", "--annotate", "--cleanup=verbatim", "--file=-"]).input(message);
        match sign {
            Some(true) => command = command.arg("--sign"),
            Some(false) => command = command.arg("--no-sign"),
            None => {}
        }
        command.args(["--", name, commit]).read()?;
        self.reference(&format!("refs/tags/{name}"))
    }
}

/// What is not there need not be removed.
fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// A line of `objects/info/alternates`. The format cannot quote a newline.
fn alternate(objects: &Path) -> Result<String> {
    let text = text(objects)?;
    if text.contains('\n') {
        return Err(Error::refused(format!("the repository's path contains a newline: {text:?}"))
            .help("move the repository to a folder without newlines in its name"));
    }
    // A leading quote or `#` would be syntax, but an absolute path begins with neither.
    Ok(format!("{text}\n"))
}
