//! Effects: changes outside the run's folder, as the journal keeps them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::reach::Reach;
use crate::plugin::Assignment;
use crate::plugin::protocol::Class;
use crate::python::distribution::Distribution;
use crate::world::forge::{ForgeAddress, ForgeChange};
use crate::world::git::{Landing, RefUpdate};

/// A change outside the run's folder, as the journal keeps it, with all that is needed to verify and undo it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Effect {
    /// The release commit and tag enter the user's repository
    Land { landing: Landing },
    /// Refs of a remote change
    Push {
        remote: String,
        updates: Vec<RefUpdate>,
        /// The ref that the push creates besides, by which recovery can shut it out; see [`crate::world::git::ShutOut`]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fence: Option<String>,
        /// `public` if the push starts a workflow that publishes
        #[serde(default = "Reach::repository", skip_serializing_if = "Reach::is_repository")]
        reach: Reach,
    },
    /// A file goes to an index
    Upload {
        index: String,
        url: String,
        simple: Option<String>,
        reach: Reach,
        project: String,
        distribution: Distribution,
    },
    /// Signatures of files enter a public log, for good
    Attest { distributions: Vec<Distribution> },
    /// A command of the user acts outside the run's folder
    Command {
        reach: Reach,
        command: Vec<String>,
        undo: Option<Vec<String>>,
        /// The command that checks whether it has done its work
        #[serde(default)]
        verify: Option<Vec<String>>,
        /// The names of the secrets in the environment of these commands
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        environment: Vec<String>,
        /// The member of the workspace that it is run for
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<String>,
    },
    /// A plugin acts
    Plugin(Box<PluginEffect>),
    /// A release, or a part of one, on a forge
    Forge(Box<ForgeEffect>),
}

impl Effect {
    pub fn reach(&self) -> Reach {
        match self {
            Self::Land { .. } => Reach::Repository,
            // Permanent, but nobody can install by it: it binds nobody to go on with the release.
            Self::Attest { .. } => Reach::Rehearsal,
            Self::Push { reach, .. } | Self::Upload { reach, .. } | Self::Command { reach, .. } => *reach,
            Self::Plugin(effect) => effect.reach,
            Self::Forge(effect) if effect.publishes => Reach::Public,
            Self::Forge(effect) if effect.change.is_public() => Reach::FollowUp,
            Self::Forge(_) => Reach::Repository,
        }
    }

    /// Whether it is public because a workflow that it starts publishes the release.
    pub fn starts_workflow(&self) -> bool {
        match self {
            Self::Push { reach, .. } => *reach >= Reach::Public,
            Self::Forge(effect) => effect.publishes,
            _ => false,
        }
    }

    /// Whether the other effect is the same. Two attempts at a push differ only in their fence refs.
    pub fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Push { remote, updates, .. },
                Self::Push { remote: other_remote, updates: other_updates, .. },
            ) => remote == other_remote && updates == other_updates,
            _ => self == other,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Land { landing } => {
                write!(f, "{} in the repository", landing.branch.as_deref().map_or("HEAD", short_ref))?;
                write_tags(f, landing.tags.iter().map(|tag| tag.name.as_str()))
            }
            Self::Push { remote, updates, .. } => {
                let names: Vec<&str> = updates.iter().map(|update| short_ref(&update.name)).collect();
                write!(f, "{} at {remote}", joined(&names))
            }
            Self::Upload { index, distribution, .. } => write!(f, "{} on {index}", distribution.filename),
            Self::Attest { distributions } => match &distributions[..] {
                [only] => write!(f, "attestation of {}", only.filename),
                several => write!(f, "attestations of {} files", several.len()),
            },
            Self::Command { command, .. } => write!(f, "command `{}`", command.join(" ")),
            Self::Plugin(effect) => effect.fmt(f),
            Self::Forge(effect) => effect.fmt(f),
        }
    }
}

/// Writes the tags that come with a branch: ` and tag a`, ` and tags a and b`.
pub(super) fn write_tags<'a>(
    f: &mut fmt::Formatter<'_>,
    names: impl Iterator<Item = &'a str>,
) -> fmt::Result {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => Ok(()),
        [only] => write!(f, " and tag {only}"),
        several => write!(f, " and tags {}", joined(several)),
    }
}

/// Names for people: all of a few, else how many there are.
pub fn joined(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    match names {
        [names @ .., last] if !names.is_empty() && names.len() < SHOWN => {
            format!("{} and {last}", names.join(", "))
        }
        [first, names @ ..] if names.len() >= SHOWN => format!("{first} and {} others", names.len()),
        names => names.concat(),
    }
}

/// A ref's short name, for people.
pub(super) fn short_ref(name: &str) -> &str {
    name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name)
}

/// An effect of a plugin, as the journal keeps it, with all that the plugin needs to verify and undo it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginEffect {
    pub assignment: Assignment,
    pub key: String,
    pub class: Class,
    /// A description for people
    pub label: String,
    pub reach: Reach,
    /// The plugin's own data for the undo
    pub undo: Value,
    /// The member of the workspace that it belongs to
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

impl PluginEffect {
    /// The effect in a request to the plugin.
    pub fn for_plugin(&self, state: State) -> Value {
        let state = if state == State::Done { "done" } else { "begun" };
        json!({"key": self.key, "class": self.class, "state": state, "undo": self.undo})
    }
}

impl fmt::Display for PluginEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = if self.label.is_empty() { &self.key } else { &self.label };
        write!(f, "{label} (plugin `{}`)", self.assignment.plugin.name)
    }
}

/// A change on a forge, as the journal keeps it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgeEffect {
    pub forge: ForgeAddress,
    pub change: ForgeChange,
    /// Whether it starts a workflow that publishes
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub publishes: bool,
}

impl fmt::Display for ForgeEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.change, self.forge)
    }
}

/// The state of an effect, from the journal
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Intended; the journal does not record whether it happened
    InDoubt,
    Done,
    NotDone,
    Undone,
    /// It was not undone and stays
    Kept,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InDoubt => "in doubt",
            Self::Done => "done",
            Self::NotDone => "not done",
            Self::Undone => "undone",
            Self::Kept => "kept",
        })
    }
}
