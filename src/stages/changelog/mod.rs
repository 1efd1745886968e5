//! Turns the changelog's Unreleased section into the release's section.

mod commits;
mod copies;
mod draft;
mod entries;
mod find;
mod format;
mod fragments;
mod generate;
mod learn;
mod semantic_release;
mod shown;
mod tool;
mod work;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use self::draft::{Draft, draft_of_notes};
pub use self::shown::ChangelogForm;
use self::work::Work;
use crate::config::Config;
use crate::engine::prelude::*;
use crate::python::changelog::{Changelog as Document, Format, name_no_change, to_markdown};
use crate::python::generators::Generator;
use crate::python::project::Files;
use crate::python::version::Version;

/// What a changelog's section is made from
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// Its Unreleased section
    Changelog,
    /// Fragments, which towncrier or scriv collects
    Fragments,
    /// The commits since the last release
    Commits,
}

/// A type of conventional commits
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CommitType {
    /// The heading of its entries
    heading: String,
    /// The bump that it calls for: `major`, `minor` or `patch`
    bump: Option<String>,
}

/// Move the changelog's Unreleased section to the new version
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Changelog {
    /// The changelog, in Markdown, reStructuredText or plain text; by default the file that earlier releases changed, or
    /// else one named CHANGELOG, CHANGES, HISTORY, NEWS or RELEASE-NOTES, in the project or its `docs`
    file: Option<String>,
    /// What the version's section is made from: `changelog` (its Unreleased section), `fragments` (by towncrier or scriv) or
    /// `commits` (those since the last release: by git-cliff, generate-changelog, git-changelog, python-semantic-release or
    /// commitizen where the project has its settings, else conventional commits); by default fragments where there are any, a
    /// tool that generated the sections of the last releases, or else the changelog
    from: Option<Source>,
    /// With `from = "commits"`: the tool, if the project has settings of several; by default the first of `git-cliff`,
    /// `generate-changelog`, `git-changelog`, `python-semantic-release` and `commitizen`
    generator: Option<Generator>,
    /// With `from = "commits"`, instead of another tool: more types of commits, or others than the usual `feat`, `fix`, `perf`, `security` and
    /// `deprecate`, such as `docs = { heading = "Documentation", bump = "patch" }`
    types: BTreeMap<String, CommitType>,
    /// Whether to refuse a release without notes in the changelog; by default a release without them is refused only if
    /// there is an Unreleased section and it is empty, unlike those of earlier releases
    required: Option<bool>,
    /// Whether to leave an empty Unreleased section; by default as earlier releases did, or else true unless the section
    /// named the version (`1.2.0 (unreleased)`)
    unreleased: Option<bool>,
    /// Whether a final release takes over the section of its last pre-release (`1.2.0rc1`), if there is nothing else to
    /// release; by default as earlier final releases did
    renames_prerelease: Option<bool>,
    /// The version's heading; `{version}` is the new version and `{date}` its date; by default as the headings of earlier
    /// versions
    heading: Option<Template>,
    /// The format of `{date}` in `heading`, as of strftime; by default `%Y-%m-%d`
    date_format: Option<String>,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    let settings = config.settings::<Changelog>(name)?;
    if let Some(file) = &settings.file {
        // A package's changelog may be above its folder, in the repository.
        let mut inside = file.as_str();
        while let Some(above) = inside.strip_prefix("../") {
            inside = above;
        }
        config.check_inside(inside, config.stage_key(name, "file").flatten())?;
    }
    if let Some(heading) = &settings.heading
        && !heading.text().contains("{version}")
    {
        let span = config.stage_key(name, "heading").flatten();
        let help = "such as \"{version} ({date})\"";
        return Err(config.error("`heading` in [stage.changelog] has no `{version}`", span, Some(help)));
    }
    if let Some(format) = &settings.date_format
        && jiff::fmt::strtime::format(format, jiff::civil::date(2026, 1, 31)).is_err()
    {
        let span = config.stage_key(name, "date-format").flatten();
        let help = "such as \"%B %-d, %Y\"";
        return Err(config.error(
            "`date-format` in [stage.changelog] is not a date's format",
            span,
            Some(help),
        ));
    }
    if settings.from != Some(Source::Commits) && !settings.types.is_empty() {
        let span = config.stage_key(name, "types").flatten();
        let help = "add from = \"commits\"";
        return Err(config.error(
            "`types` in [stage.changelog] requires `from = \"commits\"`",
            span,
            Some(help),
        ));
    }
    if settings.generator.is_some() && (settings.from != Some(Source::Commits) || !settings.types.is_empty())
    {
        let span = config.stage_key(name, "generator").flatten();
        return Err(match settings.types.is_empty() {
            true => config.error(
                "`generator` in [stage.changelog] requires `from = \"commits\"`",
                span,
                Some("add from = \"commits\""),
            ),
            false => config.error(
                "`generator` and `types` in [stage.changelog] exclude each other",
                span,
                Some("`types` is for sections that pyrelease makes itself: remove one of them"),
            ),
        });
    }
    settings.types()?;
    Ok(Box::new(settings))
}

impl Changelog {
    /// Whether fragments are collected, if there are any.
    fn takes_fragments(&self) -> bool {
        match self.from {
            Some(source) => source == Source::Fragments,
            None => self.file.is_none(),
        }
    }

    /// The changelog's path in the project. `learned` are the files that earlier releases changed; `version` is what is
    /// released, where that is known.
    pub(in crate::stages) fn path(
        &self,
        files: &dyn Files,
        learned: &[String],
        version: Option<&Version>,
    ) -> Option<String> {
        match &self.file {
            Some(file) => Some(file.clone()),
            None => find::find(files, learned, version),
        }
    }

    /// The changelog's path, for a release.
    pub(super) fn path_of(&self, release: &Release) -> Option<String> {
        let target = &release.target;
        match (&self.file, &target.conventions.changelog) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(learned)) => Some(learned.value.clone()),
            (None, None) => self.path(release, &[], Some(&target.version)),
        }
    }
}

/// The text to write: of a changelog that is shared with other packages, all of it with the changed part.
fn whole(release: &Release, path: &str, part: &str) -> Result<String> {
    let Some(share) = release.checkout.share_of(path) else { return Ok(part.to_owned()) };
    let before = release.whole_text(path).unwrap_or_default();
    let format = format_of(path, &before)?;
    let target = &release.target;
    share
        .put_back(&before, format, part.to_owned(), (&target.version, &target.names.date))
        .map_err(|error| Error::refused(format!("`{path}`: {error}")).help(error.help()))
}

/// Says that the section to release names no change, and which earlier one does not either.
fn without_changes(path: &str, text: &str) -> Finding {
    let document = parse(path, text.to_owned()).ok();
    let earlier = document.as_ref().and_then(Document::released_without_changes);
    let earlier = earlier.map(|version| format!(", as that of {version} does not")).unwrap_or_default();
    Finding::warning(format!("the section to release in `{path}` names no change{earlier}"))
        .help("add the changes for users, or set `required = true` in [stage.changelog] to be stopped")
}

fn format_of(path: &str, text: &str) -> Result<Format> {
    Format::of_text(path, text).ok_or_else(|| {
        Error::usage(format!("`{path}` is not a Markdown or reStructuredText file"))
            .help("rename it to end in .md or .rst")
    })
}

/// Parses a changelog; its file name determines the format.
pub(super) fn parse(path: &str, text: String) -> Result<Document> {
    let format = format_of(path, &text)?;
    Document::parse(text, format)
        .map_err(|error| Error::refused(format!("`{path}`: {error}")).help(error.help()))
}

impl Stage for Changelog {
    fn name(&self) -> &str {
        "changelog"
    }

    fn reach(&self) -> Reach {
        Reach::Private
    }

    fn flow(&self) -> Flow {
        Flow { gives: vec![Product::Notes], ..Flow::default() }
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        match self.work(release)? {
            Work::Promote { path, is_changed: true, promoted } => {
                let copies = self.copies(release)?;
                let paths = copies.iter().map(|copy| copy.path.as_str());
                let mut findings = release.checkout.edits_in_the_way(paths.chain([path.as_str()]))?;
                let before = release.text(&path)?;
                findings.push(Finding::detail(shown::shown(&path, &before, &promoted.text)));
                findings.extend(copies.iter().map(|copy| {
                    Finding::detail(shown::shown(&copy.path, &copy.before, &copy.promoted.text))
                }));
                if !promoted.was_written && name_no_change(&promoted.notes) {
                    findings.push(without_changes(&path, &before));
                }
                Ok(findings)
            }
            Work::Promote { path, promoted, .. } => {
                let form = shown::form(&path, &promoted.text);
                let version = &release.target.version;
                Ok(vec![Finding::detail(format!("{path} ({form}) has the section of {version} already"))])
            }
            Work::Notes(_) => Ok(Vec::new()),
            Work::Leave(finding) => Ok(vec![finding]),
            Work::Generate(generated) => self.generated_problems(&generated, release),
            Work::Collect(fragments) => {
                let mut findings = vec![Finding::detail(fragments::shown(&fragments, release))];
                findings.extend(fragments::problems(&fragments.problems));
                findings.extend(self.left_out(release));
                findings.extend(fragments::section_beside(&fragments, release));
                findings.extend(release.checkout.edits_in_the_way(fragments::paths(&fragments))?);
                Ok(findings)
            }
        }
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let notes = match self.work(release)? {
            Work::Promote { path, promoted, is_changed } => {
                match is_changed {
                    true => {
                        let text = whole(release, &path, &promoted.text)?;
                        effects.write(&release.root(), &path, text.as_bytes())?;
                        for copy in self.copies(release)? {
                            effects.write(&release.root(), &copy.path, copy.promoted.text.as_bytes())?;
                        }
                    }
                    false => {
                        let version = &release.target.version;
                        effects.skip(&format!("`{path}` has the section of {version} already"))?;
                    }
                }
                let format = Format::of_text(&path, &promoted.text).unwrap_or(Format::Markdown);
                Some(to_markdown(&promoted.notes, format))
            }
            Work::Notes(notes) => {
                effects.skip("the project has no changelog for the notes")?;
                Some(notes)
            }
            Work::Leave(finding) => {
                effects.skip(&finding.message)?;
                None
            }
            Work::Collect(fragments) => self.collect(&fragments, release, effects)?,
            Work::Generate(generated) => self.generate(&generated, release, effects)?,
        };
        Ok(Outputs { notes, ..Outputs::default() })
    }
}
