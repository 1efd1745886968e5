//! Conventions: how a project releases, where its configuration does not say.

use serde::{Deserialize, Serialize};

use crate::python::habits::LearnedLine;

/// How the project releases where its configuration says nothing: from its history or from another tool's settings
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conventions {
    /// The template of the tags' names
    pub tag_name: Option<Convention<String>>,
    /// Whether the tags are annotated
    pub annotated: Option<Convention<bool>>,
    /// The template of the tags' messages
    pub tag_message: Option<Convention<String>>,
    /// The template of the release commits' messages
    pub commit_message: Option<Convention<String>>,
    /// Lines that state the version besides the project's own metadata
    pub lines: Vec<LearnedLine>,
    /// Lock files that record the project's version, besides its own
    pub locks: Vec<String>,
    /// The commits before the last releases, the newest first
    pub before_releases: Vec<String>,
}

/// A choice and its reason
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convention<T> {
    pub value: T,
    /// For the user: `as in v1.4.0 and v1.3.2`
    pub reason: String,
}

/// A convention that a plan follows
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedConvention {
    /// What is done
    pub what: String,
    /// For the user: `as in v1.4.0 and v1.3.2`
    pub reason: String,
    /// The setting that decides otherwise: `name` in [stage.tag]
    pub setting: String,
}

impl Conventions {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The conventions for a plan; `stages` are those that run.
    pub fn planned<'s>(&self, stages: impl Iterator<Item = &'s str>) -> Vec<PlannedConvention> {
        let stages: Vec<&str> = stages.collect();
        let mut planned = Vec::new();
        let mut add = |stage: &str, what: String, reason: &str, setting: String| {
            if stages.contains(&stage) {
                planned.push(PlannedConvention { what, reason: reason.to_owned(), setting });
            }
        };
        if let Some(name) = &self.tag_name {
            let setting = "`name` in [stage.tag]".to_owned();
            add("tag", format!("name the tag `{}`", name.value), &name.reason, setting);
        }
        if let Some(annotated) = &self.annotated {
            let kind = if annotated.value { "an annotated tag" } else { "a lightweight tag" };
            let setting = "`annotated` in [stage.tag]".to_owned();
            add("tag", format!("make {kind}"), &annotated.reason, setting);
        }
        if let Some(message) = &self.tag_message {
            let setting = "`message` in [stage.tag]".to_owned();
            add("tag", format!("tag with the message `{}`", message.value), &message.reason, setting);
        }
        if let Some(message) = &self.commit_message {
            let setting = "`commit-message` in [stage.tag]".to_owned();
            add("tag", format!("commit with the message `{}`", message.value), &message.reason, setting);
        }
        for line in &self.lines {
            let what = format!("change `{}` in {}", line.shown, line.path);
            let setting = "`files` in [stage.version]".to_owned();
            add("version", what, &crate::python::habits::reason(&line.evidence), setting);
        }
        planned
    }
}
