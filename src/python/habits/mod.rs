//! What the history of a project says about how it is released: the tags, the messages, and the places of the version.
//!
//! A project's own history decides where the configuration says nothing. Where the history disagrees with itself, the
//! newest release wins.

mod line;
mod messages;
mod notes;
mod places;
mod reopen;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::python::changelog::date;
use crate::python::version::{Calver, Version};

pub use places::{FileChange, Hunk, LearnedLine, changes_source, is_notes, writes_version};
pub use reopen::{AfterRelease, NextVersion, Part, Reopening, reopening};
pub use tags::{TagStyle, VersionTag, own};

/// A release in the history
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRelease {
    pub tag: VersionTag,
    /// The message of an annotated tag; none if the tag is lightweight
    pub annotation: Option<String>,
    /// Whether the tag is signed
    pub is_signed: bool,
    /// The message of the release commit
    pub message: String,
    /// That of the tagged commit, if it is another one and names the version
    pub tagged_message: Option<String>,
    /// Whether the release commit is a merge
    pub is_merge: bool,
    /// The day of the release commit, `YYYY-MM-DD`
    pub date: String,
    /// The release commit
    pub commit: String,
    /// What it changed against its first parent
    pub changes: Vec<FileChange>,
}

/// Something that earlier releases agree on
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned<T> {
    pub value: T,
    /// The tags of the releases that show it, the newest first
    pub evidence: Vec<String>,
}

/// What the releases of a project have in common
#[derive(Debug, Clone, Default)]
pub struct Habits {
    /// The newest first
    releases: Vec<PastRelease>,
    /// Every version that has a tag
    versions: Vec<Version>,
    /// What a line may state of them, by [`places::key`]
    known: HashSet<String>,
}

impl Habits {
    /// `releases` are the last ones, the newest first; `versions` are all that have a tag.
    pub fn new(releases: Vec<PastRelease>, versions: Vec<Version>) -> Self {
        let forms = || [None, Some(2), Some(3)].into_iter();
        let known =
            versions.iter().flat_map(|version| forms().map(|short| places::key(version, short))).collect();
        Self { releases, versions, known }
    }

    /// The last releases, the newest first.
    pub fn releases(&self) -> &[PastRelease] {
        &self.releases
    }

    /// The form of calendar versions, if the releases follow the calendar.
    pub fn calver(&self) -> Option<Learned<Calver>> {
        let dated = self
            .releases
            .iter()
            .filter_map(|release| Some((release.tag.version.clone(), date::parse(&release.date)?)));
        let value = Calver::of(&dated.collect::<Vec<_>>())?;
        let evidence = self.releases.iter().map(|release| release.tag.name.clone()).collect();
        Some(Learned { value, evidence })
    }

    /// Whether any of the last releases is a pre-release; true if there is none to tell.
    pub fn has_prereleases(&self) -> bool {
        self.releases.is_empty() || self.releases.iter().any(|release| release.tag.version.is_prerelease())
    }

    /// The form of the tags' names.
    pub fn tag_style(&self) -> Option<Learned<TagStyle>> {
        let newest = &self.releases.first()?.tag.style;
        let same = self.releases.iter().filter(|release| release.tag.style == *newest);
        let evidence = same.map(|release| release.tag.name.clone()).collect();
        Some(Learned { value: newest.clone(), evidence })
    }

    /// Whether the release commits changed a file; none if there are too few of them to tell.
    pub fn changes(&self, path: &str) -> Option<bool> {
        let known = self.releases.iter().filter(|release| !release.changes.is_empty());
        let changed: Vec<bool> =
            known.map(|release| release.changes.iter().any(|change| change.path == path)).take(3).collect();
        (changed.len() > 1).then(|| changed.contains(&true))
    }

    /// Whether the release commits changed any file with notes of releases.
    pub fn changes_notes(&self) -> bool {
        self.releases
            .iter()
            .any(|release| release.changes.iter().any(|change| places::is_notes(&change.path)))
    }
}

impl<T> Learned<T> {
    /// The evidence for the user: `as in v1.4.0 and v1.3.2`.
    pub fn reason(&self) -> String {
        reason(&self.evidence)
    }
}

/// The releases that show a habit, for the user.
pub fn reason(evidence: &[String]) -> String {
    match evidence {
        [] => String::new(),
        [one] => format!("as in {one}"),
        [first, second, ..] => format!("as in {first} and {second}"),
    }
}
