//! What a rule found.

use serde::Serialize;

/// How much a finding weighs
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; the release goes on
    Warning,
    /// PyPI would refuse the file, or would take it and nobody should want that
    Error,
}

/// Where in a distribution something was found
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Place {
    /// A member of the archive
    Member { member: String },
    /// A line of a member, counted from 1
    Line { member: String, line: usize, text: String },
}

/// What a rule found in one file
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id, as `record-hash`
    pub rule: &'static str,
    pub severity: Severity,
    /// One lower-case sentence
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What to do about it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// PyPI's own words for it, where PyPI refuses it; `…` stands for what depends on the file
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pypi: Option<&'static str>,
}

/// A finding as a rule's function gives it; the table adds the rest
#[derive(Debug)]
pub(super) struct Found {
    pub(super) message: String,
    pub(super) place: Option<Place>,
    pub(super) help: Option<String>,
}

impl Found {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, help: None }
    }

    pub(super) fn member(mut self, member: impl Into<String>) -> Self {
        self.place = Some(Place::Member { member: member.into() });
        self
    }

    pub(super) fn line(mut self, member: &str, line: usize, text: impl Into<String>) -> Self {
        self.place = Some(Place::Line { member: member.to_owned(), line, text: shortened(text.into()) });
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A line short enough to be shown; hostile metadata can have one of megabytes.
fn shortened(text: String) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
