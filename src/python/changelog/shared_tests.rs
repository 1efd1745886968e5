//! Shared changelogs of every form: a release of one package changes its sections and nothing else.

use proptest::prelude::*;

use super::{Changelog, Format, Promotion, Share};
use crate::python::version::Version;

const NAMES: [&str; 3] = ["core", "core-extra", "app"];

fn share(own: usize, is_locked: bool) -> Share {
    Share { names: NAMES.map(str::to_owned).to_vec(), own, is_locked }
}

/// A heading of a level: 2 for a section.
fn heading(format: Format, level: usize, title: &str) -> String {
    match format {
        Format::Markdown => format!("{} {title}\n\n", "#".repeat(level)),
        Format::Rst => {
            let mark = ["=", "-", "~", "^", "'"][level - 1];
            format!("{title}\n{}\n\n", mark.repeat(title.len()))
        }
    }
}

/// A package's entries, in a category below a heading of this level.
fn entries(format: Format, level: usize, name: &str, at: usize) -> String {
    format!("{}- {name} got {at}.\n  And more.\n\n", heading(format, level + 1, "Fixed"))
}

#[derive(Debug, Clone)]
struct Form {
    format: Format,
    is_nested: bool,
    is_locked: bool,
    has_windows_lines: bool,
    /// Whether each package has something to release
    open: [bool; 3],
    /// The packages of earlier versions, the newest first
    versions: Vec<usize>,
}

impl Form {
    fn text(&self) -> String {
        let Self { format, is_nested, is_locked, .. } = *self;
        let mut text = heading(format, 1, "Changes") + "Of all of them.\n\n";
        if is_nested {
            text += &heading(format, 2, "Unreleased");
        }
        for (name, _) in NAMES.iter().zip(self.open).filter(|(_, open)| *open) {
            text += &match is_nested {
                true => heading(format, 3, name) + &entries(format, 3, name, 0),
                false => heading(format, 2, &format!("{name} Unreleased")) + &entries(format, 2, name, 0),
            };
        }
        for (at, package) in self.versions.iter().enumerate() {
            let (name, number) = (NAMES[*package], self.versions.len() - at);
            text += &match is_locked && is_nested {
                true => {
                    heading(format, 2, &format!("0.{number}.0 (2026-01-{number:02})"))
                        + &heading(format, 3, name)
                        + &entries(format, 3, name, number)
                }
                false => {
                    heading(format, 2, &format!("{name} 0.{number}.0 (2026-01-{number:02})"))
                        + &entries(format, 2, name, number)
                }
            };
        }
        if format == Format::Markdown {
            text += "[site]: https://example.com/\n";
        }
        if self.has_windows_lines { text.replace('\n', "\r\n") } else { text }
    }
}

/// The text and the notes after the release of a package, as its own changelog would be promoted.
fn released(text: &str, format: Format, share: &Share, version: &Version) -> (String, String) {
    let part = Changelog::parse(share.part_of(text, format).unwrap(), format).unwrap();
    let open = part.unreleased().is_some_and(|section| !section.body.is_empty());
    let promotion =
        Promotion { notes: (!open).then_some("- Require `app 2`"), ..Promotion::new(version, "2026-02-01") };
    let promoted = part.promote(&promotion).unwrap();
    (share.put_back(text, format, promoted.text, (version, "2026-02-01")).unwrap(), promoted.notes)
}

fn forms() -> impl Strategy<Value = Form> {
    let versions = prop::collection::vec(0_usize..3, 0..5);
    (any::<[bool; 4]>(), any::<[bool; 3]>(), versions).prop_map(|(flags, open, versions)| Form {
        format: if flags[0] { Format::Markdown } else { Format::Rst },
        is_nested: flags[1],
        is_locked: flags[2],
        has_windows_lines: flags[3],
        open,
        versions,
    })
}

proptest! {
    #[test]
    fn nothing_else_changes(form in forms(), own in 0_usize..3) {
        let (format, text) = (form.format, form.text());
        let share_of = |package| share(package, form.is_locked);
        let version: Version = "1.0.0".parse().unwrap();
        let (after, notes) = released(&text, format, &share_of(own), &version);
        for other in (0..3).filter(|other| *other != own) {
            let part = |text: &str| share_of(other).part_of(text, format).unwrap().trim().to_owned();
            prop_assert_eq!(part(&after), part(&text), "{}", after);
        }
        // Its part has one more version, with its notes.
        let part = Changelog::parse(share_of(own).part_of(&after, format).unwrap(), format).unwrap();
        let versions = part.versions();
        prop_assert_eq!(versions[0].version.as_ref(), Some(&version), "{}", after);
        prop_assert_eq!(&versions[0].body, &notes, "{}", after);
        prop_assert_eq!(versions.len(), 1 + form.versions.iter().filter(|one| **one == own).count());
        prop_assert!(part.unreleased().is_none_or(|section| section.body.is_empty()), "{}", after);
        // What is no package's stays, and no line of another is lost.
        let ending = if form.has_windows_lines { "\r\n" } else { "\n" };
        prop_assert_eq!(after.matches('\n').count(), after.matches(ending).count());
        let kept = after.lines().filter(|line| !line.trim().is_empty());
        let mut kept = kept.peekable();
        let is_own = |line: &str| line.contains(&format!("{} got", NAMES[own])) || line == "- Require `app 2`";
        for line in text.lines().filter(|line| line.contains(" got ") && !is_own(line)) {
            prop_assert!(kept.any(|other| other == line), "{} is lost in {}", line, after);
        }
        prop_assert_eq!(after.contains("[site]: https"), format == Format::Markdown);
        // A second release of the same finds all done.
        let again = share_of(own).part_of(&after, format).unwrap();
        prop_assert_eq!(share_of(own).put_back(&after, format, again, (&version, "2026-02-01")).unwrap(), after);
    }

    #[test]
    fn survives_any_text(text in "(#|##|###|core|app|Unreleased|1\\.0|-|=|~|`|\\[|\\]|\\(| |\n|\r\n|\u{feff}){0,60}", own in 0_usize..3) {
        for (format, is_locked) in [(Format::Markdown, false), (Format::Rst, true)] {
            let share = share(own, is_locked);
            let version: Version = "2.0.0".parse().unwrap();
            let Ok(part) = share.part_of(&text, format) else { continue };
            let Ok(part) = Changelog::parse(part, format) else { continue };
            let promotion = Promotion { notes: Some("- A"), ..Promotion::new(&version, "2026-02-01") };
            let Ok(promoted) = part.promote(&promotion) else { continue };
            let after = share.put_back(&text, format, promoted.text, (&version, "2026-02-01"));
            prop_assert!(after.is_ok());
        }
    }
}
