//! A text as lines, with the bytes each one takes, so that an edit can leave all others alone.

use std::ops::Range;

/// One line; the positions are bytes of the whole text
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) start: usize,
    /// Before the line ending
    pub(super) end: usize,
    /// Behind the line ending: where the next line starts
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

/// What a line is, as far as reading headings and entries goes
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Text that is shown as it stands: nothing in it is a heading or an entry
    Code,
    /// Not shown
    Comment,
}

/// A heading as its format marks it
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    /// Index of its first line (the overline, where there is one)
    pub(super) first: usize,
    /// Index of its last line (the underline, where there is one)
    pub(super) last: usize,
    /// The bytes of its text, without marks
    pub(super) title: Range<usize>,
    /// 1 is the highest
    pub(super) level: usize,
}

/// What a format says of a text, before anybody asks what the headings mean
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
