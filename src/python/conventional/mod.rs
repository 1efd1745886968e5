//! Conventional commits (conventionalcommits.org, version 1.0.0): what commit messages say about the next release.

mod section;
#[cfg(test)]
mod tests;
mod types;

use regex::Regex;
use std::sync::LazyLock;

use crate::python::version::Bump;

pub use section::{Entry, Group, grouped};
pub use types::{Types, UnknownBump};

/// `type(scope)!: description`; the type is case-insensitive
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?P<type>[A-Za-z][A-Za-z0-9_-]*)(?:\((?P<scope>[^()\r\n]+)\))?(?P<mark>!)?: +(?P<text>\S.*)$",
    )
    .expect("a constant that the tests compile")
});
/// The footer of a breaking change, which is written in capitals
static BREAKING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^BREAKING[ -]CHANGE(?:: +| #)(?P<text>\S.*)$")
        .expect("a constant that the tests compile")
});
/// The line that `git revert` writes
static REVERTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^This reverts commit (?P<id>[0-9a-f]{7,64})\b")
        .expect("a constant that the tests compile")
});

/// A commit's identifier and message
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub id: String,
    pub message: String,
}

/// A message in the form of a conventional commit
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conventional {
    /// In lower case: `feat`
    pub kind: String,
    pub scope: Option<String>,
    pub description: String,
    /// What breaks, as the footer or else the description says; none if nothing does
    pub breaking: Option<String>,
}

impl Conventional {
    /// Reads a message; none if its first line has another form.
    pub fn parse(message: &str) -> Option<Self> {
        let header = HEADER.captures(message.lines().next()?.trim_end())?;
        let group = |name: &str| header.name(name).map(|found| found.as_str().trim().to_owned());
        let (kind, description) = (group("type")?.to_lowercase(), group("text")?);
        let footer = BREAKING.captures(message).map(|found| found["text"].trim_end().to_owned());
        let breaking = footer.or_else(|| header.name("mark").map(|_| description.clone()));
        Some(Self { kind, scope: group("scope"), description, breaking })
    }
}

/// The conventional commits among `commits`, the newest first; one that another reverts is left out with its revert.
pub fn conventional(commits: &[Commit]) -> Vec<Conventional> {
    let mut reverted: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for commit in commits {
        if reverted.iter().any(|id| commit.id.starts_with(id)) {
            continue;
        }
        let reverts =
            REVERTS.captures(&commit.message).and_then(|found| found.name("id")).map(|id| id.as_str());
        match reverts.filter(|id| commits.iter().any(|other| other.id.starts_with(id))) {
            Some(id) => reverted.push(id),
            None => found.extend(Conventional::parse(&commit.message)),
        }
    }
    found
}

/// The bump that the commits call for, and the one that decides; none if no commit is released.
pub fn suggested_bump<'c>(commits: &'c [Conventional], types: &Types) -> Option<(Bump, &'c Conventional)> {
    let mut best: Option<(Bump, &Conventional)> = None;
    for commit in commits {
        let Some(bump) = types.bump(commit) else { continue };
        let is_larger = |(known, _): &(Bump, &Conventional)| bump.weight() > known.weight();
        if best.as_ref().is_none_or(is_larger) {
            best = Some((bump, commit));
        }
    }
    best
}
