//! What rules find.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::finding::{Finding, Severity};
use crate::python::metadata::Header;
use crate::text::visible;

/// Where in a distribution a finding is
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

/// A finding with the rule that it is from: an error if PyPI would refuse the file, or would accept a file that must
/// not be published
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule's id, such as `record-hash`
    pub rule: &'static str,
    pub finding: Finding,
    pub place: Option<Location>,
    /// PyPI's own message, if PyPI refuses the file for it
    pub pypi: Option<String>,
    /// The number of further findings of the rule that it stands for; none if it is one itself
    pub further: Option<usize>,
}

impl Diagnostic {
    pub fn is_error(&self) -> bool {
        self.finding.severity == Severity::Error
    }
}

/// A finding with the rule that it is from
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Diagnostic"))]
pub(super) struct Flat<'a> {
    rule: &'static str,
    severity: Severity,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a Location>,
    /// What to do about it
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    /// What PyPI refuses the file with
    #[serde(skip_serializing_if = "Option::is_none")]
    pypi: Option<&'a str>,
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { rule, finding, place, pypi, further: _ } = self;
        let flat = Flat {
            rule,
            severity: finding.severity,
            message: &finding.message,
            place: place.as_ref(),
            help: finding.help.as_deref(),
            pypi: pypi.as_deref(),
        };
        flat.serialize(serializer)
    }
}

/// What a rule's function finds; the table adds the rest
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
    visible(text) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_one_flat_object() {
        let mut found = Diagnostic {
            rule: "name",
            finding: Finding::error("it is not"),
            place: None,
            pypi: None,
            further: None,
        };
        assert_eq!(
            serde_json::to_string(&found).unwrap(),
            r#"{"rule":"name","severity":"error","message":"it is not"}"#
        );
        found.finding = Finding::warning("it is not").help("fix it");
        found.place = Some(Location::Member { member: "PKG-INFO".to_owned() });
        found.pypi = Some("No.".to_owned());
        assert_eq!(
            serde_json::to_string(&found).unwrap(),
            concat!(
                r#"{"rule":"name","severity":"warning","message":"it is not","#,
                r#""place":{"kind":"member","member":"PKG-INFO"},"help":"fix it","pypi":"No."}"#
            )
        );
    }
}
