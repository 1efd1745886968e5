//! `init`: proposes a `release.toml` from what a project has: its files, its history, and other tools' settings.
//!
//! Everything is found by what finds it in a release ([`crate::stages::discover`], [`crate::python::settings`]). What a
//! release does anyway is not written. Files are only parsed; nothing of the project is run.

mod account;
mod decide;
mod decided;
mod document;
mod existing;
mod facts;
mod hooks;
mod indexes;
mod places;
mod stages;
mod workspace;

use std::collections::BTreeSet;

use crate::engine::checkout::Checkout;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{PypircIndex, pypirc_indexes, pypirc_lines};
use crate::python::project::Files;
use crate::python::settings::{self, ToolSettings, ZEST_OF_USER};
use crate::python::workspace::{is_project, projects_below};
use crate::stages::{Discovery, discover};

pub use account::{Outcome, SettingOutcome};
pub use existing::{Comparison, compare};
pub use facts::Fact;

/// What the user was asked
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// The project's name, if its files do not tell it
    pub name: Option<String>,
    /// The private index to publish to instead of PyPI
    pub index: Option<String>,
    /// Whether a new changelog is written
    pub changelog: bool,
    /// Whether the configuration that is there is that of a workspace; none if there is none
    pub is_workspace: Option<bool>,
}

/// What a project has, and the configuration that follows from it
#[derive(Debug)]
pub struct Proposal {
    /// The file of the configuration, relative to the project
    pub file: String,
    pub found: Vec<Fact>,
    /// What becomes of every setting of other tools
    pub settings: Vec<SettingOutcome>,
    /// The configuration
    pub text: String,
    /// What only the user can decide, settings of other tools aside
    pub open: Vec<String>,
    /// The private indexes in `.pypirc` that the project could be published to, if that is a choice
    pub private_indexes: Vec<(String, String)>,
    /// Whether there is no changelog, and nothing to make one of
    pub lacks_changelog: bool,
    /// Files of other tools that a release does not need any more
    pub removable: Vec<String>,
}

impl Proposal {
    /// How many settings and questions only the user can decide.
    pub fn needs(&self) -> usize {
        let settings = self.settings.iter().filter(|setting| setting.outcome == Outcome::NeedsUser);
        // The settings of an entry share a reason.
        let reasons: BTreeSet<(&str, &str)> =
            settings.map(|setting| (setting.tool, setting.detail.as_str())).collect();
        reasons.len() + self.open.len()
    }
}

/// The project's files, and the user's own settings of zest.releaser
struct WithUser<'a> {
    checkout: &'a Checkout,
    zest: Option<String>,
}

impl Files for WithUser<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            ZEST_OF_USER => self.zest.clone().map(String::into_bytes),
            _ => self.checkout.read(path),
        }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.checkout.list(folder)
    }
}

/// What was found, for all decisions
struct Finds<'a> {
    checkout: &'a Checkout,
    files: &'a dyn Files,
    discovery: &'a Discovery,
    tools: &'a [ToolSettings],
    /// The tools' settings as of the last release
    earlier: &'a [ToolSettings],
    pypirc: &'a [PypircIndex],
    /// The project's name, if its files do not tell it
    name: Option<&'a str>,
    answers: &'a Answers,
}

/// A commit of the project
struct At<'a>(&'a Checkout, &'a str);

impl Files for At<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.read_at(self.1, path)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        // Only the values of settings are compared.
        let _ = folder;
        Vec::new()
    }
}

/// What to do where there is no project, but folders below have one; none if they have none either.
pub fn below(checkout: &Checkout) -> Option<String> {
    let folders = projects_below(checkout);
    let first = folders.first()?;
    let named: Vec<String> = folders.iter().take(10).map(|folder| format!("`{folder}`")).collect();
    let verb = if folders.len() == 1 { "has a Python project" } else { "have Python projects" };
    Some(format!("{} {verb}: pass `-C {first}`", named.join(", ")))
}

/// Looks at the project and proposes its configuration, to be written to `file`.
///
/// # Errors
/// The project has no name, or the repository or `.pypirc` cannot be read.
pub fn propose(checkout: &Checkout, file: &str, answers: &Answers) -> Result<Proposal> {
    let asks = answers.is_workspace.unwrap_or(answers.name.is_none());
    if let Some(found) = if asks { workspace::find(checkout)? } else { None } {
        return workspace::propose(checkout, file, &found, answers);
    }
    // The answer counts only where the project's files do not tell the name.
    let (discovery, name) = match (discover(checkout, None), &answers.name) {
        (Err(error), Some(name)) if error.kind() == ErrorKind::OnlyBackendKnows => {
            (discover(checkout, Some(name))?, Some(name.as_str()))
        }
        (Err(error), _) => {
            return Err(match below(checkout).filter(|_| !is_project(checkout, "")) {
                None => error,
                Some(help) => Error::usage("there is no Python project at the root").help(help),
            });
        }
        (Ok(found), _) => (found, None),
    };
    let environment = &checkout.environment;
    let files = WithUser { checkout, zest: pypirc_lines(environment, "zest.releaser") };
    let tools = settings::read(&files);
    let earlier = match &discovery.last {
        Some((_, commit)) if !tools.is_empty() => settings::read(&At(checkout, commit)),
        _ => Vec::new(),
    };
    let pypirc = pypirc_indexes(environment)?;
    let finds = Finds {
        checkout,
        files: &files,
        discovery: &discovery,
        tools: &tools,
        earlier: &earlier,
        pypirc: &pypirc,
        name,
        answers,
    };
    let decided = decide::decide(&finds)?;
    let settings = account::outcomes(&finds, &decided);
    let is_needed = |tool: &ToolSettings| {
        let mut own = settings.iter().filter(|one| one.file == tool.file && one.tool == tool.tool);
        own.any(|one| one.outcome == Outcome::NeedsUser) || decided.keeps.contains(&tool.tool)
    };
    let is_removable = |tool: &&ToolSettings| settings::is_of_tools_only(&tool.file) && !is_needed(tool);
    Ok(Proposal {
        file: file.to_owned(),
        found: facts::facts(&finds),
        removable: tools.iter().filter(is_removable).map(|tool| tool.file.clone()).collect(),
        settings,
        text: decided.document.text(file == "pyproject.toml"),
        open: decided.open,
        private_indexes: indexes::offered(&finds),
        lacks_changelog: decided.lacks_changelog,
    })
}
