//! Whole changelogs, before and after a release.

use proptest::prelude::*;

use super::title::Unreleased;
use super::*;

const KEEP: &str = "\
# Changelog

All notable changes.

## [Unreleased]

### Added

- A flag

## [1.0.0] - 2024-01-31

### Added

- Everything

[Unreleased]: https://github.com/o/demo/compare/v1.0.0...HEAD
[1.0.0]: https://github.com/o/demo/releases/tag/v1.0.0
";

fn promote(text: &str, format: Format) -> Result<Promoted, ChangelogError> {
    Changelog::parse(text.to_owned(), format)?
        .promote(&Promotion::new(&"1.1.0".parse().unwrap(), "2026-11-24"))
}

fn promote_with(changelog: &Changelog, links: &CompareLinks) -> String {
    let version = "1.1.0".parse().unwrap();
    let promotion = Promotion { links: Some(links), ..Promotion::new(&version, "2026-11-24") };
    changelog.promote(&promotion).unwrap().text
}

fn promoted(text: &str) -> String {
    promote(text, Format::Markdown).unwrap().text
}

fn refused(text: &str) -> (String, String) {
    let error = promote(text, Format::Markdown).unwrap_err();
    (error.to_string(), error.help())
}

fn links(previous: Option<&str>) -> CompareLinks {
    CompareLinks {
        repository_url: "https://github.com/o/demo".into(),
        previous_tag: previous.map(str::to_owned),
        tag: "v1.1.0".into(),
    }
}

#[test]
fn releases_a_changelog_as_keep_a_changelog_shows_it() {
    let release = promote(KEEP, Format::Markdown).unwrap();
    let expected = KEEP
        .replace("## [Unreleased]\n", "## [Unreleased]\n\n## [1.1.0] - 2026-11-24\n")
        .replace(
            "[Unreleased]: https://github.com/o/demo/compare/v1.0.0...HEAD\n",
            "[Unreleased]: https://github.com/o/demo/compare/v1.1.0...HEAD\n[1.1.0]: https://github.com/o/demo/compare/v1.0.0...v1.1.0\n",
        );
    assert_eq!(release.text, expected);
    assert_eq!(release.notes, "### Added\n\n- A flag");
}

#[test]
fn a_promoted_changelog_can_be_promoted_again() {
    let once = promote(KEEP, Format::Markdown).unwrap().text;
    let edited = once.replace("## [Unreleased]\n", "## [Unreleased]\n\n- more\n");
    let twice = Changelog::parse(edited, Format::Markdown).unwrap();
    let twice = twice.promote(&Promotion::new(&"1.2.0".parse().unwrap(), "2026-12-24")).unwrap();
    assert!(
        twice
            .text
            .contains("## [Unreleased]\n\n## [1.2.0] - 2026-12-24\n\n- more\n\n## [1.1.0] - 2026-11-24\n")
    );
    assert!(twice.text.contains("[1.2.0]: https://github.com/o/demo/compare/v1.1.0...v1.2.0\n[1.1.0]: "));
    assert_eq!(twice.notes, "- more");
}

#[test]
fn keeps_line_endings_the_byte_order_mark_and_a_missing_last_line_ending() {
    let text = format!("\u{feff}{}", KEEP.replace('\n', "\r\n").replace("- A flag", "- A flag  "));
    let text = text.trim_end();
    let release = promote(text, Format::Markdown).unwrap();
    assert!(release.text.starts_with("\u{feff}# Changelog\r\n"));
    assert_eq!(release.text.matches('\n').count(), release.text.matches("\r\n").count());
    assert!(release.text.contains("- A flag  \r\n"));
    assert!(release.text.ends_with("releases/tag/v1.0.0"));
    assert_eq!(release.notes, "### Added\n\n- A flag");
}

#[test]
fn writes_the_heading_as_the_file_writes_headings() {
    for (unreleased, earlier, expected) in [
        ("## Unreleased", "## 1.0.0 (2024-01-31)", "## Unreleased\n\n## 1.1.0 (2026-11-24)"),
        ("## Unreleased", "## v1.0.0", "## Unreleased\n\n## v1.1.0"),
        (
            "# unreleased #",
            "# Version 1.0.0 - January 31, 2024 #",
            "# unreleased #\n\n# Version 1.1.0 - November 24, 2026 #",
        ),
        (
            "Unreleased\n----------",
            "1.0.0 (2024-01-31)\n------------------",
            "Unreleased\n----------\n\n1.1.0 (2026-11-24)\n------------------",
        ),
        (
            "## [Unreleased] - TBD",
            "## [1.0.0] - 2024-01-31 [YANKED]",
            "## [Unreleased] - TBD\n\n## [1.1.0] - 2026-11-24",
        ),
        ("## [1.1.0] - Unreleased", "## [1.0.0] - 2024-01-31", "## [1.1.0] - 2026-11-24"),
        ("## [Unreleased]", "## Older versions", "## [Unreleased]\n\n## [1.1.0] - 2026-11-24"),
        ("## Unreleased", "## Older versions", "## Unreleased\n\n## 1.1.0 - 2026-11-24"),
    ] {
        let text = format!("{unreleased}\n\n- a\n\n{earlier}\n\n- b\n");
        assert_eq!(promoted(&text), format!("{expected}\n\n- a\n\n{earlier}\n\n- b\n"));
    }
}

#[test]
fn releases_restructured_text() {
    let text = "Changes\n=======\n\nUnreleased\n----------\n\nAdded\n~~~~~\n\n* A flag\n\n\n.. _v1.0.0:\n\n1.0.0 (2024-01-31)\n------------------\n\n* b\n";
    let release = promote(text, Format::Rst).unwrap();
    let heading = "Unreleased\n----------\n\n.. _v1.1.0:\n\n1.1.0 (2026-11-24)\n------------------\n";
    assert_eq!(release.text, text.replace("Unreleased\n----------\n", heading));
    assert_eq!(release.notes, "Added\n~~~~~\n\n* A flag");

    let zest = "Changelog\n=========\n\n\n1.1.0 (unreleased)\n==================\n\n- a\n\n\n1.0 (2024-01-31)\n================\n";
    let expected = "Changelog\n=========\n\n\n1.1.0 (2026-11-24)\n==================\n\n- a\n";
    // All headings of one level: the title of the whole is no section of its own.
    assert!(promote(zest, Format::Rst).unwrap().text.starts_with(expected));

    let over = "==========\nunreleased\n==========\n\na\n";
    let expected = "==========\nunreleased\n==========\n\n==================\n1.1.0 (2026-11-24)\n==================\n\na\n";
    assert_eq!(promote(over, Format::Rst).unwrap().text, expected);

    let wide = "Unreleased\n--------------------\n\na\n";
    assert!(
        promote(wide, Format::Rst).unwrap().text.contains("\n1.1.0 (2026-11-24)\n--------------------\n")
    );
}

#[test]
fn keeps_targets_of_restructured_text() {
    let text = "`Unreleased`_\n-------------\n\na\n\n`1.0.0`_ - 2024-01-31\n---------------------\n\nb\n\n.. _Unreleased: https://x/compare/v1.0.0...main\n.. _1.0.0: https://x/tag/v1.0.0\n";
    let release = promote(text, Format::Rst).unwrap();
    assert!(
        release.text.contains("\n\n`1.1.0`_ - 2026-11-24\n---------------------\n\na\n"),
        "{}",
        release.text
    );
    assert!(release.text.ends_with(
        ".. _Unreleased: https://x/compare/v1.1.0...main\n.. _1.1.0: https://x/compare/v1.0.0...v1.1.0\n.. _1.0.0: https://x/tag/v1.0.0\n"
    ));
    assert_eq!(release.notes, "a");
}

#[test]
fn follows_the_pattern_of_the_addresses() {
    for (own, earlier, expected) in [
        (
            "https://gitlab.com/o/r/-/compare/1.0.0...main",
            "https://gitlab.com/o/r/-/tags/1.0.0",
            [
                "https://gitlab.com/o/r/-/compare/1.1.0...main",
                "https://gitlab.com/o/r/-/compare/1.0.0...1.1.0",
            ],
        ),
        (
            "https://bitbucket.org/o/r/branches/compare/HEAD%0Dv1.0.0",
            "https://bitbucket.org/o/r/src/v1.0.0",
            [
                "https://bitbucket.org/o/r/branches/compare/HEAD%0Dv1.1.0",
                "https://bitbucket.org/o/r/branches/compare/v1.1.0%0Dv1.0.0",
            ],
        ),
        (
            "https://x/compare/0a1b2c3d...HEAD",
            "https://x/commits/0a1b2c3d",
            ["https://x/compare/v1.1.0...HEAD", "https://x/compare/0a1b2c3d...v1.1.0"],
        ),
        (
            "https://x/tree/main",
            "https://x/releases/demo-1.0.0",
            ["https://x/tree/main", "https://x/releases/demo-1.1.0"],
        ),
    ] {
        let foot = |own: &str, middle: &str| format!("\n[unreleased]: {own}\n{middle}[1.0.0]: {earlier}\n");
        let text = format!("## [Unreleased]\n\n- a\n\n## [1.0.0]\n{}", foot(own, ""));
        let expected = foot(expected[0], &format!("[1.1.0]: {}\n", expected[1]));
        assert!(promoted(&text).ends_with(&expected), "{}", promoted(&text));
    }
}

#[test]
fn links_to_tags_where_the_file_does() {
    let text = "## [Unreleased]\n\n- a\n\n## [1.0.0]\n\n## [0.9.0]\n\n[Unreleased]: https://x/compare/v1.0.0...HEAD\n[1.0.0]: https://x/tag/v1.0.0\n[0.9.0]: https://x/tag/v0.9.0\n";
    assert!(
        promoted(text).contains(
            "[Unreleased]: https://x/compare/v1.1.0...HEAD\n[1.1.0]: https://x/tag/v1.1.0\n[1.0.0]"
        )
    );

    let without = text.replace("[Unreleased]: https://x/compare/v1.0.0...HEAD\n", "");
    assert!(
        promoted(&without).contains("\n\n[1.1.0]: https://x/tag/v1.1.0\n[1.0.0]: https://x/tag/v1.0.0\n")
    );
}

#[test]
fn prefers_the_tag_it_is_given() {
    let links = CompareLinks { tag: "demo/1.1.0".into(), ..links(None) };
    let changelog = Changelog::parse(KEEP.to_owned(), Format::Markdown).unwrap();
    let text = promote_with(&changelog, &links);
    assert!(text.contains("[Unreleased]: https://github.com/o/demo/compare/demo/1.1.0...HEAD\n[1.1.0]: https://github.com/o/demo/compare/v1.0.0...demo/1.1.0\n"));
}

#[test]
fn makes_link_references_where_there_are_none() {
    let with = |text: &str, links: &CompareLinks| {
        let changelog = Changelog::parse(text.to_owned(), Format::Markdown).unwrap();
        promote_with(&changelog, links)
    };
    let text = "## [Unreleased]\n\n- a\n\n## [1.0.0] - 2024-01-31\n\n- b\n";
    assert!(with(text, &links(Some("v1.0.0"))).ends_with(
        "\n- b\n\n[Unreleased]: https://github.com/o/demo/compare/v1.1.0...HEAD\n[1.1.0]: https://github.com/o/demo/compare/v1.0.0...v1.1.0\n"
    ));
    // Several versions without any have none on purpose.
    let bare = format!("{text}\n## [0.9.0]\n\n- c\n");
    assert!(!with(&bare, &links(Some("v1.0.0"))).contains("https"));
    let first = "## [Unreleased]\n\n- a";
    assert!(with(first, &links(None)).ends_with(
        "\n- a\n\n[Unreleased]: https://github.com/o/demo/compare/v1.1.0...HEAD\n[1.1.0]: https://github.com/o/demo/releases/tag/v1.1.0"
    ));
    let plain = "## Unreleased\n\n- a\n\n## 1.0.0\n";
    assert!(!with(plain, &links(None)).contains("https"));
    let other = "## [Unreleased]\n\n- a [docs]\n\n[docs]: https://docs\n";
    assert!(with(other, &links(None)).contains("- a [docs]\n\n[docs]: https://docs\n[Unreleased]: https"));
}

#[test]
fn updates_links_inside_headings() {
    let text = "## [Unreleased](https://x/compare/v1.0.0...HEAD)\n\n- a\n\n## [v1.0.0](https://x/compare/v0.9.0...v1.0.0) (2024-01-31)\n";
    assert!(promoted(text).starts_with(
        "## [Unreleased](https://x/compare/v1.1.0...HEAD)\n\n## [v1.1.0](https://x/compare/v1.0.0...v1.1.0) (2026-11-24)\n\n- a\n"
    ));
    let text = "## Unreleased\n\n- a\n\n## [1.0.0](https://x/compare/v0.9.0...v1.0.0) (2024-01-31)\n";
    assert!(promoted(text).contains("## [1.1.0](https://x/compare/v1.0.0...v1.1.0) (2026-11-24)\n"));
}

#[test]
fn refuses_a_changelog_without_an_unreleased_part() {
    let (error, help) = refused("# Changelog\n\n## [1.0.0] - 2024-01-31\n");
    assert_eq!(error, "the changelog has no Unreleased section");
    assert_eq!(help, "add `## [Unreleased]` above line 3, and the changes below it");
    assert_eq!(refused("").1, "add `## [Unreleased]`, and the changes below it");
    assert_eq!(refused("# v1.0.0\n").1, "add `# Unreleased` above line 1, and the changes below it");
    assert!(
        refused("```\n## [Unreleased]\n").1.starts_with("line 2 looks like its heading, but is inside code")
    );
    assert!(refused("<!--\n## [Unreleased]\n-->\n").1.starts_with("line 2 looks like its heading"));
}

#[test]
fn refuses_an_empty_unreleased_part() {
    for body in [
        "",
        "### Added\n\n### Fixed\n",
        "<!-- write\n\nhere -->\n",
        "- <!-- nothing -->\n",
        "-\n",
        "### Added\n\n---\n",
        "**Added**\n",
    ] {
        let text = format!("## Unreleased\n\n{body}\n## 1.0.0\n\n- b\n");
        assert_eq!(refused(&text).0, "the Unreleased section on line 1 is empty", "{body}");
    }
    let foot = "## [Unreleased]\n\n[Unreleased]: https://x/compare/v1.0.0...HEAD\n";
    assert_eq!(refused(foot).0, "the Unreleased section on line 1 is empty");
    assert!(promote("## Unreleased\n\n```\ncode\n```\n", Format::Markdown).is_ok());
    assert!(promote("## Unreleased\n\n- 🎉\n", Format::Markdown).is_ok());
    let rst = promote("Unreleased\n----------\n\n.. nothing yet\n\nAdded\n~~~~~\n", Format::Rst).unwrap_err();
    assert_eq!(rst, ChangelogError::Empty { line: 1 });
}

#[test]
fn refuses_an_existing_version() {
    let (error, _) = refused("## Unreleased\n\n- a\n\n## 1.1 - 2024-01-31\n");
    assert_eq!(error, "the changelog already has a section for `1.1.0`, on line 5");
}

#[test]
fn refuses_an_unreleased_part_in_the_wrong_place() {
    let (error, help) = refused("## 1.0.0\n\n- b\n\n## Unreleased\n\n- a\n");
    assert_eq!(error, "the Unreleased section on line 5 is below that of `1.0.0` on line 1");
    assert_eq!(help, "move it above line 1: the newest section comes first");
    let (error, _) = refused("# Unreleased\n\n- a\n\n## 1.0.0 - 2024-01-31\n");
    assert_eq!(error, "the heading of `1.0.0` on line 5 is deeper than that of Unreleased on line 1");
    assert_eq!(
        refused("## Unreleased\n\n- a\n\n## [Unreleased]\n").0,
        "the changelog has two Unreleased sections, on line 1 and on line 5"
    );
}

#[test]
fn refuses_an_invalid_date() {
    let changelog = Changelog::parse(KEEP.to_owned(), Format::Markdown).unwrap();
    for date in ["2026-02-30", "today", "", "24.11.2026"] {
        let error = changelog.promote(&Promotion::new(&"1.1.0".parse().unwrap(), date)).unwrap_err();
        assert_eq!(error.to_string(), format!("`{date}` is not a valid date (YYYY-MM-DD)"));
    }
}

#[test]
fn lists_the_versions() {
    let text = "# Changelog\n\n## Unreleased\n\n## [1.0.0] - 2024-01-31 [YANKED]\n\n### Fixed\n\n- a\n\n## Notes\n\nx\n\n## 0.9\n\n```\n## 0.8\n```\n";
    let changelog = Changelog::parse(text.to_owned(), Format::Markdown).unwrap();
    let versions = changelog.versions();
    assert_eq!(
        versions.iter().map(|one| one.version.as_ref().unwrap().to_string()).collect::<Vec<_>>(),
        ["1.0.0", "0.9"]
    );
    assert_eq!(
        (versions[0].yanked, versions[0].line, versions[0].date.as_deref()),
        (true, 5, Some("2024-01-31"))
    );
    assert_eq!(versions[0].body, "### Fixed\n\n- a");
    assert_eq!(versions[1].body, "```\n## 0.8\n```");
    assert_eq!(changelog.unreleased().unwrap().body, "");
}

#[test]
fn knows_the_format_by_the_name() {
    assert_eq!(Format::of("docs/CHANGELOG.md"), Some(Format::Markdown));
    assert_eq!(Format::of("CHANGES.MARKDOWN"), Some(Format::Markdown));
    assert_eq!(Format::of("docs.d/CHANGES"), Some(Format::Rst));
    assert_eq!(Format::of("CHANGES.txt"), Some(Format::Rst));
    assert_eq!(Format::of("NEWS.rst"), Some(Format::Rst));
    assert_eq!(Format::of("CHANGELOG.html"), None);
}

#[test]
fn reads_a_long_history_at_once() {
    let mut text = String::from("## Unreleased\n\n- a\n\n");
    for minor in (0..3000).rev() {
        text.push_str(&format!("## 0.{minor}.0 - 2024-01-31\n\n### Fixed\n\n- b\n\n"));
    }
    let changelog = Changelog::parse(text, Format::Markdown).unwrap();
    assert_eq!(changelog.versions().len(), 3000);
    assert!(changelog.promote(&Promotion::new(&"3000.0".parse().unwrap(), "2026-11-24")).is_ok());
}

/// Lines of the kind that changelogs are made of, in any order.
pub(super) fn fragment() -> impl Strategy<Value = String> {
    let lines = [
        "# Changelog",
        "## [Unreleased]",
        "## Unreleased",
        "Unreleased",
        "----------",
        "==========",
        "## [1.0.0] - 2024-01-31",
        "1.0.0 (2024-01-31)",
        "------------------",
        "### Added",
        "Added",
        "~~~~~",
        "- an entry",
        "  goes on",
        "```",
        "<!--",
        "-->",
        "text",
        "",
        "",
        ".. a comment",
        ".. _Unreleased: https://x/compare/v1...HEAD",
        "[Unreleased]: https://x/compare/v1.0.0...HEAD",
        "[1.0.0]: https://x/v1.0.0",
        "Example::",
        "  indented",
        "## [1.0.0](https://x/y) (2024-01-31)",
        "trailing  ",
        "> quote",
        "## v0.9 é — ü",
        "1.1.0 (unreleased)",
        "Version 1.0.0",
        "Released 2024-01-31",
        "*UNRELEASED*",
        "## Next",
        "**0.8.0**",
        "<!-- a hint -->",
    ];
    let ending = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    (prop::collection::vec(prop::sample::select(lines.to_vec()), 0..25), ending, any::<bool>(), any::<bool>())
        .prop_map(|(lines, ending, mark, terminated)| {
            let text = lines.join(ending);
            format!("{}{text}{}", if mark { "\u{feff}" } else { "" }, if terminated { ending } else { "" })
        })
}

/// A changelog whose headings are of one form, and its format.
pub(super) fn changelog() -> impl Strategy<Value = (String, Format)> {
    let blocks =
        ["- an entry\n  goes on", "text", "- a\n- b", "Example::\n\n  indented", "> quote", "trailing  "];
    let block = prop_oneof![
        4 => prop::sample::select(blocks.to_vec()).prop_map(str::to_owned),
        1 => Just("SUB".to_owned()),
        1 => Just("COMMENT".to_owned()),
        1 => Just("CODE".to_owned()),
    ];
    let body = prop::collection::vec(block, 1..5);
    let unreleased =
        prop::sample::select(vec!["Unreleased", "[Unreleased]", "1.1.0 (unreleased)", "1.1.0 (TBD)"]);
    let earlier = prop::collection::vec(body.clone(), 0..4);
    let parts = (any::<(bool, bool, bool, bool)>(), unreleased, body, earlier);
    parts.prop_map(|((is_rst, has_title, has_links, is_crlf), unreleased, body, earlier)| {
        let heading = |text: &str, mark: char| match is_rst {
            true => format!("{text}\n{}\n", mark.to_string().repeat(text.len())),
            false if mark == '=' => format!("# {text}\n"),
            false if mark == '-' => format!("## {text}\n"),
            false => format!("### {text}\n"),
        };
        let shown = |blocks: &[String]| {
            let block = |block: &String| match block.as_str() {
                "SUB" => format!("{}\n- below it", heading("Added", '~')),
                "COMMENT" if is_rst => ".. a comment".to_owned(),
                "COMMENT" => "<!-- a comment\n## 0.1.0\n-->".to_owned(),
                "CODE" if is_rst => "::\n\n  code".to_owned(),
                "CODE" => "```\n## 0.2.0\n```".to_owned(),
                other => other.to_owned(),
            };
            blocks.iter().map(block).collect::<Vec<_>>().join("\n\n")
        };
        let mut text = if has_title { format!("{}\n", heading("Changelog", '=')) } else { String::new() };
        text.push_str(&format!("{}\n- first\n\n{}\n", heading(unreleased, '-'), shown(&body)));
        for (index, blocks) in earlier.iter().enumerate() {
            let title = format!("1.0.{} (2024-01-31)", earlier.len() - index);
            text.push_str(&format!("\n{}\n{}\n", heading(&title, '-'), shown(blocks)));
        }
        if has_links && !is_rst {
            text.push_str("\n[Unreleased]: https://x/compare/v1.0.1...HEAD\n");
        }
        let text = if is_crlf { text.replace('\n', "\r\n") } else { text };
        (text, if is_rst { Format::Rst } else { Format::Markdown })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_release_changes_only_headings_and_links((text, format) in changelog()) {
        let before = Changelog::parse(text.clone(), format).unwrap();
        let release = promote(&text, format).unwrap();
        let has = |line: &str| release.text.split(['\n', '\r']).any(|other| other == line);
        let gone: Vec<&str> = text.split(['\n', '\r']).filter(|line| !has(line)).collect();
        let is_open = |line: &str| ["unreleased", "next", "tbd"].iter().any(|word| line.to_lowercase().contains(word));
        let is_underline = |line: &str| !line.contains(char::is_alphanumeric);
        prop_assert!(gone.iter().all(|line| is_open(line) || is_underline(line)), "{:?}", gone);
        // The result is a changelog again, with the version, and Unreleased is empty unless it named the version.
        let version = "1.1.0".parse().unwrap();
        let again = Changelog::parse(release.text.clone(), format).unwrap();
        let own = again.versions().into_iter().find(|section| section.version.as_ref() == Some(&version));
        prop_assert_eq!(own.map(|section| section.body), Some(release.notes));
        if let Ok(select::Choice::Unreleased(_, Unreleased { planned: None, .. })) = before.choose(&version) {
            let left = again.unreleased_part();
            prop_assert!(left.is_some_and(|part| again.is_without_changes(part, &Remainder::default())));
        }
    }

    #[test]
    fn promoting_never_panics(text in fragment(), rst in any::<bool>()) {
        let format = if rst { Format::Rst } else { Format::Markdown };
        let _ = promote(&text, format);
    }

    #[test]
    fn never_panics(text in r"(\PC|[\n\r\t#=\-\[\]]){0,200}", rst in any::<bool>()) {
        let format = if rst { Format::Rst } else { Format::Markdown };
        if let Ok(changelog) = Changelog::parse(text, format) {
            changelog.suggested_bump();
            let version = "1.1.0".parse().unwrap();
            let links = links(None);
            for notes in [None, Some("- x")] {
                let promotion = Promotion { links: Some(&links), notes, ..Promotion::new(&version, "2026-11-24") };
                let _ = changelog.promote(&promotion);
            }
        }
    }
}
