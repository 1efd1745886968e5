//! Lines of a section that compare the last release with what is not released:
//! `[View commits](https://github.com/o/r/compare/1.0...main)`.

use std::ops::Range;

use super::edit::Edit;
use super::lines::Kind;
use super::links::{self, Comparison};
use super::parts::Part;
use super::references::Naming;
use super::{Changelog, style};

/// The address in a line that compares a release with what follows it.
fn address(line: &str) -> Option<Range<usize>> {
    // Link references have rules of their own.
    if line.contains("]:") || line.trim_start().starts_with("..") {
        return None;
    }
    let span = style::inline_link(line).or_else(|| {
        let start = line.find("https://")?;
        let length = line[start..].find(char::is_whitespace).unwrap_or(line.len() - start);
        Some(start..start + length)
    })?;
    // A link inside a sentence is part of an entry.
    let is_alone = line[span.end..].trim_matches([')', '>', '`', '_', '*', '.', ' ']).is_empty();
    let comparison = Comparison::of(&line[span.clone()]).filter(|_| is_alone && line.len() < 400)?;
    let is_open = links::version_of(comparison.newer()).is_none();
    (is_open && links::version_of(comparison.older()).is_some()).then_some(span)
}

/// Whether a line compares a release with what follows it.
pub(super) fn is_open(line: &str) -> bool {
    address(line).is_some()
}

/// The line when a version is released: in its section, and in what is left for the next changes.
fn moved(line: &str, naming: &Naming<'_>) -> Option<[String; 2]> {
    let span = address(line)?;
    let comparison = Comparison::of(&line[span.clone()])?;
    let older = naming.last_tag(comparison.older());
    let tag = naming.tag(Some(&older));
    let with = |address: String| format!("{}{address}{}", &line[..span.start], &line[span.end..]);
    Some([with(comparison.with(&older, &tag)), with(comparison.with(&tag, comparison.newer()))])
}

/// A template that compares with the version in place of the release before.
pub(super) fn template_after(template: &str, naming: &Naming<'_>) -> String {
    let line = |line: &str| moved(line, naming).map_or_else(|| line.to_owned(), |[_, left]| left);
    template.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Notes that compare with the version.
pub(super) fn notes_of(notes: &str, naming: &Naming<'_>) -> String {
    let line = |line: &str| moved(line, naming).map_or_else(|| line.to_owned(), |[own, _]| own);
    notes.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

impl Changelog {
    /// The lines of a section that compare the last release with what is not released, and what they become.
    pub(super) fn compared(&self, part: &Part, naming: &Naming<'_>) -> Vec<Edit> {
        let lines = part.body.clone().filter(|index| self.kinds[*index] == Kind::Text);
        lines
            .filter_map(|index| {
                let line = &self.lines[index];
                let [text, _] = moved(line.of(&self.text), naming)?;
                Some(Edit { span: line.span(), text })
            })
            .collect()
    }
}
