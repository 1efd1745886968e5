//! What a stage hands to later stages, and where it uploads.

use serde::{Deserialize, Serialize};

use super::reach::Reach;
use crate::python::distribution::Distribution;
use crate::world::git::TagRef;

/// What a stage hands to the stages after it; kept in the journal
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outputs {
    /// The release notes: the promoted part of the changelog, without its heading
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// The release commit
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<TagRef>,
    /// The distributions, their bytes recorded
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<Distribution>,
    /// Where to look at what the stage made
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// How the release failed when it was tried out, where it was public by then
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_trial: Option<String>,
}

impl Outputs {
    /// Takes over what a later stage gives.
    pub fn merge(&mut self, later: Self) {
        self.notes = later.notes.or(self.notes.take());
        self.commit = later.commit.or(self.commit.take());
        self.tag = later.tag.or(self.tag.take());
        if !later.distributions.is_empty() {
            self.distributions = later.distributions;
        }
        self.links.extend(later.links);
        self.failed_trial = later.failed_trial.or(self.failed_trial.take());
    }
}

/// An index that a stage sends distributions to
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub index: String,
    /// Where it takes uploads
    pub url: String,
    /// Where it lists files
    pub simple: Option<String>,
    pub reach: Reach,
    /// Whether the release's own files go there, not others made for a rehearsal
    pub exact: bool,
}
