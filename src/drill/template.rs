//! The template of a sandbox: a copy of the user's repository, and a bare copy of each remote as last fetched. The
//! originals are only read.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::copies::{Sharing, copy, copy_objects};
use super::stand_in::PluginStage;
use crate::engine::checkout::Checkout;
use crate::error::{Error, Result};
use crate::plugin::trust::LOCK;
use crate::world::process::Process;

/// The parts of `.git` that depend on its path or belong to an operation in progress
const NOT_COPIED: [&str; 9] = [
    "pyrelease",
    "worktrees",
    "modules",
    "index",
    "gc.pid",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
    "fsmonitor--daemon",
];

/// Settings for commits and tags. They are copied, because conditional settings for the user's path would not apply to
/// the copy.
const IDENTITY: &str = r"^(user|author|committer|commit|tag)\.";

/// Settings that avoid background processes
const SETTINGS: [(&str, &str); 5] = [
    ("core.bare", "false"),
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("receive.autogc", "false"),
];

/// Settings that avoid key prompts
const UNSIGNED: [(&str, &str); 2] = [("commit.gpgSign", "false"), ("tag.gpgSign", "false")];

/// Whether commits and tags are signed as in the user's repository
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    AsConfigured,
    Off,
}

/// A repository and its remotes, to copy into each sandbox
pub(super) struct Template {
    folder: PathBuf,
    remotes: Vec<String>,
    /// The project's folder in the repository, with a trailing `/`; empty at the top
    prefix: String,
}

impl Template {
    /// Copies the project's repository as committed (or an earlier commit), with the files listed in `carry`.
    ///
    /// # Errors
    /// The commit does not exist, a file cannot be read or written, or `git` fails.
    pub(super) fn make(
        checkout: &Checkout,
        at: Option<&str>,
        carry: &[String],
        (folder, signing): (&Path, Signing),
    ) -> Result<Self> {
        let remotes = checkout.repository.remote_names()?;
        let template = Self { folder: folder.to_owned(), remotes, prefix: checkout.prefix.clone() };
        template.copy_repository(checkout, signing)?;
        if let Some(at) = at {
            template.go_back(checkout, at)?;
        }
        let top = repository(folder);
        git(&top, &["-c", "core.hooksPath=/dev/null", "reset", "--quiet", "--hard", "HEAD"]).read()?;
        for remote in &template.remotes {
            template.make_remote(checkout, remote)?;
        }
        for path in carry {
            template.carry(checkout, path)?;
        }
        Ok(template)
    }

    /// Copies the repository and its remotes into an empty folder.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn instantiate(&self, world: &Path) -> Result<()> {
        copy(&self.folder, world, Sharing::Objects, &|_| false)?;
        let config = repository(world).join(".git/config");
        for name in &self.remotes {
            let key = format!("remote.{name}.url");
            set(&config, &["--replace-all", &key, &remote(world, name).display().to_string()])?;
        }
        Ok(())
    }

    pub(super) fn remotes(&self) -> &[String] {
        &self.remotes
    }

    /// The project's folder in a sandbox.
    pub(super) fn project(&self, world: &Path) -> PathBuf {
        repository(world).join(&self.prefix)
    }

    fn copy_repository(&self, checkout: &Checkout, signing: Signing) -> Result<()> {
        let user = &checkout.repository;
        let common = fs_err::canonicalize(user.common_folder())?;
        let top = repository(&self.folder);
        let own = top.join(".git");
        let skip = |path: &Path| {
            NOT_COPIED.iter().any(|name| path == Path::new(name))
                || path.extension().is_some_and(|extension| extension == "lock")
        };
        copy(&common, &own, Sharing::Nothing, &skip)?;
        // A linked worktree has a HEAD and settings of its own.
        let worktree = PathBuf::from(user.git(["rev-parse", "--absolute-git-dir"]).read()?);
        for name in ["HEAD", "config.worktree"] {
            if worktree.join(name).is_file() {
                fs_err::copy(worktree.join(name), own.join(name))?;
            }
        }
        borrow_from_the_same(&common, &own)?;

        let config = own.join("config");
        for file in [&config, &own.join("config.worktree")] {
            if file.is_file() {
                unset(file, "core.worktree")?;
            }
        }
        let listed = user.git(["config", "-z", "--get-regexp", IDENTITY]).capture()?.stdout;
        for entry in String::from_utf8_lossy(&listed).split('\0').filter(|entry| !entry.is_empty()) {
            // A key without a value is true.
            let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            set(&config, &["--replace-all", key, value])?;
        }
        let unsigned = UNSIGNED.iter().filter(|_| signing == Signing::Off);
        for (key, value) in SETTINGS.iter().chain(unsigned) {
            set(&config, &["--replace-all", key, value])?;
        }
        for name in &self.remotes {
            // Its own remote has another URL, but what a release writes has links to this one.
            if let Some(url) = user.plain_url(name) {
                set(&config, &["--replace-all", &crate::world::git::Repository::rehearsed_key(name), &url])?;
            }
            for key in ["pushurl", "receivepack", "uploadpack", "vcs", "proxy"] {
                unset(&config, &format!("remote.{name}.{key}"))?;
            }
        }
        Ok(())
    }

    /// Moves the branch, remotes and tags back to an earlier commit, so that a past release can be drilled again.
    fn go_back(&self, checkout: &Checkout, at: &str) -> Result<()> {
        let top = repository(&self.folder);
        let commit =
            git(&top, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{at}^{{commit}}")]);
        let commit = commit.read().map_err(|_| Error::usage(format!("no such commit: `{at}`")))?;
        let mut moved = vec!["HEAD".to_owned()];
        if let Some(branch) =
            checkout.head.branch.as_deref().and_then(|name| name.strip_prefix("refs/heads/"))
        {
            moved.extend(self.remotes.iter().map(|remote| format!("refs/remotes/{remote}/{branch}")));
        }
        for name in moved {
            if git(&top, &["rev-parse", "--verify", "--quiet", &name]).capture()?.success() {
                git(&top, &["update-ref", &name, &commit]).read()?;
            }
        }
        let later = git(&top, &["tag", "--no-merged", &commit]).read()?;
        let later: Vec<&str> = later.lines().collect();
        if !later.is_empty() {
            git(&top, &[&["tag", "--delete", "--"], &later[..]].concat()).read()?;
        }
        Ok(())
    }

    /// Creates a remote with the branches as last fetched, and all local tags.
    fn make_remote(&self, checkout: &Checkout, name: &str) -> Result<()> {
        let top = repository(&self.folder);
        let folder = remote(&self.folder, name);
        fs_err::create_dir_all(&folder)?;
        let format = if checkout.head.commit.len() == 64 { "sha256" } else { "sha1" };
        let format = format!("--object-format={format}");
        let followed = format!("refs/remotes/{name}/");
        let listing =
            ["for-each-ref", "--format=%(objectname) %(refname) %(symref)", &followed, "refs/tags/"];
        let listed = git(&top, &listing).read()?;
        let own_branch = checkout.head.branch.as_deref().unwrap_or("refs/heads/main");
        let branch = main_branch(&listed, &followed).unwrap_or(own_branch);
        let initial = format!("--initial-branch={}", branch.strip_prefix("refs/heads/").unwrap_or(branch));
        let options = ["-c", "init.defaultRefFormat=files", "init", "--quiet", "--bare", "--template="];
        git(&folder, &[&options[..], &[&format, &initial, "."]].concat()).read()?;
        let own = top.join(".git");
        fs_err::remove_dir_all(folder.join("objects"))?;
        copy_objects(&own.join("objects"), &folder.join("objects"))?;
        if own.join("shallow").is_file() {
            fs_err::copy(own.join("shallow"), folder.join("shallow"))?;
        }

        let mut refs = String::new();
        let mut branches = 0;
        for line in listed.lines() {
            let [object, reference, ""] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
            let branch = reference.strip_prefix(&followed);
            branches += usize::from(branch.is_some());
            let reference = branch.map_or(reference.to_owned(), |branch| format!("refs/heads/{branch}"));
            let _ = writeln!(refs, "{object} {reference}");
        }
        if branches == 0 {
            let _ = writeln!(refs, "{} {own_branch}", git(&top, &["rev-parse", "HEAD"]).read()?);
        }
        Ok(fs_err::write(folder.join("packed-refs"), refs)?)
    }

    /// Copies uncommitted files of plugins, and their pins, into the project.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub(super) fn bring_plugins<'a>(
        &self,
        checkout: &Checkout,
        plugins: impl Iterator<Item = &'a PluginStage>,
    ) -> Result<()> {
        let root = fs_err::canonicalize(checkout.root())?;
        let inside = plugins.filter_map(|plugin| plugin.source.strip_prefix(&root).ok()?.to_str());
        let mut paths: Vec<&str> = inside.collect();
        if !paths.is_empty() {
            paths.push(LOCK);
        }
        let absent = |path: &&str| !self.project(&self.folder).join(path).exists();
        paths.into_iter().filter(absent).try_for_each(|path| self.carry(checkout, path))
    }

    fn carry(&self, checkout: &Checkout, path: &str) -> Result<()> {
        let (from, to) = (checkout.root().join(path), self.project(&self.folder).join(path));
        if let Some(parent) = to.parent() {
            fs_err::create_dir_all(parent)?;
        }
        if from.is_dir() {
            copy(&from, &to, Sharing::Nothing, &|_| false)
        } else if from.is_file() {
            fs_err::copy(&from, &to)?;
            Ok(())
        } else {
            // Preflight reports missing files better.
            Ok(())
        }
    }
}

/// The repository in a sandbox.
pub(super) fn repository(world: &Path) -> PathBuf {
    world.join("repository")
}

/// A remote in a sandbox.
pub(super) fn remote(world: &Path, name: &str) -> PathBuf {
    world.join("remotes").join(format!("{name}.git"))
}

/// The main branch of a remote: its last known HEAD, else a usual name, else any. `None` if it has no branch.
fn main_branch<'a>(listed: &'a str, followed: &str) -> Option<&'a str> {
    let branches = listed.lines().filter_map(|line| {
        let [_, reference, symbolic] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
        let points_at = if symbolic.is_empty() { reference } else { symbolic };
        let branch = points_at.strip_prefix(followed)?;
        let rank = match branch {
            _ if !symbolic.is_empty() => 0,
            "main" | "master" => 1,
            _ => 2,
        };
        Some((rank, branch))
    });
    branches.min_by_key(|(rank, _)| *rank).map(|(_, branch)| branch)
}

/// Makes relative paths to borrowed objects absolute.
fn borrow_from_the_same(common: &Path, own: &Path) -> Result<()> {
    let file = own.join("objects/info/alternates");
    if !file.is_file() {
        return Ok(());
    }
    let text = fs_err::read_to_string(&file)?;
    let lines = text.lines().map(|line| format!("{}\n", common.join("objects").join(line).display()));
    Ok(fs_err::write(&file, lines.collect::<String>())?)
}

fn git(folder: &Path, arguments: &[&str]) -> Process {
    Process::new("git").args(arguments).folder(folder)
}

fn set(config: &Path, arguments: &[&str]) -> Result<()> {
    let process = Process::new("git").args(["config", "--file"]).arg(config).args(arguments);
    process.read().map(drop).map_err(|error| {
        Error::from(error)
            .help("failed to configure the copy of the repository; your repository is unchanged")
    })
}

/// Removes a setting, if present.
fn unset(config: &Path, key: &str) -> Result<()> {
    Process::new("git").args(["config", "--file"]).arg(config).args(["--unset-all", key]).capture()?;
    Ok(())
}
