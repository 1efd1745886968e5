//! The labels above a version's heading, to which others link: `.. _v1-2-3:`, `(v1-2-3)=`, `<a name="1.2.3"></a>`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::parts::Part;
use super::title::Planned;
use super::{Changelog, Format, words};
use crate::python::version::Version;

static RST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\.\. _(?P<label>[^:]+):\s*$").expect("a constant that the tests compile"));

/// Of MyST, or HTML
static MARKDOWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"^(?:\((?P<label>[^()\s]+)\)=|<a (?:name|id)=["'](?P<html>[^"'<>]+)["']\s*(?:/>|>\s*</a>))\s*$"#,
    )
    .expect("a constant that the tests compile")
});

/// What stands between the numbers of a version in a label
const SEPARATORS: [&str; 3] = [".", "-", "_"];

impl Changelog {
    /// The place of the label on a line that is nothing else, in the line.
    pub(super) fn label(&self, index: usize) -> Option<Range<usize>> {
        let shape = if self.format == Format::Rst { &RST } else { &MARKDOWN };
        let line = self.lines[index].of(&self.text);
        let found = line.starts_with(['(', '<', '.']).then(|| shape.captures(line)).flatten()?;
        found.name("label").or_else(|| found.name("html")).map(|label| label.range())
    }

    /// The first of the lines that belong to the heading on this line: the labels above it.
    pub(super) fn above_targets(&self, heading: usize) -> usize {
        let mut first = heading;
        for index in (0..heading).rev() {
            if self.label(index).is_some() {
                first = index;
            } else if !self.lines[index].of(&self.text).trim().is_empty() {
                break;
            }
        }
        first
    }

    /// The lines of labels above the heading of a version, for another one; none if no label there names the version.
    pub(super) fn labels_like(&self, part: &Part, version: &Version) -> Option<String> {
        let spelling = &part.release()?.spelling;
        let mut text = String::new();
        let mut is_kept = false;
        for index in self.above_targets(part.heading.first)..part.heading.first {
            let (line, ending) = (self.lines[index].of(&self.text), self.lines[index].ending(&self.text));
            let named = self.label(index).map(|label| (of_version(&line[label.clone()], spelling), label));
            match named {
                Some((Some((place, separator)), label)) => {
                    let number = version.to_string().replace('.', separator);
                    let (before, after) =
                        (&line[..label.start + place.start], &line[label.start + place.end..]);
                    text.push_str(&format!("{before}{number}{after}{ending}"));
                    is_kept = true;
                }
                Some((None, _)) => is_kept = false,
                None if is_kept => text.push_str(ending),
                None => {}
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// Whether the text has the first of these labels.
    pub(super) fn has_labels(&self, labels: &str) -> bool {
        let first = labels.lines().next().unwrap_or_default();
        self.lines.iter().any(|line| line.of(&self.text) == first)
    }

    /// The first line of a section that is not released, with its labels if the release renames them: those that say so, or
    /// that name the version of the heading.
    pub(super) fn own_labels(&self, part: &Part) -> usize {
        let heading = part.heading.first;
        let planned = part.unreleased().and_then(|one| one.planned.as_ref());
        let is_renamed = |index: usize| {
            let Some(label) = self.label(index) else { return true };
            let label = &self.lines[index].of(&self.text)[label];
            let names = |planned: &Planned| of_version(label, &planned.spelling).is_some();
            words::is_unreleased(label) || words::may_be_unreleased(label) || planned.is_some_and(names)
        };
        let first = self.above_targets(heading);
        if (first..heading).all(is_renamed) { first } else { heading }
    }
}

/// The place of a version in a label, and what stands between its numbers.
fn of_version(label: &str, spelling: &str) -> Option<(Range<usize>, &'static str)> {
    SEPARATORS.into_iter().find_map(|separator| {
        let number = spelling.replace('.', separator);
        let start = label.rfind(&number)?;
        let end = start + number.len();
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        let is_whole =
            !is_digit(label[..start].chars().next_back()) && !is_digit(label[end..].chars().next());
        is_whole.then_some((start..end, separator))
    })
}
