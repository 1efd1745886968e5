//! Has towncrier or scriv collect the changelog's fragments.

use super::tool::{self, Tool};
use super::{Changelog, Source, parse};
use crate::engine::prelude::*;
use crate::python::changelog::Begun;
use crate::python::fragments::{Collector, Fragments, Problem};
use crate::python::project::{Files, Project};
use crate::python::version::Bump;

impl Changelog {
    /// The fragments that a release collects.
    pub(super) fn fragments_of(&self, release: &Release) -> Option<Fragments> {
        let mut found = self.found_for(release)?;
        found.problems.retain(|problem| !was_left(problem, release));
        (!found.files.is_empty() || !found.problems.is_empty()).then_some(found)
    }

    /// The fragments of a release and all their problems.
    fn found_for(&self, release: &Release) -> Option<Fragments> {
        let target = &release.target;
        let learned = target.conventions.changelog.as_ref().map(|learned| learned.value.as_str());
        self.fragments(release, &target.project, learned)
    }

    /// Files that the tool leaves out again, as in the last release.
    pub(super) fn left_out(&self, release: &Release) -> Vec<Finding> {
        let problems = self.found_for(release).map(|found| found.problems);
        let left = problems.into_iter().flatten().filter(|problem| was_left(problem, release));
        left.map(|problem| {
            Finding::warning(format!("{problem}: the tool leaves it out, as in the last release"))
                .help(problem.help())
        })
        .collect()
    }

    /// The fragments that are collected into the changelog, which earlier releases changed at `learned`; none if the project has no such tool, if there are no fragments, or if the
    /// configuration names another source.
    pub(super) fn fragments(
        &self,
        files: &dyn Files,
        project: &Project,
        learned: Option<&str>,
    ) -> Option<Fragments> {
        if !self.takes_fragments() {
            return None;
        }
        let found = Fragments::of_project(files, project, learned)?;
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
        learned: Option<&str>,
    ) -> Option<(Bump, String)> {
        let fragments = self.fragments(files, project, learned)?;
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
        let changelog = changelog_of(fragments, release);
        let before = effects.private(Action::Command { command: shown }, |bench| {
            let root = release.root();
            let before = fs_err::read_to_string(root.join(&changelog)).unwrap_or_default();
            let begun = begun(fragments, release);
            // The tool would follow links: what they lead to would be public, or be overwritten.
            for path in fragments.files.iter().map(|file| &file.path).chain([&changelog]) {
                bench.file(&root, path)?;
            }
            if let Some(begun) = &begun {
                fs_err::write(root.join(&changelog), &begun.rest)?;
            }
            let tool = match fragments.collector {
                Collector::Towncrier => Tool::TOWNCRIER,
                Collector::Scriv => Tool::SCRIV,
            };
            let process = tool.program(&release.checkout, &|message| bench.say(message))?;
            bench.command(&process.args(&words).folder(&root.join(&fragments.above)))?;
            if let Some(left) = fragments.files.iter().find(|file| root.join(&file.path).exists()) {
                let message = format!("{} left the fragment `{}`", fragments.collector.name(), left.path);
                let help = format!(
                    "see its settings in `{}`; the next release would have the entry again",
                    fragments.settings
                );
                return Err(Error::failed(message).help(help));
            }
            if let Some(begun) = &begun {
                let text = fs_err::read_to_string(root.join(&changelog))?;
                let version = &release.target.version;
                let whole = parse(&changelog, text)?.with_begun(version, begun).ok_or_else(|| {
                    let tool = fragments.collector.name();
                    let message = format!("{tool} made no section of {version} in `{changelog}`");
                    Error::failed(message).help("move the entries that are there already to fragments")
                })?;
                fs_err::write(root.join(&changelog), whole)?;
            }
            Ok(before)
        })?;
        tool::finish(release, effects, (&changelog, before))
    }
}

/// What the tool does, for the user.
pub(super) fn shown(fragments: &Fragments, release: &Release) -> String {
    let (path, tool) = (changelog_of(fragments, release), fragments.collector.name());
    let count = match fragments.files.len() {
        1 => "one fragment".to_owned(),
        count => format!("{count} fragments"),
    };
    format!("{path}: {tool} collects {count} of `{}` into it", fragments.folder)
}

/// What would make the tool fail, as errors of the preflight.
pub(super) fn problems(problems: &[Problem]) -> impl Iterator<Item = Finding> {
    problems.iter().map(|problem| Finding::error(problem.to_string()).help(problem.help()))
}

/// Whether the last release left the file as it is: the tool passes over what is not named like a fragment.
fn was_left(problem: &Problem, release: &Release) -> bool {
    let (Problem::UnknownType { path, .. } | Problem::BadName { path }) = problem else { return false };
    let before = release.target.conventions.before_releases.first();
    before.is_some_and(|commit| release.checkout.read_at(commit, path).is_some())
}

/// The section that the changelog has for the version already: the tool would write a second one above it.
fn begun(fragments: &Fragments, release: &Release) -> Option<Begun> {
    let path = changelog_of(fragments, release);
    parse(&path, release.text(&path).ok()?).ok()?.begun(&release.target.version)
}

/// What becomes of a section that the changelog has for the version already.
pub(super) fn section_beside(fragments: &Fragments, release: &Release) -> Vec<Finding> {
    let Some(begun) = begun(fragments, release) else { return Vec::new() };
    let (path, version) = (changelog_of(fragments, release), &release.target.version);
    let tool = fragments.collector.name();
    let message = format!("`{path}` has a section for {version} already: {tool} adds to its entries");
    let left_out = begun.left_out.iter().map(|line| {
        let message = format!("`{line}` in the section for {version} is left out of `{path}`");
        Finding::warning(message).help("do what it says before the release, or remove it")
    });
    std::iter::once(Finding::detail(message)).chain(left_out).collect()
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
    let version = version_in_heading(fragments, release);
    let words: &[&str] = match fragments.collector {
        Collector::Towncrier => &["build", "--yes", "--version", &version, "--date", &release.names().date],
        Collector::Scriv => &["collect", "--version", &version],
    };
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if let Some(settings) = &fragments.told_settings {
        words.extend(["--config".to_owned(), settings.clone()]);
    }
    if let Some(name) = name_in_heading(fragments, release).or(fragments.name.clone()) {
        words.extend(["--name".to_owned(), name]);
    }
    words
}

/// The project's name as the newest heading spells it, if the settings do not say: versions of the tool differ in that.
fn name_in_heading(fragments: &Fragments, release: &Release) -> Option<String> {
    if fragments.is_named {
        return None;
    }
    let path = changelog_of(fragments, release);
    let document = parse(&path, release.text(&path).ok()?).ok()?;
    let name = release.target.project.name.as_str();
    document.word().filter(|word| word.eq_ignore_ascii_case(name)).map(str::to_owned)
}

/// The version as the tool was told it in earlier releases: with what their headings have and the tool's settings do not.
fn version_in_heading(fragments: &Fragments, release: &Release) -> String {
    let (path, version) = (changelog_of(fragments, release), &release.target.version);
    let document = release.text(&path).ok().and_then(|text| parse(&path, text).ok());
    let Some(document) = document else { return release.names().version.clone() };
    let mark = if document.writes_v() && !fragments.has_v { "v" } else { "" };
    format!("{mark}{}", document.spelled(version))
}
