//! Opens the next version when the release is out: one commit with the next development version and an Unreleased
//! section, on the branch, pushed.

mod commit;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::changelog::Changelog;
use super::push::Push;
use super::version::{self, Version as VersionStage};
use crate::config::{Config, Names};
use crate::engine::prelude::*;
use crate::engine::release::Target;
use crate::python::habits::{NextVersion, Part};
use crate::python::project::{Files as _, VersionSource};
use crate::python::version::{Bump, Version};
use crate::world::git::Remote;

pub(super) use commit::{Changes, Cycle, open};

/// What the commit message knows besides the usual placeholders
const NEXT_VERSION: &str = "next_version";

/// Commit the next development version when the release is out, and push it
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Reopen {
    /// The number to count up after a final release: `patch`, `minor` or `major`; by default as after earlier releases, or
    /// else `patch`
    version: Option<Part>,
    /// What follows the numbers; by default as after earlier releases, or else `.dev0`
    marker: Option<String>,
    /// Whether to bump the version after a pre-release too: 1.1.0rc1 to 1.1.0rc2.dev0
    prereleases: bool,
    /// Whether to add an Unreleased section to a changelog that has none; by default as after earlier releases, or else
    /// true
    changelog: Option<bool>,
    /// Message of the commit; `{next_version}` is the next version; by default `Start {next_version}`
    #[serde(deserialize_with = "commit_message")]
    commit_message: Option<Template>,
}

fn commit_message<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Template>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Template::with_more(text, &[NEXT_VERSION])
        .and_then(Template::into_message)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

impl Reopen {
    /// Whether the configuration says how to bump the version.
    pub(super) fn is_configured(&self) -> bool {
        self.version.is_some() || self.marker.is_some()
    }
}

/// The stage of one project: its settings, and those of the stages whose work it continues
pub(super) struct NextCycle {
    settings: Reopen,
    version: VersionStage,
    changelog: Changelog,
    /// Whether the release bumps the version
    bumps: bool,
    /// Whether the release promotes the changelog
    promotes: bool,
    /// None if the release is not pushed
    push: Option<Push>,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    Ok(Box::new(NextCycle::of(config, name)?))
}

impl NextCycle {
    /// Reads the settings.
    ///
    /// # Errors
    /// They are wrong.
    pub(super) fn of(config: &Config, name: &str) -> Result<Self> {
        let settings: Reopen = config.settings(name)?;
        if let Some(marker) = &settings.marker {
            let part = settings.version.unwrap_or_default();
            let any: Version = "1.0.0".parse().map_err(|_| Error::failed("1.0.0 is not a valid version"))?;
            NextVersion { part, marker: marker.clone() }.after(&any).map_err(|error| {
                let span = config.stage_key(name, "marker").flatten();
                let help = "set a suffix of a development version, such as \".dev0\"";
                config.error(
                    &format!("`{}` is not a valid marker: {error}", marker.escape_debug()),
                    span,
                    Some(help),
                )
            })?;
        }
        let lists = |name: &str| config.stages().iter().any(|stage| stage.value == name);
        Ok(Self {
            settings,
            version: config.settings("version")?,
            changelog: config.settings("changelog")?,
            bumps: lists("version"),
            promotes: lists("changelog"),
            push: lists("push").then(|| config.settings("push")).transpose()?,
        })
    }

    /// Whether the release writes the version.
    pub(super) fn is_after_bump(&self) -> bool {
        self.bumps
    }
}

/// The advice to add this stage, if earlier releases were followed by such a commit.
pub fn advice(config: &Config, target: &Target) -> Option<Finding> {
    let learned = target.conventions.reopening.as_ref()?;
    if config.stages().iter().any(|stage| stage.value == "reopen") {
        return None;
    }
    let what = match &learned.value.version {
        Some(next) => format!("set the next {} version", next.part.name()),
        None => "added an Unreleased section".to_owned(),
    };
    let message = format!("the commits after the last releases {what}, {}", learned.reason);
    Some(Finding::note(message).help("add `reopen` to `stages` to have that done"))
}

/// The version after the release
pub(super) struct Next {
    pub(super) version: Version,
    /// Why the project does not state it, if so
    pub(super) unwritten: Option<String>,
}

impl NextCycle {
    /// The version after the release.
    ///
    /// # Errors
    /// The configured marker makes no valid version.
    pub(super) fn next(&self, release: &Release) -> Result<Next> {
        let target = &release.target;
        let released = &target.version;
        let habit = target.conventions.reopening.as_ref();
        let learned = habit.and_then(|habit| habit.value.version.clone());
        let learned = learned.unwrap_or(NextVersion { part: Part::default(), marker: ".dev0".to_owned() });
        let marker = self.settings.marker.clone().unwrap_or(learned.marker);
        let invalid = |error: String| Error::refused(error).help("change `marker` in [stage.reopen]");
        let version = match released.is_prerelease() {
            true if !self.settings.prereleases => Bump::Release.apply(released)?,
            true if released.dev().is_some() => Bump::Dev.apply(released)?,
            true => {
                let text = format!("{}{marker}", Bump::Dev.apply(released)?.without_dev());
                text.parse().map_err(|_| invalid(format!("`{text}` is not a valid version")))?
            }
            false => {
                let part = self.settings.version.unwrap_or(learned.part);
                NextVersion { part, marker }.after(released).map_err(invalid)?
            }
        };
        let unwritten = match &target.project.version {
            VersionSource::Vcs { tool } => Some(format!("{tool} takes the version from tags")),
            _ if released.is_prerelease() && !self.settings.prereleases => {
                Some(format!("{released} is a pre-release"))
            }
            _ => habit
                .filter(|habit| habit.value.version.is_none())
                .map(|habit| format!("the last releases were followed by no bump, {}", habit.reason)),
        };
        Ok(Next { version, unwritten })
    }

    /// The files to write, relative to the project. Before the release (`is_released`) their paths count, not their texts.
    pub(super) fn files(
        &self,
        release: &Release,
        next: &Next,
        is_released: bool,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let target = &release.target;
        let stated = if is_released { &target.version } else { &target.previous };
        let mut files = Vec::new();
        if next.unwritten.is_none() {
            let learned = target.conventions.lines.iter().filter_map(|line| {
                let to = line.for_development(&target.previous, &target.version, &next.version)?;
                let from = if is_released { line.to.clone() } else { line.from.clone() };
                Some(version::learned(line, from, to))
            });
            files = self.version.written((release, target), (stated, &next.version), learned)?;
            files.retain(|(path, bytes)| release.read(path).as_ref() != Some(bytes));
        }
        files.extend(self.unreleased(release, &next.version, is_released));
        Ok(files)
    }

    /// The changelog with an Unreleased section, if the release leaves none.
    fn unreleased(&self, release: &Release, next: &Version, is_released: bool) -> Option<(String, Vec<u8>)> {
        let learned = release.target.conventions.reopening.as_ref().map(|one| one.value.changelog);
        // A tool that generates the changelog leaves no such section.
        let usual = || self.changelog.generator_of(release).is_none();
        let is_wanted = self.settings.changelog.or(learned).unwrap_or_else(usual);
        is_wanted.then(|| self.changelog.reopened(release, next, self.promotes && !is_released))?
    }

    /// The commit's message. `is_written` tells whether a file states the next version.
    pub(super) fn message(&self, names: &Names, next: &str, is_written: bool) -> String {
        let usual = match is_written {
            true => "Start {next_version}",
            false => "Start development after {version}",
        };
        let usual = || Template::with_more(usual, &[NEXT_VERSION]).expect("known placeholders only");
        let template = self.settings.commit_message.clone().unwrap_or_else(usual);
        template.render_with(names, &[(NEXT_VERSION, next)])
    }
}

/// The reason why there is nothing to change.
fn nothing(release: &Release, next: &Next) -> String {
    next.unwritten.clone().unwrap_or_else(|| format!("nothing states {}", release.target.version))
}

impl Cycle for NextCycle {
    fn changes(&self, release: &Release, is_released: bool) -> Result<Changes> {
        let next = self.next(release)?;
        let files = self.files(release, &next, is_released)?;
        let message = self.message(release.names(), &next.version.to_string(), next.unwritten.is_none());
        Ok(Changes { files, message, nothing: nothing(release, &next) })
    }

    fn moved_on(&self, release: &Release) -> Option<String> {
        if self.next(release).is_ok_and(|next| next.unwritten.is_some()) {
            return None;
        }
        let stated = self.version.current(release, &release.target.project).ok()?;
        (stated != release.target.version).then(|| stated.to_string())
    }

    fn remote(&self, release: &Release) -> Result<Option<(Remote, String)>> {
        let Some(push) = &self.push else { return Ok(None) };
        let Some(remote) = push.remote(release)? else { return Ok(None) };
        Ok(push.branch(release, &remote).map(|branch| (remote, branch)))
    }
}

impl Stage for NextCycle {
    fn name(&self) -> &str {
        "reopen"
    }

    fn is_over_once_tagged(&self) -> bool {
        true
    }

    fn reach(&self) -> Reach {
        Reach::FollowUp
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let next = self.next(release)?;
        let mut files = self.files(release, &next, false)?;
        if self.bumps && release.target.version != release.target.previous {
            // `version` has checked the others.
            files = self.unreleased(release, &next.version, false).into_iter().collect();
        }
        release.checkout.edits_in_the_way(files.iter().map(|(path, _)| path.as_str()))
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        open(self, release, effects)?;
        Ok(Outputs::default())
    }
}
