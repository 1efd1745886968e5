//! What the release does as earlier ones did, where the configuration does not say.

use super::style::style_of_template;
use super::{History, reopening};
use crate::config::{Config, Template};
use crate::engine::checkout::Checkout;
use crate::engine::model::{Convention, Conventions, DEFAULT_TAG_NAME};
use crate::error::Result;
use crate::python::habits::{Habits, LearnedLine, TagStyle};
use crate::python::project::{Project, VersionSource, bump_all};
use crate::python::settings::{self, ToolSettings};
use crate::python::version::Version;
use crate::stages::reopen::Reopen;
use crate::stages::tag::Tag;
use crate::stages::version::Version as VersionStage;

/// The style of the tag, and everything else that the configuration leaves open.
///
/// # Errors
/// The settings of the stages are wrong.
pub(super) fn of(
    (config, tag, configured): (&Config, &Tag, Option<TagStyle>),
    history: &History,
    (checkout, project): (&Checkout, &Project),
    (previous, version, date): (&Version, &Version, &str),
) -> Result<(TagStyle, Conventions)> {
    let habits = &history.habits;
    let before_releases = history.before_releases.clone();
    let release_commits = history.release_commits.clone();
    let mut conventions = Conventions { before_releases, release_commits, ..Conventions::default() };
    let tools = settings::read(checkout);
    let style = match (configured, habits.tag_style(), tag_of_tools(&tools, &project.name)) {
        (Some(style), _, _) => style,
        (None, Some(learned), _) => {
            let reason = learned.reason();
            conventions.tag_name = Some(Convention { value: learned.value.template(), reason });
            learned.value
        }
        (None, None, Some(told)) => {
            let template = Template::new(told.value.as_str()).unwrap_or_else(|_| usual(config));
            conventions.tag_name = Some(told);
            style_of_template(&template, &project.name, date)
        }
        (None, None, None) => style_of_template(&usual(config), &project.name, date),
    };
    // Without a release that shows it, another tool's settings say how.
    let told = |read: &dyn Fn(&ToolSettings) -> Option<String>| {
        tools.iter().find_map(|tool| Some(Convention { value: read(tool)?, reason: reason(tool) }))
    };
    if tag.annotated.is_none() {
        let by_tool = || {
            let value = tools.iter().find_map(|tool| Some((tool.annotated?, tool)));
            value.map(|(value, tool)| Convention { value, reason: reason(tool) })
        };
        conventions.annotated = habits.annotated().map(Convention::of).or_else(by_tool);
    }
    let is_annotated = tag.annotated.or(conventions.annotated.as_ref().map(|one| one.value)).unwrap_or(true);
    if tag.message.is_none() && is_annotated {
        let by_tool = || told(&|tool| tool.tag_message.clone());
        conventions.tag_message = habits.tag_message().map(Convention::of).or_else(by_tool);
    }
    if tag.commit_message.is_none() {
        let by_tool = || told(&|tool| tool.commit_message.clone());
        conventions.commit_message =
            habits.commit_message(version.is_prerelease()).map(Convention::of).or_else(by_tool);
    }
    if tag.sign.is_none() && !(is_annotated && checkout.repository.signs().1) {
        conventions.unsigned = habits.signed().map(|learned| learned.reason());
    }
    conventions.forget_defaults(&project.name);
    if !config.settings::<VersionStage>("version")?.has_files() {
        conventions.lines = lines(checkout, project, habits, (previous, version, date));
        conventions.locks = habits.locks();
    }
    if !config.settings::<Reopen>("reopen")?.is_configured() {
        conventions.reopening = reopening::learned(checkout, history).map(Convention::of);
    }
    Ok((style, conventions))
}

/// The lines that a release changes as earlier ones did, besides the project's own metadata.
pub(super) fn lines(
    checkout: &Checkout,
    project: &Project,
    habits: &Habits,
    (previous, version, date): (&Version, &Version, &str),
) -> Vec<LearnedLine> {
    let mut lines = habits.lines(checkout, previous, version, date);
    // What the project's own metadata says is written anyway.
    if let VersionSource::Static(places) = &project.version
        && let Ok(known) = bump_all(checkout, places, previous, version)
    {
        lines.retain(|line| {
            let written = known.get(&line.path).map(|bytes| String::from_utf8_lossy(bytes));
            written.is_none_or(|text| text.lines().any(|written| written == line.from))
        });
    }
    lines
}

fn usual(config: &Config) -> Template {
    Template::new(config.default_tag().unwrap_or(DEFAULT_TAG_NAME)).expect("known placeholders only")
}

/// The tags' name as another tool's settings have it.
fn tag_of_tools(tools: &[ToolSettings], project: &str) -> Option<Convention<String>> {
    tools.iter().find_map(|tool| {
        Some(Convention { value: tool.tag.as_ref()?.template(project)?, reason: reason(tool) })
    })
}

fn reason(tool: &ToolSettings) -> String {
    format!("as `{}` says for {}", tool.file, tool.tool)
}
