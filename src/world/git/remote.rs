//! Remotes: choosing one, and reading its refs.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::examination::RemoteRefs;
use super::ref_names::excluding_tags;
use super::{Head, Repository, Settings, git};
use crate::error::{Error, Result};

/// How long to wait for a remote's answer
const PATIENCE: Duration = Duration::from_secs(30);

/// What git, curl and ssh say of a host that does not answer
const UNREACHABLE: [&str; 8] = [
    "Could not resolve host",
    "Temporary failure in name resolution",
    "Failed to connect",
    "Couldn't connect",
    "Could not connect",
    "Connection refused",
    "Connection timed out",
    "Network is unreachable",
];

/// The change of a ref at the remote
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefUpdate {
    /// The full name at the remote, such as `refs/heads/main`
    pub name: String,
    /// The value before; `None` if the ref did not exist
    pub old: Option<String>,
    /// The value after; `None` to delete the ref
    pub new: Option<String>,
}

impl RefUpdate {
    /// The update that undoes this one.
    pub fn reversed(&self) -> Self {
        Self { name: self.name.clone(), old: self.new.clone(), new: self.old.clone() }
    }
}

/// The branch that a remote shows first
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultBranch {
    /// The full name, such as `refs/heads/main`
    pub name: String,
    /// Where it is, where the remote said so
    pub commit: Option<String>,
}

/// A remote of the repository
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    pub name: String,
}

impl Remote {
    /// The remote that a branch is pushed to: the one `git push` chooses, else the only one.
    ///
    /// # Errors
    /// The choice is ambiguous, or a configured name is not a remote.
    pub fn of(user: &Repository, head: &Head, wanted: Option<&str>) -> Result<Option<Self>> {
        let listed = user.remote_names()?;
        let names: Vec<&str> = listed.iter().map(String::as_str).collect();
        if let Some(wanted) = wanted {
            if !names.contains(&wanted) {
                return Err(Error::usage(format!("remote `{wanted}` does not exist"))
                    .help("list them with `git remote -v`; set `remote = \"NAME\"` in [stage.push]"));
            }
            return Ok(Some(Self { name: wanted.to_owned() }));
        }
        let branch = head.shown();
        let keys = [
            format!("branch.{branch}.pushRemote"),
            "remote.pushDefault".into(),
            format!("branch.{branch}.remote"),
        ];
        // `.` means this repository: the branch tracks another local branch.
        let configured = keys.iter().find_map(|key| user.configured(key)).filter(|name| name != ".");
        if let Some(address) = configured.as_deref().filter(|name| !names.contains(name)) {
            return Err(Error::usage(format!(
                "`{branch}` is pushed to `{address}`, which is not a named remote"
            ))
            .help("add it with `git remote add NAME URL`, and set `remote = \"NAME\"` in [stage.push]"));
        }
        match (configured, names.as_slice()) {
            (Some(name), _) => Ok(Some(Self { name })),
            (None, []) => Ok(None),
            (None, [only]) => Ok(Some(Self { name: (*only).to_owned() })),
            (None, several) if several.contains(&"origin") => Ok(Some(Self { name: "origin".to_owned() })),
            (None, several) => {
                Err(Error::usage(format!("there are several remotes: {}", several.join(", ")))
                    .help("set `remote = \"NAME\"` in [stage.push] to choose one"))
            }
        }
    }

    /// The remote branch that a local one is pushed to: its upstream at this remote if it has one, else the same name.
    pub fn branch_for(&self, user: &Repository, branch: &str) -> String {
        let short = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        // These settings push each branch to its own name, whatever its upstream.
        if user.configured("push.default").is_some_and(|how| how == "current" || how == "matching") {
            return branch.to_owned();
        }
        let same_remote = user.configured(&format!("branch.{short}.remote")).as_deref() == Some(&self.name);
        let upstream = user.configured(&format!("branch.{short}.merge")).filter(|_| same_remote);
        upstream.unwrap_or_else(|| branch.to_owned())
    }

    /// The URLs for fetching and pushing, after git's URL rewriting.
    ///
    /// # Errors
    /// The remote has no URL.
    pub fn addresses(&self, user: &Repository) -> Result<(String, Vec<String>)> {
        user.addresses(&self.name)
    }

    /// Its repository, if that is a readable folder on this machine.
    pub fn repository(&self, user: &Repository) -> Option<LocalRemote> {
        let (address, _) = self.addresses(user).ok()?;
        let folder = user.top().join(address.strip_prefix("file://").unwrap_or(&address));
        folder.is_dir().then(|| LocalRemote { folder, settings: OnceCell::new() })
    }

    /// The values of the refs with these full names, within a time limit.
    ///
    /// # Errors
    /// The remote cannot be reached or read, or only a program named by the repository's own settings could ask it.
    pub fn refs(&self, user: &Repository, names: &[&str]) -> Result<BTreeMap<String, String>> {
        self.refs_within(user, names, PATIENCE)
    }

    /// The same, and the remote's default branch: by its own word, else by what this repository knows of it.
    ///
    /// # Errors
    /// As [`Self::refs`].
    pub fn refs_and_default(&self, user: &Repository, names: &[&str]) -> Result<RemoteRefs> {
        match &user.examination {
            Some(examination) => {
                examination.refs(&self.name, names, || self.ask_refs_and_default(user, names))
            }
            None => self.ask_refs_and_default(user, names),
        }
    }

    fn ask_refs_and_default(&self, user: &Repository, names: &[&str]) -> Result<RemoteRefs> {
        let excluding: Vec<String> = excluding_tags(names).collect();
        let asked: Vec<&str> =
            names.iter().copied().chain(excluding.iter().map(String::as_str)).chain(["HEAD"]).collect();
        let listed = self.list(user, &["--symref"], &asked, PATIENCE)?;
        let points_at = |line: &str| line.strip_prefix("ref: ")?.strip_suffix("\tHEAD").map(str::to_owned);
        let said = listed.lines().find_map(points_at);
        let mut refs = pairs(listed.lines().filter(|line| !line.starts_with("ref: ")));
        let commit = refs.remove("HEAD");
        let default = said.or_else(|| {
            let known = user.symbolic_reference(&format!("refs/remotes/{}/HEAD", self.name))?;
            let name = known.strip_prefix(&format!("refs/remotes/{}/", self.name))?;
            Some(format!("refs/heads/{name}"))
        });
        Ok((refs, default.map(|name| DefaultBranch { name, commit })))
    }

    pub(super) fn refs_within(
        &self,
        user: &Repository,
        names: &[&str],
        patience: Duration,
    ) -> Result<BTreeMap<String, String>> {
        Ok(pairs(self.list(user, &[], names, patience)?.lines()))
    }

    fn list(
        &self,
        user: &Repository,
        options: &[&str],
        names: &[&str],
        patience: Duration,
    ) -> Result<String> {
        user.expect_own_transport()?;
        let process = user.git(["ls-remote", "--quiet"]).args(options).args(["--", &self.name]).args(names);
        process.reaching_a_remote().read_within(patience).map_err(|error| {
            let error = Error::from(error)
                .help(format!("check the URL and your access with `git ls-remote {}`", self.name));
            let said = error.chain();
            let is_unreachable = UNREACHABLE.iter().any(|words| said.contains(words));
            if is_unreachable { error.unreachable() } else { error }
        })
    }

    /// The names of its tags that this repository does not have.
    ///
    /// # Errors
    /// As [`Self::refs`].
    pub fn missing_tags(&self, user: &Repository) -> Result<Vec<String>> {
        let there = self.refs(user, &["refs/tags/*"])?;
        let here = user.git(["for-each-ref", "--format=%(refname)", "refs/tags"]).read()?;
        let here: BTreeSet<&str> = here.lines().collect();
        let names = there.keys().filter(|name| !name.ends_with("^{}") && !here.contains(name.as_str()));
        Ok(names.filter_map(|name| name.strip_prefix("refs/tags/")).map(str::to_owned).collect())
    }

    /// Fetches tags that this repository does not have.
    ///
    /// # Errors
    /// The remote cannot be reached, or has a tag no more.
    pub fn fetch_tags(&self, user: &Repository, names: &[String]) -> Result<()> {
        user.expect_own_transport()?;
        let refs: String = names.iter().map(|name| format!("refs/tags/{name}:refs/tags/{name}\n")).collect();
        let quiet = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
        user.git(quiet)
            .args(["--no-auto-maintenance", "--stdin", &self.name])
            .input(refs)
            .reaching_a_remote()
            .read()?;
        Ok(())
    }

    /// Fetches what a ref of the remote points to, without changing local refs.
    ///
    /// # Errors
    /// The remote cannot be reached, or the ref does not exist.
    pub fn fetch(&self, user: &Repository, name: &str) -> Result<()> {
        user.expect_own_transport()?;
        let quiet = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
        user.git(quiet)
            .args(["--no-auto-maintenance", "--refmap=", &self.name, name])
            .reaching_a_remote()
            .read()?;
        Ok(())
    }
}

/// Names and ids from lines of `git ls-remote`.
fn pairs<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let pairs = lines.filter_map(|line| line.split_once('\t'));
    pairs.map(|(id, name)| (name.to_owned(), id.to_owned())).collect()
}

/// A remote on this machine
#[derive(Debug)]
pub struct LocalRemote {
    pub(super) folder: PathBuf,
    settings: OnceCell<Settings>,
}

impl LocalRemote {
    /// Its git folder.
    pub fn git_folder(&self) -> PathBuf {
        let inside = self.folder.join(".git");
        if inside.is_dir() { inside } else { self.folder.clone() }
    }

    /// The setting, if any, that makes the remote refuse to undo a push to a branch. Undoing deletes a new branch, and
    /// rewinds an existing one. (Tags can be deleted regardless.)
    pub fn refuses_undo(&self, is_new: bool) -> Option<&'static str> {
        let key = if is_new { "receive.denyDeletes" } else { "receive.denyNonFastForwards" };
        self.settings().is_on(key).unwrap_or(false).then_some(key)
    }

    /// Whether the branch is checked out at the remote, so that the remote refuses pushes to it.
    pub fn has_checked_out(&self, branch: &str) -> bool {
        self.checked_out().is_some_and(|shown| shown == branch) && {
            let how = self.settings().get("receive.denyCurrentBranch").unwrap_or_default();
            !["false", "ignore", "warn", "updateinstead"].contains(&how.to_ascii_lowercase().as_str())
        }
    }

    /// None can be read of a repository that git refuses to open, as it refuses a push there.
    fn settings(&self) -> &Settings {
        let read = || Settings::at(&git::<&str>(&self.folder, []), &self.folder).unwrap_or_default();
        self.settings.get_or_init(read)
    }
}
