//! What of a shared changelog is no package's section: its link references, and entries of nobody.

use super::edit::Edit;
use super::links::{self, Comparison};
use super::parts::Part;
use super::references::Naming;
use super::shared::{Share, Stage, Whole, named};
use super::{ChangelogError, Format};
use crate::python::version::Version;

impl Share {
    /// The lines with entries in what is not released that are in no package's subsection, counted from 1: no release takes
    /// them.
    ///
    /// # Errors
    /// The text is not a changelog.
    pub fn entries_of_nobody(&self, text: &str, format: Format) -> Result<Vec<usize>, ChangelogError> {
        let whole = Whole::parse(text, format, self)?;
        let mut lines = Vec::new();
        for (at, section) in whole.entries.iter().enumerate() {
            if section.within.is_some() || section.package.is_some() || section.stage != Stage::Unreleased {
                continue;
            }
            let of_packages = || whole.entries.iter().filter(|entry| entry.within == Some(at));
            let contents = whole.document.contents(section.heading.last + 1..section.lines.end);
            let starts = contents.into_iter().filter(|content| content.starts).map(|content| content.index);
            lines.extend(starts.filter(|line| !of_packages().any(|entry| entry.lines.contains(line))));
        }
        Ok(lines.into_iter().map(|line| line + 1).collect())
    }
}

impl Whole<'_> {
    /// The link references for a new version with this heading, as the file has them: of the package (`[core 1.2.0]: …`), or
    /// of the version of all.
    pub(super) fn references(&self, title: &str, version: &Version) -> Vec<Edit> {
        let (document, names) = (&self.document, &self.share.names);
        if named(title, names).0.is_none() {
            let newest = document.newest().and_then(Part::release);
            let naming = Naming { version, links: None, newest };
            return document.references(&naming, title.starts_with('['), false, title);
        }
        let text = document.text.as_str();
        let of_package = document.definitions.iter().filter_map(|definition| {
            let (package, spelling) = named(&text[definition.label.clone()], names);
            let known: Version = spelling.parse().ok().filter(|_| package == Some(self.share.own))?;
            Some((known, spelling, definition))
        });
        let newest = of_package.max_by(|(one, ..), (other, ..)| one.cmp(other));
        let Some((_, spelling, like)) = newest.filter(|(known, ..)| known != version) else {
            return Vec::new();
        };
        let (label, address) = (&text[like.label.clone()], &text[like.address.clone()]);
        let made = match Comparison::of(address) {
            Some(comparison) => {
                let newer = comparison.newer();
                links::tag_like(newer, version).map(|tag| comparison.with(newer, &tag))
            }
            None => links::address_like(address, spelling, version),
        };
        let label = format!("{}{version}", &label[..label.len() - spelling.len()]);
        made.map(|made| document.before(like, &label, &made)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Changelog, Promotion};
    use super::*;

    fn share(own: usize, is_locked: bool) -> Share {
        Share { names: vec!["core".to_owned(), "cli".to_owned()], own, is_locked }
    }

    fn released(text: &str, share: &Share) -> String {
        let version: Version = "1.2.0".parse().expect("a version");
        let part = share.part_of(text, Format::Markdown).expect("a changelog");
        let part = Changelog::parse(part, Format::Markdown).expect("a changelog");
        let promoted = part.promote(&Promotion::new(&version, "2026-02-01")).expect("it has entries");
        share.put_back(text, Format::Markdown, promoted.text, (&version, "2026-02-01")).expect("a changelog")
    }

    #[test]
    fn a_package_has_a_reference_as_for_its_last_version() {
        let text = "# Changes\n\n## [Unreleased]\n\n### core\n\n- A\n\n## [cli 0.3.0] - 2026-01-15\n\n- B\n\n\
                    ## [core 1.1.0] - 2026-01-14\n\n- C\n\n\
                    [cli 0.3.0]: https://github.com/o/r/releases/tag/cli-v0.3.0\n\
                    [core 1.1.0]: https://github.com/o/r/compare/core-v1.0.0...core-v1.1.0\n";
        let after = released(text, &share(0, false));
        assert!(after.contains("\n## [core 1.2.0] - 2026-02-01\n\n- A\n"), "{after}");
        let reference =
            "[core 1.2.0]: https://github.com/o/r/compare/core-v1.1.0...core-v1.2.0\n[core 1.1.0]: ";
        assert!(after.contains(reference) && after.matches("]: ").count() == 3, "{after}");

        let by_tag = text.replace("compare/core-v1.0.0...core-v1.1.0", "releases/tag/core-v1.1.0");
        let after = released(&by_tag, &share(0, false));
        assert!(after.contains("[core 1.2.0]: https://github.com/o/r/releases/tag/core-v1.2.0\n"), "{after}");
    }

    #[test]
    fn a_version_of_all_has_one_reference() {
        let text = "# Changes\n\n## [Unreleased]\n\n### core\n\n- A\n\n## [1.1.0] - 2026-01-14\n\n### core\n\n- C\n\n\
                    [Unreleased]: https://github.com/o/r/compare/v1.1.0...HEAD\n\
                    [1.1.0]: https://github.com/o/r/compare/v1.0.0...v1.1.0\n";
        let after = released(text, &share(0, true));
        let references = "[Unreleased]: https://github.com/o/r/compare/v1.2.0...HEAD\n\
                          [1.2.0]: https://github.com/o/r/compare/v1.1.0...v1.2.0\n[1.1.0]: ";
        assert!(after.contains(references), "{after}");
    }

    #[test]
    fn entries_of_nobody_are_found() {
        let text = "# Changes\n\n## Unreleased\n\n- Mine\n  goes on\n\n### core\n\n- A\n\n### other\n\n- B\n\n## core 1.0.0\n\n- C\n";
        assert_eq!(share(0, false).entries_of_nobody(text, Format::Markdown), Ok(vec![5, 14]));
        let clean = text.replace("- Mine\n  goes on\n\n", "").replace("### other\n\n- B\n\n", "");
        assert_eq!(share(0, false).entries_of_nobody(&clean, Format::Markdown), Ok(Vec::new()));
    }
}
