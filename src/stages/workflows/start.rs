//! What starts the workflow that a stage waits for: the push of the tag, or the release of the forge.

use super::{all, is_same_index};
use crate::config::{Config, IndexKind};
use crate::engine::prelude::*;
use crate::python::workflows::{Likelihood, NewRelease, PublishingWorkflow, Target};
use crate::stages::forge_release;

/// What a stage waits for, and the release of the forge that is published before
#[derive(Debug)]
pub(in crate::stages) struct Awaited {
    /// The stage, which has the name of its index
    pub stage: String,
    /// Where the index takes files
    upload: String,
    pub forge: Option<forge_release::Settings>,
}

/// What starts a workflow
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::stages) enum Starter {
    /// The push of the tag
    Push,
    /// The release of the forge, published from a draft
    Draft,
    /// The release of the forge, which never was a draft
    Release,
}

/// The start of a workflow that publishes to an index
pub(in crate::stages) struct Start {
    pub workflow: PublishingWorkflow,
    pub starter: Starter,
    /// Never `No`
    pub likelihood: Likelihood,
}

/// The stages of a configuration that wait until a workflow has published to a public index.
///
/// # Errors
/// The settings of `forge-release` are not valid.
pub(in crate::stages) fn awaited(config: &Config) -> Result<Vec<Awaited>> {
    let is_public =
        |name: &str| config.indexes().get(name).map(|index| index.kind) == Some(IndexKind::Public);
    let listed = config.stages().iter().map(|stage| stage.value.as_str());
    listed
        .filter(|name| is_public(name) && super::is_awaited(config, name))
        .map(|name| Awaited::of(config, name))
        .collect()
}

/// The stages of a configuration that upload to a public index, each with its upload URL.
pub(in crate::stages) fn uploading(config: &Config) -> Vec<(String, String)> {
    let uploads = config.stages().iter().filter_map(|stage| {
        let index = config.indexes().get(&stage.value)?;
        let uploads = index.kind == IndexKind::Public && !super::is_awaited(config, &stage.value);
        uploads.then(|| (stage.value.clone(), index.upload.clone()))
    });
    uploads.collect()
}

impl Awaited {
    /// The stage with this name, which waits for a workflow.
    ///
    /// # Errors
    /// The settings of `forge-release` are not valid.
    pub(in crate::stages) fn of(config: &Config, stage: &str) -> Result<Self> {
        let position = |name: &str| config.stages().iter().position(|listed| listed.value == name);
        let index = &config.indexes()[stage];
        let is_before = position(forge_release::NAME).is_some_and(|forge| Some(forge) < position(stage));
        let forge = match is_before && index.kind == IndexKind::Public {
            true => Some(config.settings(forge_release::NAME)?),
            false => None,
        };
        Ok(Self { stage: stage.to_owned(), upload: index.upload.clone(), forge })
    }

    /// Whether a workflow uploads to this index, as far as the workflow shows.
    pub(in crate::stages) fn is_target(&self, target: &Target) -> bool {
        matches!(target, Target::Named(_) | Target::Unknown) || is_same_index(target, &self.upload)
    }

    /// The workflows that upload to this index, whatever starts them.
    pub(in crate::stages) fn workflows(&self, release: &Release) -> Vec<PublishingWorkflow> {
        let uploads =
            |workflow: &PublishingWorkflow| workflow.indexes.iter().any(|target| self.is_target(target));
        all(release).into_iter().filter(uploads).collect()
    }

    /// What starts the workflow that this stage waits for; none if nothing of this release is seen to.
    pub(in crate::stages) fn start(&self, release: &Release) -> Option<Start> {
        let tag = release.names().tag.as_str();
        let mut found: Option<Start> = None;
        let workflows = self.workflows(release);
        let forms = [Starter::Draft, Starter::Release];
        for starter in
            std::iter::once(Starter::Push).chain(forms.into_iter().filter(|_| self.forge.is_some()))
        {
            for workflow in &workflows {
                let likelihood = match (starter, &self.forge) {
                    (Starter::Draft | Starter::Release, Some(settings)) => {
                        workflow.starts_on_release(&NewRelease {
                            tag,
                            is_prerelease: settings.is_prerelease(release),
                            was_draft: starter == Starter::Draft,
                        })
                    }
                    _ => workflow.starts_on_tag(tag),
                };
                // What comes first in a release counts, unless something else is more certain.
                let best = found.as_ref().map_or(Likelihood::No, |found| found.likelihood);
                if likelihood > best {
                    found = Some(Start { workflow: workflow.clone(), starter, likelihood });
                }
            }
        }
        found
    }
}

/// What the release of the forge starts that one of these stages waits for, if the push of the tag does not.
pub(in crate::stages) fn of_forge_release(awaited: &[Awaited], release: &Release) -> Option<Start> {
    let mut starts = awaited.iter().filter_map(|stage| stage.start(release));
    starts.find(|start| start.starter != Starter::Push)
}
