//! The header of a journal.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Names;
use crate::engine::model::{Conventions, Reach};
use crate::plugin::Plugin;
use crate::world::kept_environment::ResolvedEnvironment;

/// The header of a run
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub format: u32,
    /// The version of pyrelease that began it
    pub pyrelease: String,
    pub run: String,
    pub name: String,
    pub version: String,
    pub previous_version: String,
    pub previous_tag: Option<String>,
    pub tag: String,
    pub date: String,
    pub branch: Option<String>,
    /// How every worktree of the repository names the HEAD of the one that the run began in
    #[serde(default)]
    pub worktree: Option<String>,
    /// The commit that HEAD was at
    pub head: String,
    pub prefix: String,
    pub stages: Vec<(String, Reach)>,
    /// The configuration's name and text as the run began
    pub configuration: (PathBuf, String),
    /// How the project released as the run began
    #[serde(default, skip_serializing_if = "Conventions::is_empty")]
    pub conventions: Conventions,
    /// The plugins that it began with, by stage
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<(String, Plugin)>,
    /// The environments to build in (`--like`)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub like: Vec<ResolvedEnvironment>,
    /// The file to which `prepare` exports the run after its private stages; none if `run` began it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<PathBuf>,
    /// Whether only the sdist is built, and wheels that are built elsewhere join the run
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sdist_only: bool,
    /// Whether the release's tag was pushed before the run, which neither commits nor tags nor pushes
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_tagged: bool,
    /// The folder with the distributions, which are not built (`--from`)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
}

impl Header {
    /// The short name of the branch that the run releases from, or `HEAD` when that was detached.
    pub fn shown_branch(&self) -> &str {
        self.branch.as_deref().map_or("HEAD", |branch| branch.strip_prefix("refs/heads/").unwrap_or(branch))
    }

    /// The names that templates know.
    pub fn names(&self) -> Names {
        Names {
            version: self.version.clone(),
            previous_version: self.previous_version.clone(),
            name: self.name.clone(),
            date: self.date.clone(),
            tag: self.tag.clone(),
        }
    }
}
