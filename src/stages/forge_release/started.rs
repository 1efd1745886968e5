//! The workflows that a release of the forge starts, or that make one themselves.

use super::Shared;
use crate::engine::prelude::*;
use crate::python::workflows::{Likelihood, NewRelease, ReleasingWorkflow};
use crate::stages::workflows::{found, is_same_index, place, what};
use crate::world::forge::{Forge, ForgeResult, Token};

impl Shared {
    /// That a workflow makes a release of the forge as well, when the tag is pushed.
    pub(super) fn other_makers(&self, release: &Release) -> Vec<Finding> {
        let tag = &release.names().tag;
        let found = found(&release.checkout).releasing.into_iter();
        let makers = found.map(|step| {
            let likelihood = step.makes_forge_release(tag);
            (step, likelihood)
        });
        let said = |(step, likelihood): (ReleasingWorkflow, Likelihood)| {
            let starts = if likelihood == Likelihood::Yes { "makes" } else { "may make" };
            let message = format!(
                "`{}` {starts} a release of {tag} on {} when the tag is pushed, with {} (`{}`, line {}), and so does this stage",
                step.workflow, step.forge, step.by, step.file, step.line
            );
            let help = "let one of them make it: remove that step, or `forge-release` from `stages`";
            match likelihood {
                Likelihood::Yes => Finding::error(message).help(help).advisory(),
                _ => Finding::warning(message).help(help),
            }
        };
        makers.filter(|(_, likelihood)| *likelihood > Likelihood::No).map(said).collect()
    }

    /// That the release starts a workflow which uploads what this release uploads, and comes too late for it.
    pub(super) fn other_uploads(&self, release: &Release) -> Vec<Finding> {
        let form = NewRelease {
            is_prerelease: self.settings.is_prerelease(release),
            ..NewRelease::of(&release.names().tag)
        };
        let mut findings = Vec::new();
        for workflow in found(&release.checkout).publishing {
            let both = self
                .uploads
                .iter()
                .find(|(_, upload)| workflow.indexes.iter().any(|target| is_same_index(target, upload)));
            let starts = workflow.starts_on_release(&form);
            let Some((stage, _)) = both.filter(|_| starts > Likelihood::No && !self.settings.draft) else {
                continue;
            };
            let starts = if starts == Likelihood::Yes { "starts" } else { "may start" };
            let message = format!(
                "the release on {} {starts} a workflow that {} ({}), after `{stage}` has uploaded the same",
                workflow.forge,
                what(&workflow),
                place(&workflow)
            );
            let help = format!(
                "let the workflow publish, with by = \"workflow\" in [stage.{stage}]; or take the upload out of the workflow"
            );
            findings.push(Finding::warning(message).help(help));
        }
        findings
    }

    /// That a job's own token makes the release, for which the forge starts no workflow: a job could start itself for ever.
    ///
    /// # Errors
    /// The forge did not answer.
    pub(super) fn powerless_token(
        &self,
        release: &Release,
        forge: &Forge<'_>,
        token: &Token,
    ) -> ForgeResult<Option<Finding>> {
        let Some(start) = self.starts(release) else { return Ok(None) };
        if release.checkout.environment.get("GITHUB_ACTIONS").is_none() || !forge.has_token_of_job()? {
            return Ok(None);
        }
        let message = format!(
            "the token in {} is the job's own, and a release made with it does not start `{}`, which publishes",
            token.source, start.workflow.workflow
        );
        let help =
            "set `PYRELEASE_TOKEN_FORGE` to the token of an app or a user, from a secret of the repository";
        Ok(Some(Finding::error(message).help(help).about_rights()))
    }
}
