//! Tools that generate a changelog from commits: which one a project is set up for, what it writes, and the bump that it
//! would make.

mod commitizen;
mod evidence;
mod generate_changelog;
mod git_changelog;
mod git_changelog_rules;
mod git_cliff;
mod rules;
mod semantic_release;
mod semantic_rules;
mod suggestion;
#[cfg(test)]
mod tests;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fragments::Problem;
use super::project::Files;
use super::settings::sources::{self, yaml_table};
use super::version::Version;

pub use evidence::{is_generated, subjects};
pub use git_changelog::GitChangelog;
pub use rules::Rules;
pub use semantic_release::SemanticRelease;
pub use suggestion::Suggestion;

/// A tool that generates a changelog from commits
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    GitCliff,
    GenerateChangelog,
    GitChangelog,
    #[serde(rename = "python-semantic-release")]
    SemanticRelease,
    Commitizen,
}

/// A project's generator, and what its settings say; paths are relative to the project's root
#[derive(Debug, Clone)]
pub struct Generated {
    pub generator: Generator,
    /// The file with the tool's settings
    pub settings: String,
    /// The changelog, if the settings name it
    pub changelog: Option<String>,
    /// Whether the tool writes the changelog as a whole, rather than the new section
    pub writes_whole: bool,
    /// What ends the changelog if the tool has written it as a whole
    pub footer: Option<String>,
    /// The name of the new section, if the tool cannot be told the version
    pub unreleased: Option<String>,
    /// A package that the tool needs besides itself
    pub plugin: Option<String>,
    /// The rules of the bump, or why only the tool knows it
    pub rules: Result<Rules, String>,
    /// What only python-semantic-release is told
    pub semantic_release: Option<SemanticRelease>,
    /// What only git-changelog is told
    pub git_changelog: Option<GitChangelog>,
    /// Whether the settings say that a release generates the changelog
    pub is_of_releases: bool,
    /// What would make the tool fail
    pub problems: Vec<Problem>,
}

/// A table of settings
type Table = Map<String, Value>;

/// A file's settings of a tool; none if it has none, or the reason why they cannot be read
type Settings = Result<Option<Table>, String>;

impl Generator {
    /// The most telling settings first: those of commitizen may be for messages only
    const ALL: [Self; 5] = [
        Self::GitCliff,
        Self::GenerateChangelog,
        Self::GitChangelog,
        Self::SemanticRelease,
        Self::Commitizen,
    ];

    /// The name on PyPI.
    pub fn name(self) -> &'static str {
        match self {
            Self::GitCliff => "git-cliff",
            Self::GenerateChangelog => "generate-changelog",
            Self::GitChangelog => "git-changelog",
            Self::SemanticRelease => "python-semantic-release",
            Self::Commitizen => "commitizen",
        }
    }

    /// The command.
    pub fn command(self) -> &'static str {
        match self {
            Self::GitCliff => "git-cliff",
            Self::GenerateChangelog => "generate-changelog",
            Self::GitChangelog => "git-changelog",
            Self::SemanticRelease => "semantic-release",
            Self::Commitizen => "cz",
        }
    }

    /// What to run to see the bump.
    pub fn shows_bump(self) -> &'static str {
        match self {
            Self::GitCliff => "git-cliff --bumped-version",
            Self::GenerateChangelog => "generate-changelog --skip-output-pipeline --output release-hint",
            Self::GitChangelog => "git-changelog --bumped-version",
            Self::SemanticRelease => "semantic-release --noop version --print",
            Self::Commitizen => "cz bump --get-next",
        }
    }
}

impl Generated {
    /// Finds the tool that the project is set up for, or this one.
    pub fn find(files: &dyn Files, only: Option<Generator>) -> Option<Self> {
        Generator::ALL.into_iter().filter(|one| only.is_none_or(|only| only == *one)).find_map(|generator| {
            match generator {
                Generator::GitCliff => git_cliff::find(files),
                Generator::GenerateChangelog => generate_changelog::find(files),
                Generator::GitChangelog => git_changelog::find(files),
                Generator::SemanticRelease => semantic_release::find(files),
                Generator::Commitizen => commitizen::find(files),
            }
        })
    }

    /// Whether the tool writes the changelog as a whole, rather than the new section: where there is none yet, or where it
    /// ends with what only a whole one has.
    pub fn writes_all(&self, changelog: Option<&str>) -> bool {
        if ![Generator::GitCliff, Generator::GitChangelog].contains(&self.generator) {
            return false;
        }
        let Some(text) = changelog else { return true };
        let ends_so = self.footer.as_ref().is_some_and(|footer| {
            let plain = footer.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains('{'));
            let plain: Vec<&str> = plain.collect();
            match text.lines().map(str::trim).rfind(|line| !line.is_empty()) {
                Some(last) if plain.is_empty() => last.starts_with('[') && last.contains("]: "),
                _ => text.lines().any(|line| plain.contains(&line.trim())),
            }
        });
        self.writes_whole || ends_so
    }

    /// Whether the tool takes the tag of a release for one: it makes no section for a version that it does not know.
    pub fn reads(&self, tag: &str, version: &Version) -> bool {
        self.semantic_release.as_ref().is_none_or(|settings| settings.reads(tag, version))
            && self.git_changelog.as_ref().is_none_or(|settings| settings.reads(tag))
    }

    fn new(generator: Generator, settings: &str) -> Self {
        Self {
            generator,
            settings: settings.to_owned(),
            changelog: None,
            writes_whole: false,
            footer: None,
            unreleased: None,
            plugin: None,
            semantic_release: None,
            git_changelog: None,
            is_of_releases: false,
            rules: Err("its rules are its own".to_owned()),
            problems: Vec::new(),
        }
    }

    /// Settings that cannot be read.
    fn unreadable(generator: Generator, settings: &str, reason: String) -> Self {
        let mut generated = Self::new(generator, settings);
        generated.problems.push(Problem::Settings { path: settings.to_owned(), reason });
        generated
    }

    fn problem(&mut self, reason: &str) {
        let path = self.settings.clone();
        self.problems.push(Problem::Settings { reason: format!("`{path}`: {reason}"), path });
    }
}

/// A table of a TOML or JSON file.
fn table(files: &dyn Files, path: &str, keys: &[&str]) -> Settings {
    let Some(text) = sources::text(files, path)? else { return Ok(None) };
    // A file that others share need not be valid unless it has these settings.
    if !keys.iter().all(|key| text.contains(key)) {
        return Ok(None);
    }
    let whole = match path.ends_with(".json") {
        true => {
            serde_json::from_str(&text).map_err(|error| format!("`{path}` is not valid JSON: {error}"))?
        }
        false => sources::toml(path, &text)?,
    };
    sources::within(path, Some(&whole), keys)
}

fn string<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    table.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn flag(table: &Table, key: &str) -> Option<bool> {
    table.get(key)?.as_bool()
}

/// A regular expression, or why there is none.
fn regex(key: &str, pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern)
        .map_err(|_| format!("`{key}` has `{pattern}`, which is not a valid regular expression"))
}
