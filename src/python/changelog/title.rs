//! Interprets a heading: whether it is Unreleased or a version's, and its style.

use std::sync::LazyLock;

use regex::Regex;

use super::companion::Companion;
use super::date::{self, DateMatch};
use super::style::{Style, without_link};
use super::words::{self, GAP};
use crate::python::version::{SPELLING, Version};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Title {
    Unreleased(Unreleased),
    Release(Release),
    Other,
}

/// `[Unreleased]`, `Unreleased changes`, `1.2.0 (unreleased)`, `Next`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unreleased {
    /// The version beside the word
    pub(super) planned: Option<Planned>,
    pub(super) bracketed: bool,
    /// Whether it is a heading of another meaning in another place: `Development`
    pub(super) is_doubtful: bool,
}

/// The version that a heading announces
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) version: Version,
    /// As it is written
    pub(super) spelling: String,
    /// Whether it stands for all versions that begin so: `1.2.x`
    pub(super) is_series: bool,
}

/// `[1.2.3] - 2024-01-31`, `v1.2.3 (January 31, 2024)`, `1.2.3`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) version: Version,
    /// The version as it is written
    pub(super) spelling: String,
    pub(super) date: Option<String>,
    pub(super) yanked: bool,
    /// The version of something else that is released with it: `1.2.3/0.4b0`
    pub(super) companion: Option<Companion>,
    pub(super) style: Style,
}

/// The version after the word, if it can be read: `Unreleased (1.2.0)`
fn named_after(title: &str) -> Option<Option<Planned>> {
    let lower = title.to_ascii_lowercase();
    let has_word = ["unreleased", "next", "upcoming"].iter().any(|word| lower.contains(word));
    let found = has_word.then(|| NAMED_AFTER.captures(title)).flatten()?;
    Some(Planned::of(&found["version"]))
}

static NAMED_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    words::of_plain_text(&format!(
        r"{GAP}*(?:unreleased|next release|next version|next|upcoming release|upcoming){GAP}+v?(?P<version>{SPELLING}){GAP}*"
    ))
});

/// What may stand before the project's name and the version: `What's new in demo 1.2.3`
const PHRASE: &str = "(?:(?i-u:changes (?:in|for)|new in|(?:release )?notes for|changelog for)|(?i-u:what)['’]?(?i-u:s new in))";

static RELEASE: LazyLock<Regex> = LazyLock::new(|| {
    let shape = format!(
        r"^(?P<before>[\[`*_\s]*(?:{PHRASE}\s+)?(?:(?P<word>(?:[Vv]ersion|[Rr]elease):|[A-Za-z](?-u:[\w.-]*))\s+)?[\[`*]*(?P<v>[vV]?))(?P<version>{SPELLING})"
    );
    Regex::new(&shape).expect("a constant that the tests compile")
});

/// The parts of a title such as `Version 1.2.x` or `1.x.x`
fn series(title: &str) -> Option<regex::Captures<'_>> {
    let has_wildcard = [".x", ".X", ".*"].iter().any(|wildcard| title.contains(wildcard));
    has_wildcard.then(|| SERIES.captures(title)).flatten()
}

static SERIES: LazyLock<Regex> = LazyLock::new(|| {
    let shape = r"^[\[`*_\s]*(?:[A-Za-z](?-u:[\w.-]*)\s+)?[\[`*]*[vV]?(?P<spelling>(?P<version>[0-9]+(?:\.[0-9]+)*)(?:\.[xX*])+)(?P<rest>[^0-9A-Za-z_.].*)?$";
    Regex::new(shape).expect("a constant that the tests compile")
});

impl Title {
    pub(super) fn of(title: &str) -> Self {
        // In Markdown, a whole paragraph above `---` is a heading; a version's heading is a short line.
        if title.len() > 1000 || title.contains(['\n', '\r']) {
            return Self::Other;
        }
        let plain = without_link(title);
        let bracketed = title.starts_with('[');
        if words::is_unreleased(&plain) {
            return Self::Unreleased(Unreleased { bracketed, ..Unreleased::default() });
        }
        if words::may_be_unreleased(&plain) {
            return Self::Unreleased(Unreleased { bracketed, is_doubtful: true, ..Unreleased::default() });
        }
        if let Some(planned) = named_after(&words::plain(&plain)) {
            return Self::Unreleased(Unreleased { planned, bracketed, ..Unreleased::default() });
        }
        if words::is_unreleased_with_words(&plain) {
            return Self::Unreleased(Unreleased { bracketed, ..Unreleased::default() });
        }
        let open = || words::placeholder(series(&plain)?.name("rest")?.as_str());
        if let Some(series) = Self::of_series(&plain).filter(|_| open().is_some()) {
            return series;
        }
        Self::after_date(title).unwrap_or_else(|| Self::of_version(title))
    }

    /// The title that begins with a date, and has a version after it: `2024-01-31: demo 1.2.3`.
    fn after_date(title: &str) -> Option<Self> {
        let date = date::find(title).filter(|date| date.span.start == 0)?;
        let rest = &title[date.span.end..];
        let between = &rest[..rest.find(|c: char| !" :,|–—-".contains(c))?];
        match Self::of_version(&rest[between.len()..]) {
            Self::Release(release) if release.date.is_none() && !between.is_empty() => {
                let style = release.style.led_by(date.format, between);
                Some(Self::Release(Release { date: Some(title[date.span].to_owned()), style, ..release }))
            }
            _ => None,
        }
    }

    /// The title of the next version of a series, if something else tells that it is not released.
    pub(super) fn of_series(title: &str) -> Option<Self> {
        let found = series(title)?;
        let planned = Planned {
            version: found["version"].parse().ok()?,
            spelling: found["spelling"].to_owned(),
            is_series: true,
        };
        let bracketed = title.starts_with('[');
        Some(Self::Unreleased(Unreleased { planned: Some(planned), bracketed, is_doubtful: false }))
    }

    /// The title that begins with a version, or with a word and a version.
    fn of_version(title: &str) -> Self {
        let Some(found) = RELEASE.captures(title) else { return Self::Other };
        let spelling = found["version"].to_owned();
        let (Ok(version), Some(start)) = (spelling.parse::<Version>(), found.name("version")) else {
            return Self::Other;
        };
        let start = start.start();
        let rest = &title[start + spelling.len()..];
        // `2024-01-31` is a day, but `2024.01.31` may be a version.
        if date::find(&title[start..]).is_some_and(|date| date.span.start == 0 && date.format != "%Y.%m.%d") {
            return Self::Other;
        }
        let word = found.name("word").map(|word| word.as_str().trim_end_matches(':').to_lowercase());
        let named = matches!(word.as_deref(), None | Some("version" | "release"));
        let dotted = version.release_segments().len() > 1;
        let dated = date::find(rest).or_else(|| date::find_month(rest));
        let is_open = words::placeholder(&without_link(rest)).is_some();
        let is_dev = version.dev().is_some() && dated.is_none();
        if (dotted || named) && (is_open || is_dev && follows_a_version(rest)) {
            let planned = match is_dev {
                true => Some(Planned {
                    version: version.without_dev(),
                    spelling: version.without_dev().to_string(),
                    is_series: false,
                }),
                false => Some(Planned { version, spelling, is_series: false }),
            };
            return Self::Unreleased(Unreleased {
                planned,
                bracketed: title.starts_with('['),
                is_doubtful: is_dev,
            });
        }
        let marked =
            title.starts_with('[') || !found["v"].is_empty() || dated.is_some() || rest.trim().is_empty();
        if !(dotted || (named && marked)) || !follows_a_version(rest) {
            return Self::Other;
        }
        let (companion, style_rest) = match Companion::of(rest) {
            Some((companion, rest)) => (Some(companion), rest),
            None => (None, rest),
        };
        let skipped = rest.len() - style_rest.len();
        let shifted = dated.clone().map(|date| DateMatch {
            span: date.span.start - skipped..date.span.end - skipped,
            format: date.format,
        });
        Self::Release(Release {
            date: dated.as_ref().map(|date| rest[date.span.clone()].to_owned()),
            yanked: rest.to_lowercase().contains("[yanked]"),
            companion,
            style: Style::of(&title[..start], &spelling, style_rest, shifted),
            version,
            spelling,
        })
    }
}

impl Planned {
    fn of(spelling: &str) -> Option<Self> {
        Some(Self { version: spelling.parse().ok()?, spelling: spelling.to_owned(), is_series: false })
    }

    /// Whether the version is the one that the heading announces.
    pub(super) fn is(&self, version: &Version) -> bool {
        match self.is_series {
            true => version.release_segments().starts_with(self.version.release_segments()),
            false => self.version == *version,
        }
    }

    /// How the heading writes the version that it announces, if that is `version`.
    pub(super) fn spelling_of(&self, version: &Version) -> Option<&str> {
        (!self.is_series && self.version == *version).then_some(self.spelling.as_str())
    }

    /// How a heading would announce another version.
    pub(super) fn like(&self, version: &Version) -> String {
        let count = self.version.release_segments().len();
        match (self.is_series, version.release_segments().get(..count)) {
            (true, Some(numbers)) => {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                let open = self.spelling.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(1);
                format!("{}{}", numbers.join("."), &self.spelling[open - 1..])
            }
            _ => version.to_string(),
        }
    }
}

impl Release {
    /// Whether the heading is more than a bare number, so that it is certainly a release's.
    pub(super) fn is_certain(&self) -> bool {
        self.date.is_some() || self.style.is_bracketed()
    }
}

/// Whether a text can follow a version in a heading, unlike the rest of a sentence.
fn follows_a_version(rest: &str) -> bool {
    let linkless = without_link(rest);
    // A link reference.
    if linkless.starts_with("]:") {
        return false;
    }
    let is_question = linkless == "?";
    if !(linkless.is_empty()
        || is_question
        || linkless.starts_with(|c: char| "]`*_ \t(),:;|/–—-".contains(c)))
    {
        return false;
    }
    let tail = linkless.trim_start_matches(|c: char| "]`*_[".contains(c)).trim();
    match tail.chars().next() {
        None => true,
        Some(first) if first.is_alphanumeric() => {
            let tail = tail.strip_prefix("released ").or_else(|| tail.strip_prefix("on ")).unwrap_or(tail);
            let date = date::find(tail).or_else(|| date::find_month(tail));
            date.is_some_and(|date| date.span.start == 0)
        }
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn release(title: &str) -> Option<Release> {
        match Title::of(title) {
            Title::Release(release) => Some(release),
            _ => None,
        }
    }

    #[test]
    fn recognises_the_unreleased_part() {
        for title in [
            "Unreleased",
            "[Unreleased]",
            "UNRELEASED",
            "[unreleased] - TBD",
            "[Unreleased](https://example.org/compare/v1.0.0...HEAD)",
            "[Unreleased][]",
            "Unreleased changes",
            "`Unreleased`_",
            "Unreleased_",
            "**Unreleased**",
            "`Unreleased <https://example.org/compare/v1.0.0...HEAD>`__",
            "Unreleased - xxxx-xx-xx",
        ] {
            assert!(
                matches!(Title::of(title), Title::Unreleased(Unreleased { planned: None, .. })),
                "{title}"
            );
        }
        for title in [
            "1.2.0 (unreleased)",
            "[1.2.0] - Unreleased",
            "v1.2.0 - not yet released",
            "Version 1.2.0 (in development)",
            "demo 1.2.0 (TBD)",
            "1.2.0 (2026-05-??)",
            "1.2.0 (...)",
            "1.2.0 (future)",
            "Version: 1.2.0 (planning)",
            "1.2.0.dev0",
            "Unreleased (1.2.0)",
            "Next release - v1.2.0",
        ] {
            let Title::Unreleased(unreleased) = Title::of(title) else { panic!("{title}") };
            assert_eq!(unreleased.planned.unwrap().version, "1.2.0".parse().unwrap(), "{title}");
        }
        assert_eq!(Title::of("Unreleased features we dropped"), Title::Other);
        for title in [
            "Dev",
            "Latest Changes",
            "Next release",
            "In development",
            "main",
            "*Upcoming*",
            "vNext",
            "[X.Y.Z] - YYYY-MM-DD",
            "Version x.x.x",
            "vX.X (unreleased)",
        ] {
            let Title::Unreleased(unreleased) = Title::of(title) else { panic!("{title}") };
            assert!(unreleased.is_doubtful, "{title}");
        }
    }

    #[test]
    fn recognises_versions() {
        for title in [
            "[1.2.3] - 2024-01-31",
            "1.2.3 (2024-01-31)",
            "v1.2.3",
            "1.2.3",
            "[1.2.3]",
            "[1.2.3] - 2024-01-31 [YANKED]",
            "Version 1.2.3",
            "demo 1.2.3 - 31 January 2024",
            "[v1.2.3](https://example.org/compare/v1.2.2...v1.2.3) (2024-01-31)",
            "1.2.3 - the codename",
            "`1.2.3`_ - 2024-01-31",
            "1.2.3, released 2024-01-31",
            "1.2.3: January 31, 2024",
            "1.2.3 January 31, 2024",
        ] {
            assert_eq!(
                release(title).unwrap_or_else(|| panic!("{title}")).version,
                "1.2.3".parse().unwrap(),
                "{title}"
            );
        }
        assert_eq!(release("[1.0.0-rc.1] - 2024-01-31").unwrap().version.to_string(), "1.0.0rc1");
        assert_eq!(release("2024.10").unwrap().version.to_string(), "2024.10");
        assert_eq!(release("42").unwrap().version.to_string(), "42");
        assert!(release("1.0.0 - 2024-01-31 [YANKED]").unwrap().yanked);
        assert_eq!(release("1.0.0 (Jan 5, 2024)").unwrap().date.as_deref(), Some("Jan 5, 2024"));
    }

    #[test]
    fn recognises_no_other_heading_as_a_version() {
        for title in [
            "Added",
            "Changelog",
            "1.2 migration guide",
            "2024-01-31",
            "1.2.x",
            "3 things",
            "Step 1",
            "1: first",
            "",
            "v",
            "[docs]",
        ] {
            assert_eq!(Title::of(title), Title::Other, "{title}");
        }
    }

    #[test]
    fn writes_the_next_version_as_the_last_one() {
        let date = date::parse("2026-11-24").unwrap();
        for (title, expected) in [
            ("[1.2.3] - 2024-01-31", "[1.3.0] - 2026-11-24"),
            ("[1.2.3] - 2024-01-31 [YANKED]", "[1.3.0] - 2026-11-24"),
            ("1.2.3 (2024-01-31)", "1.3.0 (2026-11-24)"),
            ("v1.2.3", "v1.3.0"),
            ("[1.2.3][]", "[1.3.0][]"),
            ("**1.2.3** — January 5, 2024", "**1.3.0** — November 24, 2026"),
            ("demo 1.2.3 (05.01.2024)", "demo 1.3.0 (24.11.2026)"),
            ("1.2.3 - 2024-01-31 - Codename", "1.3.0 - 2026-11-24"),
            ("[1.2.3] - Codename - 2024-01-31", "[1.3.0] - 2026-11-24"),
            ("1.2.3 - Codename", "1.3.0"),
            ("1.2.3, released 2024-01-31", "1.3.0, released 2026-11-24"),
            ("Release 1.2.3 (released Dec 04, 2025)", "Release 1.3.0 (released Nov 24, 2026)"),
            ("Version 1.2.3 - March, 2024", "Version 1.3.0 - November, 2026"),
            ("`v1.2.3 <https://x/1.2.2...1.2.3>`__", "`v1.3.0 <y>`__"),
            ("1.2.3 (6th December, 2024)", "1.3.0 (24th November, 2026)"),
            ("1.2.3 - 2024-01-31 ## {: #demo-v1.2.3 }", "1.3.0 - 2026-11-24 ## {: #demo-v1.3.0 }"),
            ("[1.2.3](https://x/v1.2.3) (2024-01-31)", "[1.3.0] (2026-11-24)"),
            ("`1.2.3`_ - 2024-01-31", "`1.3.0`_ - 2026-11-24"),
        ] {
            let style = release(title).unwrap().style;
            let link = title.starts_with("`v").then_some("y");
            assert_eq!(style.write("1.3.0", date, link), expected, "{title}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(title in r"\PC{0,60}") {
            if let Title::Release(release) = Title::of(&title) {
                release.style.write(&release.spelling, date::parse("2026-11-24").unwrap(), Some("x"));
            }
        }

        #[test]
        fn never_panics_on_what_looks_like_one(title in r"[\[`*v ]{0,3}[0-9]{1,2}(\.[0-9é]{1,2}){0,3}[\])(`_\- ]{0,4}(2024-01-0[1-9]|\(x\)|[\PC]{0,5})[\])]{0,2}") {
            if let Title::Release(release) = Title::of(&title) {
                release.style.write(&release.spelling, date::parse("2026-11-24").unwrap(), None);
            }
        }
    }
}
