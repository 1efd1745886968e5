//! The stages that the configuration lists.

use super::Finds;
use super::decided::Decided;
use crate::config::DEFAULT_STAGES;
use crate::python::workflows::{Likelihood, Makes, NewRelease, ReleasingWorkflow, Target};
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
        let reason =
            format!("the push of the tag starts `{workflow}`, which publishes: wait for it, and compare");
        await_workflow(finds, decided, &mut pipeline, &reason);
    } else if let Some(found) = published_with_release(finds) {
        let workflow = &found.workflow.workflow;
        let remote = finds.discovery.remote.as_ref();
        if found.runs != Likelihood::Yes || remote.is_none_or(|remote| remote.forge.is_none()) {
            pipeline.comments.push(format!(
                "`{workflow}` uploads too, when a release is published on the forge: remove its upload, or \"pypi\" here"
            ));
            return pipeline;
        }
        let reason = match maker(finds) {
            Some(ReleasingWorkflow { file, makes: Makes::ForgeRelease { is_draft: true }, .. }) => format!(
                "`{file}` drafts a release on the forge when the tag is pushed; once you publish it, it starts `{workflow}`, which \
                 publishes: wait for it, and compare"
            ),
            Some(ReleasingWorkflow { file, .. }) => format!(
                "`{file}` makes a release on the forge when the tag is pushed, and that starts `{workflow}`, which publishes: \
                 wait for it, and compare"
            ),
            None => {
                pipeline.insert_before("pypi", "forge-release".to_owned());
                format!(
                    "the release that `forge-release` publishes starts `{workflow}`, which publishes: wait for it, and compare"
                )
            }
        };
        await_workflow(finds, decided, &mut pipeline, &reason);
    } else if let Some((workflow, url)) = to_other_index(finds) {
        pipeline.comments.push(format!(
            "`{workflow}` uploads to {url}: if the project gets to PyPI from there, replace \"pypi\" here by an index of that URL"
        ));
    }
    pipeline
}

/// The workflow that uploads to another index when the release's tag is pushed or a release is published on the forge, and
/// the URL of that index.
fn to_other_index<'f>(finds: &Finds<'f>) -> Option<(&'f str, &'f str)> {
    let tag = example_tag(finds);
    let starts = |found: &&FoundWorkflow| {
        found.workflow.starts_on_tag(&tag).max(on_release(found, &tag)) > Likelihood::No
    };
    finds.discovery.workflows.iter().filter(starts).find_map(|found| {
        let url = found.workflow.indexes.iter().find_map(|index| match index {
            Target::Other(url) => Some(url.as_str()),
            _ => None,
        });
        Some((found.workflow.workflow.as_str(), url?))
    })
}

/// Waits for the workflow that publishes, instead of uploading.
fn await_workflow(finds: &Finds<'_>, decided: &mut Decided, pipeline: &mut Pipeline, reason: &str) {
    decided.document.set("stage.pypi", "by", "workflow", reason);
    let has_credentials = finds.pypirc.iter().any(|index| index.name == "testpypi");
    if !has_credentials && pipeline.stages.iter().any(|stage| stage == "testpypi") {
        pipeline.remove("testpypi");
        let comment = "`.pypirc` has no testpypi: to rehearse there, add \"testpypi\" after \"check\"";
        pipeline.comments.push(comment.to_owned());
    }
}

/// The workflow that makes a release on the forge when the release's tag is pushed.
fn maker<'f>(finds: &Finds<'f>) -> Option<&'f ReleasingWorkflow> {
    let tag = example_tag(finds);
    let mut steps = finds.discovery.releasing.iter();
    steps.find(|step| step.makes_forge_release(&tag) > Likelihood::No)
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

/// The workflow that publishes to PyPI when the release's tag is pushed, unless a release of the forge is more certain to
/// start one.
pub(super) fn publishing<'f>(finds: &Finds<'f>) -> Option<&'f FoundWorkflow> {
    let tag = example_tag(finds);
    let started = |found: &FoundWorkflow| found.workflow.starts_on_tag(&tag);
    let found = best(finds, &started).filter(|found| found.runs > Likelihood::No)?;
    let with_release = published_with_release(finds);
    let is_more_certain = |other: &FoundWorkflow| on_release(other, &tag) > started(found);
    (!with_release.is_some_and(is_more_certain)).then_some(found)
}

/// The workflow that publishes to PyPI when a release is published on the forge.
fn published_with_release<'f>(finds: &Finds<'f>) -> Option<&'f FoundWorkflow> {
    let tag = example_tag(finds);
    best(finds, &|found| on_release(found, &tag))
}

/// The workflow that publishes to PyPI and is the most certain to start.
fn best<'f>(finds: &Finds<'f>, starts: &dyn Fn(&FoundWorkflow) -> Likelihood) -> Option<&'f FoundWorkflow> {
    let publishes = |found: &&FoundWorkflow| {
        let may_be_pypi = |index: &Target| !matches!(index, Target::TestPyPi | Target::Other(_));
        found.workflow.indexes.iter().any(may_be_pypi) && starts(found) > Likelihood::No
    };
    let found = finds.discovery.workflows.iter().filter(publishes);
    found.max_by_key(|found| (found.runs > Likelihood::No, starts(found), found.runs))
}

/// Whether a release of the forge starts a workflow, published from a draft or not.
pub(super) fn on_release(found: &FoundWorkflow, tag: &str) -> Likelihood {
    let drafted = NewRelease::of(tag);
    let direct = NewRelease { was_draft: false, ..drafted };
    found.workflow.starts_on_release(&drafted).max(found.workflow.starts_on_release(&direct))
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
