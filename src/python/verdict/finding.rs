//! The findings of rules.

use std::fmt;

use serde::Serialize;

use crate::python::metadata::Header;
use crate::text::is_safe;

/// The severity of a finding
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; does not stop the release
    Warning,
    /// PyPI would refuse the file, or would accept a file that must not be published
    Error,
}

/// Where in a distribution a finding is
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Location {
    /// A member of the archive
    Member { member: String },
    /// A line of a member, counted from 1
    Line { member: String, line: usize, text: String },
}

impl Location {
    /// The line's text, or the member.
    pub fn text(&self) -> &str {
        match self {
            Self::Member { member } => member,
            Self::Line { text, .. } => text,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member { member } => f.write_str(member),
            Self::Line { member, line, text } => write!(f, "{member}:{line}: {text}"),
        }
    }
}

/// A finding of a rule in one file
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleFinding {
    /// The rule's id, such as `record-hash`
    pub rule: &'static str,
    pub severity: Severity,
    /// One lower-case sentence
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Location>,
    /// What to do about it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// PyPI's own message, if PyPI refuses the file for it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pypi: Option<String>,
}

/// A finding as a rule's function returns it; the table adds the rest
#[derive(Debug)]
pub(super) struct Violation {
    pub(super) message: String,
    pub(super) place: Option<Location>,
    pub(super) help: Option<String>,
    /// PyPI's message with the values of this file, if the rule's general one is not enough
    pub(super) says: Option<String>,
}

impl Violation {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, help: None, says: None }
    }

    pub(super) fn member(mut self, member: impl Into<String>) -> Self {
        self.place = Some(Location::Member { member: member.into() });
        self
    }

    pub(super) fn line(mut self, member: &str, line: usize, text: impl Into<String>) -> Self {
        self.place = Some(Location::Line { member: member.to_owned(), line, text: shortened(text.into()) });
        self
    }

    /// Sets the position of a header.
    pub(super) fn header(self, member: &str, header: &Header) -> Self {
        self.line(member, header.line, format!("{}: {}", header.name, header.value))
    }

    pub(super) fn says(mut self, says: impl Into<String>) -> Self {
        self.says = Some(says.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A line, shortened and without control characters; a line of hostile metadata can have megabytes.
pub(super) fn shortened(text: impl AsRef<str>) -> String {
    const MOST: usize = 200;
    let text = text.as_ref();
    let (text, rest) = match text.char_indices().nth(MOST) {
        Some((at, _)) => (&text[..at], "…"),
        None => (text, ""),
    };
    let visible =
        |letter: char| if is_safe(letter) { letter.into() } else { letter.escape_default().to_string() };
    text.chars().map(visible).chain([rest.to_owned()]).collect()
}
