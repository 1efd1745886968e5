//! The link references at the end of a changelog: which URLs compare which versions, and how a release updates them.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::lines::{Kind, Line};
use super::{CompareLinks, Format};
use crate::python::forge::Forge;
use crate::python::version::{SPELLING, Version};

/// `[label]: URL`, or `.. _label: URL`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    /// Index of its line
    pub(super) line: usize,
    pub(super) label: Range<usize>,
    pub(super) address: Range<usize>,
}

static MARKDOWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ {0,3}\[(?P<label>[^\]\[\\]+)\]:[ \t]*<?(?P<address>[^\s<>]+)")
        .expect("a constant that the tests compile")
});

static RST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\.\. _(?:`(?P<quoted>[^`]+)`|(?P<label>[^`:\s]+)):[ \t]+(?P<address>\S+)\s*$")
        .expect("a constant that the tests compile")
});

static VERSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(SPELLING).expect("a constant that the tests compile"));

pub(super) fn definitions(text: &str, lines: &[Line], kinds: &[Kind], format: Format) -> Vec<Definition> {
    let shape = match format {
        Format::Markdown => &MARKDOWN,
        Format::Rst => &RST,
    };
    let found = lines.iter().enumerate().filter(|(index, _)| kinds[*index] == Kind::Text).filter_map(
        |(index, line)| {
            let line_text = line.of(text);
            let may_be_one = line_text.trim_start().starts_with(['[', '.']);
            let found = may_be_one.then(|| shape.captures(line_text)).flatten()?;
            let label = found.name("label").or_else(|| found.name("quoted"))?;
            let address = found.name("address")?;
            let place = |range: Range<usize>| line.start + range.start..line.start + range.end;
            Some(Definition { line: index, label: place(label.range()), address: place(address.range()) })
        },
    );
    found.collect()
}

impl Definition {
    pub(super) fn is_unreleased(&self, text: &str) -> bool {
        text[self.label.clone()].trim().eq_ignore_ascii_case("unreleased")
    }

    pub(super) fn version(&self, text: &str) -> Option<Version> {
        let label = &text[self.label.clone()];
        // Prose labels are long; `[1]` is more often a footnote than a version.
        (label.len() < 60 && (label.contains('.') || label.starts_with('v')))
            .then(|| label.trim().parse().ok())
            .flatten()
    }
}

/// A URL that compares two states: `https://…/compare/v1.0.0...HEAD`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison<'a> {
    address: &'a str,
    left: Range<usize>,
    right: Range<usize>,
    /// Bitbucket writes the newer state first
    newest_first: bool,
}

impl<'a> Comparison<'a> {
    /// GitHub, Gitea and GitLab (`a...b`), sourcehut and cgit (`a..b`), Bitbucket (`b%0Da`).
    pub(super) fn of(address: &'a str) -> Option<Self> {
        let (at, separator) = ["...", "..", "%0D", "%0d"]
            .iter()
            .find_map(|separator| Some((address.find(separator)?, *separator)))?;
        // A tag may contain a slash, so the word before it in URLs of GitHub and GitLab decides if there is one.
        let left = ["/compare/", "/branches/compare/"]
            .iter()
            .find_map(|word| Some(address[..at].find(word)? + word.len()))
            .or_else(|| Some(address[..at].rfind(['/', '=', '?'])? + 1))?;
        let right = at + separator.len();
        let end = address[right..].find(['?', '#', '&', '/']).map_or(address.len(), |end| right + end);
        (left < at && right < end).then(|| Self {
            address,
            left: left..at,
            right: right..end,
            newest_first: separator.eq_ignore_ascii_case("%0d"),
        })
    }

    fn sides(&self) -> (&Range<usize>, &Range<usize>) {
        if self.newest_first { (&self.right, &self.left) } else { (&self.left, &self.right) }
    }

    pub(super) fn older(&self) -> &'a str {
        &self.address[self.sides().0.clone()]
    }

    pub(super) fn newer(&self) -> &'a str {
        &self.address[self.sides().1.clone()]
    }

    pub(super) fn with(&self, older: &str, newer: &str) -> String {
        let (left, right) = if self.newest_first { (newer, older) } else { (older, newer) };
        let (address, middle) = (self.address, &self.address[self.left.end..self.right.start]);
        format!("{}{left}{middle}{right}{}", &address[..self.left.start], &address[self.right.end..])
    }
}

/// The tag of `new` in the style of an earlier version's tag: `demo-1.0.0` gives `demo-1.1.0`.
///
/// None if `like` is not a version's tag but a commit or branch.
pub(super) fn tag_like(like: &str, new: &Version) -> Option<String> {
    let found = VERSION.find_iter(like).last()?;
    let version: Version = found.as_str().parse().ok()?;
    let apart =
        !like[..found.start()].ends_with(|c: char| c.is_ascii_alphanumeric() && !matches!(c, 'v' | 'V'));
    let dotted =
        version.release_segments().len() > 1 || like.trim_start_matches(['v', 'V']) == found.as_str();
    // Seven or more digits without a dot are a commit.
    let plausible = found.len() < 7 || found.as_str().contains('.');
    (apart && dotted && plausible && found.end() == like.len())
        .then(|| format!("{}{new}", &like[..found.start()]))
}

/// The version that a tag's name ends with.
pub(super) fn version_of(tag: &str) -> Option<Version> {
    let found = VERSION.find_iter(tag).last().filter(|found| found.end() == tag.len())?;
    found.as_str().parse().ok()
}

/// The URL of `new`, from one with an earlier version in it.
pub(super) fn address_like(address: &str, spelling: &str, new: &Version) -> Option<String> {
    address.contains(spelling).then(|| address.replace(spelling, &new.to_string()))
}

/// The two URLs for a file without any: of Unreleased, and of the version.
pub(super) fn made_new(links: &CompareLinks) -> (String, String) {
    let repository = links.repository_url.trim_end_matches('/').trim_end_matches(".git");
    let host = repository.split("://").last().unwrap_or("").split('/').next().unwrap_or("");
    let tag = &links.tag;
    let forge = Forge::of_host(host);
    let compare = |older: &str, newer: &str| match forge {
        Some(Forge::Bitbucket) => format!("{repository}/branches/compare/{newer}%0D{older}"),
        Some(Forge::GitLab) => format!("{repository}/-/compare/{older}...{newer}"),
        _ => format!("{repository}/compare/{older}...{newer}"),
    };
    let version = match (&links.previous_tag, forge) {
        (Some(previous), _) => compare(previous, tag),
        (None, Some(Forge::Bitbucket)) => format!("{repository}/src/{tag}"),
        (None, Some(Forge::GitLab)) => format!("{repository}/-/tags/{tag}"),
        (None, _) => format!("{repository}/releases/tag/{tag}"),
    };
    (compare(tag, "HEAD"), version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_comparisons_apart() {
        for (address, older, newer, rewritten) in [
            (
                "https://github.com/o/r/compare/v1.0.0...HEAD",
                "v1.0.0",
                "HEAD",
                "https://github.com/o/r/compare/A...B",
            ),
            (
                "https://gitlab.com/o/r/-/compare/v1.0.0...main",
                "v1.0.0",
                "main",
                "https://gitlab.com/o/r/-/compare/A...B",
            ),
            (
                "https://bitbucket.org/o/r/branches/compare/HEAD%0Dv1.0.0",
                "v1.0.0",
                "HEAD",
                "https://bitbucket.org/o/r/branches/compare/B%0DA",
            ),
            ("https://git.sr.ht/~o/r/log/v1.0.0..main", "v1.0.0", "main", "https://git.sr.ht/~o/r/log/A..B"),
            (
                "https://github.com/o/r/compare/rel/1.0...HEAD#x",
                "rel/1.0",
                "HEAD",
                "https://github.com/o/r/compare/A...B#x",
            ),
            ("https://x/?diff=1.0..HEAD&y=1", "1.0", "HEAD", "https://x/?diff=A..B&y=1"),
        ] {
            let comparison = Comparison::of(address).unwrap();
            assert_eq!((comparison.older(), comparison.newer()), (older, newer));
            assert_eq!(comparison.with("A", "B"), rewritten);
        }
        assert!(
            ["https://github.com/o/r/tree/HEAD", "", "...", "a/...b"]
                .iter()
                .all(|address| Comparison::of(address).is_none())
        );
    }

    #[test]
    fn makes_tags_like_earlier_ones() {
        let new = "1.1.0".parse().unwrap();
        for (like, tag) in [
            ("v1.0.0", Some("v1.1.0")),
            ("1.0.0", Some("1.1.0")),
            ("demo-1.0.0", Some("demo-1.1.0")),
            ("release/1.0", Some("release/1.1.0")),
            ("v3", Some("v1.1.0")),
            ("0a1b2c3", None),
            ("1234567", None),
            ("deadbeef", None),
            ("main", None),
        ] {
            assert_eq!(tag_like(like, &new).as_deref(), tag, "{like}");
        }
    }

    #[test]
    fn makes_addresses_for_each_forge() {
        let links = |repository_url: &str, previous: Option<&str>| CompareLinks {
            repository_url: repository_url.to_owned(),
            previous_tag: previous.map(str::to_owned),
            tag: "v1.1.0".to_owned(),
        };
        assert_eq!(
            made_new(&links("https://github.com/o/r.git", Some("v1.0.0"))),
            (
                "https://github.com/o/r/compare/v1.1.0...HEAD".into(),
                "https://github.com/o/r/compare/v1.0.0...v1.1.0".into()
            )
        );
        assert_eq!(
            made_new(&links("https://gitlab.org/o/r/", None)).1,
            "https://gitlab.org/o/r/-/tags/v1.1.0"
        );
        assert_eq!(
            made_new(&links("https://codeberg.org/o/r", None)).1,
            "https://codeberg.org/o/r/releases/tag/v1.1.0"
        );
        assert_eq!(
            made_new(&links("https://bitbucket.org/o/r", None)).0,
            "https://bitbucket.org/o/r/branches/compare/HEAD%0Dv1.1.0"
        );
    }
}
