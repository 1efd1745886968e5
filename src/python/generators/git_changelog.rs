//! The settings of git-changelog (pawamoy.github.io/git-changelog, "Configuration files").

use super::git_changelog_rules::{GitChangelogRules, is_version};
use super::rules::Rules;
use super::{Generated, Generator, Table, flag, string, table};
use crate::python::fragments::Problem;
use crate::python::project::Files;

/// The first with settings of the tool counts
const PLACES: [(&str, &[&str]); 4] = [
    ("pyproject.toml", &["tool", "git-changelog"]),
    (".git-changelog.toml", &[]),
    ("config/git-changelog.toml", &[]),
    (".config/git-changelog.toml", &[]),
];

/// The line at which the tool inserts a section, unless the settings say
const MARKER: &str = "<!-- insertion marker -->";
/// The setting instead of a line for the top of the file, which these templates have unless the settings say
const PREPEND: &str = ":prepend:";
const PREPENDED: [&str; 2] = ["debian", "rpmbuild"];

/// What only git-changelog is told, and how it writes
#[derive(Debug, Clone)]
pub struct GitChangelog {
    /// The line of the changelog at which the tool inserts a section; none if it needs no such line
    pub marker: Option<String>,
    /// Whether tags are versions of Python rather than semantic ones
    is_pep440: bool,
}

pub(super) fn find(files: &dyn Files) -> Option<Generated> {
    PLACES.iter().find_map(|(path, keys)| match table(files, path, keys) {
        Ok(None) => None,
        // A table without settings does not count, unlike a file.
        Ok(Some(table)) if table.is_empty() && !keys.is_empty() => None,
        Ok(Some(table)) => Some(settings(files, path, table)),
        Err(reason) => Some(Generated::unreadable(Generator::GitChangelog, path, reason)),
    })
}

fn settings(files: &dyn Files, path: &str, table: Table) -> Generated {
    let table: Table = table.into_iter().map(|(key, value)| (key.replace('-', "_"), value)).collect();
    let mut generated = Generated::new(Generator::GitChangelog, path);
    generated.changelog = string(&table, "output").map(|path| path.trim_start_matches("./").to_owned());
    generated.writes_whole = !flag(&table, "in_place").unwrap_or(false);
    let bump = string(&table, "bump").or(flag(&table, "bump_latest").unwrap_or(false).then_some("auto"));
    generated.is_of_releases = generated.changelog.is_some() && bump.is_some();
    let template = string(&table, "template").unwrap_or("keepachangelog");
    if let Some(own) = template.strip_prefix("path:")
        && files.read(own.trim_start_matches("./")).is_none()
    {
        generated.problems.push(Problem::NoTemplate { path: own.to_owned(), settings: path.to_owned() });
    }
    let versioning = string(&table, "versioning").unwrap_or("semver");
    if !["semver", "pep440"].contains(&versioning) {
        generated.problem(&format!("`versioning` is `{versioning}`, but neither `semver` nor `pep440`"));
    }
    let usual = if PREPENDED.contains(&template) { PREPEND } else { MARKER };
    let marker = string(&table, "marker_line").unwrap_or(usual);
    let is_pep440 = versioning == "pep440";
    generated.rules = GitChangelogRules::new(&table, bump, is_pep440).map(Rules::GitChangelog);
    let marker = (marker != PREPEND).then(|| marker.to_owned());
    generated.git_changelog = Some(GitChangelog { marker, is_pep440 });
    generated
}

impl GitChangelog {
    /// Whether the tool takes a tag for that of a version.
    pub fn reads(&self, tag: &str) -> bool {
        is_version(tag, self.is_pep440)
    }
}
