//! One more entry in the Unreleased section, in the form of those that it has.

use super::edit::Edit;
use super::lines::Kind;
use super::section::{Category, bullet};
use super::{Changelog, Format};

impl Changelog {
    /// The text with one more entry in the Unreleased section: below the last one under Changed, or under a heading Changed
    /// after the other categories, or at the end of a list without categories. `entry` is Markdown with code at most, in one
    /// line.
    ///
    /// None if the section has no entry, or has this one.
    pub fn with_entry(&self, entry: &str) -> Option<String> {
        let entry = match self.format {
            Format::Markdown => entry.to_owned(),
            Format::Rst => entry.replace('`', "``"),
        };
        let body = self.unreleased_part()?.body.clone();
        let contents = self.contents(body.clone());
        let says = |index: usize| self.lines[index].of(&self.text).contains(&entry);
        if contents.iter().any(|content| says(content.index)) {
            return None;
        }
        let of_changed = contents.iter().rposition(|content| content.category == Some(Category::Changed));
        let last = of_changed.unwrap_or(contents.len().checked_sub(1)?);
        let category = contents[last].category;
        let ending = self.ending();
        let mut end = contents[last].index;
        while end + 1 < body.end && self.kinds[end + 1] == Kind::Code {
            end += 1;
        }
        let mut starts = contents[..=last]
            .iter()
            .rev()
            .filter(|content| content.category == category && content.starts)
            .map(|content| content.index);
        let first = starts.next();
        let marker = first.and_then(|index| self.marker(index));
        let is_loose = starts.next().is_some() && first.is_some_and(|index| self.is_blank(index - 1));
        let (space, marker) = match marker {
            Some(marker) => (if is_loose { 2 } else { 1 }, marker),
            None => (2, ""),
        };
        let heading = match category {
            Some(Category::Changed) | None => None,
            // A category that is no heading, such as a bold line, has this entry as well.
            Some(_) => {
                self.headings.iter().rfind(|heading| body.contains(&heading.first) && heading.last < end)
            }
        };
        let text = match heading {
            Some(heading) => {
                let below = (heading.last + 1..end).take_while(|index| self.is_blank(*index)).count();
                let title = self.retitled(heading, "Changed");
                format!("{}{title}{}{marker}{entry}", ending.repeat(2), ending.repeat(1 + below))
            }
            None => format!("{}{marker}{entry}", ending.repeat(space)),
        };
        let at = self.lines[end].end;
        Some(self.edited(vec![Edit { span: at..at, text }]))
    }

    /// What a list item begins with, up to its text; none if it has no bullet, or a number.
    fn marker(&self, index: usize) -> Option<&str> {
        let line = self.lines[index].of(&self.text);
        let text = bullet(line)?.trim_start();
        let marker = &line[..line.len() - text.len()];
        (!marker.contains(|letter: char| letter.is_ascii_digit())).then_some(marker)
    }

    fn is_blank(&self, index: usize) -> bool {
        self.lines[index].of(&self.text).trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "Require `core 1.2.0`";

    fn with(body: &str, format: Format) -> Option<String> {
        let (head, tail) = match format {
            Format::Markdown => ("# Changelog\n\n## Unreleased\n\n", "\n\n## 1.0.0 - 2026-01-15\n\n- x\n"),
            Format::Rst => {
                ("Unreleased\n----------\n\n", "\n\n1.0.0 (2026-01-15)\n------------------\n\n- x\n")
            }
        };
        let text = format!("{head}{body}{tail}");
        let added = Changelog::parse(text, format).expect("a changelog").with_entry(ENTRY)?;
        Some(
            added
                .strip_prefix(head)
                .and_then(|text| text.strip_suffix(tail))
                .expect("the rest stays")
                .to_owned(),
        )
    }

    #[test]
    fn joins_the_entries_in_their_form() {
        let cases = [
            ("- A greeting.", "- A greeting.\n- Require `core 1.2.0`"),
            ("* One\n  goes on\n* two", "* One\n  goes on\n* two\n* Require `core 1.2.0`"),
            ("- One\n\n- two", "- One\n\n- two\n\n- Require `core 1.2.0`"),
            (
                "### Changed\n- a\n\n### Fixed\n- b",
                "### Changed\n- a\n- Require `core 1.2.0`\n\n### Fixed\n- b",
            ),
            ("### Added\n\n- a", "### Added\n\n- a\n\n### Changed\n\n- Require `core 1.2.0`"),
            ("### Fixed\n*  a", "### Fixed\n*  a\n\n### Changed\n*  Require `core 1.2.0`"),
            ("**Fixed**\n\n- a", "**Fixed**\n\n- a\n- Require `core 1.2.0`"),
            ("A paragraph\nof two lines.", "A paragraph\nof two lines.\n\nRequire `core 1.2.0`"),
            ("- a\n\n  ```\n  code\n  ```", "- a\n\n  ```\n  code\n  ```\n- Require `core 1.2.0`"),
        ];
        for (body, expected) in cases {
            assert_eq!(with(body, Format::Markdown).as_deref(), Some(expected), "{body}");
        }
        assert_eq!(
            with("* A greeting.", Format::Rst).as_deref(),
            Some("* A greeting.\n* Require ``core 1.2.0``")
        );
    }

    #[test]
    fn adds_nothing_to_what_has_no_entry_or_this_one() {
        for body in ["", "### Added\n", "<!-- - a -->", "- Require `core 1.2.0`, and more"] {
            assert_eq!(with(body, Format::Markdown), None, "{body}");
        }
        let released = "# Changelog\n\n## 1.0.0\n\n- x\n".to_owned();
        assert_eq!(
            Changelog::parse(released, Format::Markdown).expect("a changelog").with_entry(ENTRY),
            None
        );
    }
}
