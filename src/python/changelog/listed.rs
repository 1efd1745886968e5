//! Changelogs that are one list, in which an item marks each release above its changes, for the `releases` extension of
//! Sphinx (releases.readthedocs.io, "Concepts").

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::edit::Edit;
use super::lines::{Heading, Kind, begins_item};
use super::parts::Part;
use super::style::Style;
use super::title::{Release, Title, Unreleased};
use super::{Changelog, ChangelogError, Format, Promoted, Promotion};
use crate::python::version::SPELLING;

/// `` - :release:`1.2.0 <2026-01-05>` ``
static MARK: LazyLock<Regex> = LazyLock::new(|| {
    let shape = format!(
        r"^(?P<before>[-*+] :release:`)(?P<version>{SPELLING}) <(?P<date>\d{{4}}-\d\d-\d\d)>`[ \t]*$"
    );
    Regex::new(&shape).expect("a constant that the tests compile")
});

impl Changelog {
    /// The sections of a list of changes: that of what is not released first, which may be empty. None if no item
    /// marks a release.
    pub(super) fn listed_parts(&self) -> Vec<Part> {
        if self.format != Format::Rst {
            return Vec::new();
        }
        let mut parts: Vec<Part> = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let Some(found) = self.mark(index) else { continue };
            let (spelling, date) = (&found["version"], &found["date"]);
            let (Ok(version), Some(span)) = (spelling.parse(), found.name("version")) else { continue };
            let title = line.start + span.start()..line.start + span.end();
            let heading = Heading { first: index, last: index, title, level: usize::MAX };
            let title = Title::Release(Release {
                version,
                spelling: spelling.to_owned(),
                date: Some(date.to_owned()),
                yanked: false,
                companion: None,
                style: Style::rst(),
            });
            if let Some(last) = parts.last_mut() {
                last.body.end = index;
            }
            parts.push(Part { heading, title, marker: None, body: index + 1..self.lines.len() });
        }
        let Some(first) = parts.first().map(|part| part.heading.first) else { return parts };
        let whole = self.headings.iter().rfind(|heading| heading.last < first);
        let above = whole.map_or(0, |heading| heading.last + 1)..first;
        let start = self.first_item(&above).unwrap_or(first);
        let top = || Heading { first: 0, last: 0, title: 0..0, level: 1 };
        parts.insert(
            0,
            Part {
                heading: whole.cloned().unwrap_or_else(top),
                title: Title::Unreleased(Unreleased::default()),
                marker: None,
                body: start..first,
            },
        );
        parts
    }

    /// Whether the sections are those of a list.
    pub(super) fn is_listed(&self) -> bool {
        self.newest().is_some_and(|part| part.heading.level == usize::MAX)
    }

    fn mark(&self, index: usize) -> Option<regex::Captures<'_>> {
        if self.kinds[index] != Kind::Text {
            return None;
        }
        MARK.captures(self.lines[index].of(&self.text))
    }

    /// Marks the release above the changes that are not released.
    ///
    /// # Errors
    /// There is no change, or the version is marked already below others.
    pub(super) fn marked_in_list(&self, promotion: &Promotion<'_>) -> Result<Promoted, ChangelogError> {
        let version = promotion.version;
        let (Some(part), Some(newest)) = (self.unreleased_part(), self.newest()) else {
            let heading = format!("- :release:`{version} <{}>`", promotion.date);
            return Err(ChangelogError::NoUnreleased { heading, before: None, hidden: None });
        };
        let body = self.body(part.body.clone(), |_| false);
        let marked = self.parts.iter().find(|part| part.release().is_some_and(|one| one.version == *version));
        if let Some(marked) = marked {
            if marked.heading != newest.heading || !body.is_empty() {
                let line = marked.heading.first + 1;
                return Err(ChangelogError::Exists { version: version.clone(), line });
            }
            let notes = self.body(marked.body.clone(), |_| false);
            let heading = self.lines[marked.heading.first].of(&self.text).to_owned();
            return Ok(Promoted { text: self.text.clone(), notes, heading, was_written: true });
        }
        let line = part.body.start + 1;
        let notes = match promotion.notes.map(str::trim) {
            Some(_) if !body.is_empty() => return Err(ChangelogError::HasEntries { line }),
            None if body.is_empty() && !promotion.allows_empty => return Err(ChangelogError::Empty { line }),
            given => given,
        };
        let before =
            self.mark(newest.heading.first).map_or_else(String::new, |mark| mark["before"].to_owned());
        let heading = format!("{before}{} <{}>`", self.spelled(version), promotion.date);
        let ending = self.ending();
        let given = notes.map_or_else(String::new, |notes| notes.replace('\n', ending) + ending);
        let at = self.lines[part.body.start].start;
        let text = self.edited(vec![Edit { span: at..at, text: format!("{heading}{ending}{given}") }]);
        Ok(Promoted { text, notes: notes.map_or(body, str::to_owned), heading, was_written: false })
    }

    /// The first item of the list, below what introduces it.
    fn first_item(&self, lines: &Range<usize>) -> Option<usize> {
        let is_item = |index: &usize| {
            self.kinds[*index] == Kind::Text && begins_item(self.lines[*index].of(&self.text))
        };
        lines.clone().find(is_item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "=========\nChangelog\n=========\n\n.. note::\n    For 0.x see elsewhere.\n\n- :bug:`12` Mend it,\n  well.\n- :feature:`-` Add.\n\
                        - :release:`1.1.0 <2026-01-05>`\n- :support:`3` Tell.\n* :release:`1.0.0 <2025-01-05>`\n";

    fn promoted(text: &str, version: &str, notes: Option<&str>) -> Result<Promoted, ChangelogError> {
        let version = version.parse().unwrap();
        let promotion = Promotion { notes, ..Promotion::new(&version, "2026-11-29") };
        Changelog::parse(text.to_owned(), Format::Rst).unwrap().promote(&promotion)
    }

    #[test]
    fn marks_the_release_above_its_changes() {
        let done = promoted(LIST, "1.2.0", None).unwrap();
        let mark = "- :release:`1.2.0 <2026-11-29>`\n";
        assert_eq!(done.text, LIST.replace("- :bug:`12`", &format!("{mark}- :bug:`12`")));
        assert_eq!(done.notes, "- :bug:`12` Mend it,\n  well.\n- :feature:`-` Add.");
        assert_eq!(done.heading, mark.trim());
        // Again: it is marked already.
        let again = promoted(&done.text, "1.2.0", None).unwrap();
        assert!(again.was_written && again.text == done.text && again.notes == done.notes);
        assert!(matches!(promoted(&done.text, "1.3.0", None), Err(ChangelogError::Empty { .. })));
        assert!(matches!(promoted(&done.text, "1.1.0", None), Err(ChangelogError::Exists { line: 12, .. })));
        let noted = promoted(&done.text, "1.3.0", Some("- :bug:`-` More.\n")).unwrap();
        let expected = format!("- :release:`1.3.0 <2026-11-29>`\n- :bug:`-` More.\n{mark}");
        assert_eq!(noted.text, done.text.replace(mark, &expected));
        assert!(matches!(promoted(LIST, "1.2.0", Some("- x")), Err(ChangelogError::HasEntries { .. })));
    }

    #[test]
    fn has_the_sections_of_the_versions() {
        let list = Changelog::parse(LIST.replace('\n', "\r\n"), Format::Rst).unwrap();
        let versions: Vec<_> =
            list.versions().into_iter().map(|one| (one.title, one.line, one.body)).collect();
        let expected = [("1.1.0", 11, "- :support:`3` Tell."), ("1.0.0", 13, "")]
            .map(|(title, line, body)| (title.to_owned(), line, body.to_owned()));
        assert_eq!(versions, expected);
        assert_eq!(list.reopened(None, &"1.3.0".parse().unwrap()), None);
        let done = promoted(&LIST.replace('\n', "\r\n"), "1.2.0", None).unwrap();
        assert!(!done.text.replace("\r\n", "").contains('\n'));
        // What only looks like a mark
        for text in
            ["- :release:`1.0`\n", "::\n\n  - :release:`1.0 <2025-01-05>`\n", "- :release:`x <2025-01-05>`\n"]
        {
            let other = Changelog::parse(text.to_owned(), Format::Rst).unwrap();
            assert!(other.unreleased().is_none() && other.versions().is_empty(), "{text}");
        }
    }
}
