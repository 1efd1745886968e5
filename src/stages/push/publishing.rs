//! CI workflows that publish when the tag is pushed: then the push is what cannot be undone.

use super::Push;
use crate::config::Config;
use crate::engine::prelude::*;
use crate::python::workflows::{Likelihood, PublishingWorkflow, Target};
use crate::stages::workflows::{
    Awaited, RemoteHosts, Starter, awaited, is_same_index, place, started, started_by_plan, uploading, what,
};
use crate::world::git::Remote;

/// The public indexes of the release
#[derive(Debug, Default)]
pub(super) struct PublicIndexes {
    /// The stages that upload, each with its upload URL
    uploads: Vec<(String, String)>,
    /// The stages that wait for a workflow
    awaited: Vec<Awaited>,
    /// The file of the configuration
    file: String,
    /// What precedes `stage.NAME` in its tables
    prefix: &'static str,
}

impl PublicIndexes {
    pub(super) fn of(config: &Config) -> Result<Self> {
        let source = config.source();
        let name = source.path().file_name().unwrap_or_default().to_string_lossy();
        let prefix = if source.is_pyproject() { "tool.pyrelease." } else { "" };
        Ok(Self { uploads: uploading(config), awaited: awaited(config)?, file: name.into_owned(), prefix })
    }

    /// How far the push reaches, as far as the configuration tells: it starts the workflow that a stage waits for, unless the
    /// release of the forge may do that.
    pub(super) fn reach(&self) -> Reach {
        match self.awaited.iter().any(|stage| stage.forge.is_none()) {
            true => Reach::Public,
            false => Reach::Repository,
        }
    }

    /// The stage that waits for a workflow which nothing but the push is known to start.
    fn awaiting_push(&self, release: &Release) -> Option<&str> {
        let by_release = |stage: &&Awaited| {
            let mut each = release.of_each().filter(|release| !release.is_private);
            each.all(|release| stage.start(release).is_some_and(|start| start.starter != Starter::Push))
        };
        self.awaited.iter().find(|stage| !by_release(stage)).map(|stage| stage.stage.as_str())
    }

    /// Whether a stage waits for what a workflow publishes.
    pub(super) fn are_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// The stage that waits for the index.
    fn awaiting(&self, target: &Target) -> Option<&str> {
        self.awaited.iter().find(|stage| stage.is_target(target)).map(|stage| stage.stage.as_str())
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
            return Some(started_by_plan(workflow, is_sure));
        }
        let stage = self.indexes.awaiting_push(release)?;
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
