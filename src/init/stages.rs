//! The stages that the configuration lists.

use super::Finds;
use super::decided::Decided;
use crate::config::DEFAULT_STAGES;
use crate::python::workflows::{Likelihood, NewRelease};
use crate::stages::FoundWorkflow;

/// The stages in order
pub(super) struct Pipeline {
    pub(super) stages: Vec<String>,
    /// What is worth knowing about them
    pub(super) comments: Vec<String>,
}

impl Pipeline {
    pub(super) fn remove(&mut self, name: &str) {
        self.stages.retain(|stage| stage != name);
    }

    /// Adds a stage before another one, or else at the end.
    pub(super) fn insert_before(&mut self, other: &str, name: String) {
        let at = self.stages.iter().position(|stage| stage == other).unwrap_or(self.stages.len());
        self.stages.insert(at, name);
    }
}

/// The stages by what the project has.
pub(super) fn pipeline(finds: &Finds<'_>, decided: &mut Decided) -> Pipeline {
    let discovery = finds.discovery;
    let mut pipeline = Pipeline { stages: DEFAULT_STAGES.map(str::to_owned).to_vec(), comments: Vec::new() };
    let is_made = discovery.fragments.is_some()
        || discovery.learned.generator.is_some()
        || finds.tools.iter().any(|tool| tool.commits.is_some())
        || finds.answers.changelog;
    if discovery.changelog.is_none() && !is_made {
        decided.lacks_changelog = true;
        pipeline.remove("changelog");
        let comment = "there is no changelog: once there is one, add \"changelog\" before \"version\"";
        pipeline.comments.push(comment.to_owned());
    }
    rehearsed_by_workflow(finds, &mut pipeline);
    if let Some(found) = publishing(finds) {
        let workflow = &found.workflow.workflow;
        decided.document.set(
            "stage.pypi",
            "by",
            "workflow",
            &format!("the push of the tag starts `{workflow}`, which publishes: wait for it, and compare"),
        );
        let has_credentials = finds.pypirc.iter().any(|index| index.name == "testpypi");
        if !has_credentials && pipeline.stages.iter().any(|stage| stage == "testpypi") {
            pipeline.remove("testpypi");
            let comment = "`.pypirc` has no testpypi: to rehearse there, add \"testpypi\" after \"check\"";
            pipeline.comments.push(comment.to_owned());
        }
    } else if let Some(found) = published_with_release(finds) {
        let workflow = &found.workflow.workflow;
        pipeline.comments.push(format!(
            "`{workflow}` uploads too, when a release is published on the forge: remove its upload, or \"pypi\" here"
        ));
    }
    pipeline
}

/// Leaves the rehearsal to the workflow that the push of the tag starts: an index takes a file once.
fn rehearsed_by_workflow(finds: &Finds<'_>, pipeline: &mut Pipeline) {
    let tag = example_tag(finds);
    let rehearsing = finds.discovery.workflows.iter().find(|found| {
        let rehearses = found.workflow.is_rehearsal() && found.runs > Likelihood::No;
        rehearses && found.workflow.starts_on_tag(&tag) > Likelihood::No
    });
    if let Some(found) = rehearsing {
        pipeline.remove("testpypi");
        pipeline.comments.push(format!(
            "the push of the tag starts `{}`, which uploads to TestPyPI",
            found.workflow.workflow
        ));
    }
}

/// The workflow that publishes to PyPI when the release's tag is pushed.
pub(super) fn publishing<'f>(finds: &Finds<'f>) -> Option<&'f FoundWorkflow> {
    let tag = example_tag(finds);
    let to_pypi = |found: &&FoundWorkflow| {
        let publishes = !found.workflow.is_rehearsal() && found.runs > Likelihood::No;
        publishes && found.workflow.starts_on_tag(&tag) > Likelihood::No
    };
    let workflows = finds.discovery.workflows.iter().filter(to_pypi);
    workflows.max_by_key(|found| (found.workflow.starts_on_tag(&tag), found.runs))
}

/// The workflow that publishes to PyPI when a release is published on the forge.
fn published_with_release<'f>(finds: &Finds<'f>) -> Option<&'f FoundWorkflow> {
    let tag = example_tag(finds);
    let starts = |found: &&FoundWorkflow| {
        !found.workflow.is_rehearsal()
            && found.workflow.starts_on_release(&NewRelease::of(&tag)) > Likelihood::No
    };
    finds.discovery.workflows.iter().find(starts)
}

/// A tag as the next release may have it.
pub(super) fn example_tag(finds: &Finds<'_>) -> String {
    let version = finds.discovery.next.as_ref().map_or_else(|| "1.2.3".to_owned(), ToString::to_string);
    let learned = finds.discovery.learned.tag_name.as_ref().map(|learned| learned.value.clone());
    let of_tool = || {
        let name = &finds.discovery.project.name;
        finds.tools.iter().find_map(|tool| tool.tag.as_ref()?.template(name))
    };
    let template = learned.or_else(of_tool).unwrap_or_else(|| "v{version}".to_owned());
    template.replace("{version}", &version)
}
