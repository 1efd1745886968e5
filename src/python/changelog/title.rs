//! Interprets a heading: whether it is Unreleased or a version's, and its style.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::date;
use crate::python::version::{SPELLING, Version};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Title {
    Unreleased(Unreleased),
    Release(Release),
    Other,
}

/// `[Unreleased]`, `Unreleased changes`, `1.2.0 (unreleased)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreleased {
    /// The version beside the word
    pub(super) planned: Option<Version>,
    pub(super) bracketed: bool,
}

/// `[1.2.3] - 2024-01-31`, `v1.2.3 (January 31, 2024)`, `1.2.3`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) version: Version,
    /// The version as it is written
    pub(super) spelling: String,
    pub(super) date: Option<String>,
    pub(super) yanked: bool,
    pub(super) style: Style,
}

/// The style of a file's version headings
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    /// The text before the version: `[v`
    before: String,
    /// The text between version and date: `] - `; without a date, the text after the version
    between: String,
    /// The date's strftime format, and the text after it
    date: Option<(&'static str, String)>,
}

static UNRELEASED: LazyLock<Regex> = LazyLock::new(|| {
    let shape = r"(?i)^[\W_]*(?:unreleased|not yet released)[\W_]*(?:changes|version|tbd|tba|date|x{2,4})?[\W_]*(?:x+[\W_]*)*$";
    Regex::new(shape).expect("a constant that the tests compile")
});

static PLANNED: LazyLock<Regex> = LazyLock::new(|| {
    let shape = format!(
        r"(?i)^[\W_]*(?:version |v)?(?-i:(?P<version>{SPELLING}))[\W_]*(?:unreleased|not yet released)[\W_]*$"
    );
    Regex::new(&shape).expect("a constant that the tests compile")
});

static RELEASE: LazyLock<Regex> = LazyLock::new(|| {
    let shape = format!(
        r"^(?P<before>[\[`*_\s]*(?:(?P<word>[A-Za-z][\w.-]*)\s+)?[\[`*]*(?P<v>[vV]?))(?P<version>{SPELLING})"
    );
    Regex::new(&shape).expect("a constant that the tests compile")
});

static INLINE_LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\]\(([^()\s]*)\)").expect("a constant that the tests compile"));

impl Title {
    pub(super) fn of(title: &str) -> Self {
        // In Markdown, a whole paragraph above `---` is a heading; a version's heading is a short line.
        if title.len() > 1000 || title.contains(['\n', '\r']) {
            return Self::Other;
        }
        let plain = INLINE_LINK.replace(title, "]");
        let bracketed = title.starts_with('[');
        if UNRELEASED.is_match(&plain) {
            return Self::Unreleased(Unreleased { planned: None, bracketed });
        }
        if let Some(found) = PLANNED.captures(&plain) {
            return Self::Unreleased(Unreleased { planned: found["version"].parse().ok(), bracketed });
        }
        Release::of(title).map_or(Self::Other, Self::Release)
    }
}

impl Release {
    fn of(title: &str) -> Option<Self> {
        let found = RELEASE.captures(title)?;
        let spelling = found["version"].to_owned();
        let version: Version = spelling.parse().ok()?;
        let start = found.name("version")?.start();
        let rest = &title[found.get(0)?.end()..];
        let dated = date::find(rest);
        // `2024-01-31` is a day, but `2024.01.31` may be a version.
        if date::find(&title[start..]).is_some_and(|date| date.span.start == 0 && date.format != "%Y.%m.%d") {
            return None;
        }
        let named = matches!(
            found.name("word").map(|word| word.as_str().to_lowercase()).as_deref(),
            None | Some("version" | "release")
        );
        let dotted = version.release_segments().len() > 1;
        let marked =
            title.starts_with('[') || !found["v"].is_empty() || dated.is_some() || rest.trim().is_empty();
        let is_a_version = dotted || (named && marked);
        if !is_a_version || !follows_a_version(rest) {
            return None;
        }
        Some(Self {
            version,
            spelling,
            date: dated.as_ref().map(|date| rest[date.span.clone()].to_owned()),
            yanked: rest.to_lowercase().contains("[yanked]"),
            style: Style::of(&title[..start], rest, dated),
        })
    }

    /// Whether the heading is more than a bare number, so that it is certainly a release's.
    pub(super) fn is_certain(&self) -> bool {
        self.date.is_some() || self.style.is_bracketed()
    }
}

/// Whether a text can follow a version in a heading, unlike the rest of a sentence.
fn follows_a_version(rest: &str) -> bool {
    let linkless = INLINE_LINK.replace(rest, "]");
    if !linkless.is_empty() && !linkless.starts_with(|c: char| "]`*_ \t(),:;|/–—-".contains(c)) {
        return false;
    }
    let tail = linkless.trim_start_matches(|c: char| "]`*_[".contains(c)).trim();
    match tail.chars().next() {
        None => true,
        Some(first) if first.is_alphanumeric() => {
            let tail = tail.strip_prefix("released ").or_else(|| tail.strip_prefix("on ")).unwrap_or(tail);
            date::find(tail).is_some_and(|date| date.span.start == 0)
        }
        Some(_) => true,
    }
}

impl Style {
    fn of(before: &str, rest: &str, date: Option<date::DateMatch>) -> Self {
        let closed = before.trim_start().starts_with('[') && rest.starts_with(']');
        let plain = |text: &str| INLINE_LINK.replace(text, "]").chars().all(|c| !c.is_alphanumeric());
        match date {
            Some(date) if plain(&rest[..date.span.start]) || is_said(&rest[..date.span.start]) => Self {
                before: before.to_owned(),
                between: rest[..date.span.start].to_owned(),
                date: Some((date.format, closers(&rest[date.span.end..]).to_owned())),
            },
            // For a date after other words, use the plain style.
            Some(date) => Self {
                before: before.to_owned(),
                between: format!("{} - ", if closed { "]" } else { "" }),
                date: Some((date.format, String::new())),
            },
            None => Self { before: before.to_owned(), between: closers(rest).to_owned(), date: None },
        }
    }

    /// The style of a file without a version: Keep a Changelog's.
    pub(super) fn markdown(bracketed: bool) -> Self {
        let (before, between) = if bracketed { ("[", "] - ") } else { ("", " - ") };
        Self {
            before: before.to_owned(),
            between: between.to_owned(),
            date: Some(("%Y-%m-%d", String::new())),
        }
    }

    /// The same for reStructuredText, where brackets have no meaning.
    pub(super) fn rst() -> Self {
        Self { before: String::new(), between: " (".to_owned(), date: Some(("%Y-%m-%d", ")".to_owned())) }
    }

    pub(super) fn is_bracketed(&self) -> bool {
        self.before.contains('[')
    }

    /// The address of the heading's inline link: `[1.2.3](address)`.
    pub(super) fn inline_link(&self) -> Option<&str> {
        INLINE_LINK.captures(&self.between).and_then(|found| found.get(1)).map(|address| address.as_str())
    }

    pub(super) fn write(&self, version: &Version, date: jiff::civil::Date, link: Option<&str>) -> String {
        let between = match (inline_link(&self.between), link) {
            (Some(span), Some(link)) => {
                format!("{}{link}{}", &self.between[..span.start], &self.between[span.end..])
            }
            // A URL of another version would be worse than none.
            (Some(span), None) => {
                let (open, close) = (span.start.saturating_sub(1), span.end + 1);
                format!("{}{}", &self.between[..open], &self.between[close..])
            }
            (None, _) => self.between.clone(),
        };
        match &self.date {
            Some((format, after)) => {
                format!("{}{version}{between}{}{after}", self.before, date::write(date, format))
            }
            None => format!("{}{version}{between}", self.before),
        }
    }
}

/// The position of an inline link's URL.
pub(super) fn inline_link(title: &str) -> Option<Range<usize>> {
    INLINE_LINK.captures(title).and_then(|found| found.get(1)).map(|address| address.range())
}

/// Whether words only introduce the date.
fn is_said(between: &str) -> bool {
    let words: Vec<&str> =
        between.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.iter().all(|word| ["released", "Released", "on", "date"].contains(word))
}

/// The closing marks at the start: the first one of `] [YANKED]`.
fn closers(rest: &str) -> &str {
    if let Some(link) = INLINE_LINK.find(rest).filter(|link| link.start() == 0) {
        return link.as_str();
    }
    let end = rest.find(|c: char| !"])`*_".contains(c)).unwrap_or(rest.len());
    let collapsed = rest[..end].ends_with(']') && rest[end..].starts_with("[]");
    &rest[..if collapsed { end + 2 } else { end }]
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
            "Unreleased - xxxx-xx-xx",
        ] {
            assert!(
                matches!(Title::of(title), Title::Unreleased(Unreleased { planned: None, .. })),
                "{title}"
            );
        }
        for title in ["1.2.0 (unreleased)", "[1.2.0] - Unreleased", "v1.2.0 - not yet released"] {
            let Title::Unreleased(unreleased) = Title::of(title) else { panic!("{title}") };
            assert_eq!(unreleased.planned, Some("1.2.0".parse().unwrap()), "{title}");
        }
        assert_eq!(Title::of("Unreleased features we dropped"), Title::Other);
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
            ("[1.2.3](https://x/v1.2.3) (2024-01-31)", "[1.3.0] (2026-11-24)"),
            ("`1.2.3`_ - 2024-01-31", "`1.3.0`_ - 2026-11-24"),
        ] {
            let style = release(title).unwrap().style;
            assert_eq!(style.write(&"1.3.0".parse().unwrap(), date, None), expected, "{title}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(title in r"\PC{0,60}") {
            if let Title::Release(release) = Title::of(&title) {
                release.style.write(&release.version, date::parse("2026-11-24").unwrap(), Some("x"));
            }
        }

        #[test]
        fn never_panics_on_what_looks_like_one(title in r"[\[`*v ]{0,3}[0-9]{1,2}(\.[0-9é]{1,2}){0,3}[\])(`_\- ]{0,4}(2024-01-0[1-9]|\(x\)|[\PC]{0,5})[\])]{0,2}") {
            if let Title::Release(release) = Title::of(&title) {
                release.style.write(&release.version, date::parse("2026-11-24").unwrap(), None);
            }
        }
    }
}
