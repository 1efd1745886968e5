//! The plan of a release: its stages in order, and what each would do.

use serde::Serialize;

use super::action::Action;
use super::convention::PlannedConvention;
use super::reach::Reach;

/// What a run would do
#[derive(Debug, Serialize)]
pub struct Plan {
    pub name: String,
    pub version: String,
    pub previous_version: String,
    pub tag: String,
    pub branch: Option<String>,
    pub commit: String,
    /// Why this version, where it was inferred
    pub reason: Option<String>,
    /// What is done as in earlier releases, because the configuration does not say
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conventions: Vec<PlannedConvention>,
    pub stages: Vec<PlannedStage>,
}

/// A stage in a plan
#[derive(Debug, Serialize)]
pub struct PlannedStage {
    pub name: String,
    pub reach: Reach,
    pub actions: Vec<Action>,
}
