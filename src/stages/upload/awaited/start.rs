//! What starts the workflow to wait for, as far as can be seen beforehand.

use super::Awaited;
use crate::engine::prelude::*;
use crate::python::workflows::{Likelihood, Makes, NewRelease, PublishingWorkflow, ReleasingWorkflow};
use crate::stages::workflows::{Start, Starter, found, place, what};

impl Awaited {
    /// The workflow to wait for, and what starts it.
    pub(super) fn start(&self, release: &Release) -> Finding {
        let Some(Start { workflow, starter, likelihood }) = self.waits_for.start(release) else {
            return self.not_started(release);
        };
        let (tag, shown) = (&release.names().tag, shown(&workflow));
        let (event, then) = match starter {
            Starter::Push => (format!("the push of tag `{tag}`"), "the push"),
            Starter::Draft | Starter::Release => {
                (format!("the release of {tag} on {}", workflow.forge), "that release")
            }
        };
        let stays_draft = self.waits_for.forge.as_ref().is_some_and(|settings| settings.stays_draft());
        if stays_draft && starter != Starter::Push {
            let message = format!("{event} stays a draft, which does not start the workflow that {shown}");
            return Finding::error(message).help("remove `draft` from [stage.forge-release]");
        }
        if likelihood == Likelihood::Yes {
            return Finding::note(format!("{event} starts the workflow that {shown}"));
        }
        let help = format!("check its conditions: after {then}, only this workflow can publish the release");
        Finding::warning(format!("it is not certain that {event} starts the workflow that {shown}"))
            .help(help)
    }

    /// That nothing of this release is seen to start a workflow that publishes to the index, and what may be done.
    fn not_started(&self, release: &Release) -> Finding {
        let (index, tag) = (&self.name, release.names().tag.as_str());
        let workflows = self.waits_for.workflows(release);
        let at = |is_prerelease, was_draft| NewRelease { tag, is_prerelease, was_draft };
        let forms = [at(false, true), at(false, false), at(true, true), at(true, false)];
        let by_release = workflows
            .iter()
            .find(|workflow| forms.iter().any(|form| workflow.starts_on_release(form) > Likelihood::No));
        if let Some(workflow) = by_release {
            return self.started_by_release(release, workflow);
        }
        let by_hand = format!("remove `by` from [stage.{index}] to upload from here");
        let Some(workflow) = workflows.first() else {
            let message = format!(
                "no workflow of this repository is seen to publish to `{index}` when tag `{tag}` is pushed"
            );
            let help = format!("{by_hand}; or pass --force if something else publishes the tag");
            return Finding::error(message).help(help).advisory();
        };
        let triggers: Vec<String> = workflow.triggers.iter().map(ToString::to_string).collect();
        let message = format!(
            "the workflow that {} starts on {}, and not when tag `{tag}` is pushed",
            shown(workflow),
            triggers.join(" or on ")
        );
        let help = format!(
            "let the tag start it, with `push: {{tags: [...]}}` in its `on`; or {by_hand}; or pass --force, and start it \
             yourself while this stage waits"
        );
        Finding::error(message).help(help).advisory()
    }

    /// That a workflow starts for releases of the forge, but not for that of this run.
    fn started_by_release(&self, release: &Release, workflow: &PublishingWorkflow) -> Finding {
        let (index, tag, shown) = (&self.name, release.names().tag.as_str(), shown(workflow));
        if self.waits_for.forge.is_some() {
            let message = format!("the workflow that {shown} does not start for a release such as {tag}");
            let help = "among the types of `release` in its `on`, `published` is for final releases and pre-releases; \
                        check its conditions, too";
            return Finding::error(message).help(help).advisory();
        }
        let forge = workflow.forge;
        let message = format!(
            "the workflow that {shown} starts when a release is published on {forge}, not when tag `{tag}` is pushed"
        );
        if !self.is_public() {
            let help = format!(
                "everybody sees such a release, so nothing can be rehearsed with it: remove `by` from [stage.{index}]"
            );
            return Finding::error(message).help(help).advisory();
        }
        let add = format!("add \"forge-release\" before \"{index}\" in `stages`");
        let makers = found(&release.checkout).releasing;
        let makes = |step: &&ReleasingWorkflow| step.makes_forge_release(tag) > Likelihood::No;
        if let Some(ReleasingWorkflow { file, makes, .. }) = makers.iter().find(makes) {
            let help = match makes {
                Makes::ForgeRelease { is_draft: true } => format!(
                    "`{file}` drafts that release: publish it while this stage waits; or take it out there, and {add}"
                ),
                _ => format!(
                    "`{file}` makes that release; if it does so with the job's own token, nothing starts: give it the token \
                     of an app or a user, or take it out there, and {add}"
                ),
            };
            return Finding::warning(message).help(help);
        }
        match self.has_own_stage {
            true => Finding::warning(message).help(format!("unless a stage of yours publishes it, {add}")),
            false => Finding::error(message).help(add).advisory(),
        }
    }
}

fn shown(workflow: &PublishingWorkflow) -> String {
    format!("{} ({})", what(workflow), place(workflow))
}
