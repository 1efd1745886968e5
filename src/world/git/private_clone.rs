//! The private clone in which a release is prepared: its own index, working tree and refs, the user's objects,
//! configuration and hooks.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Head, Repository, git, text};
use crate::error::{Error, Result};
use crate::world::process::Process;

/// A clone that shares the objects of the user's repository
#[derive(Debug)]
pub struct PrivateClone {
    top: PathBuf,
}

impl PrivateClone {
    /// Makes the clone at `top`, at the commit and on the branch that HEAD is on, with all tags.
    ///
    /// `git clone --shared` would do most of it, but refuses shallow repositories, runs hooks of templates and
    /// writes a file for each tag.
    ///
    /// # Errors
    /// Whatever `git` says, or that a file could not be written.
    pub fn make(user: &Repository, head: &Head, top: &Path) -> Result<Self> {
        let format = if head.commit.len() == 64 { "sha256" } else { "sha1" };
        fs_err::create_dir_all(top)?;
        git(
            top,
            [
                "-c",
                "init.defaultRefFormat=files",
                "init",
                "--quiet",
                "--template=",
                &format!("--object-format={format}"),
                ".",
            ],
        )
        .read()?;
        let clone = Self { top: top.to_owned() };
        let folder = top.join(".git");
        let common = fs_err::canonicalize(user.common_folder())?;

        fs_err::create_dir_all(folder.join("objects/info"))?;
        fs_err::write(folder.join("objects/info/alternates"), alternate(&common.join("objects"))?)?;
        if common.join("shallow").is_file() {
            fs_err::copy(common.join("shallow"), folder.join("shallow"))?;
        }
        let list = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/tags", "refs/replace"];
        let listed = user.git(list).read()?;
        let mut refs = listed + "\n";
        if let Some(branch) = &head.branch {
            let _ = writeln!(refs, "{} {branch}", head.commit);
        }
        fs_err::write(folder.join("packed-refs"), refs.trim_start())?;
        match &head.branch {
            Some(branch) => fs_err::write(folder.join("HEAD"), format!("ref: {branch}\n"))?,
            None => fs_err::write(folder.join("HEAD"), format!("{}\n", head.commit))?,
        }
        clone.configure(user, &common)?;
        // No hook of the user's expects to run for a checkout that the user did not make.
        clone.git(["-c", "core.hooksPath=/dev/null", "reset", "--quiet", "--hard", "HEAD"]).read()?;
        clone.refuse_pointers()?;
        clone.fill_submodules(user, &head.commit)?;
        Ok(clone)
    }

    /// Whether a clone could be made: the path of the repository has to be one that git can be told in a file.
    ///
    /// # Errors
    /// It is not.
    pub fn is_possible(user: &Repository) -> Result<()> {
        alternate(&fs_err::canonicalize(user.common_folder())?.join("objects")).map(|_| ())
    }

    /// The clone that was made at `top`.
    pub fn at(top: &Path) -> Self {
        Self { top: top.to_owned() }
    }

    pub fn top(&self) -> &Path {
        &self.top
    }

    /// A `git` command run in the clone.
    pub fn git<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Process {
        git(&self.top, arguments)
    }

    /// The commit that HEAD is at.
    ///
    /// # Errors
    /// Whatever `git` says.
    pub fn head(&self) -> Result<String> {
        Ok(self.git(["rev-parse", "--verify", "HEAD^{commit}"]).read()?)
    }

    /// The commit that HEAD is at, if there is nothing to commit: no change to a tracked file, and none that is staged.
    ///
    /// # Errors
    /// Whatever `git` says.
    pub fn unchanged(&self) -> Result<Option<String>> {
        self.git(["add", "--update", "--", "."]).read()?;
        match self.git(["diff", "--cached", "--quiet"]).capture()?.success() {
            true => self.head().map(Some),
            false => Ok(None),
        }
    }

    /// Commits every change to tracked files and gives the commit. Where nothing changed, HEAD is the commit.
    ///
    /// # Errors
    /// Whatever `git` or a hook says.
    pub fn commit(&self, message: &str) -> Result<String> {
        if let Some(head) = self.unchanged()? {
            return Ok(head);
        }
        self.git(["commit", "--quiet", "--file=-"]).input(message).read().map_err(|error| {
            Error::from(error)
                .help("a commit needs `user.name` and `user.email`; a hook or the signing may have refused")
                .help("a hook runs in the release's own clone: what it needs and git does not track is named in `carry`")
        })?;
        self.head()
    }

    /// Makes an annotated tag (signed where the user's `tag.gpgSign` says so) and gives the tag object's id.
    ///
    /// # Errors
    /// Whatever `git` says.
    pub fn tag(&self, name: &str, message: &str, commit: &str, sign: Option<bool>) -> Result<String> {
        // Verbatim keeps lines that begin with `#`; a signature is found only at the beginning of a line.
        let message = format!("{}\n", message.trim_end());
        let mut command = self.git(["tag", "--annotate", "--cleanup=verbatim", "--file=-"]).input(message);
        match sign {
            Some(true) => command = command.arg("--sign"),
            Some(false) => command = command.arg("--no-sign"),
            None => {}
        }
        command.args(["--", name, commit]).read()?;
        Ok(self.git(["rev-parse", "--verify", &format!("refs/tags/{name}")]).read()?)
    }
}

/// A line of `objects/info/alternates`. The file has no way to quote a newline.
fn alternate(objects: &Path) -> Result<String> {
    let text = text(objects)?;
    if text.contains('\n') {
        return Err(Error::refused(format!("the repository's path contains a newline: {text:?}"))
            .help("move the repository to a folder whose name is in one line"));
    }
    // A leading quote or `#` would be read as syntax; an absolute path has neither.
    Ok(format!("{text}\n"))
}
