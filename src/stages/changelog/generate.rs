//! Has git-cliff, commitizen, generate-changelog, git-changelog or python-semantic-release generate the version's section
//! from the commits.

use super::format::added_lines;
use super::tool::{self, Tool};
use super::{Changelog, Source, commits, fragments, parse, semantic_release};
use crate::engine::checkout::Checkout;
use crate::engine::model::Convention;
use crate::engine::prelude::*;
use crate::error::ErrorKind;
use crate::python::generators::{Generated, Generator, GitChangelog, Suggestion, is_generated, subjects};
use crate::python::habits::{self, Habits, PastRelease};
use crate::python::project::Files;
use crate::python::version::Version;
use crate::world::git::with_settings;

/// How many of the last releases decide
const MOST_RELEASES: usize = 3;
/// The most commits of a past release that are compared with its section
const MOST_COMMITS: &str = "--max-count=500";
/// The changelog of a project that has none yet
const USUAL: &str = "CHANGELOG.md";

impl Changelog {
    /// The tool that generates the section, as the configuration or else the last releases have it.
    pub(in crate::stages) fn generated(&self, checkout: &Checkout, habits: &Habits) -> Option<Generated> {
        match self.from {
            Some(_) => self.configured_generator(checkout),
            None => self.learned_generator(checkout, habits).map(|(generated, _)| generated),
        }
    }

    /// The tool that generates the section, if the configuration takes it from commits and has no types of its own.
    pub(super) fn configured_generator(&self, files: &dyn Files) -> Option<Generated> {
        let uses_tool = self.from == Some(Source::Commits) && self.types.is_empty();
        uses_tool.then(|| Generated::find(files, self.generator)).flatten()
    }

    /// The tool that generated the sections of the last releases, and what shows it.
    pub(in crate::stages) fn learned_generator(
        &self,
        checkout: &Checkout,
        habits: &Habits,
    ) -> Option<(Generated, Convention<Generator>)> {
        if self.from.is_some() || self.file.is_some() {
            return None;
        }
        let generated = Generated::find(checkout, None)?;
        let (generator, past) = (generated.generator, habits.releases());
        if past.is_empty() && generated.is_of_releases {
            let reason = format!("as `{}` says for {}", generated.settings, generator.name());
            return Some((generated, Convention { value: generator, reason }));
        }
        let learned: Vec<String> = habits.changelogs().into_iter().map(|file| file.value).collect();
        let path = generated.changelog.clone().or_else(|| self.path(checkout, &learned, None))?;
        let unreleased = parse(&path, text_of(checkout, &path)?).ok()?.unreleased();
        if unreleased.is_some_and(|section| !section.body.is_empty()) {
            return None;
        }
        let is_by_tool = |at: &usize| was_generated(checkout, &path, &past[*at], past.get(at + 1));
        let evidence: Vec<String> = (0..past.len().min(MOST_RELEASES))
            .take_while(is_by_tool)
            .map(|at| past[at].tag.name.clone())
            .collect();
        let convention = Convention { value: generator, reason: habits::reason(&evidence) };
        (!evidence.is_empty()).then_some((generated, convention))
    }

    /// The bump that the tool would make of the commits since a tag; none if it would make none.
    ///
    /// # Errors
    /// The commits cannot be read, or only the tool knows the bump.
    pub(in crate::stages) fn bump_of_generated(
        generated: &Generated,
        checkout: &Checkout,
        (present, since): (&Version, Option<&str>),
    ) -> Result<Option<Suggestion>> {
        let name = generated.generator.name();
        let only_the_tool = |reason: &str| {
            let message = format!("only {name} can tell the version after {present}: {reason}");
            let shows = generated.generator.shows_bump();
            Error::usage(message)
                .with_kind(ErrorKind::NoBump)
                .help(format!("pass what `{shows}` shows, such as `pyrelease run minor`"))
        };
        let rules = generated.rules.as_ref().map_err(|reason| only_the_tool(reason))?;
        // These look at the whole repository.
        let is_whole = generated.generator != Generator::GitCliff;
        let options: &[&str] = if rules.ignores_merges() { &["--no-merges"] } else { &[] };
        let commits = commits::since(checkout, since, is_whole, options)?;
        let is_before_one = present.release_segments().first() == Some(&0);
        rules.suggested_bump(&commits, (since, is_before_one)).map_err(|reason| only_the_tool(&reason))
    }

    /// What would make the tool fail.
    pub(super) fn generated_problems(
        &self,
        generated: &Generated,
        release: &Release,
    ) -> Result<Vec<Finding>> {
        let path = self.generated_path(generated, release);
        let version = &release.target.version;
        let shown = format!("{path}: {} generates the section of {version}", generated.generator.name());
        let mut findings = vec![Finding::detail(shown)];
        findings.extend(fragments::problems(&generated.problems));
        let checkout = &release.checkout;
        let (name, settings) = (generated.generator.name(), &generated.settings);
        if let Some(plugin) = &generated.plugin
            && tool_of(generated).own(checkout).is_none()
        {
            let message =
                format!("`{settings}` names the plugin `{plugin}`, but {name} is not installed with it");
            let help = format!("install {name} and the plugin into the project's `.venv`");
            findings.push(Finding::error(message).help(help));
        }
        if checkout.repository.is_shallow() {
            let message = format!("this shallow clone lacks commits that {name} reads");
            findings.push(Finding::error(message).help("run `git fetch --unshallow --tags`"));
        }
        if let Some(own) = &generated.changelog
            && *own != path
            && (generated.generator == Generator::GenerateChangelog || is_of_seven(generated))
        {
            let message = format!("`file` in [stage.changelog] is `{path}`, but {name} writes `{own}`");
            let help = format!("correct `file`, or the settings in `{settings}`");
            findings.push(Finding::error(message).help(help));
        }
        if let Some(settings) = &generated.semantic_release {
            let text = text_of(checkout, &path);
            findings.extend(semantic_release::problems(settings, release, (&path, text.as_deref())));
        }
        if let Some(settings) = &generated.git_changelog {
            findings.extend(git_changelog_problems(settings, generated, release, &path));
        }
        if let Some(text) = text_of(checkout, &path)
            && matches!(generated.generator, Generator::GitCliff | Generator::GitChangelog)
            && !generated.writes_all(Some(&text))
            && let Some(unreleased) = parse(&path, text).ok().and_then(|document| document.unreleased())
            && !unreleased.body.is_empty()
        {
            let message = format!(
                "`{path}` has entries that are not released on line {}, and {name} would leave them there",
                unreleased.line
            );
            let help = "remove them, or set `from = \"changelog\"` in [stage.changelog]";
            findings.push(Finding::error(message).help(help));
        }
        if self.from.is_none() {
            for help in findings.iter_mut().filter_map(|finding| finding.help.as_mut()) {
                help.push_str(", or set `from = \"changelog\"` in [stage.changelog]");
            }
        }
        findings.extend(checkout.edits_in_the_way([path.as_str()])?);
        Ok(findings)
    }

    /// The changelog that the tool writes.
    pub(super) fn generated_path(&self, generated: &Generated, release: &Release) -> String {
        let own = self.file.clone().or_else(|| generated.changelog.clone());
        own.or_else(|| self.path_of(release)).unwrap_or_else(|| USUAL.to_owned())
    }

    /// Has the tool generate the section in the run's clone; returns the release's notes.
    pub(super) fn generate(
        &self,
        generated: &Generated,
        release: &Release,
        effects: &mut Effects<'_>,
    ) -> Result<Option<String>> {
        let path = self.generated_path(generated, release);
        let writes_all = generated.writes_all(text_of(&release.checkout, &path).as_deref());
        let words = self.generator_arguments(generated, release, (&path, writes_all));
        let name = generated.generator.command().to_owned();
        let shown = std::iter::once(name).chain(words.clone()).collect();
        let before = effects.private(Action::Command { command: shown }, |bench| {
            if let Some(settings) = &generated.semantic_release {
                let (before, after) = self.generate_by_tag((generated, settings), release, (&path, bench))?;
                changed(generated, &path, (&before, &after))?;
                return Ok(before);
            }
            let root = release.root();
            let file = bench.file(&root, &path)?;
            let before = fs_err::read_to_string(&file).unwrap_or_default();
            let tool = tool_of(generated);
            let mut process = tool.program(&release.checkout, &|message| bench.say(message))?;
            if generated.generator == Generator::GitChangelog
                && let Some(url) = tool::url_of_links("origin", release)
            {
                process = with_settings(process, &mut [("remote.origin.url", url.as_str())].into_iter());
            }
            bench.command(&process.clone().args(&words).folder(&root))?;
            let mut after = fs_err::read_to_string(&file).unwrap_or_default();
            // What was written by hand, or by an older configuration, must not be lost.
            let lost = if writes_all { lost_sections(&path, &before, &after) } else { Vec::new() };
            if !lost.is_empty() {
                bench.say(&format!(
                    "{} would drop {}: adding the new section only",
                    generated.generator.name(),
                    lost.join(", ")
                ));
                fs_err::write(&file, &before)?;
                let words = self.generator_arguments(generated, release, (&path, false));
                bench.command(&process.args(&words).folder(&root))?;
                after = fs_err::read_to_string(&file)?;
            }
            changed(generated, &path, (&before, &after))?;
            if let Some(label) = &generated.unreleased {
                fs_err::write(&file, named(&before, &after, label, &release.names().tag)?)?;
            }
            Ok(before)
        })?;
        tool::finish(release, effects, (&path, before))
    }

    /// The tool's arguments.
    fn generator_arguments(
        &self,
        generated: &Generated,
        release: &Release,
        (path, writes_all): (&str, bool),
    ) -> Vec<String> {
        let tag = release.names().tag.as_str();
        let words: Vec<&str> = match generated.generator {
            Generator::GitCliff => {
                let settings = generated.settings.as_str();
                let config = if settings == "cliff.toml" { vec![] } else { vec!["--config", settings] };
                let rest = match writes_all {
                    true => vec!["--tag", tag, "--output", path],
                    false => vec!["--unreleased", "--tag", tag, "--prepend", path],
                };
                // The file that the settings name would be written as well.
                let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
                let is_named = generated.writes_whole && !writes_all;
                let rest = [rest, if is_named { vec!["--output", nowhere] } else { vec![] }].concat();
                [config, rest].concat()
            }
            Generator::Commitizen => {
                let named = if self.file.is_some() { vec!["--file-name", path] } else { vec![] };
                [vec!["changelog", "--incremental", "--unreleased-version", tag], named].concat()
            }
            Generator::GitChangelog => {
                let inserts = if writes_all { vec![] } else { vec!["--in-place"] };
                [vec!["--output", path, "--bump", tag], inserts].concat()
            }
            Generator::GenerateChangelog => Vec::new(),
            Generator::SemanticRelease => vec!["changelog"],
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

/// The text of a committed file.
fn text_of(files: &dyn Files, path: &str) -> Option<String> {
    files.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// What would make git-changelog fail.
fn git_changelog_problems(
    settings: &GitChangelog,
    generated: &Generated,
    release: &Release,
    path: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let tag = &release.names().tag;
    if !settings.reads(tag) {
        let message = format!("git-changelog does not take the tag `{tag}` for that of a version");
        findings.push(Finding::error(message).help(format!(
            "set `versioning = \"pep440\"` in `{}`, name tags `{{version}}` or `v{{version}}`, or pass `--notes FILE`",
            generated.settings
        )));
    }
    let text = text_of(&release.checkout, path);
    if let (Some(marker), Some(text)) = (&settings.marker, &text)
        && !generated.writes_all(Some(text))
        && !text.lines().any(|line| line == marker)
    {
        let message = format!("`{path}` has no line `{marker}`, where git-changelog inserts the section");
        findings.push(Finding::error(message).help("add that line above the newest section"));
    }
    findings
}

/// Whether it is python-semantic-release in a version that cannot be told the changelog.
fn is_of_seven(generated: &Generated) -> bool {
    generated.semantic_release.as_ref().is_some_and(|settings| settings.major() == 7)
}

/// Checks that the tool has changed the changelog.
fn changed(generated: &Generated, path: &str, (before, after): (&str, &str)) -> Result<()> {
    if after != before {
        return Ok(());
    }
    let message = format!("{} added nothing to `{path}`", generated.generator.name());
    let help = format!("see its settings in `{}`, or pass `--notes FILE`", generated.settings);
    Err(Error::failed(message).help(help))
}

fn tool_of(generated: &Generated) -> Tool {
    match generated.generator {
        Generator::GitCliff => Tool::GIT_CLIFF,
        Generator::Commitizen => Tool::COMMITIZEN,
        Generator::GitChangelog => Tool::GIT_CHANGELOG,
        Generator::SemanticRelease => {
            generated.semantic_release.as_ref().map_or(Tool::SEMANTIC_RELEASE_10, semantic_release::tool_of)
        }
        Generator::GenerateChangelog => Tool::GENERATE_CHANGELOG,
    }
}

/// The versions whose sections are in one text and not in another.
fn lost_sections(path: &str, before: &str, after: &str) -> Vec<String> {
    let versions = |text: &str| -> Vec<Version> {
        let document = parse(path, text.to_owned()).ok();
        let sections = document.map(|document| document.versions()).unwrap_or_default();
        sections.into_iter().filter_map(|section| section.version).collect()
    };
    let kept = versions(after);
    versions(before)
        .into_iter()
        .filter(|version| !kept.contains(version))
        .map(|version| version.to_string())
        .collect()
}

/// The text whose new section has the release's name instead of that of what is not released.
///
/// # Errors
/// No new line is a heading with that name.
fn named(before: &str, after: &str, label: &str, tag: &str) -> Result<String> {
    let new = added_lines(before, after);
    let mut is_named = false;
    let mut lines: Vec<String> = after.split_inclusive('\n').map(str::to_owned).collect();
    for line in &mut lines[new] {
        if !is_named && line.contains(label) {
            *line = line.replacen(label, tag, 1);
            is_named = true;
        }
        *line = line.replace("...HEAD", &format!("...{tag}"));
    }
    if !is_named {
        let message = format!("the tool added no section with the name `{label}`");
        return Err(Error::failed(message).help("it may have found no commits since the last release"));
    }
    Ok(lines.concat())
}

/// Whether a release wrote the version's section, and from the commits since the release before: in the commit of the tag,
/// or in the last one below it that changed the changelog.
fn was_generated(
    checkout: &Checkout,
    path: &str,
    release: &PastRelease,
    before: Option<&PastRelease>,
) -> bool {
    let repository = &checkout.repository;
    let range = match before {
        Some(before) => format!("{}..{}", before.commit, release.commit),
        None => release.commit.clone(),
    };
    let log = |words: &[&str]| {
        let log = ["log", "--no-show-signature", MOST_COMMITS, &range];
        repository.git([&log[..], words].concat()).folder(&checkout.root()).read().ok()
    };
    let commit = match release.changes.iter().any(|change| change.path == path) {
        true => release.commit.clone(),
        false => {
            let last = log(&["--max-count=1", "--format=%H", "--", path]).unwrap_or_default();
            match last.trim() {
                "" => return false,
                commit => commit.to_owned(),
            }
        }
    };
    let document_at = |commit: &str| {
        let bytes = checkout.read_at(commit, path)?;
        parse(path, String::from_utf8_lossy(&bytes).into_owned()).ok()
    };
    let version = &release.tag.version;
    let Some(section) = document_at(&commit).and_then(|document| {
        document.versions().into_iter().find(|section| section.version.as_ref() == Some(version))
    }) else {
        return false;
    };
    let parent = repository.first_parent(&commit).and_then(|parent| document_at(&parent));
    if parent.is_some_and(|parent| parent.names(version) || parent.unreleased().is_some()) {
        return false;
    }
    log(&["-z", "--format=%B"]).is_some_and(|log| is_generated(&section.body, &subjects(&log)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_section_has_the_name_of_the_release() {
        let old = "# Log\n\n## 1.0 (2026-01-01)\n\n- Unreleased ...HEAD\n";
        let new = old.replacen(
            "## 1.0",
            "## Unreleased (2026-01-02)\n[all](https://h/compare/1.0...HEAD)\n\n- Unreleased code\n\n## 1.0",
            1,
        );
        assert_eq!(
            named(old, &new, "Unreleased", "1.1").unwrap(),
            new.replacen("Unreleased", "1.1", 1).replacen("...HEAD", "...1.1", 1)
        );
        assert!(named(old, &old.replace("code", "x"), "Next", "1.1").is_err());
    }

    #[test]
    fn sections_that_a_tool_would_drop_are_found() {
        let old = "## 1.1.0\n\n- a\n\n## 1.0.0\n\n- b\n";
        assert_eq!(lost_sections("CHANGELOG.md", old, "## 1.2.0\n\n- c\n\n## 1.1.0\n\n- a\n"), ["1.0.0"]);
    }
}
