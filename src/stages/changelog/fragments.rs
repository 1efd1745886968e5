//! Has towncrier or scriv collect the changelog's fragments.

use std::path::Path;

use super::{Changelog, Source, parse};
use crate::engine::prelude::*;
use crate::engine::release::Workspace;
use crate::python::changelog::{Format, Promotion, to_markdown};
use crate::python::fragments::{Collector, Fragments, Problem};
use crate::python::project::{Files, Project};
use crate::python::version::Bump;
use crate::stages::build::virtual_environments;
use crate::world::process::Process;
use crate::world::tools::{ToolEnvironment, Toolset};

impl Changelog {
    /// The fragments that a release collects; none if the project has no such tool, if there are no fragments, or if the
    /// configuration names another source.
    pub(super) fn fragments(&self, files: &dyn Files, project: &Project) -> Option<Fragments> {
        if !self.takes_fragments() {
            return None;
        }
        let found = Fragments::find(files, project)?;
        (!found.files.is_empty() || !found.problems.is_empty()).then_some(found)
    }

    /// Why there is nothing to collect although the configuration names fragments as the source; none if it does not.
    pub(super) fn nothing_to_collect(&self, release: &Release) -> Option<String> {
        if self.from != Some(Source::Fragments) {
            return None;
        }
        Some(match Fragments::find(release, &release.target.project) {
            Some(found) => format!("there are no fragments in `{}`", found.folder),
            None => "the project has no settings of towncrier or scriv".to_owned(),
        })
    }

    /// The bump that the fragments call for, and the reason.
    pub(in crate::stages) fn bump_of_fragments(
        &self,
        files: &dyn Files,
        project: &Project,
    ) -> Option<(Bump, String)> {
        let fragments = self.fragments(files, project)?;
        let (bump, fragment) = fragments.suggested_bump()?;
        let kind = fragment.kind.as_deref().unwrap_or_default();
        Some((bump, format!("`{}` is a fragment of type `{kind}`", fragment.path)))
    }

    /// Has the tool collect the fragments in the run's clone; returns the release's notes.
    pub(super) fn collect(
        &self,
        fragments: &Fragments,
        release: &Release,
        effects: &mut Effects<'_>,
    ) -> Result<Option<String>> {
        let words = command(fragments, release);
        let shown: Vec<String> =
            std::iter::once(fragments.collector.name().to_owned()).chain(words.clone()).collect();
        effects.private(Action::Command { command: shown }, |bench| {
            let root = release.root();
            let changelog = changelog_of(fragments, release);
            let before = fs_err::read_to_string(root.join(&changelog)).unwrap_or_default();
            // The tool would follow links: what they lead to would be public, or be overwritten.
            for path in fragments.files.iter().map(|file| &file.path).chain([&changelog]) {
                bench.file(&root, path)?;
            }
            let process = program(fragments.collector, &release.workspace, &|message| bench.say(message))?;
            bench.command(&process.args(&words).folder(&root))?;
            if let Some(left) = fragments.files.iter().find(|file| root.join(&file.path).exists()) {
                let message = format!("{} left the fragment `{}`", fragments.collector.name(), left.path);
                let help = format!(
                    "see its settings in `{}`; the next release would have the entry again",
                    fragments.settings
                );
                return Err(Error::failed(message).help(help));
            }
            let notes = notes(&root, &changelog, &before, release)?;
            // scriv leaves a new changelog untracked.
            bench.clone.git(["add", "--", &changelog]).folder(&root).read()?;
            Ok(notes)
        })
    }
}

/// What would make the tool fail, as errors of the preflight.
pub(super) fn problems(fragments: &Fragments) -> impl Iterator<Item = Finding> + '_ {
    fragments
        .problems
        .iter()
        .map(|problem: &Problem| Finding::error(problem.to_string()).help(problem.help()))
}

/// That the changelog has a section for the version already: the tool would write a second one above it.
pub(super) fn section_beside(fragments: &Fragments, release: &Release) -> Option<Finding> {
    let (path, version) = (changelog_of(fragments, release), &release.target.version);
    let document = parse(&path, release.text(&path).ok()?).ok()?;
    let (tool, folder) = (fragments.collector.name(), &fragments.folder);
    document.names(version).then(|| {
        let message =
            format!("`{path}` has a section for {version} already, and {tool} would write another one");
        Finding::error(message)
            .help(format!("move its entries to fragments in `{folder}`, and remove the section"))
    })
}

/// The paths that the tool changes.
pub(super) fn paths(fragments: &Fragments) -> impl Iterator<Item = &str> {
    std::iter::once(fragments.changelog.as_str()).chain(fragments.files.iter().map(|file| file.path.as_str()))
}

/// The changelog, whose name may contain the version.
fn changelog_of(fragments: &Fragments, release: &Release) -> String {
    fragments.changelog.replace("{version}", &release.names().version)
}

/// The tool's arguments.
fn command(fragments: &Fragments, release: &Release) -> Vec<String> {
    let names = release.names();
    let words: &[&str] = match fragments.collector {
        Collector::Towncrier => &["build", "--yes", "--version", &names.version, "--date", &names.date],
        Collector::Scriv => &["collect", "--version", &names.version],
    };
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if let Some(name) = &fragments.name {
        words.extend(["--name".to_owned(), name.clone()]);
    }
    words
}

/// The tool of the project's own environment, or of PATH, or else in an environment made for it.
fn program(collector: Collector, workspace: &Workspace, say: &dyn Fn(&str)) -> Result<Process> {
    let name = collector.name();
    let (environment, repository) = (&workspace.environment, &workspace.repository);
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    let own = virtual_environments(workspace).into_iter().map(|root| root.join(folder).join(name));
    if let Some(own) = own.filter(|path| path.is_file()).find(|path| !repository.tracks_any_of(path)) {
        return Ok(Process::new(own));
    }
    let on_path = environment.program(name, &workspace.root()).filter(|path| !repository.has_path(path));
    if let Some(program) = on_path {
        return Ok(Process::new(program));
    }
    let toolset = match collector {
        Collector::Towncrier => Toolset::Towncrier,
        Collector::Scriv => Toolset::Scriv,
    };
    let tools = ToolEnvironment::of(toolset, environment, say)?;
    Ok(tools.process().args(["-m", name]))
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
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let start = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = new.len() - ends.take_while(|(one, other)| one == other).count();
    new[start..end].join("\n").trim().to_owned()
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
