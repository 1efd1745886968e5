//! The notes of released versions, as the changelog has them.

use serde::Serialize;

use super::changelog::{Changelog, parse};
use super::target::{History, read_project};
use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::error::{Error, Result};
use crate::python::changelog::{Format, to_markdown};
use crate::python::project::Files as _;
use crate::python::version::Version;

/// How many versions an error lists
const MOST_LISTED: usize = 5;

/// The notes of a version
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReleaseNotes {
    #[cfg_attr(test, schemars(with = "String"))]
    pub version: Version,
    /// The changelog, relative to the project
    pub path: String,
    /// In Markdown
    pub notes: String,
}

/// The notes of a version, or of the last one, from the committed changelog.
///
/// # Errors
/// There is no changelog, it cannot be read, or it has no section for the version.
pub fn release_notes(
    config: &Config,
    checkout: &Checkout,
    version: Option<&Version>,
) -> Result<ReleaseNotes> {
    let project = read_project(config, checkout, None)?;
    let history = History::of(config, checkout, &project)?;
    let learned: Vec<String> = history.habits.changelogs().into_iter().map(|file| file.value).collect();
    let last = history.last.as_ref().map(|tag| &tag.version);
    let settings: Changelog = config.settings("changelog")?;
    let path = settings.path(checkout, &learned, version.or(last)).ok_or_else(|| {
        Error::refused("the project has no changelog").help("set `file` in [stage.changelog]")
    })?;
    let text = checkout.read(&path).and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| Error::refused(format!("`{path}` is not a committed text file")))?;
    let format = Format::of_text(&path, &text).unwrap_or(Format::Markdown);
    let sections = parse(&path, text)?.versions();
    let of = |wanted: &Version| sections.iter().find(|section| section.version.as_ref() == Some(wanted));
    let found = match version {
        Some(version) => of(version),
        None => last.and_then(of).or_else(|| sections.iter().find(|section| section.version.is_some())),
    };
    let Some((section, version)) = found.and_then(|section| Some((section, section.version.clone()?))) else {
        let listed: Vec<String> = sections
            .iter()
            .filter_map(|section| Some(section.version.as_ref()?.to_string()))
            .take(MOST_LISTED)
            .collect();
        let message = match version {
            Some(version) => format!("`{path}` has no section for {version}"),
            None => format!("`{path}` has no section of a version"),
        };
        let error = Error::refused(message);
        return Err(if listed.is_empty() {
            error
        } else {
            error.help(format!("its last ones are {}", listed.join(", ")))
        });
    };
    Ok(ReleaseNotes { version, path, notes: to_markdown(&section.body.replace("\r\n", "\n"), format) })
}
