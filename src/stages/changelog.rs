//! Turns the changelog's Unreleased section into the release's section.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Config, Names};
use crate::engine::prelude::*;
use crate::python::changelog::{Changelog as Document, CompareLinks, Format, Promoted};
use crate::python::project::Files;
use crate::python::settings;

/// The default names of a changelog
const USUAL: [&str; 8] = [
    "CHANGELOG.md",
    "CHANGELOG.rst",
    "CHANGES.md",
    "CHANGES.rst",
    "HISTORY.md",
    "HISTORY.rst",
    "NEWS.md",
    "NEWS.rst",
];

/// Move the changelog's Unreleased section to the new version
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Changelog {
    /// The changelog, in Markdown or reStructuredText; by default CHANGELOG, CHANGES, HISTORY or NEWS (.md, .rst)
    file: Option<String>,
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    let settings = config.settings::<Changelog>(name)?;
    if let Some(file) = &settings.file {
        config.check_inside(file, config.stage_key(name, "file").flatten())?;
    }
    Ok(Box::new(settings))
}

impl Changelog {
    /// The changelog's path in the project.
    pub(super) fn path(&self, files: &dyn Files) -> Option<String> {
        match &self.file {
            Some(file) => Some(file.clone()),
            None => {
                let named = settings::read(files).into_iter().find_map(|tool| tool.changelog);
                let usual = USUAL.iter().map(|path| (*path).to_owned());
                named.into_iter().chain(usual).find(|path| files.read(path).is_some())
            }
        }
    }

    fn existing_path(&self, files: &dyn Files) -> Result<String> {
        self.path(files).ok_or_else(|| {
            Error::refused("the project has no committed changelog").help(
                "add a CHANGELOG.md as on keepachangelog.com; or set another name, such as \
                 `file = \"docs/changes.rst\"` in [stage.changelog]; or remove `changelog` from `stages`",
            )
        })
    }

    /// What a release does with the changelog.
    ///
    /// # Errors
    /// The changelog cannot be promoted, although earlier releases promoted it, or the configuration names it, or there
    /// is no earlier release.
    fn work(&self, release: &Release) -> Result<Work> {
        let error = match self.promoted(release) {
            Ok((path, promoted)) => return Ok(Work::Promote(path, promoted)),
            Err(error) => error,
        };
        match self.path(release) {
            _ if self.file.is_some() => Err(error),
            Some(path) if was_promoted(release, &path) => Err(error),
            _ => Ok(Work::Leave(error)),
        }
    }

    pub(super) fn promoted(&self, release: &Release) -> Result<(String, Promoted)> {
        let path = self.existing_path(release)?;
        let text = release.text(&path)?;
        let mut document = parse(&path, text.clone())?;
        let target = &release.target;
        // A final release after pre-releases need not add anything: its notes are theirs.
        let becomes_final = target.previous.is_prerelease() && !target.version.is_prerelease();
        if let (true, Some(unreleased)) = (becomes_final, document.unreleased())
            && unreleased.body.is_empty()
        {
            let note = format!("No changes since {}.", target.previous);
            document = parse(&path, with_note(&text, unreleased.line, &note))?;
        }
        let links = target.project.repository_url.as_ref().map(|url| CompareLinks {
            repository_url: url.clone(),
            previous_tag: target.previous_tag.clone(),
            tag: target.names.tag.clone(),
        });
        let promoted = document
            .promote(&target.version, &target.names.date, links.as_ref())
            .map_err(|error| Error::refused(format!("`{path}`: {error}")).help(error.help()))?;
        Ok((path, promoted))
    }
}

/// What a release does with the changelog
enum Work {
    /// Turns the Unreleased section of this file into the release's
    Promote(String, Promoted),
    /// Leaves it as it is, and why: its form is not known, and earlier releases did not promote it either
    Leave(Error),
}

/// Whether the last three releases could have promoted the changelog: then a project that does so keeps doing so. True if
/// there is no earlier release.
fn was_promoted(release: &Release, path: &str) -> bool {
    let workspace = &release.workspace;
    release.target.conventions.before_releases.iter().all(|commit| {
        let bytes = workspace.read_at(commit, path);
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let document = text.and_then(|text| parse(path, text).ok());
        let Names { date, .. } = release.names();
        document.is_some_and(|document| document.promote(&release.target.version, date, None).is_ok())
    })
}

/// The text with a note below the heading on this line, counted from 1.
fn with_note(text: &str, heading: usize, note: &str) -> String {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let underlined = lines.get(heading).is_some_and(|line| {
        let line = line.trim();
        !line.is_empty() && line.chars().all(|letter| letter.is_ascii_punctuation())
    });
    let at = (heading + usize::from(underlined)).min(lines.len());
    let missing = if at > 0 && !lines[at - 1].ends_with('\n') { newline } else { "" };
    let note = format!("{missing}{newline}{note}{newline}");
    lines.insert(at, &note);
    lines.concat()
}

/// Parses a changelog; its file name determines the format.
pub(super) fn parse(path: &str, text: String) -> Result<Document> {
    let format = Format::of(path).ok_or_else(|| {
        Error::usage(format!("`{path}` is not a Markdown or reStructuredText file"))
            .help("rename it to end in .md or .rst")
    })?;
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
            Work::Promote(path, _) => release.workspace.edits_in_the_way([path.as_str()]),
            Work::Leave(error) => {
                let finding = Finding::warning(format!("the changelog stays as it is: {}", error.chain()));
                Ok(vec![finding.help(error.hints().join("; "))])
            }
        }
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        match self.work(release)? {
            Work::Promote(path, promoted) => {
                effects.write(&release.root(), &path, promoted.text.as_bytes())?;
                Ok(Outputs { notes: Some(promoted.notes), ..Outputs::default() })
            }
            Work::Leave(error) => {
                effects.skip(&error.chain())?;
                Ok(Outputs::default())
            }
        }
    }
}
