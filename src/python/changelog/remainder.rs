//! What a release leaves in a changelog for the next changes: an empty Unreleased section with a template, or nothing.

use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::lines::{Heading, Kind, begins_item};
use super::parts::Part;
use super::{Changelog, Format, Successor, compared, section, words};
use crate::python::version::Version;

/// The longest template, in lines
const LONGEST: usize = 20;

/// The most lines of a template that look like entries
const MOST_ENTRIES: usize = 2;

/// What a release leaves for the next changes
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remainder {
    /// Whether it leaves an Unreleased section
    pub is_left: bool,
    /// The lines below that section's heading; line endings are `\n`
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// Sections for later versions
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successors: Vec<Successor>,
}

impl Remainder {
    /// What a release of `version` left in the changelog; none if it has no section there.
    pub fn of_release(after: &Changelog, version: &Version) -> Option<Self> {
        after.parts.iter().find(|part| part.release().is_some_and(|release| release.version == *version))?;
        let plain = |part: &&Part| part.unreleased().is_some_and(|one| one.planned.is_none());
        let left = after.unreleased_part().filter(plain);
        let template = left.map(|part| after.below(part)).unwrap_or_default();
        Some(Self { is_left: left.is_some(), template, successors: Vec::new() })
    }

    /// Without a template that has entries, unless `before` left the same: entries that wait for a release are no template.
    pub fn without_entries(self, before: Option<&Self>) -> Self {
        let is_entry = |line: &&str| {
            let item =
                line.trim_start().strip_prefix(['-', '*', '+']).is_some_and(|rest| rest.starts_with(' '));
            item && !words::says_nothing(line)
        };
        let entries = self.template.lines().filter(is_entry).count();
        let is_template = entries == 0 || (entries <= MOST_ENTRIES && before == Some(&self));
        if is_template { self } else { Self { template: String::new(), ..self } }
    }

    /// The lines of the template, without the space around them.
    fn lines(&self) -> HashSet<&str> {
        self.template.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    }

    /// Those that are not in comments.
    fn shown(&self) -> HashSet<&str> {
        let mut shown = HashSet::new();
        let (mut in_html, mut in_rst) = (false, false);
        for line in self.template.lines() {
            in_rst = (line.starts_with("..") && !line.starts_with(".. _"))
                || (in_rst && (line.starts_with([' ', '\t']) || line.is_empty()));
            let begins = line.contains("<!--");
            if !(in_html || in_rst || begins || line.trim().is_empty()) {
                shown.insert(line.trim());
            }
            in_html = (in_html || begins) && !line.contains("-->");
        }
        shown
    }
}

/// Whether a comment marks a place for a tool: `<!-- towncrier release notes start -->`.
fn is_mark_of_tool(line: &str) -> bool {
    let line = line.to_lowercase();
    ["insert", "start", "begin", " end", "version list", "towncrier", "scriv"]
        .iter()
        .any(|word| line.contains(word))
}

impl Changelog {
    /// The lines below a section's heading as a template.
    fn below(&self, part: &Part) -> String {
        let lines = part.heading.last + 1..part.body.end;
        match lines.len() > LONGEST {
            true => String::new(),
            false => self.joined(lines),
        }
    }

    /// Some lines with `\n` between them.
    pub(super) fn joined(&self, lines: Range<usize>) -> String {
        lines.map(|index| self.lines[index].of(&self.text)).collect::<Vec<_>>().join("\n")
    }

    /// The template that a section without changes would have, as far as this one shows it: its comments, and its
    /// headings if some of them have nothing below.
    pub(super) fn own_template(&self, part: &Part) -> String {
        let headings = self.headings_in(&part.body);
        let keeps_headings = headings.iter().any(|heading| self.is_bare(heading, &part.body));
        let mut lines: Vec<&str> = Vec::new();
        let mut add = |range: Range<usize>| {
            lines.push("");
            lines.extend(range.map(|index| self.lines[index].of(&self.text)));
        };
        if let Some(marker) = part.marker.as_ref().filter(|marker| marker.is_open()) {
            add(marker.line..marker.end);
        }
        let mut index = part.body.start;
        while index < part.body.end {
            let end = self.comment_end(index, part.body.end);
            if end > index {
                add(index..end);
                index = end;
            } else if let Some(heading) = self.heading_from(index).filter(|_| keeps_headings) {
                add(heading.first..heading.last + 1);
                index = heading.last + 1;
            } else {
                if compared::is_open(self.lines[index].of(&self.text)) {
                    add(index..index + 1);
                }
                index += 1;
            }
        }
        lines.join("\n")
    }

    /// The lines of a section that no release has: the template's, and headings without anything below.
    pub(super) fn unreleasable(&self, part: &Part, remainder: &Remainder) -> Vec<usize> {
        let body = part.body.clone();
        let mut removed = vec![false; self.lines.len()];
        // Where released sections have empty headings, they stay.
        let keeps = |released: &Part| {
            self.headings_in(&released.body).iter().any(|heading| self.is_bare(heading, &released.body))
        };
        if !self.newest().is_some_and(keeps) {
            for heading in self.headings_in(&body) {
                if self.is_bare(heading, &body) {
                    removed[heading.first..self.end_of(heading, &body)].fill(true);
                }
            }
        }
        if self.newest().is_none_or(|newest| self.empty_labels(&newest.body).is_empty()) {
            for label in self.empty_labels(&body) {
                removed[label].fill(true);
            }
        }
        let (template, shown) = (remainder.lines(), remainder.shown());
        let known = |index: usize| template.contains(self.lines[index].of(&self.text).trim());
        let has_comments = self.newest().is_none_or(|newest| {
            newest.body.clone().any(|index| self.comment_end(index, newest.body.end) > index)
        });
        let mut index = body.start;
        while index < body.end {
            let end = self.comment_end(index, body.end);
            if end > index {
                // Where nothing is left, one below a heading tells what to write there.
                let is_hint = !has_comments
                    && self.is_below_heading(index, body.start)
                    && !(index..end).any(|line| is_mark_of_tool(self.lines[line].of(&self.text)));
                let goes = if remainder.is_left { (index..end).all(known) } else { is_hint };
                removed[index..end].iter_mut().for_each(|removed| *removed |= goes);
                index = end;
                continue;
            }
            let is_text = self.kinds[index] == Kind::Text && !self.is_reference(index);
            if is_text
                && !self.is_in_heading(index)
                && !compared::is_open(self.lines[index].of(&self.text))
                && shown.contains(self.lines[index].of(&self.text).trim())
            {
                removed[index] = true;
            }
            index += 1;
        }
        // With the blank lines below what goes, or above it at the end.
        let is_blank = |index: usize| self.lines[index].of(&self.text).trim().is_empty();
        for index in body.clone().skip(1) {
            if removed[index - 1] && index > body.start && is_blank(index) {
                removed[index] = true;
            }
        }
        for index in body.clone().rev() {
            if !(removed[index] || is_blank(index)) {
                break;
            }
            removed[index] = true;
        }
        body.filter(|index| removed[*index] && !self.is_reference(*index)).collect()
    }

    /// Whether a section has no change: nothing but the template, or a text that says so.
    pub(super) fn is_without_changes(&self, part: &Part, remainder: &Remainder) -> bool {
        let mut contents = self.contents(part.body.clone());
        let template = remainder.shown();
        contents.retain(|content| {
            let line = self.lines[content.index].of(&self.text);
            !template.contains(line.trim()) && !compared::is_open(line)
        });
        match contents.as_slice() {
            [] => true,
            [one] => words::says_nothing(self.lines[one.index].of(&self.text)),
            _ => false,
        }
    }

    /// The version of the newest released section without a change, if there is one.
    pub fn released_without_changes(&self) -> Option<&Version> {
        let template = Remainder::default();
        let mut released = self.parts.iter().filter(|part| self.is_without_changes(part, &template));
        released.find_map(Part::release).map(|release| &release.version)
    }

    fn headings_in(&self, body: &Range<usize>) -> &[Heading] {
        let first = self.headings.partition_point(|heading| heading.first < body.start);
        let end = self.headings.partition_point(|heading| heading.first < body.end);
        &self.headings[first..end.max(first)]
    }

    /// Where the lines below a heading end: at the next one that is not deeper.
    fn end_of(&self, heading: &Heading, body: &Range<usize>) -> usize {
        let following =
            self.headings_in(&(heading.last + 1..body.end)).iter().find(|one| one.level <= heading.level);
        following.map_or(body.end, |next| next.first)
    }

    /// Whether a heading has nothing below but comments and other such headings.
    fn is_bare(&self, heading: &Heading, body: &Range<usize>) -> bool {
        let end = self.end_of(heading, body);
        let mut index = heading.last + 1;
        while index < end {
            let comment = self.comment_end(index, end);
            index = match self.heading_from(index) {
                Some(deeper) => deeper.last + 1,
                None if comment > index => comment,
                None if self.says_nothing_at(index) => index + 1,
                None => return false,
            };
        }
        true
    }

    /// Whether a line is blank, or an item without a text.
    fn says_nothing_at(&self, index: usize) -> bool {
        matches!(self.lines[index].of(&self.text).trim(), "" | "-" | "*" | "+")
    }

    /// The lines of labels that have an item without a text below, and nothing else: `**Fixed**`, `-`.
    fn empty_labels(&self, body: &Range<usize>) -> Vec<Range<usize>> {
        let line = |index: usize| self.lines[index].of(&self.text);
        let is_label = |index: usize| {
            self.kinds[index] == Kind::Text
                && section::is_emphasised(line(index))
                && !begins_item(line(index))
                && !self.says_nothing_at(index)
        };
        let labels = body.clone().filter(|index| is_label(*index)).filter_map(|label| {
            let below = label + 1..body.end;
            let end = below.clone().find(|index| !self.says_nothing_at(*index)).unwrap_or(body.end);
            let has_item = below.take_while(|index| *index < end).any(|index| !line(index).trim().is_empty());
            let ends = end == body.end || is_label(end) || self.heading_from(end).is_some();
            (has_item && ends).then_some(label..end)
        });
        labels.collect()
    }

    /// Whether only blank lines are between a heading, of the body or above it, and this line.
    fn is_below_heading(&self, index: usize, start: usize) -> bool {
        let above = (start..index).rev().find(|line| !self.lines[*line].of(&self.text).trim().is_empty());
        above.is_none_or(|above| self.is_in_heading(above))
    }

    fn is_in_heading(&self, index: usize) -> bool {
        let after = self.headings.partition_point(|heading| heading.first <= index);
        after.checked_sub(1).is_some_and(|at| self.headings[at].last >= index)
    }

    /// Where the comment that begins on this line ends; this line if none does.
    fn comment_end(&self, index: usize, most: usize) -> usize {
        let line = self.lines[index].of(&self.text);
        if self.kinds[index] != Kind::Comment || !(line.starts_with("<!--") || line.starts_with("..")) {
            return index;
        }
        let end = (index..most).find(|line| self.kinds[*line] != Kind::Comment).unwrap_or(most);
        // One that is never closed hides the rest of the text.
        let is_closed = self.format == Format::Rst || self.lines[end - 1].of(&self.text).contains("-->");
        if is_closed { end } else { index }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Promotion;
    use super::*;

    #[test]
    fn items_without_a_text_are_not_released() {
        let promoted = |text: &str| {
            let changelog = Changelog::parse(text.to_owned(), Format::Markdown).unwrap();
            let version = "1.1.0".parse().unwrap();
            let remainder = Remainder::default();
            let promotion =
                Promotion { remainder: Some(&remainder), ..Promotion::new(&version, "2026-11-24") };
            changelog.promote(&promotion)
        };
        let text = |added: &str, changed: &str, fixed: &str, old: &str| {
            format!(
                "## Unreleased\n\n{added}\n\n{changed}\n\n- A change\n\n{fixed}\n\n## 1.0.0 (2026-01-31)\n\n{old}\n"
            )
        };
        let (heading, label) = ("### Added\n\n-", "**Added**\n\n-");
        for (added, changed, fixed) in [
            (heading, "### Changed", "### Fixed\n\n*"),
            (label, "**Changed**", "**Fixed**\n\n-"),
            ("Added:\n\n- ", "Changed:", "Fixed:\n\n- "),
        ] {
            let one = promoted(&text(added, changed, fixed, "- b")).unwrap();
            let expected =
                format!("## 1.1.0 (2026-11-24)\n\n{changed}\n\n- A change\n\n## 1.0.0 (2026-01-31)\n\n- b\n");
            assert_eq!(one.text.replace("\n\n\n", "\n\n"), expected, "{added}");
            assert_eq!(one.notes, format!("{changed}\n\n- A change"));
            // Where released sections have them, they stay.
            let kept =
                promoted(&text(added, changed, fixed, &format!("{added}\n\n{changed}\n\n- b"))).unwrap();
            assert!(
                kept.text.contains(&format!("(2026-11-24)\n\n{added}\n\n{changed}\n\n- A change\n\n{fixed}")),
                "{}",
                kept.text
            );
        }
        // A label above something else stays, and so does an emphasised entry.
        let rest = "**Added**\n\nText.\n\n* *one*\n* **two**\n\n**Fixed**\n\n- \n- A fix";
        let one = promoted(&text(rest, "**Changed**", "*", "- b")).unwrap();
        assert!(one.text.contains(rest), "{}", one.text);
        let empty = promoted("## Unreleased\n\n**Added**\n\n-\n\n## 1.0.0 (2026-01-31)\n\n- b\n");
        assert!(matches!(empty, Err(super::super::ChangelogError::Empty { .. })), "{empty:?}");
    }
}
