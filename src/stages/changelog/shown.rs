//! Shows what a release makes of the changelog.

use std::fmt::Write as _;

use super::{Changelog, parse};
use crate::python::changelog::Format;
use crate::python::project::Files;
use crate::python::version::Version;
use crate::world::git::changed_lines;

/// The most lines that are shown
const MOST_LINES: usize = 12;

/// A changelog as it was found
pub struct ChangelogForm {
    pub path: String,
    /// `Markdown`
    pub form: &'static str,
    /// Whether it has a section for the next changes
    pub has_unreleased: bool,
    /// Whether that section has entries
    pub has_entries: bool,
    /// The heading of the newest version
    pub newest: Option<String>,
}

impl Changelog {
    /// The changelog that is found without settings. `learned` are the files that earlier releases changed.
    pub(in crate::stages) fn form(
        &self,
        files: &dyn Files,
        learned: &[String],
        version: Option<&Version>,
    ) -> Option<ChangelogForm> {
        let path = self.path(files, learned, version)?;
        let text = String::from_utf8(files.read(&path)?).ok()?;
        let form = form(&path, &text);
        let document = parse(&path, text).ok();
        let unreleased = document.as_ref().and_then(|document| document.unreleased());
        Some(ChangelogForm {
            form,
            has_unreleased: unreleased.is_some(),
            has_entries: unreleased.is_some_and(|section| !section.body.is_empty()),
            newest: document.and_then(|document| Some(document.versions().into_iter().next()?.title)),
            path,
        })
    }
}

/// The form of a changelog, for the user.
pub(super) fn form(path: &str, text: &str) -> &'static str {
    match Format::of_text(path, text) {
        Some(Format::Markdown) => "Markdown",
        _ if path.ends_with(".txt") => "plain text",
        _ => "reStructuredText",
    }
}

/// The changelog's path and form, and the lines that a release removes and adds.
pub(super) fn shown(path: &str, before: &str, after: &str) -> String {
    let form = form(path, before);
    let changed = changed_lines(before, after).into_iter();
    let mut lines: Vec<String> =
        changed.map(|(sign, line)| format!("{sign} {line}").trim_end().to_owned()).collect();
    let hidden = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    let mut text = format!("{path} ({form}) becomes\n{}", lines.join("\n"));
    if hidden > 0 {
        let _ = write!(text, "\n  and {hidden} more lines");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_lines_are_shown() {
        let before = "# Changes\n\n## Unreleased\n\n- One.\n\n[unreleased]: a...b\n";
        let after = "# Changes\n\n## 1.1.0\n\n- One.\n\n[unreleased]: b...c\n";
        let expected = "CHANGES.md (Markdown) becomes\n- ## Unreleased\n+ ## 1.1.0\n- [unreleased]: a...b\n+ [unreleased]: b...c";
        assert_eq!(shown("CHANGES.md", before, after), expected);
        let long = "- x\n".repeat(20);
        assert!(shown("CHANGES.rst", "", &long).ends_with("\n+ - x\n  and 8 more lines"));
    }
}
