//! The line below a heading that says when the version was released: `Released 2024-01-31`, `*UNRELEASED*`.

use std::ops::Range;

use super::date::{self, DateMatch};
use super::lines::{Heading, Kind, Line, begins_item};
use super::style::{self, is_said};
use super::words;

/// The longest such line, in bytes
const LONGEST: usize = 80;

/// The most lines of a note
const MOST_LINES: usize = 6;

/// The names of notes in reStructuredText
const NOTES: [&str; 5] = ["note::", "warning::", "attention::", "important::", "caution::"];

/// What such a note says
const WORDS_OF_NOTE: [&str; 3] = ["not yet released", "not released yet", "is unreleased"];

/// A line, or a note of several
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    /// Index of its line, or of the first one of a note
    pub(super) line: usize,
    /// Index after its last line
    pub(super) end: usize,
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
        if let Some(end) = end_of_note(line, |index| lines.get(index).map(|line| line.of(text))) {
            return Some(Self { line, end, meaning: Meaning::Open(0..lines[line].of(text).len()) });
        }
        let meaning = Meaning::of(lines[line].of(text)).filter(|_| kinds[line] == Kind::Text)?;
        // Not the first line of a paragraph.
        let ends = lines.get(line + 1).is_none_or(|next| {
            let next = next.of(text).trim();
            next.is_empty() || next.starts_with([':', '-', '*', '+', '#'])
        });
        ends.then_some(Self { line, end: line + 1, meaning })
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.meaning, Meaning::Open(_))
    }
}

impl Meaning {
    fn of(line: &str) -> Option<Self> {
        let content = line.trim();
        let line = before_link(line);
        if line.len() > LONGEST || content.starts_with(['#', '>', '<', '|']) || begins_item(content) {
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

/// The index after a note that says that the version is not released: "This version is not yet released and is under
/// active development." `line` gives the text of a line.
fn end_of_note<'t>(first: usize, line: impl Fn(usize) -> Option<&'t str>) -> Option<usize> {
    let begin = line(first)?.trim_start();
    let is_quote = begin.starts_with("> [!");
    if !is_quote && !begin.starts_with(".. ") {
        return None;
    }
    let continues = |text: &str| match is_quote {
        true => text.trim_start().starts_with('>'),
        false => text.starts_with([' ', '\t']) && !text.trim().is_empty(),
    };
    let more =
        (first + 1..first + MOST_LINES).take_while(|index| line(*index).is_some_and(continues)).count();
    let end = first + 1 + more;
    let note: String = (first..end).filter_map(&line).filter(|text| text.len() < 2 * LONGEST).collect();
    let said = note.replace(['*', '_', '`'], "").to_lowercase();
    let is_note = is_quote || NOTES.iter().any(|name| begin[3..].trim_start().starts_with(name));
    (is_note && WORDS_OF_NOTE.iter().any(|words| said.contains(words))).then_some(end)
}

/// The line without a link at its end, and without the mark before that: `2024-01-31 • [all changes](address)`.
fn before_link(line: &str) -> &str {
    let Some(address) = style::inline_link(line) else { return line };
    let is_last = !line[address.end..].contains(char::is_alphanumeric);
    match line[..address.start].rfind(['`', '[']) {
        Some(start) if is_last => line[..start].trim_end_matches([' ', '•', '·', '|', '-', '–', '—']),
        _ => line,
    }
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
            ("Released: Not yet.", "Released: X."),
            ("2026-xx-xx • `all changes <https://x/>`__", "X • `all changes <https://x/>`__"),
        ] {
            let meaning = Meaning::of(line).unwrap_or_else(|| panic!("{line}"));
            assert!(matches!(meaning, Meaning::Open(_)), "{line}");
            assert_eq!(meaning.replaced(line, "X"), replaced);
        }
        for (note, end) in [
            (".. note:: This version is not yet released and is under active development.", Some(1)),
            (".. warning::\n   This version is *not released yet*.", Some(2)),
            ("> [!WARNING]\n> This version is **not released yet**.\n> Wait.\n\n- a", Some(3)),
            ("> [!WARNING]\n> This version needs Python 3.\n", None),
            ("> Not released yet.", None),
            (".. deprecated:: 1.0 is not yet released", None),
        ] {
            let lines: Vec<&str> = note.lines().collect();
            assert_eq!(end_of_note(0, |index| lines.get(index).copied()), end, "{note}");
        }
        for line in [
            "- Unreleased",
            "**Added**",
            "The first release of 2024-01-31",
            "2024-01-31: a fix",
            "2024-01-31 • [a fix](https://x/) of it",
            "[Unreleased](https://x/)",
            "# TBD",
            "Development went on.",
        ] {
            assert_eq!(Meaning::of(line), None, "{line}");
        }
    }
}
