//! What was found, for the user.

use serde::Serialize;

use super::stages::{example_tag, on_release};
use super::{Finds, indexes};
use crate::python::project::VersionSource;
use crate::python::workflows::Likelihood;
use crate::stages::{Discovery, FoundWorkflow};

/// Something that was found
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fact {
    pub what: &'static str,
    pub value: String,
}

/// Everything that was found, in the order of a release.
pub(super) fn facts(finds: &Finds<'_>) -> Vec<Fact> {
    let discovery = finds.discovery;
    let mut facts = Vec::new();
    let mut add = |what: &'static str, value: String| facts.push(Fact { what, value });
    add("project", discovery.project.name.clone());
    add("backend", discovery.project.backend.to_string());
    add("version", version(finds));
    add(
        "changelog",
        match &discovery.changelog {
            None => "none".to_owned(),
            Some(found) => {
                let unreleased = if found.has_unreleased { ", with an Unreleased section" } else { "" };
                let newest = found.newest.as_ref().map(|title| format!("; its newest section is `{title}`"));
                format!("`{}` ({}){unreleased}{}", found.path, found.form, newest.unwrap_or_default())
            }
        },
    );
    if let Some(fragments) = &discovery.fragments {
        add("fragments", format!("`{}`, collected by {}", fragments.folder, fragments.collector.name()));
    }
    if let Some(generator) = &discovery.learned.generator {
        add("commits", format!("{} makes the changelog of them, {}", generator.value, generator.reason));
    }
    add("tags", tags(finds));
    if let Some(message) = &discovery.learned.commit_message {
        let subject = message.value.lines().next().unwrap_or_default();
        add("commits", format!("the release commit is `{subject}`, {}", message.reason));
    }
    if let Some(reopening) = &discovery.learned.reopening {
        add("afterwards", format!("the next version begins after a release, {}", reopening.reason));
    }
    add("remote", remote(discovery));
    let tag = example_tag(finds);
    for found in &discovery.workflows {
        add("workflow", workflow(found, &tag));
    }
    for index in finds.pypirc {
        let project = index.project.as_ref().map(|project| format!(" for {project}")).unwrap_or_default();
        let upload = index.upload.as_ref().map(|upload| format!(": {upload}")).unwrap_or_default();
        add("index", format!("`{}`{project} in `.pypirc`{upload}", index.name));
    }
    if indexes::is_private(finds) {
        add("index", "the project is private, by a classifier `Private ::`".to_owned());
    }
    for tool in finds.tools {
        add("settings", format!("{} in `{}`", tool.tool, tool.file));
    }
    facts
}

/// The remote that a release is pushed to.
pub(super) fn remote(discovery: &Discovery) -> String {
    let Some(remote) = &discovery.remote else { return "none".to_owned() };
    let address = remote.address.as_deref().unwrap_or("a folder of this machine");
    let forge = remote.forge.map(|forge| format!(" ({forge})")).unwrap_or_default();
    format!("`{}`: {address}{forge}", remote.name)
}

/// A workflow that publishes, and whether this tag starts it.
pub(super) fn workflow(found: &FoundWorkflow, tag: &str) -> String {
    let starts = match found.workflow.starts_on_tag(tag) {
        Likelihood::Yes => "when the tag is pushed",
        Likelihood::Maybe => "perhaps when the tag is pushed",
        Likelihood::No if on_release(found, tag) > Likelihood::No => {
            "when a release is published on the forge"
        }
        Likelihood::No => "not on the release's tag",
    };
    format!("{}, {starts}", found.shown())
}

fn version(finds: &Finds<'_>) -> String {
    let discovery = finds.discovery;
    let stated = discovery.version.as_ref().map(|version| format!("{version}, ")).unwrap_or_default();
    match &discovery.project.version {
        VersionSource::Vcs { tool } => format!("from tags, by {tool}"),
        VersionSource::Unreadable(_) => match &discovery.unreadable {
            Some(error) => format!("unknown: {error}"),
            None => format!("{stated}where earlier releases wrote it"),
        },
        VersionSource::Static(places) => {
            let own = places.iter().map(|place| &place.path);
            let tools = finds.tools.iter().flat_map(|tool| &tool.places).map(|place| &place.path);
            let learned = discovery.learned.lines.iter().map(|line| &line.path);
            let mut all: Vec<String> = Vec::new();
            for path in own.chain(tools).chain(learned).map(|path| format!("`{path}`")) {
                if !all.contains(&path) {
                    all.push(path);
                }
            }
            match &discovery.unreadable {
                Some(error) => format!("unknown: {error}"),
                None => format!("{stated}in {}", all.join(", ")),
            }
        }
    }
}

fn tags(finds: &Finds<'_>) -> String {
    let discovery = finds.discovery;
    let learned = &discovery.learned;
    let Some(name) = &learned.tag_name else { return "none yet".to_owned() };
    let kind = match learned.annotated.as_ref().map(|annotated| annotated.value) {
        Some(true) => ", annotated",
        Some(false) => ", lightweight",
        None => "",
    };
    let signed = if learned.signed.is_some() { ", signed" } else { "" };
    let last = discovery.last.as_ref().map(|(last, _)| format!("; the last is `{last}`")).unwrap_or_default();
    let count = match discovery.releases {
        1 => "1 release".to_owned(),
        count => format!("{count} releases"),
    };
    format!("`{}`{kind}{signed}, of {count}{last}", name.value)
}
