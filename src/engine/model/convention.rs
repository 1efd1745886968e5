//! Conventions: how a project releases, where its configuration does not say.

use serde::{Deserialize, Serialize};

use crate::python::changelog::{Remainder, Takeover};
use crate::python::generators::Generator;
use crate::python::habits::{Learned, LearnedLine, Reopening};

/// The template of the tags' names, if nothing else decides
pub const DEFAULT_TAG_NAME: &str = "v{version}";
/// The template of the tags' messages
pub const DEFAULT_TAG_MESSAGE: &str = "{name} {version}";
/// The template of the release commits' messages
pub const DEFAULT_COMMIT_MESSAGE: &str = "Release {version}";

/// How the project releases where its configuration says nothing: from its history or from another tool's settings
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conventions {
    /// The template of the tags' names
    pub tag_name: Option<Convention<String>>,
    /// Whether the tags are annotated
    pub annotated: Option<Convention<bool>>,
    /// Which earlier tags are signed, if this one is not: `as in v1.4.0 and v1.3.2`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
    /// The template of the tags' messages
    pub tag_message: Option<Convention<String>>,
    /// The template of the release commits' messages
    pub commit_message: Option<Convention<String>>,
    /// Lines that state the version besides the project's own metadata
    pub lines: Vec<LearnedLine>,
    /// Lock files that record the project's version, besides its own
    pub locks: Vec<String>,
    /// The changelog's path
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changelog: Option<Convention<String>>,
    /// The paths of other files that have the version's section as well
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changelog_copies: Vec<Convention<String>>,
    /// The tool that generates the changelog
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<Convention<Generator>>,
    /// A file of notes that an earlier release had for itself
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_per_release: Option<Convention<String>>,
    /// The version's heading in the changelog
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading: Option<Convention<String>>,
    /// What the changelog has for the next changes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remainder: Option<Convention<Remainder>>,
    /// How the version takes over the section of its last pre-release
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takeover: Option<Convention<Takeover>>,
    /// The entries of the version, made from commits
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<Convention<String>>,
    /// The release's notes, if the user passed them
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// An entry that joins those of the changelog
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// What follows a release
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reopening: Option<Convention<Reopening>>,
    /// The commits before the last releases, the newest first
    pub before_releases: Vec<String>,
    /// The commits of the last releases, the newest first
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub release_commits: Vec<String>,
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedConvention {
    /// What is done
    pub what: String,
    /// For the user: `as in v1.4.0 and v1.3.2`
    pub reason: String,
    /// The setting that decides otherwise: `name` in [stage.tag]
    pub setting: String,
}

impl<T> Convention<T> {
    /// What earlier releases agree on.
    pub fn of(learned: Learned<T>) -> Self {
        let reason = learned.reason();
        Self { value: learned.value, reason }
    }
}

impl Conventions {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Drops what would be done anyway.
    pub fn forget_defaults(&mut self, project: &str) {
        let is_default = |convention: &Option<Convention<String>>, default: &str| {
            convention
                .as_ref()
                .is_some_and(|one| one.value.replace("{name}", project) == default.replace("{name}", project))
        };
        for (convention, default) in [
            (&mut self.tag_name, DEFAULT_TAG_NAME),
            (&mut self.tag_message, DEFAULT_TAG_MESSAGE),
            (&mut self.commit_message, DEFAULT_COMMIT_MESSAGE),
        ] {
            if is_default(convention, default) {
                *convention = None;
            }
        }
        self.annotated = self.annotated.take().filter(|annotated| !annotated.value);
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
        if let Some(path) = &self.changelog {
            let setting = "`file` in [stage.changelog]".to_owned();
            add("changelog", format!("changelog `{}`", path.value), &path.reason, setting);
        }
        for Convention { value, reason } in &self.changelog_copies {
            let what = format!("the section in `{value}` as well");
            add("changelog", what, reason, "`file` in [stage.changelog]".to_owned());
        }
        if let Some(Convention { value, reason }) = &self.generator {
            let what = format!("changelog generated by {}", value.name());
            add("changelog", what, reason, "`from` in [stage.changelog]".to_owned());
        }
        if let Some(heading) = &self.heading {
            let setting = "`heading` in [stage.changelog]".to_owned();
            add("changelog", format!("section `{}`", heading.value), &heading.reason, setting);
        }
        if let Some(Convention { value, reason }) = &self.remainder {
            let next: Vec<String> = value.successors.iter().map(|next| format!("`{}`", next.title)).collect();
            let what = match value.is_left {
                true => "an Unreleased section with a template is left".to_owned(),
                false if next.is_empty() => "no Unreleased section is left".to_owned(),
                false => format!("an empty section {} is left", next.join(" and ")),
            };
            add("changelog", what, reason, "`unreleased` in [stage.changelog]".to_owned());
        }
        if let Some(Convention { reason, .. }) = &self.entries {
            let what = "changelog entries made from the commits".to_owned();
            add("changelog", what, reason, "`from` in [stage.changelog]".to_owned());
        }
        if let Some(Convention { value, reason }) = &self.takeover {
            let what = match value.keeps_section {
                true => format!("a section `{}` above that of the last pre-release", value.sentence),
                false => "the section of the last pre-release becomes that of this version".to_owned(),
            };
            add("changelog", what, reason, "`renames-prerelease` in [stage.changelog]".to_owned());
        }
        if let Some(name) = &self.tag_name {
            let setting = "`name` in [stage.tag]".to_owned();
            add("tag", format!("tag `{}`", name.value), &name.reason, setting);
        }
        if let Some(annotated) = &self.annotated {
            let kind = if annotated.value { "annotated tag" } else { "lightweight tag" };
            let setting = "`annotated` in [stage.tag]".to_owned();
            add("tag", kind.to_owned(), &annotated.reason, setting);
        }
        if let Some(reason) = &self.unsigned {
            let what = "unsigned tag; earlier ones were signed".to_owned();
            add("tag", what, reason, "`sign` in [stage.tag], or `git config tag.gpgSign true`".to_owned());
        }
        if let Some(message) = &self.tag_message {
            let setting = "`message` in [stage.tag]".to_owned();
            add("tag", format!("tag message `{}`", message.value), &message.reason, setting);
        }
        if let Some(message) = &self.commit_message {
            let setting = "`commit-message` in [stage.tag]".to_owned();
            add("tag", format!("commit message `{}`", message.value), &message.reason, setting);
        }
        for line in &self.lines {
            let what = format!("{}: `{}`", line.path, line.shown);
            let setting = "`files` in [stage.version]".to_owned();
            add("version", what, &crate::python::habits::reason(&line.evidence), setting);
        }
        if let Some(Convention { value, reason }) = &self.reopening
            && let Some(next) = &value.version
        {
            let what = match next.marker.as_str() {
                "" => format!("go on with the next {} version", next.part.name()),
                marker => format!("go on with the next {} version and `{marker}`", next.part.name()),
            };
            add("reopen", what, reason, "`version` and `marker` in [stage.reopen]".to_owned());
        }
        planned
    }
}
