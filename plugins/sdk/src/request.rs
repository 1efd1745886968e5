use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;

/// The release that a stage is part of
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Release {
    /// The project's name
    pub name: String,
    /// The version that is released
    pub version: String,
    /// The version before
    pub previous: String,
    pub tag: String,
    /// `YYYY-MM-DD`
    pub date: String,
    /// The release notes
    pub notes: Option<String>,
    /// The release commit
    pub commit: Option<String>,
    /// The project's folder, in the release's own clone once there is one
    pub root: PathBuf,
    /// The project's folder in the user's working tree
    pub project: PathBuf,
    /// The distributions, once they are built
    pub dist: Vec<Distribution>,
}

/// A file that is released
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Distribution {
    pub path: PathBuf,
    pub filename: String,
    pub kind: String,
    pub size: u64,
    pub sha256: String,
}

/// What a stage is asked for
#[derive(Debug, Deserialize)]
pub struct Request<C> {
    pub config: C,
    #[serde(default)]
    pub release: Release,
    /// The secrets that it was granted
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    #[serde(default)]
    pub dry_run: bool,
    /// What stands from before the release was cut short
    #[serde(default, rename = "effects")]
    pub(crate) standing: Vec<Effect>,
}

impl<C> Request<C> {
    /// Whether an effect of this key stands from before the release was cut short.
    pub fn stands(&self, key: &str) -> bool {
        self.standing.iter().any(|effect| effect.key == key)
    }
}

/// An effect to be taken back or asked about
#[derive(Debug)]
pub struct Undo<C> {
    pub config: C,
    pub release: Release,
    pub secrets: BTreeMap<String, String>,
    pub effect: Effect,
}

/// An effect as pyrelease has written it down
#[derive(Debug, Clone, Deserialize)]
pub struct Effect {
    pub key: String,
    /// Whether it was reported as done, or may never have happened
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub undo: Value,
}

impl Effect {
    /// What it carries along.
    ///
    /// # Errors
    /// It is of another shape.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_value(self.undo.clone())?)
    }
}

/// Whether an effect is there
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Present,
    Absent,
    /// Nobody can tell
    Unknown,
}

/// What a preflight found
#[derive(Debug, Clone, Default, Serialize)]
pub struct Preflight {
    pub problems: Vec<Problem>,
    pub plan: Vec<Planned>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Note,
    Warning,
    /// The release is refused
    Error,
}

#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    pub severity: Severity,
    pub message: String,
    pub hint: Option<String>,
}

/// A step of a plan
#[derive(Debug, Clone, Serialize)]
pub struct Planned {
    pub key: String,
    pub summary: String,
}

impl Preflight {
    /// Adds what would make the stage fail.
    pub fn error(mut self, message: impl Into<String>, hint: impl Into<String>) -> Self {
        self.problems.push(Problem {
            severity: Severity::Error,
            message: message.into(),
            hint: Some(hint.into()),
        });
        self
    }

    /// Adds something that it would do.
    pub fn plan(mut self, key: impl Into<String>, summary: impl Into<String>) -> Self {
        self.plan.push(Planned { key: key.into(), summary: summary.into() });
        self
    }
}

/// What a stage gives to the release
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outputs {
    /// Where to look at what it made
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}
