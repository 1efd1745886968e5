//! Adds an Unreleased section above the newest version's.

use super::edit::Edit;
use super::links::Comparison;
use super::{Changelog, Format};
use crate::python::version::Version;

impl Changelog {
    /// The text with a new empty Unreleased section, in the style of the versions' headings; none if there is one already,
    /// or no version to put it above. Where the newest version's link is a comparison, Unreleased gets one too. If the
    /// section announced the version `before` the release (`1.2.0 (unreleased)`), the new one announces `next`.
    pub fn reopened(&self, before: Option<&Self>, next: &Version) -> Option<String> {
        if self.unreleased_part().is_some() {
            return None;
        }
        let (part, release) = self.parts.iter().find_map(|part| Some((part, part.release()?)))?;
        let is_bracketed = release.style.is_bracketed();
        let announced = before.and_then(|before| before.announced(next));
        let usual = || (if is_bracketed { "[Unreleased]" } else { "Unreleased" }.to_owned(), String::new());
        let (title, below) = announced.clone().unwrap_or_else(usual);
        let space = self.ending().repeat(1 + self.blank_lines_between_sections());
        let at = self.lines[self.above_targets(part.heading.first)].start;
        let below = below.replace('\n', self.ending());
        let text = format!("{}{below}{space}", self.retitled(&part.heading, &title));
        let mut edits = vec![Edit { span: at..at, text }];
        let newest = self
            .definitions
            .iter()
            .find(|definition| definition.version(&self.text).as_ref() == Some(&release.version));
        if let Some(newest) =
            newest.filter(|_| announced.is_none() && is_bracketed && self.format == Format::Markdown)
            && let Some(comparison) = Comparison::of(&self.text[newest.address.clone()])
        {
            let address = comparison.with(comparison.newer(), "HEAD");
            edits.push(self.before(newest, "Unreleased", &address));
        }
        Some(self.edited(edits))
    }

    /// The heading of the Unreleased section for another version, and the lines below it up to the one that says that it is
    /// not released; none if the heading names no version.
    fn announced(&self, version: &Version) -> Option<(String, String)> {
        let part = self.unreleased_part()?;
        let planned = part.unreleased()?.planned.as_ref()?;
        let title =
            self.text[part.heading.title.clone()].replacen(&planned.spelling, &planned.like(version), 1);
        let end = part.marker.as_ref().map_or(part.heading.last, |marker| marker.end - 1);
        let below =
            (part.heading.last + 1..=end).map(|line| format!("\n{}", self.lines[line].of(&self.text)));
        Some((title, below.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Promotion;
    use super::*;

    fn reopened(text: &str, format: Format) -> Option<String> {
        Changelog::parse(text.to_owned(), format).unwrap().reopened(None, &"1.2.0".parse().unwrap())
    }

    #[test]
    fn announces_the_next_version_as_the_last_one_was() {
        let [next, version]: [Version; 2] = ["1.2.0", "1.1.0"].map(|version| version.parse().unwrap());
        for (before, heading) in [
            (
                "Changes\n=======\n\n1.1.0 (unreleased)\n------------------\n\n- More.\n",
                "1.2.0 (unreleased)\n------------------\n",
            ),
            (
                "Changes\n=======\n\nVersion 1.1.0\n-------------\n\nUnreleased\n\n- More.\n",
                "Version 1.2.0\n-------------\n\nUnreleased\n",
            ),
        ] {
            let before = Changelog::parse(before.to_owned(), Format::Rst).unwrap();
            let promoted = before.promote(&Promotion::new(&version, "2026-02-01")).unwrap().text;
            let after = Changelog::parse(promoted.clone(), Format::Rst).unwrap();
            let reopened = after.reopened(Some(&before), &next).unwrap();
            assert_eq!(reopened, promoted.replacen("=======\n\n", &format!("=======\n\n{heading}\n"), 1));
        }
    }

    #[test]
    fn adds_unreleased_as_the_versions_are_written() {
        let text = "# Changes\n\n## [1.1.0] - 2026-01-15\n\n- New.\n\n## [1.0.0] - 2026-01-01\n\n- First.\n\n\
                    [1.1.0]: https://example.org/compare/v1.0.0...v1.1.0\n";
        let expected = "# Changes\n\n## [Unreleased]\n\n## [1.1.0] - 2026-01-15\n\n- New.\n\n\
                        ## [1.0.0] - 2026-01-01\n\n- First.\n\n\
                        [Unreleased]: https://example.org/compare/v1.1.0...HEAD\n\
                        [1.1.0]: https://example.org/compare/v1.0.0...v1.1.0\n";
        assert_eq!(reopened(text, Format::Markdown).as_deref(), Some(expected));
        assert_eq!(reopened(expected, Format::Markdown), None, "there is one already");

        let text = "Changes\n=======\n\n.. _v1-0:\n\n1.0 (2026-01-15)\n----------------\n\n- First.\n";
        let expected = "Changes\n=======\n\nUnreleased\n----------\n\n.. _v1-0:\n\n1.0 (2026-01-15)\n\
                        ----------------\n\n- First.\n";
        assert_eq!(reopened(text, Format::Rst).as_deref(), Some(expected));
    }

    #[test]
    fn leaves_a_file_without_versions_alone() {
        assert_eq!(reopened("# Changes\n\nSee the releases.\n", Format::Markdown), None);
    }

    #[test]
    fn a_reopened_changelog_can_be_promoted() {
        let text = "# Changes\r\n\r\n## 1.0.0 (2026-01-15)\r\n\r\n- First.\r\n";
        let reopened = reopened(text, Format::Markdown).unwrap();
        let filled = reopened.replace("Unreleased\r\n", "Unreleased\r\n\r\n- More.\r\n");
        let changelog = Changelog::parse(filled, Format::Markdown).unwrap();
        let promoted = changelog.promote(&Promotion::new(&"1.1.0".parse().unwrap(), "2026-02-01")).unwrap();
        assert_eq!(promoted.notes, "- More.");
    }
}
