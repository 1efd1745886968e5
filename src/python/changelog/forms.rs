//! The forms in which projects write changelogs: each with the section of a release, before and after.

use proptest::prelude::*;

use super::tests::changelog;
use super::*;

const DAY: &str = "2026-11-24";

fn promote(path: &str, text: &str, remainder: Option<&Remainder>) -> Promoted {
    let changelog = Changelog::parse(text.to_owned(), Format::of_text(path, text).unwrap()).unwrap();
    let version = "1.1.0".parse().unwrap();
    changelog.promote(&Promotion { remainder, ..Promotion::new(&version, DAY) }).unwrap()
}

/// Whether the text with the first part replaced by the second is what the release makes of it. Nothing is left.
#[track_caller]
fn check(path: &str, text: &str, (before, after): (&str, &str)) -> Promoted {
    let promoted = promote(path, text, Some(&Remainder::default()));
    assert!(text.contains(before));
    assert_eq!(promoted.text, text.replacen(before, after, 1));
    // The same with the line ends of Windows, a byte order mark, and no last line end.
    let windows = |text: &str| format!("\u{feff}{}", text.trim_end().replace('\n', "\r\n"));
    let other = promote(path, &windows(text), Some(&Remainder::default()));
    assert_eq!(other.text, windows(&promoted.text));
    assert_eq!(other.notes, promoted.notes);
    let tabbed = |text: &str| text.replace("\n- ", "\n-\t").replace("\n* ", "\n*\t");
    let other = promote(path, &tabbed(text), Some(&Remainder::default()));
    assert_eq!(other.text, tabbed(&promoted.text));
    promoted
}

#[test]
fn a_version_that_is_not_released_gets_its_date() {
    for (path, open, released, earlier) in [
        ("a.rst", "1.1.0 (unreleased)", "1.1.0 (2026-11-24)", "1.0.0 (2024-01-31)"),
        (
            "a.rst",
            "Release 1.1.0 (in development)",
            "Release 1.1.0 (released Nov 24, 2026)",
            "Release 1.0.0 (released Dec 31, 2025)",
        ),
        (
            "a.rst",
            "Version 1.1.0 (TBD)",
            "Version 1.1.0 (November 24th, 2026)",
            "Version 1.0.0 (October 29th, 2024)",
        ),
        ("a.rst", "1.1.0 - `main`_", "1.1.0 - 2026-11-24", "1.0.0 - 2024-01-31"),
        ("a.rst", "UNRELEASED", "1.1.0 (2026-11-24)", "1.0.0 (2024-01-31)"),
        ("a.rst", "*unreleased*", "1.1.0 - 2026-11-24", "1.0.0 - 2024-01-31"),
        ("a.rst", "Next release", "1.1.0 (2026-11-24)", "1.0.0 (2024-01-31)"),
        ("a.rst", "1.1.0.dev0", "1.1.0", "1.0.0"),
        (
            "CHANGES",
            "Version 1.1.0 - in development",
            "Version 1.1.0 - November, 2026",
            "Version 1.0.0 - March, 2024",
        ),
        ("a.md", "Dev", "1.1.0 (24th November, 2026)", "1.0.0 (6th December, 2024)"),
        ("a.md", "1.1.0 (2026-11-??)", "1.1.0 (2026-11-24)", "1.0.0 (2024-01-31)"),
        ("a.md", "NEXT", "1.1.0", "1.0.0"),
        ("a.md", "Latest Changes", "1.1.0 (2026-11-24)", "1.0.0 (2024-01-31)"),
        ("a.md", "v1.1.0 (YYYY-MM-DD)", "v1.1.0 (2026-11-24)", "v1.0.0 (2024-01-31)"),
    ] {
        let headed = |title: &str| format!("{title}\n{}\n", "-".repeat(title.len()));
        let text = format!("# Changes\n\n{}\n* A flag\n\n{}\n* b\n", headed(open), headed(earlier));
        let text = if path.ends_with(".md") { text } else { text.replace("# Changes", "Changes\n=======") };
        let promoted = check(path, &text, (&headed(open), &headed(released)));
        assert_eq!((promoted.notes.as_str(), promoted.heading.as_str()), ("* A flag", released));
    }
}

#[test]
fn a_heading_that_asks_what_is_new_stays() {
    let headed = |version: &str, day: &str| {
        format!("What's New in demo {version}?\n{}\nRelease date: {day}\n\n", "=".repeat(25))
    };
    let (next, open, earlier) =
        (headed("1.2.0", "TBA"), headed("1.1.0", "TBA"), headed("1.0.0", "2024-01-31"));
    let text = format!("Changes\n*******\n\n{next}\n\n{open}* A flag\n\n{earlier}* b\n");
    let promoted = check("a.rst", &text, (&open, &headed("1.1.0", DAY)));
    assert_eq!(promoted.heading, "What's New in demo 1.1.0?");
}

#[test]
fn a_comparison_inside_a_section_ends_at_the_release() {
    let line = |older: &str, newer: &str| {
        format!("[View commits](https://github.com/o/r/compare/{older}...{newer})\n")
    };
    let text =
        format!("# Changes\n\n## master\n\n* A flag\n\n{}\n## 1.0.0\n\n* b\n", line("1.0.0", "master"));
    let promoted = check(
        "a.md",
        &text,
        (
            &format!("## master\n\n* A flag\n\n{}", line("1.0.0", "master")),
            &format!("## 1.1.0\n\n* A flag\n\n{}", line("1.0.0", "1.1.0")),
        ),
    );
    assert_eq!(promoted.notes, format!("* A flag\n\n{}", line("1.0.0", "1.1.0").trim()));
    // What is left compares with the release.
    let left = promote("a.md", &text, None).text;
    let expected = format!(
        "## master\n\n{}\n## 1.1.0\n\n* A flag\n\n{}\n## 1.0.0",
        line("1.1.0", "master"),
        line("1.0.0", "1.1.0")
    );
    assert!(left.contains(&expected), "{left}");
    // Nothing but the comparison is no change.
    let again = Changelog::parse(left, Format::Markdown).unwrap();
    let next = again.promote(&Promotion::new(&"1.2.0".parse().unwrap(), DAY));
    assert!(matches!(next, Err(ChangelogError::Empty { .. })), "{next:?}");
    // A link in an entry is none.
    let entry = text.replace("* A flag", "* [this](https://github.com/o/r/compare/1.0.0...fix) is mended");
    assert!(promote("a.md", &entry, None).text.contains("compare/1.0.0...fix) is"));
}

#[test]
fn entries_above_the_versions_get_a_heading() {
    let text = "Changes\n=======\n\n* A flag.\n\n  `PR 1 <https://x/1>`__.\n\n* More.\n\n1.0.0 (2024-01-31)\n------------------\n\n* b\n";
    let parsed = |text: &str| Changelog::parse(text.to_owned(), Format::Rst).unwrap();
    let version = "1.1.0".parse().unwrap();
    let promotion = Promotion { takes_bare_entries: true, ..Promotion::new(&version, DAY) };
    let promoted = parsed(text).promote(&promotion).unwrap();
    let heading = "1.1.0 (2026-11-24)\n------------------\n\n* A flag.";
    assert_eq!(promoted.text, text.replace("* A flag.", heading));
    assert_eq!(promoted.notes, "* A flag.\n\n  `PR 1 <https://x/1>`__.\n\n* More.");
    // They may be something else, or nothing.
    let plain = parsed(text).promote(&Promotion::new(&version, DAY));
    assert!(matches!(plain, Err(ChangelogError::NoUnreleased { .. })));
    for other in [text.replace("* More.", "More."), text.replace("* A flag.\n\n", "See\n"), promoted.text] {
        let refused = parsed(&other).promote(&Promotion { version: &"1.2.0".parse().unwrap(), ..promotion });
        assert!(matches!(refused, Err(ChangelogError::NoUnreleased { .. })), "{other}");
    }
}

#[test]
fn a_line_below_the_heading_gets_the_date() {
    for (open, dated, today) in [
        ("Unreleased", "Released 2024-01-31", "Released 2026-11-24"),
        ("*UNRELEASED*", "*2024-01-31*", "*2026-11-24*"),
        ("XXXX-XX-XX", "2024-01-31", "2026-11-24"),
        ("Release date: TBD", "Release date: January 31, 2024", "Release date: November 24, 2026"),
    ] {
        let part =
            |version: &str, marker: &str| format!("Version {version}\n-------------\n\n{marker}\n\n-   a\n");
        let text = format!("Demo\n====\n\n{}\n\n{}", part("1.1.0", open), part("1.0.0", dated));
        let promoted = check("CHANGES.rst", &text, (&part("1.1.0", open), &part("1.1.0", today)));
        assert_eq!(promoted.notes, "-   a");
    }
    let text = "1.1.0 - `main`_\n~~~~~~~~~~~~~~~\n\n.. note:: This version is not yet released and is under active development.\n\n\
                * a\n\n1.0.0 - 2024-01-31\n~~~~~~~~~~~~~~~~~~\n\n* b\n";
    let released = "1.1.0 - 2026-11-24\n~~~~~~~~~~~~~~~~~~\n\n* a\n\n1.0.0";
    assert_eq!(promote("a.rst", text, None).text.split(" - 2024").next(), Some(released));
}

#[test]
fn bold_lines_are_headings_where_there_are_no_others() {
    let text = "Version history\n===============\n\nThis project adheres to something.\n\n**UNRELEASED**\n\n- A flag\n\n\
                **1.0.0 (2024-01-31)**\n\n- b\n";
    check("docs/versionhistory.rst", text, ("**UNRELEASED**", "**1.1.0 (2026-11-24)**"));
}

#[test]
fn links_in_the_headings_of_restructured_text_are_updated() {
    let text = "`Unreleased <https://x/compare/1.0.0...HEAD>`__\n-----------------------------------------------\n\n- a\n\n\
                `v1.0.0 <https://x/compare/0.9.0...1.0.0>`__\n--------------------------------------------\n\n- b\n";
    let promoted = promote("CHANGELOG.rst", text, Some(&Remainder::default()));
    assert!(
        promoted.text.starts_with("`v1.1.0 <https://x/compare/1.0.0...1.1.0>`__\n---"),
        "{}",
        promoted.text
    );
}

#[test]
fn hints_and_empty_headings_are_not_released() {
    let text = "# Change Log\n\n## Unreleased\n\n### Highlights\n\n<!-- Include major changes here -->\n\n\
                ### Stable style\n\n<!-- Changes to the style -->\n\n- A fix (#1)\n\n### Packaging\n\n<!-- How it is\n\
                packaged -->\n\n## 1.0.0\n\n### Stable style\n\n- b\n";
    let released = "# Change Log\n\n## 1.1.0\n\n### Stable style\n\n- A fix (#1)\n\n## 1.0.0\n\n### Stable style\n\n- b\n";
    assert_eq!(promote("CHANGES.md", text, Some(&Remainder::default())).text, released);
    // Where an Unreleased section is left, they stay there.
    let left = promote("CHANGES.md", text, None);
    let template = "## Unreleased\n\n### Highlights\n\n<!-- Include major changes here -->\n\n### Stable style\n\n\
                    <!-- Changes to the style -->\n\n### Packaging\n\n<!-- How it is\npackaged -->\n\n## 1.1.0\n\n### Stable";
    assert!(left.text.contains(template), "{}", left.text);
    assert_eq!(left.notes, "### Stable style\n\n- A fix (#1)");
}

#[test]
fn a_series_that_is_not_released_becomes_the_version() {
    let part =
        |version: &str, marker: &str| format!("Version {version}\n-------------\n\n{marker}\n\n-   a\n");
    let text = format!("{}\n{}", part("1.1.x", "Unreleased"), part("1.0.0", "Released 2024-01-31"));
    let promoted =
        check("CHANGES.rst", &text, (&part("1.1.x", "Unreleased"), &part("1.1.0", "Released 2026-11-24")));
    assert_eq!(promoted.heading, "Version 1.1.0");
    let text =
        "## 1.2.x (unreleased)\n\n- c\n\n## 1.1.x (unreleased)\n\n- a\n\n## 1.0.0 (2024-01-31)\n\n- b\n";
    check("a.md", text, ("1.1.x (unreleased)", "1.1.0 (2026-11-24)"));
    for open in ["1.x.x", "X.Y.Z", "x.x.x", "vNext"] {
        let open = part(open, "**Unreleased**");
        let text = format!("{open}\n{}", part("1.0.0", "**Released on Jan 31, 2024**"));
        check("a.rst", &text, (&open, &part("1.1.0", "**Released on Nov 24, 2026**")));
    }
    // A series with versions below is a heading of its own.
    let text = "## Unreleased\n\n- c\n\n## 1.1.x\n\nThe last series.\n\n## 1.0.0 (2024-01-31)\n\n- b\n";
    check("a.md", text, ("## Unreleased", "## 1.1.0 (2026-11-24)"));
}

#[test]
fn tabs_stay_where_they_are() {
    let text = "#\tChanges\n\n##\tUnreleased\t\n\n###\tAdded\n\n-\tA flag\n\n\t- nested\n\n##\t1.0.0 (2024-01-31)\n\n-\tb\n";
    let promoted = check("a.md", text, ("##\tUnreleased\t", "##\t1.1.0 (2026-11-24)\t"));
    assert_eq!(promoted.notes, "###\tAdded\n\n-\tA flag\n\n\t- nested");
    let text = "Changes\n=======\n\nUnreleased\t\n----------\t\n\n*\tA flag\n\n\tIt is new.\n\n1.0.0\n-----\n\n*\tb\n";
    check("a.rst", text, ("Unreleased\t\n----------\t", "1.1.0\t\n-----"));
}

#[test]
fn a_hint_below_the_heading_is_not_released() {
    let text = "# Log\n\n## Unreleased\n\n<!-- Please name the pull request,\n     not the issue -->\n\n### Style\n\n- A fix\n\n## 1.0.0\n\n### Style\n\n- b\n";
    check(
        "a.md",
        text,
        ("## Unreleased\n\n<!-- Please name the pull request,\n     not the issue -->\n", "## 1.1.0\n"),
    );
    // What a tool looks for stays.
    let text = "# Log\n\n## Unreleased\n\n<!-- insert here -->\n\n- A fix\n\n## 1.0.0\n\n- b\n";
    check("a.md", text, ("## Unreleased", "## 1.1.0"));
}

#[test]
fn labels_above_the_heading_name_the_version() {
    for (path, label) in [
        ("a.rst", ".. _v{}:"),
        ("a.rst", ".. _changelog-{}:"),
        ("a.md", "(v{})="),
        ("a.md", "<a name=\"{}\"></a>"),
        ("a.md", "<a id='changelog-{}'></a>"),
    ] {
        for separator in [".", "-", "_"] {
            let of = |version: &str| label.replace("{}", &version.replace('.', separator));
            let headed = |version: &str| match path {
                "a.md" => format!("## {version}\n"),
                _ => format!("{version}\n{}\n", "-".repeat(version.len())),
            };
            let top = if path == "a.md" { "# Log" } else { "Log\n===" };
            let earlier = format!("{}\n\n{}\n- b\n", of("1.0.0"), headed("1.0.0"));
            let expected = format!("{}\n\n{}", of("1.1.0"), headed("1.1.0"));
            let unreleased = label.replace("v{}", "unreleased").replace("changelog-{}", "unreleased");
            for own in [String::new(), of("1.1.0") + "\n\n", unreleased.replace("{}", "unreleased") + "\n\n"]
            {
                let open = format!("{own}{}", headed("Unreleased"));
                let text = format!("{top}\n\n{open}\n- A flag\n\n{earlier}");
                let promoted = check(path, &text, (&open, &expected));
                assert_eq!(promoted.notes, "- A flag");
            }
        }
    }
    let text = "Log\n===\n\nUnreleased\n----------\n\n- a\n\n.. _v1-0:\n\n1.0\n---\n\n- b\n";
    let left = "Log\n===\n\nUnreleased\n----------\n\n.. _v1-1-0:\n\n1.1.0\n-----\n\n- a\n\n.. _v1-0:\n\n1.0\n---\n\n- b\n";
    assert_eq!(promote("a.rst", text, None).text, left);
    // A label that stays the same, or that names something else, is none of a version.
    let text = ".. _latest:\n\nUnreleased\n----------\n\n- a\n\n.. _v-old:\n\n1.0\n---\n\n- b\n";
    check("a.rst", text, ("Unreleased\n----------", "1.1.0\n-----"));
}

#[test]
fn two_versions_in_a_heading_go_on_together() {
    let headings = |titles: &[&str]| {
        titles.iter().map(|title| format!("## {title}\n\n- a\n\n")).collect::<String>().trim_end().to_owned()
            + "\n"
    };
    for (newest, before) in [
        ("Version 1.0.4/0.60b1 (2025-12-11)", "Version 1.0.3/0.59b0 (2025-01-01)"),
        ("1.0.1 + 2.0.1", "1.0.0 + 2.0.0"),
        ("Version 1.0.0/0.60b0 (2025-12-11)", "Version 0.9.0/0.59b0 (2025-01-01)"),
    ] {
        let text = headings(&["Unreleased", newest, before]);
        // Nothing shows what a minor release makes of the second version.
        assert!(!promote("a.md", &text, None).heading.contains(['/', '+']), "{newest}");
    }
    for (titles, expected) in [
        (
            [
                "Version 1.0.1/0.60b1 (2025-12-11)",
                "Version 1.0.0/0.60b0 (2025-11-11)",
                "Version 0.9.0/0.59b0 (2025-01-01)",
                "Version 0.8.0/0.58b0 (2025-01-01)",
            ],
            "Version 1.1.0/0.61b0 (2026-11-24)",
        ),
        (["v1.0.0 / v2.4.0", "v0.9.0 / v2.3.0", "v0.8.0 / v2.2.0", "v0.7.0 / v2.1.0"], "v1.1.0 / v2.5.0"),
    ] {
        let text = headings(&[&["Unreleased"], &titles[..]].concat());
        assert_eq!(promote("a.md", &text, None).heading, expected);
    }
    let words = headings(&["Unreleased", "1.0.0 \"Codename\" (2025-12-11)"]);
    assert_eq!(promote("a.md", &words, None).heading, "1.1.0 (2026-11-24)");
}

#[test]
fn a_standing_text_is_no_change() {
    let template = "\nSee the files in `changelog.d`_.\n\n.. _changelog.d: https://example.org\n".to_owned();
    let remainder = Remainder { is_left: true, template: template.clone(), ..Remainder::default() };
    let text = format!("Unreleased\n----------\n{template}\n1.0.0\n-----\n\n- b\n");
    let standing = Changelog::parse(text, Format::Rst).unwrap();
    let version = "1.1.0".parse().unwrap();
    let promotion = Promotion { remainder: Some(&remainder), ..Promotion::new(&version, DAY) };
    assert_eq!(standing.promote(&promotion), Err(ChangelogError::Empty { line: 1 }));
}

#[test]
fn an_entry_that_a_comment_shows_as_an_example_is_released() {
    let text = "## Unreleased\n\n<!--\n- Fixed it.\n-->\n\n- Fixed it.\n\n## 1.0.0\n\n- b\n";
    let released = "## Unreleased\n\n<!--\n- Fixed it.\n-->\n\n## 1.1.0\n\n- Fixed it.\n\n## 1.0.0\n\n- b\n";
    assert_eq!(promote("a.md", text, None).text, released);
}

#[test]
fn a_template_is_left_and_not_released() {
    let template = "\n- \\[Short description of a change.\\]".to_owned();
    let remainder = Remainder { is_left: true, template, ..Remainder::default() };
    let text = "Release History\n===============\n\ndev\n---\n\n- \\[Short description of a change.\\]\n- A fix\n\n\
                1.0.0 (2024-01-31)\n------------------\n\n- b\n";
    let released = text.replace("change.\\]\n", "change.\\]\n\n1.1.0 (2026-11-24)\n------------------\n\n");
    assert_eq!(promote("HISTORY.md", text, Some(&remainder)).text, released);
    let empty = Changelog::parse(text.replace("- A fix\n", ""), Format::Markdown).unwrap();
    let version = "1.1.0".parse().unwrap();
    let promotion = Promotion { remainder: Some(&remainder), ..Promotion::new(&version, DAY) };
    assert_eq!(empty.promote(&promotion), Err(ChangelogError::Empty { line: 4 }));
    let nothing = "1.1.0 (unreleased)\n------------------\n\n- Nothing changed yet.\n\n1.0.0 (2024-01-31)\n---------------\n";
    let nothing = Changelog::parse(nothing.to_owned(), Format::Rst).unwrap();
    assert_eq!(nothing.promote(&promotion), Err(ChangelogError::Empty { line: 1 }));
}

#[test]
fn a_line_below_the_heading_dates_the_section_and_compares_it() {
    let open = "2026-xx-xx • `full history <https://x/compare/v1.0.0...HEAD>`__";
    let released = "2026-11-24 • `full history <https://x/compare/v1.0.0...v1.1.0>`__";
    let earlier = "2024-01-31 • `full history <https://x/compare/v0.9.0...v1.0.0>`__";
    let text = format!("1.1.0\n~~~~~\n\n{open}\n\n- a\n\n1.0.0\n~~~~~\n\n{earlier}\n\n- b\n");
    let promoted = check("a.rst", &text, (open, released));
    assert_eq!(promoted.notes, "- a");
    let text = text.replace(&format!("1.1.0\n~~~~~\n\n{open}"), "Unreleased\n~~~~~~~~~~");
    check("a.rst", &text, ("Unreleased\n~~~~~~~~~~", &format!("1.1.0\n~~~~~\n\n{released}")));
}

#[test]
fn a_note_that_the_version_is_not_released_goes() {
    let note = "> [!WARNING]\n> This version is **not released yet** and is under active development.\n\n";
    let open = format!("## [`1.1.0.dev0` (unreleased)](https://x/compare/v1.0.0...main)\n\n{note}");
    let text = format!("{open}- a\n\n## [`1.0.0` (2024-01-31)](https://x/compare/v0.9.0...v1.0.0)\n\n- b\n");
    let released = "## [`1.1.0` (2026-11-24)](https://x/compare/v1.0.0...v1.1.0)\n\n";
    check("a.md", &text, (&open, released));
    let note = ".. note::\n   This version is not released yet.\n\n";
    let text = format!("1.1.0\n-----\n\n{note}- a\n\n1.0.0 (2024-01-31)\n------------------\n\n- b\n");
    let released = "1.1.0 (2026-11-24)\n------------------\n\n";
    check("a.rst", &text, (&format!("1.1.0\n-----\n\n{note}"), released));
}

#[test]
fn a_date_may_come_before_the_version() {
    let text = "# Changes\n\n## Unreleased: demo next\n\n- a\n\n## 2024-01-31: demo 1.0.0\n\n- b\n";
    check("a.md", text, ("## Unreleased: demo next", "## 2026-11-24: demo 1.1.0"));
    let kept = promote("a.md", text, None);
    let both = "## Unreleased: demo next\n\n## 2026-11-24: demo 1.1.0";
    assert_eq!(kept.text, text.replace("## Unreleased: demo next", both));
    assert_eq!(kept.notes, "- a");
}

#[test]
fn words_may_come_before_the_version() {
    for (path, mark, open, words) in [
        ("a.md", "## ", "Unreleased", "Changes in version"),
        ("a.md", "## ", "Unreleased", "What's new in Demo"),
        ("a.md", "# ", "Unreleased", "New in"),
    ] {
        let text = format!("{mark}{open}\n\n- a\n\n{mark}{words} 1.0.0\n\n- b\n");
        check(path, &text, (open, &format!("{words} 1.1.0")));
    }
}

#[test]
fn old_versions_may_have_headings_of_another_level() {
    let text = "# Log\n\n## master\n\n- a\n\n## 1.0.1\n\n- b\n\n## 1.0.0\n\n- c\n\n# 0.9.0\n\n- d\n\n# v0.1.0\n\n- e\n";
    check("a.md", text, ("## master", "## 1.1.0"));
}

#[test]
fn a_misspelled_word_is_understood() {
    let text = "## [Unrelased]\n\n- a\n\n## [1.0.0] - 2024-01-31\n\n- b\n";
    check("a.md", text, ("[Unrelased]", "[1.1.0] - 2026-11-24"));
}

#[test]
fn a_section_without_changes_is_released_where_that_is_allowed() {
    let text = "*unreleased*\n~~~~~~~~~~~~\n\nNo unreleased changes.\n\n1.0.0 - 2024-01-31\n~~~~~~~~~~~~~~~~~~\n\n- b\n\n\
                0.9 - 2023-01-31\n~~~~~~~~~~~~~~~~\n\nNo unreleased changes.\n";
    let changelog = Changelog::parse(text.to_owned(), Format::Rst).unwrap();
    assert_eq!(changelog.released_without_changes().map(ToString::to_string).as_deref(), Some("0.9"));
    let version = "1.1.0".parse().unwrap();
    let promotion = Promotion { leaves_unreleased: Some(false), ..Promotion::new(&version, DAY) };
    assert_eq!(changelog.promote(&promotion), Err(ChangelogError::Empty { line: 1 }));
    let promoted = changelog.promote(&Promotion { allows_empty: true, ..promotion }).unwrap();
    let heading = ("*unreleased*\n~~~~~~~~~~~~", "1.1.0 - 2026-11-24\n~~~~~~~~~~~~~~~~~~");
    assert_eq!(promoted.text, text.replacen(heading.0, heading.1, 1));
    assert!(name_no_change(&promoted.notes));
}

#[test]
fn a_written_section_gets_only_a_missing_date() {
    let text = "## 1.1.0\n\n- a\n\n## 1.0.0 (2024-01-31)\n\n- b\n";
    check("a.md", text, ("## 1.1.0", "## 1.1.0 (2026-11-24)"));
    let text = "## 1.1.0 (2026-01-01)\n\n- a\n\n## 1.0.0 (2024-01-31)\n\n- b\n";
    let promoted = promote("a.md", text, None);
    assert_eq!((promoted.text.as_str(), promoted.was_written), (text, true));
    let text =
        "## 1.2.0 (unreleased)\n\n- c\n\n## 1.1.0 (unreleased)\n\n- a\n\n## 1.0.0 (2024-01-31)\n\n- b\n";
    check("a.md", text, ("1.1.0 (unreleased)", "1.1.0 (2026-11-24)"));
}

#[test]
fn a_comparison_starts_at_the_last_version() {
    let text = "## [Unreleased]\n\n- a\n\n## [1.0.1] - 2024-01-31\n\n[unreleased]: https://x/compare/1.0.0...main\n\
                [1.0.1]: https://x/compare/1.0.0...1.0.1\n";
    let promoted = promote("a.md", text, None);
    assert!(
        promoted.text.contains(
            "\n[unreleased]: https://x/compare/1.1.0...main\n[1.1.0]: https://x/compare/1.0.1...1.1.0\n"
        ),
        "{}",
        promoted.text
    );
}

#[test]
fn hostile_and_long_texts_cost_little() {
    let long = "x".repeat(1 << 20);
    let deep = format!("{}{}", "````\n".repeat(2_000), "<!--\n".repeat(2_000));
    for middle in [long.as_str(), deep.as_str(), "\t- a\n\t\t- b\n", "<!-- never closed\n\n## 0.9\n"] {
        let text = format!("## Unreleased\n\n- a\n\n{middle}\n\n## 1.0.0 (2024-01-31)\n\n- b\n");
        let promoted = promote("a.md", &text, Some(&Remainder::default()));
        assert!(promoted.text.starts_with("## 1.1.0"), "{:.80}", promoted.text);
    }
    let entry =
        "## 1.0.0 (2024-01-31)\n\n### Fixed\n\n- An entry with `code` and a [link](https://example.org).\n\n";
    let text = format!("# Changes\n\n## Unreleased\n\n- a\n\n{}", entry.repeat((5 << 20) / entry.len()));
    let promoted = promote("a.md", &text, None);
    assert_eq!(promoted.notes, "- a");
    let entry = "1.0.0 (2024-01-31)\n------------------\n\nFixed\n~~~~~\n\n".to_owned();
    let entry = entry + &"* An entry with ``code``.\n".repeat(40) + "\n";
    let text = format!(
        "Changes\n=======\n\nUnreleased\n----------\n\n* a\n\n{}",
        entry.repeat((5 << 20) / entry.len())
    );
    let promoted = promote("a.rst", &text, Some(&Remainder::default()));
    assert_eq!((promoted.notes.as_str(), promoted.heading.as_str()), ("* a", "1.1.0 (2026-11-24)"));
    // Everything is unreleased, and every other heading is empty.
    let entry = "### Added\n\n<!-- a hint -->\n\n### Fixed\n\n- An entry with `code`.\n\n";
    let text = format!("# Changes\n\n## Unreleased\n\n{}## 1.0.0\n", entry.repeat((5 << 20) / entry.len()));
    assert!(promote("a.md", &text, None).text.contains("\n\n## 1.1.0\n\n### Fixed\n\n- An entry"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_was_promoted_has_the_same_entries(
        (text, format) in changelog(), is_left in any::<bool>(), is_followed in any::<bool>()
    ) {
        let before = Changelog::parse(text, format).unwrap();
        let version = "1.1.0".parse().unwrap();
        let template = "\n- Nothing yet.".to_owned();
        let next = Successor { title: "1.2.0 (unreleased)".to_owned(), template };
        let successors = if is_followed { vec![next] } else { Vec::new() };
        let remainder = Remainder { is_left, successors, ..Remainder::default() };
        let promotion = Promotion { remainder: Some(&remainder), ..Promotion::new(&version, DAY) };
        let promoted = before.promote(&promotion).unwrap();
        let after = Changelog::parse(promoted.text.clone(), format).unwrap();
        let entries = |changelog: &Changelog| -> Vec<(Option<Version>, String)> {
            let others = changelog.versions().into_iter().filter(|section| section.version.as_ref() != Some(&version));
            others.map(|section| (section.version, section.body)).collect()
        };
        prop_assert_eq!(entries(&before), entries(&after), "{}", promoted.text);
        let own = after.versions().into_iter().find(|section| section.version.as_ref() == Some(&version));
        prop_assert_eq!(own.map(|section| section.body), Some(promoted.notes));
    }
}
