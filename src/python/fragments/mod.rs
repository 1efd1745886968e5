//! Changelog fragments: one file for each change, which a tool collects into the changelog at a release.

mod above;
mod scriv;
#[cfg(test)]
mod tests;
mod towncrier;

use std::sync::LazyLock;

use regex::Regex;

use super::project::{Files, Project};
use super::version::Bump;

/// `v{version}`, `v{{ version }}`, `v{{ versiondata.version }}`, `"v" + versiondata.version`
static WITH_V: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[vV](?:\{\{?-?|["']\s*[+~])\s*(?:versiondata\.)?version\b"#)
        .expect("a constant that the tests compile")
});

/// A tool that collects fragments
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collector {
    Towncrier,
    Scriv,
}

impl Collector {
    pub fn name(self) -> &'static str {
        match self {
            Self::Towncrier => "towncrier",
            Self::Scriv => "scriv",
        }
    }
}

/// The fragments of a project, and how they are collected; paths are relative to the project's root
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragments {
    pub collector: Collector,
    /// The folder of the settings, if it is above the project's: `../`
    pub above: String,
    /// The file with the tool's settings
    pub settings: String,
    /// The same, if the tool must be told it to find the fragments
    pub told_settings: Option<String>,
    /// The folder of the fragments
    pub folder: String,
    /// The changelog
    pub changelog: String,
    /// The name of the project in headings, if the tool would have to import the project for it
    pub name: Option<String>,
    /// Whether the settings state the name
    pub is_named: bool,
    /// Whether the tool's own heading has a `v` before the version
    pub has_v: bool,
    pub files: Vec<Fragment>,
    /// What would make the tool fail, or leave a fragment out
    pub problems: Vec<Problem>,
}

/// One fragment
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    pub path: String,
    /// Such as `feature`; of several kinds the one that changes most for users; none if there is none
    pub kind: Option<String>,
}

/// What would make a collector fail, or leave a fragment out
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("`{path}`: `{kind}` is not a type of fragment in `{settings}` ({known})")]
    UnknownType {
        path: String,
        kind: String,
        settings: String,
        known: String,
        /// How the settings declare their types; none if those are the usual ones
        declaration: Option<String>,
    },
    #[error("`{path}` is not named like a fragment: `ISSUE.TYPE` or `ISSUE.TYPE.COUNTER`")]
    BadName { path: String },
    #[error("the template `{path}`, which `{settings}` names, does not exist")]
    NoTemplate { path: String, settings: String },
    #[error("{reason}")]
    Settings { path: String, reason: String },
}

impl Problem {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::UnknownType { declaration: Some(declaration), settings, .. } => format!(
                "rename the file to one of these types, or add {declaration} to `{settings}`: the tool would leave it out"
            ),
            Self::UnknownType { .. } => {
                "rename the file to one of these types, or remove it: the tool would leave it out".to_owned()
            }
            Self::BadName { .. } => "rename the file, or remove it".to_owned(),
            Self::NoTemplate { .. } => "commit the file, or correct the setting `template`".to_owned(),
            Self::Settings { path, .. } => format!("correct `{path}`"),
        }
    }
}

impl Fragments {
    /// Finds the tool that the project is set up for, and its fragments; none if there is no such tool.
    pub fn find(files: &dyn Files, project: &Project) -> Option<Self> {
        towncrier::find(files, project).or_else(|| scriv::find(files))
    }

    /// The same, or that of a folder above, if that is where the changelog of the last releases is.
    pub fn of_project(files: &dyn Files, project: &Project, changelog: Option<&str>) -> Option<Self> {
        Self::find(files, project).or_else(|| above::find(files, project, changelog?))
    }

    /// The bump that the fragments call for, and the one that decides; none if there are no fragments of a known kind.
    pub fn suggested_bump(&self) -> Option<(Bump, &Fragment)> {
        let rank = |fragment: &&Fragment| fragment.kind.as_deref().map(level);
        let largest = self.files.iter().filter(|fragment| fragment.kind.is_some()).max_by_key(rank)?;
        let bump = match level(largest.kind.as_deref()?) {
            2 => Bump::Major,
            1 => Bump::Minor,
            _ => Bump::Patch,
        };
        Some((bump, largest))
    }
}

/// How much a fragment of this kind changes for users: 0 for a patch, 2 for a major release.
fn level(kind: &str) -> u8 {
    let kind = kind.to_lowercase();
    let is = |stems: &[&str]| stems.iter().any(|stem| kind.starts_with(stem));
    if is(&["break", "remov", "backward", "incompat", "major"]) {
        2
    } else if is(&["feat", "add", "change", "deprecat", "enhanc", "improve", "minor", "new"]) {
        1
    } else {
        0
    }
}

/// Whether one of the texts has a `v` before the version's placeholder.
fn has_v(texts: &[Option<String>]) -> bool {
    texts.iter().flatten().any(|text| WITH_V.is_match(text))
}

/// A folder without `./` at the start and `/` at the end.
fn plain(folder: &str) -> String {
    folder.trim_start_matches("./").trim_end_matches('/').to_owned()
}
