//! Runs the tools that write a changelog, and finds what they wrote.

use std::path::Path;

use super::format::{Formatting, added_lines};
use super::parse;
use crate::engine::checkout::Checkout;
use crate::engine::prelude::*;
use crate::python::changelog::{Format, Promotion, to_markdown};
use crate::stages::build::virtual_environments;
use crate::world::git::Remote;
use crate::world::process::Process;
use crate::world::tools::{ToolEnvironment, Toolset};

/// A tool that writes a changelog
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    command: &'static str,
    toolset: Toolset,
    start: Start,
}

/// How a tool starts in an environment made for it
#[derive(Debug, Clone, Copy)]
enum Start {
    /// `python -m`
    Module(&'static str),
    /// `python -c`
    Script(&'static str),
    /// A program that is no Python
    Program,
}

impl Tool {
    pub(super) const TOWNCRIER: Self =
        Self { command: "towncrier", toolset: Toolset::Towncrier, start: Start::Module("towncrier") };
    pub(super) const SCRIV: Self =
        Self { command: "scriv", toolset: Toolset::Scriv, start: Start::Module("scriv") };
    pub(super) const GIT_CLIFF: Self =
        Self { command: "git-cliff", toolset: Toolset::GitCliff, start: Start::Program };
    pub(super) const COMMITIZEN: Self =
        Self { command: "cz", toolset: Toolset::Commitizen, start: Start::Module("commitizen") };
    pub(super) const GENERATE_CHANGELOG: Self = Self {
        command: "generate-changelog",
        toolset: Toolset::GenerateChangelog,
        start: Start::Script("from generate_changelog.cli import cli; cli()"),
    };

    pub(super) const GIT_CHANGELOG: Self = Self {
        command: "git-changelog",
        toolset: Toolset::GitChangelog,
        start: Start::Module("git_changelog"),
    };
    pub(super) const SEMANTIC_RELEASE_7: Self = Self {
        command: "semantic-release",
        toolset: Toolset::SemanticRelease7,
        start: Start::Script(include_str!("../../../templates/tools/semantic_release_7.py")),
    };
    pub(super) const SEMANTIC_RELEASE_8: Self = Self::semantic_release(Toolset::SemanticRelease8);
    pub(super) const SEMANTIC_RELEASE_9: Self = Self::semantic_release(Toolset::SemanticRelease9);
    pub(super) const SEMANTIC_RELEASE_10: Self = Self::semantic_release(Toolset::SemanticRelease10);

    const fn semantic_release(toolset: Toolset) -> Self {
        Self { command: "semantic-release", toolset, start: Start::Module("semantic_release") }
    }

    /// The tool of the project's own environment, or of PATH, or else in an environment made for it.
    pub(super) fn program(self, checkout: &Checkout, say: &dyn Fn(&str)) -> Result<Process> {
        match self.own(checkout) {
            Some(own) => Ok(own.env("NO_COLOR", "1")),
            None => self.made(checkout, say),
        }
    }

    /// The tool in an environment made for it.
    pub(super) fn made(self, checkout: &Checkout, say: &dyn Fn(&str)) -> Result<Process> {
        let tools = ToolEnvironment::of(self.toolset, &checkout.environment, say)?;
        let process = match self.start {
            Start::Module(module) => tools.process().args(["-m", module]),
            Start::Script(script) => tools.process().args(["-c", script]),
            Start::Program => tools.program(self.command),
        };
        Ok(process.env("NO_COLOR", "1"))
    }

    /// The tool of the project's own environment, or of PATH.
    pub(super) fn own(self, checkout: &Checkout) -> Option<Process> {
        let (environment, repository) = (&checkout.environment, &checkout.repository);
        let folder = if cfg!(windows) { "Scripts" } else { "bin" };
        let own = virtual_environments(checkout).into_iter().map(|root| root.join(folder).join(self.command));
        let own = own.filter(|path| path.is_file()).find(|path| !repository.tracks_any_of(path));
        let on_path = || {
            let program = environment.program(self.command, &checkout.root());
            program.filter(|path| !repository.has_path(path))
        };
        own.or_else(on_path).map(Process::new)
    }
}

/// Formats the changelog that was `before` until the tool wrote into it, and puts it into the release commit; returns the
/// notes. Does neither if the effects are inert.
///
/// # Errors
/// The changelog cannot be read, or git cannot add it.
pub(super) fn finish(
    release: &Release,
    effects: &mut Effects<'_>,
    (path, before): (&str, Option<String>),
) -> Result<Option<String>> {
    if let Some(formatting) = Formatting::of(release, path) {
        let command = formatting.command();
        effects.private(Action::Command { command }, |bench| {
            formatting.apply(bench, release, before.as_deref().unwrap_or_default())
        })?;
    }
    let (Some(before), Some(bench)) = (before, effects.bench()) else { return Ok(None) };
    let root = release.root();
    let notes = notes(&root, path, &before, release)?;
    // A new changelog is untracked.
    bench.clone.git(["add", "--", path]).folder(&root).read()?;
    Ok(Some(notes))
}

/// The URL of which a tool makes links, if it is not that of the remote: in a rehearsal that of the remote which this one
/// stands for, and where the remote is a folder that of the project.
pub(super) fn url_of_links(remote: &str, release: &Release) -> Option<String> {
    let repository = &release.checkout.repository;
    let is_folder = || Remote { name: remote.to_owned() }.repository(repository).is_some();
    // Some tools take no URL without encryption.
    let encrypted = |url: &String| url.replacen("http://", "https://", 1);
    let of_project = || release.target.project.repository_url.as_ref().map(encrypted);
    repository.rehearsed_url(remote).or_else(|| is_folder().then(of_project).flatten())
}

/// The release's notes in Markdown: the version's section, or else what the tool added.
fn notes(root: &Path, path: &str, before: &str, release: &Release) -> Result<String> {
    let after = fs_err::read_to_string(root.join(path))
        .map_err(|error| Error::failed(format!("the tool did not write `{path}`")).because(error))?;
    let promotion = Promotion::new(&release.target.version, &release.target.names.date);
    let section = parse(path, after.clone()).ok().and_then(|document| document.promote(&promotion).ok());
    let notes = section.map_or_else(|| added(before, &after), |promoted| promoted.notes);
    Ok(to_markdown(&notes, Format::of_text(path, &after).unwrap_or(Format::Markdown)))
}

/// The lines that a text has and another has not, from the first to the last of them.
fn added(before: &str, after: &str) -> String {
    let lines: Vec<&str> = after.lines().collect();
    lines[added_lines(before, after)].join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_the_lines_that_the_tool_added() {
        assert_eq!(
            added("# News\n\n## 1.0\n\n- a\n", "# News\n\n## 1.1\n\n- b\n\n## 1.0\n\n- a\n"),
            "## 1.1\n\n- b"
        );
        assert_eq!(added("", "## 1.1\n"), "## 1.1");
        assert_eq!(added("a\n", "a\n"), "");
    }
}
