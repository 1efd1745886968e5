//! Whether a project opens the next version after a release: what the commit after each release changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::line::LinePattern;
use super::places::{is_notes, is_source, rank};
use super::{FileChange, Learned, LearnedLine, VersionTag};
use crate::python::changelog;
use crate::python::version::{Bump, Version};

/// How many releases must show the habit
const ENOUGH: usize = 2;

/// The commit after a release, on the branch's first-parent line
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfterRelease {
    pub tag: VersionTag,
    /// What it changed against the release
    pub changes: Vec<FileChange>,
}

/// The part of the version that the next development version counts up
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    #[default]
    Patch,
    Minor,
    Major,
}

impl Part {
    pub fn bump(self) -> Bump {
        match self {
            Self::Patch => Bump::Patch,
            Self::Minor => Bump::Minor,
            Self::Major => Bump::Major,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

/// The version that development continues with
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextVersion {
    pub part: Part,
    /// What follows the numbers: `.dev0`, or nothing
    pub marker: String,
}

/// What the project does after a release
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reopening {
    /// How it bumps the version, if it does
    pub version: Option<NextVersion>,
    /// Whether it adds an Unreleased section to the changelog
    pub changelog: bool,
}

/// What the project does after its releases: none unless the last two final releases show it. `after` has the newest
/// first; the newest release decides how.
pub fn reopening(after: &[AfterRelease]) -> Option<Learned<Reopening>> {
    let finals = after.iter().filter(|after| !after.tag.version.is_prerelease());
    let last: Vec<&AfterRelease> = finals.take(ENOUGH).collect();
    let shown: Vec<Reopening> = last.iter().filter_map(|after| Reopening::of(after)).collect();
    let evidence = last.iter().map(|after| after.tag.name.clone()).collect();
    let is_habit = shown.len() == ENOUGH;
    shown.into_iter().next().filter(|_| is_habit).map(|value| Learned { value, evidence })
}

impl Reopening {
    fn of(after: &AfterRelease) -> Option<Self> {
        let hunks = |of: fn(&str) -> bool| {
            after.changes.iter().filter(move |change| of(&change.path)).flat_map(|change| &change.hunks)
        };
        let (released, spelled) = (&after.tag.version, after.tag.spelled());
        let version = hunks(is_source).find_map(|hunk| {
            let patterns = hunk.removed.iter().flat_map(|line| LinePattern::of(line, released, spelled));
            let fits: Vec<_> = patterns
                .flat_map(|pattern| hunk.added.iter().filter_map(move |line| pattern.fit(line)))
                .collect();
            let full = fits.into_iter().filter(|fit| fit.short.is_none());
            full.filter_map(|fit| NextVersion::between(released, &fit.version?)).next()
        });
        let mut added = hunks(is_notes).flat_map(|hunk| &hunk.added);
        let changelog = added.any(|line| changelog::is_unreleased(line));
        (version.is_some() || changelog).then_some(Self { version, changelog })
    }
}

impl NextVersion {
    /// How to get from a release to the next development version; none if that is no bump of one number.
    fn between(released: &Version, next: &Version) -> Option<Self> {
        let numbers = |version: &Version| -> Vec<u64> {
            let all = version.release_segments();
            let end = all.iter().rposition(|number| *number > 0).map_or(0, |last| last + 1);
            all[..end].to_vec()
        };
        let leads =
            |part: &Part| part.bump().apply(released).is_ok_and(|bumped| numbers(&bumped) == numbers(next));
        let part = [Part::Patch, Part::Minor, Part::Major].into_iter().find(leads)?;
        let marker = match (next.pre(), next.dev(), next.post()) {
            (None, Some(number), None) => format!(".dev{number}"),
            (Some((kind, number)), None, None) => format!("{kind}{number}"),
            (None, None, None) => String::new(),
            _ => return None,
        };
        Some(Self { part, marker })
    }

    /// The next development version after a release.
    ///
    /// # Errors
    /// The version cannot be bumped, or the marker does not belong behind a version.
    pub fn after(&self, released: &Version) -> Result<Version, String> {
        let base = self.part.bump().apply(released).map_err(|error| error.to_string())?;
        let text = format!("{base}{}", self.marker);
        let next: Version = text.parse().map_err(|_| format!("`{text}` is not a valid version"))?;
        match next > *released && !next.is_local() {
            true => Ok(next),
            false => Err(format!("`{text}` does not come after {released}")),
        }
    }
}

impl LearnedLine {
    /// The line of this release for another version and its date (`YYYY-MM-DD`); none if it cannot express them.
    pub fn restated(&self, version: &Version, other: &Version, date: &str) -> Option<String> {
        self.pattern(version)?.render(other, date)
    }

    /// The pattern of the line that the release of `version` writes.
    fn pattern(&self, version: &Version) -> Option<LinePattern> {
        LinePattern::of(&self.to, version, &version.to_string()).into_iter().next()
    }

    /// The line for the development of `next`, after the release of `version`; none if it stays. A line follows the
    /// development if it did so before this release, where the project stated `stated`; code and metadata always do.
    pub fn for_development(&self, stated: &Version, version: &Version, next: &Version) -> Option<String> {
        let pattern = self.pattern(version)?;
        let stated_it = pattern.fit(&self.from)?.version.as_ref() == Some(stated);
        let follows = stated.is_prerelease() || rank(&self.path) < 2;
        // A date is that of a release.
        pattern.render(next, "").filter(|line| stated_it && follows && *line != self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Hunk;
    use super::*;

    /// The commit after a release, which replaced lines of files: path, old lines, new lines.
    fn after(tag: &str, changes: &[(&str, &[&str], &[&str])]) -> AfterRelease {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let changes = changes.iter().map(|(path, removed, added)| FileChange {
            path: (*path).to_owned(),
            hunks: vec![Hunk { removed: lines(removed), added: lines(added) }],
        });
        AfterRelease { tag: VersionTag::parse(tag).unwrap(), changes: changes.collect() }
    }

    fn bumped(tag: &str, old: &str, new: &str) -> AfterRelease {
        let line = |version: &str| format!("version = \"{version}\"");
        after(tag, &[("pyproject.toml", &[&line(old)], &[&line(new)])])
    }

    fn next(commits: &[AfterRelease]) -> Option<(Part, String)> {
        reopening(commits)?.value.version.map(|next| (next.part, next.marker))
    }

    #[test]
    fn the_commits_after_the_last_two_releases_show_the_next_version() {
        for (first, second, expected) in [
            ("1.1.1.dev0", "1.0.1.dev0", Some((Part::Patch, ".dev0"))),
            ("1.2.0.dev0", "1.1.0.dev0", Some((Part::Minor, ".dev0"))),
            ("2.0.dev1", "2.0.dev1", Some((Part::Major, ".dev1"))),
            ("1.2.0a0", "1.1.0a0", Some((Part::Minor, "a0"))),
            ("1.1.1", "1.0.1", Some((Part::Patch, ""))),
            // Neither a bump nor later.
            ("1.3.7", "1.0.1", None),
            ("1.1.0.dev3", "1.0.0.dev3", None),
        ] {
            let commits = [bumped("v1.1.0", "1.1.0", first), bumped("v1.0.0", "1.0.0", second)];
            let expected = expected.map(|(part, marker)| (part, marker.to_owned()));
            assert_eq!(next(&commits), expected, "{first}");
        }
    }

    #[test]
    fn one_release_is_no_habit_and_the_newest_decides() {
        let newest = bumped("v1.1.0", "1.1.0", "1.2.0.dev0");
        let other = after("v1.0.0", &[("src/demo.py", &["x = 1"], &["x = 2"])]);
        let before = bumped("v1.0.0", "1.0.0", "1.0.1.dev0");
        assert_eq!(reopening(std::slice::from_ref(&newest)), None);
        assert_eq!(reopening(&[newest.clone(), other.clone()]), None);
        assert_eq!(reopening(&[other, before.clone()]), None);
        let candidate = bumped("v1.1.0rc1", "1.1.0rc1", "1.1.0rc2.dev0");
        let learned = reopening(&[newest, candidate, before]).unwrap();
        assert_eq!(learned.reason(), "as in v1.1.0 and v1.0.0");
        assert_eq!(learned.value.version.unwrap().part, Part::Minor);
    }

    #[test]
    fn an_unreleased_heading_is_a_reopening_too() {
        let commit = |tag: &str, added: &[&str]| after(tag, &[("CHANGES.md", &[], added)]);
        let headings = [
            commit("2.0", &["## Unreleased", ""]),
            commit("1.0", &["## 1.1 (unreleased)", "", "- Nothing changed yet."]),
        ];
        let learned = reopening(&headings).unwrap();
        assert_eq!(learned.value, Reopening { version: None, changelog: true });
        let notes = [commit("2.0", &["- A fix."]), commit("1.0", &["- A fix."])];
        assert_eq!(reopening(&notes), None);
    }

    #[test]
    fn a_line_follows_the_development_if_it_did_so_before() {
        let line = |path: &str, from: &str, to: &str| LearnedLine {
            path: path.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            shown: String::new(),
            evidence: Vec::new(),
        };
        let other = line("a.py", "V = '1.0.0'  # 2026-01-01", "V = '1.1.0'  # 2026-02-02");
        let restated =
            other.restated(&"1.1.0".parse().unwrap(), &"1.1.0.dev3".parse().unwrap(), "2026-02-02");
        assert_eq!(restated.as_deref(), Some("V = '1.1.0.dev3'  # 2026-02-02"));
        let next = |line: &LearnedLine, stated: &str| {
            let version = |text: &str| text.parse::<Version>().unwrap();
            line.for_development(&version(stated), &version("1.1.0"), &version("1.1.1.dev0"))
        };
        let code = line("demo/about.py", "VERSION = '1.0.0'", "VERSION = '1.1.0'");
        assert_eq!(next(&code, "1.0.0").as_deref(), Some("VERSION = '1.1.1.dev0'"));
        let readme = line("README.md", "demo==1.0.0", "demo==1.1.0");
        assert_eq!(next(&readme, "1.0.0"), None, "users install releases");
        assert_eq!(next(&readme, "1.1.0.dev0"), None, "it stated the last release, not the development");
        let docs = line("docs/index.md", "of 1.1.0.dev0", "of 1.1.0");
        assert_eq!(next(&docs, "1.1.0.dev0").as_deref(), Some("of 1.1.1.dev0"));
        let dated = line("demo/about.py", "V = '1.0.0'  # 2026-01-01", "V = '1.1.0'  # 2026-02-02");
        assert_eq!(next(&dated, "1.0.0"), None, "a release has a date");
    }

    #[test]
    fn a_marker_makes_a_later_version_or_is_refused() {
        let next = |part, marker: &str| {
            NextVersion { part, marker: marker.to_owned() }.after(&"1.1.0".parse().unwrap())
        };
        assert_eq!(next(Part::Patch, ".dev0").unwrap().to_string(), "1.1.1.dev0");
        assert_eq!(next(Part::Minor, "").unwrap().to_string(), "1.2.0");
        assert!(next(Part::Patch, "-SNAPSHOT").is_err() && next(Part::Patch, "+local").is_err());
    }
}
