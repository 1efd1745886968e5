//! How a changelog is laid out: line endings, blank lines, underlines.

use super::Changelog;
use super::lines::Heading;
use super::parts::Part;
use super::rst;

impl Changelog {
    /// The file's line ending, which is that of its first line.
    pub(super) fn ending(&self) -> &str {
        self.lines
            .iter()
            .map(|line| line.ending(&self.text))
            .find(|ending| !ending.is_empty())
            .unwrap_or("\n")
    }

    /// As many as before the versions in the file; at least one.
    pub(super) fn blank_lines_between_sections(&self) -> usize {
        let versions = self.parts.iter().filter(|part| part.release().is_some());
        let blank = |part: &Part| {
            let above = self.lines[..part.heading.first].iter().rev();
            above.take_while(|line| line.of(&self.text).trim().is_empty()).count()
        };
        versions.map(blank).next().unwrap_or(1).clamp(1, 3)
    }

    /// The heading with another title, and adornments of matching length.
    pub(super) fn retitled(&self, heading: &Heading, title: &str) -> String {
        let old = &self.text[heading.title.clone()];
        if title == old {
            return self.text[self.lines[heading.first].start..self.lines[heading.last].end].to_owned();
        }
        let mut text = String::new();
        for index in heading.first..=heading.last {
            let line = &self.lines[index];
            if (line.start..=line.end).contains(&heading.title.start) {
                text.push_str(&self.text[line.start..heading.title.start]);
                text.push_str(title);
                text.push_str(&self.text[heading.title.end..line.end]);
            } else {
                text.push_str(&adorned(line.of(&self.text), old, title));
            }
            if index < heading.last {
                text.push_str(line.ending(&self.text));
            }
        }
        text
    }
}

/// An underline or overline that fits the new title as it fitted the old one.
fn adorned(line: &str, old: &str, new: &str) -> String {
    let marks = line.trim();
    let Some(mark) = marks.chars().next() else { return line.to_owned() };
    let (length, old, new) = (marks.chars().count(), rst::width(old), rst::width(new));
    let length = match length.checked_sub(old) {
        // As long as the title, or slightly longer as with an overline.
        Some(excess @ 0..=2) => new + excess,
        _ => length.max(new),
    };
    let indentation = &line[..line.len() - line.trim_start().len()];
    format!("{indentation}{}", String::from(mark).repeat(length))
}
