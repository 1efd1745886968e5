//! The places in which earlier releases replaced the version.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::line::{Fit, LinePattern};
use super::{Habits, PastRelease, VersionTag};
use crate::python::project::Files;
use crate::python::version::Version;

/// The largest file that is read, in bytes
const LARGEST: usize = 2 << 20;
/// The most places that are learned from a release; more is a generated tree
const MOST_PLACES: usize = 500;
/// The most pairs of lines of a hunk that are compared; a larger one is a rewritten text
const LARGEST_HUNK: usize = 10_000;
/// The most pairs of lines of a release that are compared
const MOST_PAIRS: usize = 300_000;
/// Lock files: their tools' formats are edited entry by entry
const LOCKS: [&str; 6] =
    ["uv.lock", "Cargo.lock", "poetry.lock", "pdm.lock", "package-lock.json", "pixi.lock"];
/// Words that begin the name of a file with notes of releases
const NOTES: [&str; 9] = [
    "change",
    "history",
    "news",
    "releases",
    "release-notes",
    "release_notes",
    "releasenotes",
    "versionhistory",
    "whatsnew",
];

/// The lines that a release replaced in a file
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Relative to the project's root; one that begins with `../` is above it
    pub path: String,
    pub hunks: Vec<Hunk>,
}

/// Adjacent lines, without their line ends
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hunk {
    pub removed: Vec<String>,
    pub added: Vec<String>,
}

/// A line that earlier releases changed, and what the next release makes of it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedLine {
    /// Relative to the project's root
    pub path: String,
    /// The line as it is
    pub from: String,
    /// The line as the release writes it
    pub to: String,
    /// The line with `{version}` and `{date}`, for the user
    pub shown: String,
    /// The tags of the releases that changed it, the newest first
    pub evidence: Vec<String>,
}

/// Where a release replaced the version
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    path: String,
    pattern: LinePattern,
    /// Whether it states the date only
    is_date: bool,
}

impl Habits {
    /// The lines of the project's files that a release of `version` changes, as earlier ones did.
    ///
    /// `current` is the version that the project states. A place counts if the last release of the same kind (final or
    /// not) changed it, or earlier ones did and it still states the current version or the last release's: otherwise
    /// somebody has given it up. A line counts only if it states `current`, an earlier release, or a version on the way to
    /// this one: another version may stand in a line of the same form.
    pub fn lines(
        &self,
        files: &dyn Files,
        current: &Version,
        version: &Version,
        date: &str,
    ) -> Vec<LearnedLine> {
        let mut texts = BTreeMap::new();
        let newest = self.newest(version.is_prerelease()).map(|release| &release.tag.version);
        let mut lines: Vec<LearnedLine> = Vec::new();
        let (places, is_newest) = self.places(version.is_prerelease());
        for (place, evidence, is_recent) in places {
            let text = texts.entry(place.path.clone()).or_insert_with(|| text_of(files, &place.path));
            let Some(text) = text else { continue };
            let mut fitting: Vec<(&str, Fit)> = text
                .lines()
                .filter_map(|line| Some((line, place.pattern.fit(line)?)))
                .filter(|(_, fit)| match (&fit.version, is_recent, is_newest) {
                    (None, ..) => place.is_date,
                    (Some(_), true, true) => self.may_become(fit, (current, version)),
                    (Some(_), true, false) => {
                        states(fit, current) || newest.is_some_and(|newest| states(fit, newest))
                    }
                    (Some(_), false, _) => states(fit, current),
                })
                .collect();
            // Lines of one form with several versions are about several things: only the current one is this project's.
            let first = fitting.first().and_then(|(_, fit)| fit.version.clone());
            if fitting.iter().any(|(_, fit)| fit.version != first) {
                fitting.retain(|(_, fit)| states(fit, current));
            }
            for (line, _) in fitting {
                let Some(to) = place.pattern.render(version, date) else { continue };
                if to != line && !lines.iter().any(|one| one.path == place.path && one.from == line) {
                    lines.push(LearnedLine {
                        path: place.path.clone(),
                        from: line.to_owned(),
                        to,
                        shown: place.pattern.to_string(),
                        evidence: evidence.clone(),
                    });
                }
            }
        }
        for line in self.switches(version.is_prerelease()) {
            let text = texts.entry(line.path.clone()).or_insert_with(|| text_of(files, &line.path));
            let is_there =
                text.as_ref().is_some_and(|text| text.lines().filter(|one| **one == line.from).count() == 1);
            if is_there && !lines.iter().any(|one| one.path == line.path && one.from == line.from) {
                lines.push(line);
            }
        }
        // A date or a switch belongs to a version in the same file.
        let dated = |line: &LearnedLine| line.shown.contains("{version}");
        let mut versioned: Vec<String> =
            lines.iter().filter(|line| dated(line)).map(|line| line.path.clone()).collect();
        let spelled = version.spelled();
        let stating = texts.iter().filter(|(_, text)| {
            let mut lines = text.iter().flat_map(|text| text.lines());
            lines.any(|line| LinePattern::states(line, &spelled))
        });
        versioned.extend(stating.map(|(path, _)| path.clone()));
        lines.retain(|line| dated(line) || versioned.contains(&line.path));
        lines
    }

    /// The lock files of uv and npm that earlier releases changed.
    pub fn locks(&self) -> Vec<String> {
        let changes = self.releases.iter().flat_map(|release| &release.changes);
        let is_followed = |path: &&String| {
            path.rsplit('/').next().is_some_and(|name| ["uv.lock", "package-lock.json"].contains(&name))
        };
        let locks = changes.map(|change| &change.path).filter(is_followed);
        locks.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// The version that the project states where earlier releases wrote it, and the file. For projects whose own
    /// metadata cannot be read without running them.
    pub fn stated_version(&self, files: &dyn Files) -> Option<(Version, String)> {
        let mut stated = Vec::new();
        for release in &self.releases {
            for place in self.places_of(release).iter().filter(|place| !place.is_date) {
                let Some(text) = text_of(files, &place.path) else { continue };
                let fits = text.lines().filter_map(|line| place.pattern.fit(line));
                let version = fits.filter(|fit| fit.short.is_none()).find_map(|fit| fit.version);
                stated.extend(version.map(|version| (rank(&place.path), version, place.path.clone())));
            }
            if !stated.is_empty() {
                break;
            }
        }
        // Code and metadata know better than documents.
        let (_, version, path) = stated.into_iter().min_by_key(|(rank, _, _)| *rank)?;
        Some((version, path))
    }

    /// The last release of the kind, or else of the other.
    fn newest(&self, is_prerelease: bool) -> Option<&PastRelease> {
        let same_kind = |release: &&PastRelease| release.tag.version.is_prerelease() == is_prerelease;
        self.releases.iter().find(same_kind).or_else(|| self.releases.first())
    }

    /// The places to change, the tags that are the evidence of each, and whether the last release of the kind that changed
    /// any place changed this one. And whether no later release of the kind changed none.
    fn places(&self, is_prerelease: bool) -> (Vec<(Place, Vec<String>, bool)>, bool) {
        let of_release: Vec<(&PastRelease, Vec<Place>)> =
            self.releases.iter().map(|release| (release, self.places_of(release))).collect();
        let same_kind = |release: &PastRelease| release.tag.version.is_prerelease() == is_prerelease;
        let has_places = |(_, places): &&(&PastRelease, Vec<Place>)| !places.is_empty();
        let last = of_release
            .iter()
            .filter(has_places)
            .find(|(release, _)| same_kind(release))
            .or_else(|| of_release.iter().find(has_places));
        let Some((last, recent)) = last else { return (Vec::new(), true) };
        let is_newest = self.newest(is_prerelease).is_some_and(|newest| newest.tag == last.tag);
        let mut found: Vec<(Place, Vec<String>, bool)> = Vec::new();
        for (release, places) in &of_release {
            for place in places {
                match found.iter_mut().find(|(known, _, _)| known == place) {
                    Some((_, evidence, _)) if !evidence.contains(&release.tag.name) => {
                        evidence.push(release.tag.name.clone());
                    }
                    Some(_) => {}
                    None => {
                        found.push((place.clone(), vec![release.tag.name.clone()], recent.contains(place)))
                    }
                }
            }
        }
        let others = |evidence: &[String]| evidence.iter().filter(|tag| **tag != last.tag.name).count();
        found.retain(|(_, evidence, is_recent)| *is_recent || others(evidence) > 1);
        (found, is_newest)
    }

    /// The lines without a version that the last two releases of the kind replaced alike, such as `is_release = False`.
    fn switches(&self, is_prerelease: bool) -> Vec<LearnedLine> {
        let mut releases =
            self.releases.iter().filter(|release| release.tag.version.is_prerelease() == is_prerelease);
        let (Some(last), Some(before)) = (releases.next(), releases.next()) else { return Vec::new() };
        let earlier: BTreeSet<_> = switched(before).collect();
        let alike = switched(last).filter(|switch| earlier.contains(switch));
        alike
            .map(|(path, from, to)| LearnedLine {
                path: path.to_owned(),
                from: from.to_owned(),
                to: to.to_owned(),
                shown: to.to_owned(),
                evidence: vec![last.tag.name.clone(), before.tag.name.clone()],
            })
            .collect()
    }

    /// Where a release replaced an earlier version by its own.
    fn places_of(&self, release: &PastRelease) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        let mut pairs = 0;
        for change in release.changes.iter().filter(|change| is_source(&change.path)) {
            let mut here: Vec<Place> = Vec::new();
            for hunk in &change.hunks {
                let size = hunk.removed.len() * hunk.added.len();
                if size > LARGEST_HUNK {
                    continue;
                }
                pairs += size;
                if pairs > MOST_PAIRS || places.len() + here.len() > MOST_PLACES {
                    return places;
                }
                let patterns = hunk.added.iter().filter_map(|added| self.replaced(hunk, added, &release.tag));
                for (pattern, is_date) in patterns {
                    let place = Place { path: change.path.clone(), pattern, is_date };
                    if !here.contains(&place) {
                        here.push(place);
                    }
                }
            }
            // A date belongs to a version in the same file.
            if here.iter().any(|place| !place.is_date) {
                places.append(&mut here);
            }
        }
        places
    }

    /// The pattern of an added line that replaced one with an earlier version, or one with another date; and whether it is
    /// the date.
    fn replaced(&self, hunk: &Hunk, added: &str, tag: &VersionTag) -> Option<(LinePattern, bool)> {
        let replaces = |pattern: &LinePattern, counts: &dyn Fn(&Fit) -> bool| {
            let mut removed = hunk.removed.iter().filter(|removed| *removed != added);
            removed.any(|removed| pattern.fit(removed).is_some_and(|fit| counts(&fit)))
        };
        let mut versioned = LinePattern::of(added, &tag.version, tag.spelled()).into_iter();
        // Nobody knows what was being worked on then.
        let was_development =
            |fit: &Fit| fit.short.is_none() && fit.version.as_ref().is_some_and(Version::is_prerelease);
        let earlier = |fit: &Fit| was_development(fit) || self.is_known(fit, &tag.version);
        // A row of a table of releases, or the like: the other rows moved down.
        let is_of_list = |pattern: &LinePattern| {
            let mut others = hunk.added.iter().filter_map(|line| pattern.fit(line));
            others.any(|fit| !states(&fit, &tag.version) && self.is_known(&fit, &tag.version))
        };
        if let Some(pattern) = versioned.find(|pattern| replaces(pattern, &earlier) && !is_of_list(pattern)) {
            return Some((pattern, false));
        }
        LinePattern::of_date(added)
            .filter(|pattern| replaces(pattern, &|_| true))
            .map(|pattern| (pattern, true))
    }

    /// Whether a line states the current version, an earlier release, or one on the way to either version.
    fn may_become(&self, fit: &Fit, (current, next): (&Version, &Version)) -> bool {
        let leads_to = |version: &Version| {
            let stated = fit.version.as_ref().filter(|stated| fit.short.is_none() && stated.is_prerelease());
            stated.is_some_and(|stated| numbers(stated) == numbers(version))
        };
        leads_to(current) || leads_to(next) || self.is_known(fit, current)
    }

    /// Whether a line states the current version or an earlier release.
    fn is_known(&self, fit: &Fit, current: &Version) -> bool {
        let is_release = |stated: &Version| {
            let is_tagged = || match fit.is_text {
                true => self.known.contains(&key(stated, fit.short)),
                false => self.versions.contains(stated),
            };
            states(fit, current) || is_tagged()
        };
        fit.version.as_ref().is_some_and(is_release)
    }
}

/// The single lines that a release replaced: file, old line and new line.
fn switched(release: &PastRelease) -> impl Iterator<Item = (&str, &str, &str)> {
    let changes = release.changes.iter().filter(|change| is_source(&change.path));
    changes.flat_map(|change| {
        change.hunks.iter().filter_map(|hunk| match (hunk.removed.as_slice(), hunk.added.as_slice()) {
            ([from], [to]) => Some((change.path.as_str(), from.as_str(), to.as_str())),
            _ => None,
        })
    })
}

/// What a line states of a version: all of it, or its first numbers.
pub(super) fn key(version: &Version, short: Option<usize>) -> String {
    let Some(count) = short else { return version.to_string() };
    let numbers = version.release_segments();
    let first = (0..count).map(|at| numbers.get(at).copied().unwrap_or(0).to_string());
    format!("{count} of {}", first.collect::<Vec<_>>().join("."))
}

/// The numbers of a version without the zeros at the end.
fn numbers(version: &Version) -> &[u64] {
    let all = version.release_segments();
    &all[..all.iter().rposition(|number| *number != 0).map_or(0, |last| last + 1)]
}

/// Whether a line states a version, or its first numbers. `1.2` equals `1.2.0`, but they are different texts.
fn states(fit: &Fit, version: &Version) -> bool {
    let is_same = |stated: &Version| match fit.is_text {
        true => key(stated, fit.short) == key(version, fit.short),
        false => stated == version,
    };
    fit.version.as_ref().is_some_and(is_same)
}

fn text_of(files: &dyn Files, path: &str) -> Option<String> {
    let bytes = files.read(path).filter(|bytes| bytes.len() <= LARGEST)?;
    String::from_utf8(bytes).ok()
}

/// Which file to believe first.
pub(super) fn rank(path: &str) -> usize {
    let name = path.rsplit('/').next().unwrap_or(path);
    let document =
        ["doc/", "docs/", "examples/", "tests/", "test/"].iter().any(|folder| path.starts_with(folder));
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        _ if document => 3,
        _ if name == "setup.py" => 0,
        "py" | "toml" | "cfg" => 1,
        _ => 2,
    }
}

/// Whether a release may replace the version in this file line by line: notes of releases and lock files have rules of
/// their own.
pub(super) fn is_source(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    !is_notes(&lower) && !LOCKS.contains(&path.rsplit('/').next().unwrap_or(path)) && !name.ends_with(".lock")
}

/// Whether a commit changed a file other than notes and lock files.
pub fn changes_source(changes: &[FileChange]) -> bool {
    changes.iter().any(|change| is_source(&change.path) && !change.hunks.is_empty())
}

/// Whether a commit wrote a release's version into a file other than notes and lock files.
pub fn writes_version(changes: &[FileChange], tag: &VersionTag) -> bool {
    let added = changes.iter().filter(|change| is_source(&change.path)).flat_map(|change| &change.hunks);
    added.flat_map(|hunk| &hunk.added).any(|line| line.contains(tag.spelled()))
}

/// Whether a file has the notes of releases, by its name.
pub fn is_notes(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let mut parts = lower.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let in_docs = lower.starts_with("doc/") || lower.starts_with("docs/") || lower.contains("/docs/");
    // `2026-news.md`
    let (stem, suffix) = name.rsplit_once('.').unwrap_or((name, ""));
    let is_text = ["md", "rst", "txt"].contains(&suffix);
    let mut words = stem.split(['-', '_', '.', ' ']);
    let has_word = is_text && words.any(|word| ["news", "changes", "changelog", "history"].contains(&word));
    has_word
        || NOTES.iter().any(|word| {
            name.starts_with(word) || (in_docs && parts.clone().any(|part| part.starts_with(word)))
        })
        || (in_docs && parts.clone().any(|part| part == "release"))
}
