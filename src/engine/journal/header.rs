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
    /// The members of the workspace that it releases, in the order in which they are published
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<HeaderMember>,
}

/// A member of a workspace in the header of a run
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderMember {
    pub name: String,
    pub version: String,
    pub previous_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_tag: Option<String>,
    pub tag: String,
    pub prefix: String,
    /// Whether it is not uploaded
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_private: bool,
    /// Whether only its sdist is built, and wheels that are built elsewhere join the run
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sdist_only: bool,
    #[serde(default, skip_serializing_if = "Conventions::is_empty")]
    pub conventions: Conventions,
}

impl HeaderMember {
    /// The names that templates know.
    pub fn names(&self, date: &str) -> Names {
        Names {
            version: self.version.clone(),
            previous_version: self.previous_version.clone(),
            name: self.name.clone(),
            date: date.to_owned(),
            tag: self.tag.clone(),
        }
    }
}

impl Header {
    /// The short name of the branch that the run releases from, or `HEAD` when that was detached.
    pub fn shown_branch(&self) -> &str {
        self.branch.as_deref().map_or("HEAD", |branch| branch.strip_prefix("refs/heads/").unwrap_or(branch))
    }

    fn member(&self, name: Option<&str>) -> Option<&HeaderMember> {
        self.members.iter().find(|member| Some(member.name.as_str()) == name)
    }

    /// The names that templates know, of a member if one is named.
    pub fn names_of(&self, member: Option<&str>) -> Names {
        self.member(member).map_or_else(|| self.names(), |member| member.names(&self.date))
    }

    /// The folder of the project, or of a member, in the repository.
    pub fn prefix_of(&self, member: Option<&str>) -> &str {
        self.member(member).map_or(&self.prefix, |member| &member.prefix)
    }

    /// The projects that it releases, each with its version.
    pub fn releases(&self) -> Vec<(&str, &str)> {
        match self.members.as_slice() {
            [] => vec![(&self.name, &self.version)],
            members => members.iter().map(|member| (&*member.name, &*member.version)).collect(),
        }
    }

    /// The names of its tags, each once.
    pub fn tags(&self) -> Vec<&str> {
        let mut tags: Vec<&str> = self.members.iter().map(|member| member.tag.as_str()).collect();
        if tags.is_empty() {
            tags.push(&self.tag);
        }
        tags.sort_unstable();
        tags.dedup();
        tags
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
