//! The outputs of a stage, and the index that it uploads to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reach::Reach;
use crate::python::distribution::Distribution;
use crate::python::filename::{Filename, normalize};
use crate::world::git::TagRef;
use crate::world::kept_environment::ResolvedEnvironment;

/// The values that a stage gives to later stages; kept in the journal
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outputs {
    /// The release notes: the promoted section of the changelog, without its heading
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// The release commit
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<TagRef>,
    /// The distributions with their digests
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<Distribution>,
    /// The kept environments that the distributions were built in
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<ResolvedEnvironment>,
    /// URLs at which to view the result
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The failure of the installation test, if the release was public by then
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_trial: Option<String>,
    /// The outputs of each member of a workspace
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Outputs>,
}

impl Outputs {
    /// Adds the outputs of a later stage, which replace earlier ones.
    pub fn merge(&mut self, later: Self) {
        self.notes = later.notes.or(self.notes.take());
        self.commit = later.commit.or(self.commit.take());
        self.tag = later.tag.or(self.tag.take());
        if !later.distributions.is_empty() {
            self.distributions = later.distributions;
        }
        if !later.environments.is_empty() {
            self.environments = later.environments;
        }
        self.links.extend(later.links);
        self.failed_trial = later.failed_trial.or(self.failed_trial.take());
        for (member, outputs) in later.members {
            self.members.entry(member).or_default().merge(outputs);
        }
    }

    /// Its tag and those of the members, each once.
    pub fn tags(&self) -> Vec<TagRef> {
        let mut tags: Vec<TagRef> = Vec::new();
        for tag in self.all().filter_map(|outputs| outputs.tag.as_ref()) {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        tags
    }

    /// Its distributions and those of the members.
    pub fn files(&self) -> impl Iterator<Item = &Distribution> {
        self.all().flat_map(|outputs| &outputs.distributions)
    }

    /// The same, to change them.
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut Distribution> {
        let members = self.members.values_mut().flat_map(|outputs| &mut outputs.distributions);
        self.distributions.iter_mut().chain(members)
    }

    /// The failures of installation tests, if the release was public by then.
    pub fn failed_trials(&self) -> Vec<&str> {
        self.all().filter_map(|outputs| outputs.failed_trial.as_deref()).collect()
    }

    /// The URLs at which to view the result, and those of the members.
    pub fn all_links(&self) -> Vec<String> {
        self.all().flat_map(|outputs| outputs.links.iter().cloned()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.members.values())
    }

    /// Adds distributions that were built elsewhere, wheels first: each to the member whose name its own begins with.
    pub fn join(&mut self, distributions: Vec<Distribution>) {
        for file in distributions {
            let project = file.filename.parse::<Filename>().map(|name| name.normalized_name()).ok();
            let member = self.members.iter_mut().find(|(name, _)| Some(normalize(name)) == project);
            let files = member.map_or(&mut self.distributions, |(_, own)| &mut own.distributions);
            files.push(file);
            files.sort_by(|one, other| (one.kind, &one.filename).cmp(&(other.kind, &other.filename)));
        }
    }
}

/// An index that a stage sends distributions to
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub index: String,
    /// The upload URL
    pub url: String,
    /// The URL at which the index lists its files
    pub simple: Option<String>,
    pub reach: Reach,
    /// Whether it gets the release's own files, not others that are built for a rehearsal
    pub exact: bool,
    /// Whether a workflow builds and uploads the files, so that their bytes may differ
    pub by_workflow: bool,
}
