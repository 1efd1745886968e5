//! The remote: what it has, and the one atomic push that changes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Head, Repository};
use crate::error::{Error, Result};
use crate::world::process::ProcessError;

/// A ref of the remote, before and after
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefUpdate {
    /// The full name at the remote, such as `refs/heads/main`
    pub name: String,
    /// What the remote had; none if it had no such ref
    pub old: Option<String>,
    /// What it is to have; none to delete
    pub new: Option<String>,
}

impl RefUpdate {
    /// The update that takes this one back.
    pub fn reversed(&self) -> Self {
        Self { name: self.name.clone(), old: self.new.clone(), new: self.old.clone() }
    }
}

/// A push that the remote or the network refused
#[derive(Debug, thiserror::Error)]
#[error("`git push` to `{remote}` failed{detail}")]
pub struct PushError {
    remote: String,
    detail: String,
}

/// A remote of the repository
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    pub name: String,
}

impl Remote {
    /// The remote a branch is pushed to: as `git push` chooses it, else the only one there is.
    ///
    /// # Errors
    /// Several remotes and nothing that tells which.
    pub fn of(user: &Repository, head: &Head, wanted: Option<&str>) -> Result<Option<Self>> {
        let listed = user.git(["remote"]).read()?;
        let names: Vec<&str> = listed.lines().collect();
        if let Some(wanted) = wanted {
            if !names.contains(&wanted) {
                return Err(Error::usage(format!("there is no remote `{wanted}`")).help(
                    "`git remote -v` lists those there are; [stage.push] remote = \"NAME\" chooses one",
                ));
            }
            return Ok(Some(Self { name: wanted.to_owned() }));
        }
        let branch = head.shown();
        let configured = [
            format!("branch.{branch}.pushRemote"),
            "remote.pushDefault".into(),
            format!("branch.{branch}.remote"),
        ]
        .iter()
        .find_map(|key| user.configured(key))
        .filter(|name| names.contains(&name.as_str()));
        match (configured, names.as_slice()) {
            (Some(name), _) => Ok(Some(Self { name })),
            (None, []) => Ok(None),
            (None, [only]) => Ok(Some(Self { name: (*only).to_owned() })),
            (None, several) if several.contains(&"origin") => Ok(Some(Self { name: "origin".to_owned() })),
            (None, several) => {
                Err(Error::usage(format!("there are several remotes: {}", several.join(", ")))
                    .help("say which one to push to: [stage.push] remote = \"NAME\""))
            }
        }
    }

    /// The remote branch that a local one is pushed to: its upstream's name where it has one there, else its own.
    pub fn branch_for(&self, user: &Repository, branch: &str) -> String {
        let short = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        let same_remote = user.configured(&format!("branch.{short}.remote")).as_deref() == Some(&self.name);
        let upstream = user.configured(&format!("branch.{short}.merge")).filter(|_| same_remote);
        upstream.unwrap_or_else(|| branch.to_owned())
    }

    /// What the remote has under these full names.
    ///
    /// # Errors
    /// A remote that cannot be reached or read.
    pub fn refs(&self, user: &Repository, names: &[&str]) -> Result<BTreeMap<String, String>> {
        let listed = user.git(["ls-remote", "--quiet", &self.name]).args(names).read().map_err(|error| {
            Error::from(error)
                .help(format!("check the address and your access: `git ls-remote {}`", self.name))
        })?;
        let pairs = listed.lines().filter_map(|line| line.split_once('\t'));
        Ok(pairs.map(|(id, name)| (name.to_owned(), id.to_owned())).collect())
    }

    /// Brings over what a ref of the remote points at, and changes no ref here.
    ///
    /// # Errors
    /// A remote that cannot be reached, or whose ref is gone.
    pub fn fetch(&self, user: &Repository, name: &str) -> Result<()> {
        let quiet = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
        user.git(quiet).args(["--no-auto-maintenance", "--refmap=", &self.name, name]).read()?;
        Ok(())
    }

    /// Sends all updates or none, each only if the remote still has what it had.
    ///
    /// # Errors
    /// Refused by the remote, a hook, a lease or the network: [`PushError`] with what git said.
    pub fn push(&self, user: &Repository, updates: &[RefUpdate]) -> Result<(), PushError> {
        let mut command =
            user.git(["push", "--quiet", "--atomic", "--no-follow-tags", "--recurse-submodules=no"]);
        for update in updates {
            let old = update.old.as_deref().unwrap_or_default();
            command = command.arg(format!("--force-with-lease={}:{old}", update.name));
        }
        command = command.arg(&self.name);
        for update in updates {
            command = command.arg(format!("{}:{}", update.new.as_deref().unwrap_or_default(), update.name));
        }
        command.read().map(|_| ()).map_err(|error| PushError {
            remote: self.name.clone(),
            detail: match error {
                ProcessError::Failed { tail, .. } => tail.lines().map(|line| format!("\n  {line}")).collect(),
                start => format!(": {start}"),
            },
        })
    }
}
