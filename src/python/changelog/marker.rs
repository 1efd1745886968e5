//! The line below a heading that says when the version was released: `Released 2024-01-31`, `*UNRELEASED*`.

use std::ops::Range;

use super::date::{self, DateMatch};
use super::lines::{Heading, Kind, Line};
use super::style::is_said;
use super::words;

/// The longest such line, in bytes
const LONGEST: usize = 80;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    /// Index of its line
    pub(super) line: usize,
    pub(super) meaning: Meaning,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Not released; the range of the words that say so, in the line
    Open(Range<usize>),
    /// Released on a day, at this range of the line
    Dated { span: Range<usize>, format: &'static str },
}

impl Marker {
    /// The first line below a heading, if it is one.
    pub(super) fn below(heading: &Heading, text: &str, lines: &[Line], kinds: &[Kind]) -> Option<Self> {
        let below = heading.last + 1..lines.len().min(heading.last + 3);
        let line = below.into_iter().find(|index| !lines[*index].of(text).trim().is_empty())?;
        let meaning = Meaning::of(lines[line].of(text)).filter(|_| kinds[line] == Kind::Text)?;
        // Not the first line of a paragraph.
        let ends = lines.get(line + 1).is_none_or(|next| {
            let next = next.of(text).trim();
            next.is_empty() || next.starts_with([':', '-', '*', '+', '#'])
        });
        ends.then_some(Self { line, meaning })
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.meaning, Meaning::Open(_))
    }
}

impl Meaning {
    fn of(line: &str) -> Option<Self> {
        let content = line.trim();
        // As a note: "This version is not yet released and is under active development."
        if let Some(note) = content.strip_prefix(".. note::").filter(|note| note.len() < 2 * LONGEST) {
            let start = line.len() - line.trim_start().len();
            return note.contains("not yet released").then_some(Self::Open(start..start + content.len()));
        }
        if line.len() > LONGEST || content.starts_with(['#', '>', '<', '|']) || is_item(content) {
            return None;
        }
        if let Some(DateMatch { span, format }) = date::find(line) {
            let bare = !line[span.end..].contains(char::is_alphanumeric);
            return (is_said(&line[..span.start]) && bare).then_some(Self::Dated { span, format });
        }
        words::placeholder(line).map(Self::Open)
    }

    /// The line of a marker with its date or its words replaced.
    pub(super) fn replaced(&self, line: &str, by: &str) -> String {
        let (Self::Open(span) | Self::Dated { span, .. }) = self;
        format!("{}{by}{}", &line[..span.start], &line[span.end..])
    }
}

/// Whether a line is an item of a list.
fn is_item(line: &str) -> bool {
    ["- ", "* ", "+ ", "• "].iter().any(|bullet| line.starts_with(bullet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_lines_that_date_a_section() {
        for line in
            ["Released 2024-01-31", "*2024-01-31*", ":Released: January 5, 2024", "Release date: 2024-01-31"]
        {
            assert!(matches!(Meaning::of(line), Some(Meaning::Dated { .. })), "{line}");
        }
        for (line, replaced) in [
            ("Unreleased", "X"),
            ("*UNRELEASED*", "*X*"),
            ("**unreleased**", "**X**"),
            ("Release date: TBD", "Release date: X"),
            (":Date: unreleased", ":Date: X"),
            ("(in development)", "(X)"),
            ("Released 2026-XX-XX", "Released X"),
            (".. note:: This version is not yet released and is under active development.", "X"),
        ] {
            let meaning = Meaning::of(line).unwrap_or_else(|| panic!("{line}"));
            assert!(matches!(meaning, Meaning::Open(_)), "{line}");
            assert_eq!(meaning.replaced(line, "X"), replaced);
        }
        for line in [
            "- Unreleased",
            "**Added**",
            "The first release of 2024-01-31",
            "2024-01-31: a fix",
            "# TBD",
            "Development went on.",
        ] {
            assert_eq!(Meaning::of(line), None, "{line}");
        }
    }
}
