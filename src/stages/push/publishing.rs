//! CI workflows that publish when the tag is pushed: then the push is what cannot be undone.

use super::Push;
use crate::config::{Config, IndexKind};
use crate::engine::prelude::*;
use crate::python::workflows::{Likelihood, PublishingWorkflow, Target};
use crate::stages::workflows::{RemoteHosts, is_awaited, is_same_index, place, started, what};
use crate::world::git::Remote;

/// The public indexes of the release
#[derive(Debug, Default)]
pub(super) struct PublicIndexes {
    /// The stages that upload, each with its upload URL
    uploads: Vec<(String, String)>,
    /// The stages that wait for a workflow, each with its upload URL
    awaited: Vec<(String, String)>,
    /// The file of the configuration
    file: String,
    /// What precedes `stage.NAME` in its tables
    prefix: &'static str,
}

impl PublicIndexes {
    pub(super) fn of(config: &Config) -> Self {
        let public = config.stages().iter().filter_map(|stage| {
            let index = config.indexes().get(&stage.value)?;
            (index.kind == IndexKind::Public).then(|| (stage.value.clone(), index.upload.clone()))
        });
        let (awaited, uploads) = public.partition(|(stage, _)| is_awaited(config, stage));
        let source = config.source();
        let name = source.path().file_name().unwrap_or_default().to_string_lossy();
        let prefix = if source.is_pyproject() { "tool.pyrelease." } else { "" };
        Self { uploads, awaited, file: name.into_owned(), prefix }
    }

    /// Whether a stage waits for what a workflow publishes.
    pub(super) fn are_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// The stage that waits for the index.
    fn awaiting(&self, target: &Target) -> Option<&str> {
        let is_open = matches!(target, Target::Named(_) | Target::Unknown);
        let waits = |(_, url): &&(String, String)| is_open || is_same_index(target, url);
        self.awaited.iter().find(waits).map(|(stage, _)| stage.as_str())
    }

    /// The stage that uploads to the index as well.
    fn uploading(&self, target: &Target) -> Option<&str> {
        self.uploads.iter().find(|(_, url)| is_same_index(target, url)).map(|(stage, _)| stage.as_str())
    }

    /// How to let the workflow publish, or how to stop it.
    fn two_ways(&self, stage: &str, workflow: &PublishingWorkflow) -> String {
        let Self { file, prefix, .. } = self;
        let PublishingWorkflow { by, job, .. } = workflow;
        let job = if job.is_empty() { String::new() } else { format!(", in job `{job}`") };
        format!(
            "let the workflow publish, and wait for it, with these lines in `{file}`:\n        [{prefix}stage.{stage}]\n        \
             by = \"workflow\"\n      or take the upload out of the workflow: {by} in {}{job}",
            place(workflow)
        )
    }
}

impl Push {
    /// What the push starts that publishes, for the plan: then it cannot be undone.
    pub(super) fn starts(&self, release: &Release, remote: &Remote) -> Option<String> {
        let found = started(release);
        let hosts = (!found.is_empty()).then(|| RemoteHosts::of(&release.checkout.repository, remote));
        let runs = |workflow: &PublishingWorkflow| {
            hosts.as_ref().map_or(Likelihood::No, |hosts| hosts.run(workflow.forge))
        };
        if let Some((workflow, likelihood)) =
            found.iter().find(|(workflow, _)| self.indexes.are_awaited() || runs(workflow) > Likelihood::No)
        {
            let is_run = self.indexes.are_awaited() || runs(workflow) == Likelihood::Yes;
            let is_sure = *likelihood == Likelihood::Yes && is_run;
            let indexes: Vec<String> = workflow.indexes.iter().map(ToString::to_string).collect();
            let uploads = if is_sure { "uploads" } else { "may upload" };
            return Some(format!("{}, which {uploads} to {}", workflow.workflow, indexes.join(" and ")));
        }
        let (stage, _) = self.indexes.awaited.first()?;
        Some(format!("the workflow that `{stage}` waits for"))
    }

    /// Refuses a push that would start a workflow which uploads to the same index as this release, at the same time.
    pub(super) fn publishing_workflows(&self, release: &Release, remote: &Remote) -> Vec<Finding> {
        let hosts = RemoteHosts::of(&release.checkout.repository, remote);
        let mut findings = Vec::new();
        for (workflow, likelihood) in started(release) {
            if workflow.indexes.iter().any(|target| self.indexes.awaiting(target).is_some()) {
                continue;
            }
            let both =
                workflow.indexes.iter().find_map(|target| Some((target, self.indexes.uploading(target)?)));
            let tag = release.tag_names().next().unwrap_or_default();
            let starts = if likelihood == Likelihood::Yes { "starts" } else { "may start" };
            let message = format!(
                "the push of tag `{tag}` {starts} a workflow that {} ({})",
                what(&workflow),
                place(&workflow)
            );
            let runs = hosts.run(workflow.forge);
            findings.push(match both {
                None if runs == Likelihood::No => Finding::warning(message)
                    .help("where it runs, check that it does not upload what this release uploads"),
                None => Finding::warning(message).help(
                    "the push cannot be undone for it: check that it does not upload what this release uploads",
                ),
                Some((target, stage)) => {
                    let message = format!("{message}, while stage `{stage}` uploads to {target} as well");
                    let finding = match (runs, likelihood) {
                        (Likelihood::Yes, Likelihood::Yes) => Finding::error(message).advisory(),
                        _ => Finding::warning(message),
                    };
                    finding.help(self.indexes.two_ways(stage, &workflow))
                }
            });
        }
        findings
    }
}
