//! The plan of a release: its stages in order, and what each would do.

use std::collections::BTreeMap;

use serde::Serialize;

use super::action::Action;
use super::convention::PlannedConvention;
use super::reach::Reach;

/// What the plugins of stages would do, by stage and by member of a workspace (none where it is a single project)
pub type PluginSteps = BTreeMap<(String, Option<String>), Vec<String>>;

/// What a run would do
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// The members of a workspace that are released, in the order in which they are published
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<PlannedMember>,
}

/// A member of a workspace in a plan
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedMember {
    pub name: String,
    pub version: String,
    pub previous_version: String,
    pub tag: String,
    /// Relative to the repository
    pub folder: String,
    pub previous_tag: Option<String>,
    /// Whether it is not uploaded
    #[serde(rename = "private")]
    pub is_private: bool,
    /// Why it is released, in this version
    pub reason: Option<String>,
}

/// A stage in a plan
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedStage {
    pub name: String,
    pub reach: Reach,
    pub actions: Vec<Action>,
    /// What it does for each member of a workspace
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberActions>,
}

impl PlannedStage {
    /// Its actions, and those for the members of a workspace.
    pub fn all_actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().chain(self.members.iter().flat_map(|member| &member.actions))
    }
}

/// What a stage does for a member of a workspace
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MemberActions {
    pub name: String,
    pub actions: Vec<Action>,
}
