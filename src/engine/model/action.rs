//! Actions: the steps that a plan consists of.

use std::fmt;

use serde::Serialize;

use super::effect::{joined, short_ref, write_tags};

/// A step of a plan
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    Write {
        path: String,
    },
    Commit {
        message: String,
    },
    Tag {
        name: String,
        signed: Option<bool>,
    },
    Build {
        frontend: String,
        /// Whether no wheel is built
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        sdist_only: bool,
    },
    Check {
        what: String,
    },
    Land {
        branch: Option<String>,
        tag: Option<String>,
        /// The tags of a workspace's members
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
    },
    Upload {
        index: String,
        url: String,
        /// Where the upload URL comes from: `predefined`, or the configuration's file
        url_from: String,
        /// The URL at which the index lists its files
        simple: Option<String>,
        simple_from: String,
        /// The version, if it differs from the release's
        version: Option<String>,
        /// The version to use if the index already has other files of the release's version
        #[serde(skip_serializing_if = "Option::is_none")]
        otherwise: Option<String>,
    },
    /// Signs an attestation of every file, recorded in a public log
    Attest {
        /// Whether the release goes on without if that fails
        optional: bool,
    },
    Push {
        remote: String,
        refs: Vec<String>,
        /// What the workflow that the push starts does: `.github/workflows/release.yml, which uploads to PyPI`
        #[serde(skip_serializing_if = "Option::is_none")]
        starts: Option<String>,
    },
    /// Waits until an index lists the release, which a workflow publishes
    Await {
        index: String,
        /// The URL at which the index lists its files
        simple: Option<String>,
        simple_from: String,
        /// The longest wait: `1h`
        limit: String,
    },
    Command {
        command: Vec<String>,
    },
    Plugin {
        plugin: String,
        does: String,
    },
    /// Something on a forge
    Forge {
        /// The repository and the forge's host: `owner/name on github.com`
        at: String,
        /// What is created or published there
        what: String,
        /// Whether it becomes visible to everybody
        publishes: bool,
        /// What the workflow that it starts does: `.github/workflows/release.yml, which uploads to PyPI`
        #[serde(skip_serializing_if = "Option::is_none")]
        starts: Option<String>,
    },
    /// The stage has nothing to do
    Skip {
        reason: String,
    },
}

impl Action {
    /// The landing of a commit on a branch, with tags.
    pub fn land(branch: Option<String>, mut tags: Vec<String>) -> Self {
        let tag = if tags.len() == 1 { tags.pop() } else { None };
        Self::Land { branch, tag, tags }
    }

    /// A push that starts nothing.
    pub fn push(remote: &str, refs: Vec<String>) -> Self {
        Self::Push { remote: remote.to_owned(), refs, starts: None }
    }

    /// Whether it may change files of the clone.
    pub fn may_change_files(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::Command { .. } | Self::Plugin { .. })
    }

    /// The action without its verb.
    pub fn facts(&self) -> ActionFacts<'_> {
        ActionFacts(self)
    }
}

/// Displays an action without its verb
#[derive(Debug)]
pub struct ActionFacts<'a>(&'a Action);

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Write { .. } => "write ",
            Self::Commit { .. } => "commit ",
            Self::Tag { .. } => "tag ",
            Self::Build { .. } => "build ",
            Self::Check { .. } => "check ",
            Self::Land { .. } => "land ",
            Self::Upload { .. } => "upload ",
            Self::Attest { .. } => "attest ",
            Self::Push { .. } => "push ",
            Self::Await { .. } => "wait ",
            Self::Command { .. } => "run ",
            Self::Plugin { .. } => "plugin ",
            Self::Forge { publishes: false, .. } => "create ",
            Self::Forge { publishes: true, .. } => "publish ",
            Self::Skip { .. } => "skip: ",
        })?;
        write!(f, "{}", self.facts())
    }
}

impl fmt::Display for ActionFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Action::Write { path } => f.write_str(path),
            Action::Commit { message } => {
                write!(f, "\"{}\"", message.lines().next().unwrap_or_default())
            }
            Action::Tag { name, .. } => f.write_str(name),
            Action::Build { frontend, sdist_only: false } => write!(f, "sdist and wheel with {frontend}"),
            Action::Build { frontend, sdist_only: true } => write!(f, "sdist with {frontend}"),
            Action::Check { what } => write!(f, "{what}"),
            Action::Land { branch, tag, tags } => {
                write!(f, "in your repository: {}", branch.as_deref().map_or("HEAD", short_ref))?;
                write_tags(f, tag.iter().chain(tags).map(String::as_str))
            }
            Action::Upload { index, url, url_from, simple, simple_from, version, otherwise } => {
                write!(f, "to {index} ({url}, {url_from}")?;
                if let Some(simple) = simple.as_ref().filter(|_| simple_from != url_from) {
                    write!(f, "; listed at {simple}, {simple_from}")?;
                }
                f.write_str(")")?;
                version.as_ref().map_or(Ok(()), |version| write!(f, " as {version}"))?;
                otherwise.as_ref().map_or(Ok(()), |version| {
                    write!(
                        f,
                        "; as {version}, with other bytes, if it already has other files of this version"
                    )
                })
            }
            Action::Attest { optional } => {
                f.write_str("every file, by a signature that a public log records for good")?;
                f.write_str(if *optional { "; if that fails, without" } else { "" })
            }
            Action::Push { remote, refs, starts } => {
                let names: Vec<&str> = refs.iter().map(|name| short_ref(name)).collect();
                write!(f, "{} to {remote}, atomically", joined(&names))?;
                starts.as_ref().map_or(Ok(()), |starts| write!(f, "; this starts {starts}"))
            }
            Action::Await { index, simple, simple_from, limit } => {
                write!(f, "until {index} lists what the workflow publishes")?;
                if let Some(simple) = simple {
                    write!(f, " ({simple}, {simple_from})")?;
                }
                write!(f, ", {limit} at most")
            }
            Action::Command { command } => write!(f, "`{}`", command.join(" ")),
            Action::Plugin { plugin, does } => write!(f, "{plugin}: {does}"),
            Action::Forge { at, what, starts, .. } => {
                write!(f, "{what} of {at}")?;
                starts.as_ref().map_or(Ok(()), |starts| write!(f, "; this starts {starts}"))
            }
            Action::Skip { reason } => f.write_str(reason),
        }
    }
}
