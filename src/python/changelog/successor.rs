//! The sections for later versions that a release leaves above its own: `1.2.1 (unreleased)` above `1.2.0 (2024-01-31)`.

use serde::{Deserialize, Serialize};

use super::companion::Step;
use super::parts::Part;
use super::{Changelog, Remainder};
use crate::python::version::Version;

/// A section for a later version
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successor {
    /// The text of its heading
    pub title: String,
    /// The lines below the heading; line endings are `\n`
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
}

/// Such a section that a release left, and how its version follows from the released one
#[derive(Debug, PartialEq)]
pub struct Successors(Vec<(Step, Planned)>);

/// A heading with its version
#[derive(Debug, PartialEq)]
struct Planned {
    section: Successor,
    spelling: String,
    version: Version,
}

impl Successors {
    /// What the release of `version` added above its section; none if it has no section, or if one of them does not follow
    /// from its version.
    pub fn of_release(before: &Changelog, after: &Changelog, version: &Version) -> Option<Self> {
        let is_own = |part: &&Part| part.release().is_some_and(|release| release.version == *version);
        let own = after.parts.iter().find(is_own)?.heading.first;
        let above = after.parts.iter().take_while(|part| part.heading.first < own);
        let planned = above.filter_map(|part| {
            let planned =
                part.unreleased()?.planned.as_ref().filter(|planned| !before.names(&planned.version))?;
            let title = after.text[part.heading.title.clone()].to_owned();
            let template = after.template_of(part);
            let section = Successor { title, template };
            let (spelling, next) = (planned.spelling.clone(), planned.version.clone());
            let is_number = !planned.is_series && !next.is_prerelease();
            let step = Step::between(version, &next).filter(|_| is_number);
            Some(step.map(|step| (step, Planned { section, spelling, version: next })))
        });
        planned.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether the versions follow in the same way.
    pub fn follow_like(&self, other: &Self) -> bool {
        let steps =
            |one: &Self| -> Vec<usize> { one.0.iter().filter_map(|(step, _)| step.place()).collect() };
        steps(self) == steps(other)
    }

    /// The same sections above that of another version, but for those that the changelog has already, and those in which
    /// a number before the place `least` is one more.
    pub fn after(&self, version: &Version, least: usize, now: &Changelog) -> Vec<Successor> {
        let sections =
            self.0.iter().filter(|(step, _)| step.place() >= Some(least)).filter_map(|(step, planned)| {
                let next = step.after(version, &planned.version).filter(|next| !now.names(next))?;
                // `0.26` after `0.25.2`.
                let written = planned.version.release_segments().len();
                let numbers = next.release_segments();
                let is_short =
                    numbers.len() > written && numbers[written..].iter().all(|number| *number == 0);
                let count = if is_short { written } else { numbers.len() };
                let numbers: Vec<String> = numbers[..count].iter().map(ToString::to_string).collect();
                let Successor { title, template } = &planned.section;
                let renamed = |text: &str| text.replace(&planned.spelling, &numbers.join("."));
                Some(Successor { title: renamed(title), template: renamed(template) })
            });
        sections.collect()
    }
}

impl Changelog {
    /// The lines below the heading of a section without changes; otherwise those up to the one that says that it is not
    /// released.
    fn template_of(&self, part: &Part) -> String {
        let end = match self.is_without_changes(part, &Remainder::default()) {
            true => part.body.end,
            false => part.body.start,
        };
        self.joined(part.heading.last + 1..end.max(part.heading.last + 1)).trim_end().to_owned()
    }

    /// The sections for later versions above that of a release, with the space below each.
    pub(super) fn written_successors(&self, part: &Part, successors: &[Successor], space: &str) -> String {
        let written = successors.iter().map(|successor| {
            let mut text = self.retitled(&part.heading, &successor.title);
            if !successor.template.is_empty() {
                text.push_str(self.ending());
                text.push_str(&successor.template.replace('\n', self.ending()));
            }
            text + space
        });
        written.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Promotion};
    use super::*;

    fn part(title: &str, below: &str) -> String {
        format!("{title}\n{}\n{below}\n\n\n", "-".repeat(title.len()))
    }

    fn parsed(text: &str) -> Changelog {
        Changelog::parse(text.to_owned(), Format::Rst).unwrap()
    }

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    /// What a release is followed by, learned from one whose changelog had these sections before and after it.
    fn promoted(
        (before, after, last): (&str, &str, &str),
        (now, next): (&str, &str),
    ) -> Option<(String, String)> {
        let learned = Successors::of_release(&parsed(before), &parsed(after), &version(last))?;
        let now = parsed(now);
        let next_sections = learned.after(&version(next), 0, &now);
        let remainder = Remainder { successors: next_sections, ..Remainder::default() };
        let next = version(next);
        let promotion = Promotion { remainder: Some(&remainder), ..Promotion::new(&next, "2026-11-24") };
        let promoted = now.promote(&promotion).unwrap();
        Some((promoted.text, promoted.notes))
    }

    #[test]
    fn sections_for_later_versions_follow_as_after_the_last_release() {
        let what = |version: &str, date: &str, entries: &str| {
            part(&format!("What's New in demo {version}?"), &format!("Release date: {date}\n{entries}"))
        };
        let open = |version: &str| what(version, "TBA", "");
        let old = what("0.9.0", "2023-01-31", "\n* Old");
        for (last, before, left, next, expected) in [
            ("1.0.0", vec![], vec!["1.1.0", "1.0.1"], "1.1.0", vec!["1.2.0", "1.1.1"]),
            ("1.0.1", vec!["1.1.0"], vec!["1.0.2"], "1.0.2", vec!["1.0.3"]),
            ("1.0.1", vec!["1.1.0"], vec![], "1.0.2", vec![]),
        ] {
            let with = |open: String| format!("{open}\n{old}");
            let sections = |versions: &[&str]| versions.iter().map(|one| open(one)).collect::<String>();
            let others = sections(&before);
            let first = with(others.clone() + &what(last, "TBA", "\n* First"));
            let released = what(last, "2024-01-31", "\n* First");
            let after = with(others.clone() + &sections(&left) + &released);
            let later = sections(&before) + &what(next, "TBA", "\n* Second") + &released + &old;
            let (text, notes) = promoted((&first, &after, last), (&later, next)).unwrap();
            let wanted =
                others + &sections(&expected) + &what(next, "2026-11-24", "\n* Second") + &released + &old;
            let folded = |text: &str| text.replace("\n\n\n\n", "\n\n").replace("\n\n\n", "\n\n");
            assert_eq!(folded(&text), folded(&wanted), "{next}");
            assert_eq!(notes, "* Second");
        }
    }

    #[test]
    fn the_line_for_nothing_is_part_of_the_section() {
        let open = |version: &str| part(&format!("{version} (unreleased)"), "\n- Nothing yet.");
        let old = part("0.25.1 (2024-01-01)", "\n- Old");
        let first = part("0.25.2 (unreleased)", "\n- First") + &old;
        let released = part("0.25.2 (2024-01-31)", "\n- First") + &old;
        let after = open("0.26") + &released;
        let now = part("0.25.3 (unreleased)", "\n- Second") + &released;
        let (text, notes) = promoted((&first, &after, "0.25.2"), (&now, "0.25.3")).unwrap();
        assert_eq!(text, open("0.26") + &now.replace("0.25.3 (unreleased)\n", "0.25.3 (2026-11-24)\n"));
        assert_eq!(notes, "- Second");
        // Entries are no part of it.
        let with_entries = after.replace("- Nothing yet.", "- A late one");
        let (text, _) = promoted((&first, &with_entries, "0.25.2"), (&now, "0.25.3")).unwrap();
        assert!(
            text.starts_with("0.26 (unreleased)\n-----------------\n\n\n0.25.3 (2026-11-24)\n"),
            "{text}"
        );
        // A section that is there is not added again.
        let twice = open("0.26") + &now;
        let (text, _) = promoted((&first, &after, "0.25.2"), (&twice, "0.25.3")).unwrap();
        assert_eq!(text.matches("0.26 (unreleased)").count(), 1, "{text}");
        // A version that does not follow shows nothing.
        let leap = open("2.0.5") + &released;
        assert!(promoted((&first, &leap, "0.25.2"), (&now, "0.25.3")).is_none());
    }
}
