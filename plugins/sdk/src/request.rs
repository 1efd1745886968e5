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
    /// The version being released
    pub version: String,
    /// The previous version
    pub previous: String,
    pub tag: String,
    /// `YYYY-MM-DD`
    pub date: String,
    /// The release notes
    pub notes: Option<String>,
    /// The release commit
    pub commit: Option<String>,
    /// The project's folder, in the release's private clone once that exists
    pub root: PathBuf,
    /// The project's folder in the user's working tree
    pub project: PathBuf,
    /// The distributions, once they are built
    pub dist: Vec<Distribution>,
}

/// A file of the release
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Distribution {
    pub path: PathBuf,
    pub filename: String,
    pub kind: String,
    pub size: u64,
    pub sha256: String,
}

/// The parameters of `preflight` and `run`
#[derive(Debug, Deserialize)]
pub struct Request<C> {
    pub config: C,
    #[serde(default)]
    pub release: Release,
    /// The granted secrets
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    #[serde(default)]
    pub dry_run: bool,
    /// The effects that were already done before an interruption
    #[serde(default, rename = "effects")]
    pub(crate) done: Vec<Effect>,
}

impl<C> Request<C> {
    /// Whether the effect with this key was already done before an interruption.
    pub fn is_done(&self, key: &str) -> bool {
        self.done.iter().any(|effect| effect.key == key)
    }
}

/// The parameters of `undo` and `verify`
#[derive(Debug)]
pub struct Undo<C> {
    pub config: C,
    pub release: Release,
    pub secrets: BTreeMap<String, String>,
    pub effect: Effect,
}

/// A recorded effect
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
    /// The data of the effect.
    ///
    /// # Errors
    /// The data has another type.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_value(self.undo.clone())?)
    }
}

/// Whether an effect exists
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectState {
    Present,
    Absent,
    /// It cannot be determined
    Unknown,
}

/// The result of `preflight`
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

/// A planned effect
#[derive(Debug, Clone, Serialize)]
pub struct Planned {
    pub key: String,
    pub summary: String,
}

impl Preflight {
    /// Adds a problem that would make the stage fail.
    pub fn error(mut self, message: impl Into<String>, hint: impl Into<String>) -> Self {
        self.problems.push(Problem {
            severity: Severity::Error,
            message: message.into(),
            hint: Some(hint.into()),
        });
        self
    }

    /// Adds a planned effect.
    pub fn plan(mut self, key: impl Into<String>, summary: impl Into<String>) -> Self {
        self.plan.push(Planned { key: key.into(), summary: summary.into() });
        self
    }
}

/// The result of `run`
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outputs {
    /// URLs of what the stage created
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}
