//! Splits a text into lines with their positions, so that an edit can leave all others unchanged.

use std::ops::Range;

/// One line; positions are byte offsets in the whole text
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) start: usize,
    /// Before the line ending
    pub(super) end: usize,
    /// After the line ending: where the next line starts
    pub(super) next: usize,
}

impl Line {
    pub(super) fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    pub(super) fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.span()]
    }

    /// The line's own ending; empty on a last line without one.
    pub(super) fn ending<'t>(&self, text: &'t str) -> &'t str {
        &text[self.end..self.next]
    }
}

/// Whether a line begins an item of a list.
pub(super) fn begins_item(line: &str) -> bool {
    ["- ", "* ", "+ ", "• "].iter().any(|bullet| line.starts_with(bullet))
}

/// The kind of a line, as far as headings and entries are concerned
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Literal text: nothing in it is a heading or an entry
    Code,
    /// Not displayed
    Comment,
}

/// A heading in its format
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    /// Index of its first line (the overline, if any)
    pub(super) first: usize,
    /// Index of its last line (the underline, if any)
    pub(super) last: usize,
    /// The byte range of its text, without marks
    pub(super) title: Range<usize>,
    /// 1 is the highest
    pub(super) level: usize,
}

/// The structure of a text in its format, before headings are interpreted
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) headings: Vec<Heading>,
    /// One for each line
    pub(super) kinds: Vec<Kind>,
}

/// Splits at `\n`, `\r\n` and `\r`, as CommonMark does; a byte order mark belongs to no line.
pub(super) fn split(text: &str) -> Vec<Line> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while start < bytes.len() {
        let end = bytes[start..]
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'))
            .map_or(bytes.len(), |at| start + at);
        let next = match &bytes[end..] {
            [b'\r', b'\n', ..] => end + 2,
            [_, ..] => end + 1,
            [] => end,
        };
        lines.push(Line { start, end, next });
        start = next;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_line_ending_and_the_byte_order_mark() {
        let text = "\u{feff}one\r\ntwo\n\rfour";
        let lines = split(text);
        assert_eq!(lines.iter().map(|line| line.of(text)).collect::<Vec<_>>(), ["one", "two", "", "four"]);
        assert_eq!(lines.iter().map(|line| line.ending(text)).collect::<Vec<_>>(), ["\r\n", "\n", "\r", ""]);
        assert!(split("").is_empty());
        assert_eq!(split("a\n").len(), 1);
    }
}
