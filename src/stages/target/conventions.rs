//! What the release does as earlier ones did, where the configuration does not say.

use super::History;
use super::style::style_of_template;
use crate::config::{Config, Template};
use crate::engine::model::{Convention, Conventions};
use crate::engine::release::Workspace;
use crate::error::Result;
use crate::python::habits::{Learned, TagStyle};
use crate::python::version::Version;
use crate::stages::tag::Tag;
use crate::stages::version::Version as VersionStage;

/// The style of the tag, and everything else that the configuration leaves open.
///
/// # Errors
/// The settings of the stages are wrong.
pub(super) fn of(
    (config, tag, configured): (&Config, &Tag, Option<TagStyle>),
    history: &History,
    workspace: &Workspace,
    (previous, version, date): (&Version, &Version, &str),
) -> Result<(TagStyle, Conventions)> {
    let habits = &history.habits;
    let before_releases = history.before_releases.clone();
    let mut conventions = Conventions { before_releases, ..Conventions::default() };
    let style = match (configured, habits.tag_style()) {
        (Some(style), _) => style,
        (None, Some(learned)) => {
            let reason = learned.reason();
            conventions.tag_name = Some(Convention { value: learned.value.template(), reason });
            learned.value
        }
        (None, None) => {
            let usual = Template::new("v{version}").expect("known placeholders only");
            style_of_template(&usual, "", date)
        }
    };
    if tag.annotated.is_none() {
        conventions.annotated = habits.annotated().map(convention);
    }
    let is_annotated = tag.annotated.or(conventions.annotated.as_ref().map(|one| one.value)).unwrap_or(true);
    if tag.message.is_none() && is_annotated {
        conventions.tag_message = habits.tag_message().map(convention);
    }
    if tag.commit_message.is_none() {
        conventions.commit_message = habits.commit_message().map(convention);
    }
    if !config.settings::<VersionStage>("version")?.has_files() {
        conventions.lines = habits.lines(workspace, previous, version, date);
        conventions.locks = habits.locks();
    }
    Ok((style, conventions))
}

fn convention<T>(learned: Learned<T>) -> Convention<T> {
    let reason = learned.reason();
    Convention { value: learned.value, reason }
}
