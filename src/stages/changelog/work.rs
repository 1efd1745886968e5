//! What a release does with the changelog.

use super::{Changelog, parse};
use crate::config::Names;
use crate::engine::prelude::*;
use crate::engine::release::Target;
use crate::python::changelog::{ChangelogError, CompareLinks, Promoted, Promotion};
use crate::python::fragments::Fragments;
use crate::python::generators::Generated;
use crate::python::project::Files as _;
use crate::python::version::Version;
use crate::world::Folder;

/// What a release does with the changelog
pub(super) enum Work {
    /// Writes it, if its text changes, and has its notes
    Promote { path: String, promoted: Promoted, is_changed: bool },
    /// Has notes, and no file for them
    Notes(String),
    /// Has a tool collect the fragments
    Collect(Fragments),
    /// Has a tool generate the section from the commits
    Generate(Box<Generated>),
    /// Leaves it as it is, and why
    Leave(Finding),
}

impl Changelog {
    /// What a release does with the changelog.
    ///
    /// # Errors
    /// The release needs notes and has none, or the changelog cannot be promoted although earlier releases promoted it or
    /// the configuration names it.
    pub(super) fn work(&self, release: &Release) -> Result<Work> {
        let has_notes = release.target.conventions.notes.is_some();
        let shared = self.path_of(release).filter(|path| release.checkout.share_of(path).is_some());
        let is_made = || self.fragments_of(release).is_some() || self.generator_of(release).is_some();
        if let Some(path) = shared.filter(|_| !has_notes && is_made()) {
            let message = format!("a tool makes the sections of `{path}`, which several packages share");
            let help = "remove `changelog` from [workspace], or from = \"changelog\" in [stage.changelog]";
            return Err(Error::refused(message).help(help));
        }
        if let Some(fragments) = self.fragments_of(release).filter(|_| !has_notes) {
            return Ok(Work::Collect(fragments));
        }
        let is_missing = |generated: &Generated| {
            let path = self.generated_path(generated, release);
            let document = release.text(&path).ok().and_then(|text| parse(&path, text).ok());
            !document.is_some_and(|document| document.names(&release.target.version))
        };
        if let Some(generated) = self.generator_of(release).filter(is_missing).filter(|_| !has_notes) {
            return Ok(Work::Generate(Box::new(generated)));
        }
        if let Some(reason) = self.nothing_to_collect(release).filter(|_| !has_notes) {
            let message = format!("`from` in [stage.changelog] is `fragments`, but {reason}");
            let help = "add fragments, or change `from` in [stage.changelog]";
            return match self.required {
                Some(true) => Err(Error::refused(message).help(help)),
                _ => Ok(Work::Leave(Finding::warning(message).help(help))),
            };
        }
        let Some(path) = self.path_of(release) else { return self.without_file(release) };
        let error = match self.promoted_at(release, &path) {
            Ok((promoted, before)) => {
                let is_changed = promoted.text != before;
                return Ok(Work::Promote { path, promoted, is_changed });
            }
            Err(error) => error,
        };
        let finding = match error {
            Unpromoted::Changelog(ChangelogError::NoUnreleased { .. }) if self.required != Some(true) => {
                missing(release, &path)
            }
            // Earlier releases had notes.
            Unpromoted::Changelog(error @ ChangelogError::Empty { .. }) => {
                let refuses = self.required.unwrap_or_else(|| was_promoted(release, &path));
                let error = refused(&path, &error);
                if refuses {
                    return Err(error.help("or set `required = false` in [stage.changelog]"));
                }
                left(&error)
            }
            Unpromoted::Changelog(error) => {
                let error = refused(&path, &error);
                if self.required == Some(true) || self.file.is_some() || was_promoted(release, &path) {
                    return Err(error);
                }
                left(&error)
            }
            Unpromoted::Unreadable(error) => {
                if self.required == Some(true) || self.file.is_some() {
                    return Err(error);
                }
                left(&error)
            }
        };
        Ok(Work::Leave(finding))
    }

    /// The tool that generates the section, for a release.
    pub(in crate::stages) fn generator_of(&self, release: &Release) -> Option<Generated> {
        match &release.target.conventions.generator {
            Some(learned) => Generated::find(release, Some(learned.value))
                .filter(|generated| generated.reads(&release.names().tag, &release.target.version)),
            None => self.configured_generator(release),
        }
    }

    /// The promoted changelog with its path.
    ///
    /// # Errors
    /// There is none, or it cannot be promoted.
    pub(in crate::stages) fn promoted(&self, release: &Release) -> Result<(String, Promoted)> {
        let path =
            self.path_of(release).ok_or_else(|| Error::refused("the project has no committed changelog"))?;
        match self.promoted_at(release, &path) {
            Ok((promoted, _)) => Ok((path, promoted)),
            Err(Unpromoted::Changelog(error)) => Err(refused(&path, &error)),
            Err(Unpromoted::Unreadable(error)) => Err(error),
        }
    }

    /// The changelog's path and its text with a new Unreleased section, if the release leaves none. `promotes` tells whether
    /// the release has yet to promote it.
    pub(in crate::stages) fn reopened(
        &self,
        release: &Release,
        next: &Version,
        promotes: bool,
    ) -> Option<(String, Vec<u8>)> {
        // What is left of a shared one stays for the others.
        let path = self.path_of(release).filter(|path| release.checkout.share_of(path).is_none())?;
        let promoted = promotes.then(|| self.promoted(release).ok()).flatten();
        let text = promoted.map(|(_, promoted)| promoted.text).or_else(|| release.text(&path).ok())?;
        let before = release.checkout.read(&path).and_then(|bytes| String::from_utf8(bytes).ok());
        let before = before.and_then(|text| parse(&path, text).ok());
        let reopened = parse(&path, text).ok()?.reopened(before.as_ref(), &next.without_dev())?;
        Some((path, reopened.into_bytes()))
    }

    /// The changelog's path and its text in the working tree with an Unreleased section, if it has none and the release
    /// leaves it as it is for that.
    pub(in crate::stages) fn with_unreleased(&self, release: &Release) -> Option<(String, String)> {
        let path = self.path_of(release)?;
        let is_missing = match self.work(release) {
            Ok(work) => matches!(work, Work::Leave(_)),
            Err(_) => true,
        };
        let text = Folder(release.checkout.root()).read(&path).filter(|_| is_missing)?;
        let reopened =
            parse(&path, String::from_utf8(text).ok()?).ok()?.reopened(None, &release.target.version)?;
        Some((path, reopened))
    }

    pub(super) fn promoted_at(
        &self,
        release: &Release,
        path: &str,
    ) -> Result<(Promoted, String), Unpromoted> {
        let text = release.text(path).map_err(Unpromoted::Unreadable)?;
        let mut document = parse(path, text.clone()).map_err(Unpromoted::Unreadable)?;
        let target = &release.target;
        let links = links(target);
        let conventions = &target.conventions;
        if let Some(more) = conventions.entry.as_deref().and_then(|entry| document.with_entry(entry)) {
            document = parse(path, more).map_err(Unpromoted::Unreadable)?;
        }
        let learned = || conventions.heading.as_ref().map(|learned| learned.value.clone());
        let heading = self.heading(&target.names).or_else(learned);
        let promotion = Promotion {
            links: links.as_ref(),
            remainder: conventions.remainder.as_ref().map(|learned| &learned.value),
            takeover: conventions.takeover.as_ref().map(|learned| &learned.value),
            leaves_unreleased: self.unreleased,
            heading: heading.as_deref(),
            notes: conventions.notes.as_deref(),
            takes_bare_entries: document.has_bare_entries() && !had_bare_entries(release, path),
            ..Promotion::new(&target.version, &target.names.date)
        };
        // A final release after pre-releases need not add anything: its notes are theirs.
        let is_development = target.previous.dev().is_some();
        let becomes_final =
            target.previous.is_prerelease() && !is_development && !target.version.is_prerelease();
        let sentence = conventions.takeover.as_ref().map(|learned| &learned.value);
        let sentence = sentence.filter(|one| one.keeps_section && conventions.entries.is_none());
        let with = |note: &str| document.promote(&Promotion { notes: Some(note), ..promotion });
        let promoted = match (document.promote(&promotion), sentence) {
            (Err(ChangelogError::Empty { .. } | ChangelogError::NoUnreleased { .. }), Some(takeover)) => {
                with(&takeover.sentence)
            }
            (promoted, _) => promoted,
        };
        let promoted = match promoted {
            Err(ChangelogError::Empty { .. }) if becomes_final => {
                with(&format!("No changes since {}.", target.previous))
            }
            Err(ChangelogError::Empty { .. })
                if self.required.is_none() && document.released_without_changes().is_some() =>
            {
                document.promote(&Promotion { allows_empty: true, ..promotion })
            }
            Err(ChangelogError::NoUnreleased { .. }) if conventions.entries.is_some() => {
                let notes = conventions.entries.as_ref().map(|learned| learned.value.as_str());
                document.promote(&Promotion { notes, ..promotion })
            }
            promoted => promoted,
        };
        promoted.map(|promoted| (promoted, text)).map_err(Unpromoted::Changelog)
    }

    /// The configured heading, with the names of the release.
    pub(super) fn heading(&self, names: &Names) -> Option<String> {
        let template = self.heading.as_ref()?;
        let date = self.date_format.as_ref().and_then(|format| {
            let day: jiff::civil::Date = names.date.parse().ok()?;
            jiff::fmt::strtime::format(format, day).ok()
        });
        let names = Names { date: date.unwrap_or_else(|| names.date.clone()), ..names.clone() };
        Some(template.render(&names))
    }

    /// A release of a project that has no changelog, or one file of notes for each release.
    fn without_file(&self, release: &Release) -> Result<Work> {
        let version = &release.target.version;
        if let Some(notes) = &release.target.conventions.notes {
            return Ok(Work::Notes(notes.clone()));
        }
        let usual = super::find::usual(release, Some(version));
        if let Some(error) = usual.iter().find_map(|path| release.checkout.way_out(path)) {
            return Err(
                error.help("or set another name, such as `file = \"docs/changes.rst\"` in [stage.changelog]")
            );
        }
        let message = match &release.target.conventions.file_per_release {
            Some(learned) => format!(
                "each release has its own file of notes, such as `{}` ({}): write that of {version} yourself",
                learned.value, learned.reason
            ),
            None => "the project has no changelog".to_owned(),
        };
        let help = "set another name, such as `file = \"docs/changes.rst\"` in [stage.changelog], or pass `--notes FILE`";
        match self.required {
            Some(true) => Err(Error::refused(message).help(help)),
            _ => Ok(Work::Leave(Finding::note(message).help(help))),
        }
    }
}

/// Whether entries without a heading stood above the versions in the last release already, or there was none.
fn had_bare_entries(release: &Release, path: &str) -> bool {
    let last = || {
        let commit = release.checkout.repository.tag(release.target.previous_tag.as_deref()?)?;
        let text = String::from_utf8(release.checkout.read_at(&commit, path)?).ok()?;
        parse(path, text).ok()
    };
    last().is_none_or(|document| document.has_bare_entries())
}

/// What the link references of a release are made of.
pub(super) fn links(target: &Target) -> Option<CompareLinks> {
    Some(CompareLinks {
        repository_url: target.project.repository_url.clone()?,
        previous_tag: target.previous_tag.clone(),
        tag: target.names.tag.clone(),
    })
}

/// Why a changelog is not promoted
pub(super) enum Unpromoted {
    Unreadable(Error),
    Changelog(ChangelogError),
}

fn refused(path: &str, error: &ChangelogError) -> Error {
    Error::refused(format!("`{path}`: {error}")).help(error.help())
}

fn left(error: &Error) -> Finding {
    let finding = Finding::warning(format!("the changelog stays as it is: {}", error.chain()));
    finding.help(error.hints().join("; "))
}

/// Says that the changelog has nothing for this version, and from what its notes could be made.
fn missing(release: &Release, path: &str) -> Finding {
    let target = &release.target;
    let commits = target.previous_tag.as_ref().and_then(|tag| {
        let repository = &release.checkout.repository;
        let range = format!("{tag}..{}", release.checkout.head.commit);
        let count = repository.git(["rev-list", "--count", &range]).read().ok()?;
        Some((count.trim().parse::<usize>().ok()?, tag))
    });
    let source = match commits {
        Some((0, _)) | None => String::new(),
        Some((1, tag)) => format!(" (one commit since {tag})"),
        Some((count, tag)) => format!(" ({count} commits since {tag})"),
    };
    let message = format!(
        "the changelog stays as it is: `{path}` has no section for {}, and none for what is not released{source}",
        target.version
    );
    Finding::warning(message).help("add the section, or pass `--notes FILE`")
}

/// Whether the last three releases could have promoted the changelog: then a project that does so keeps doing so. True if
/// there is no earlier release.
fn was_promoted(release: &Release, path: &str) -> bool {
    let checkout = &release.checkout;
    release.target.conventions.before_releases.iter().all(|commit| {
        let bytes = checkout.read_at(commit, path);
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let document = text.and_then(|text| parse(path, text).ok());
        let promotion = Promotion {
            remainder: release.target.conventions.remainder.as_ref().map(|learned| &learned.value),
            ..Promotion::new(&release.target.version, &release.target.names.date)
        };
        document.is_some_and(|document| document.promote(&promotion).is_ok())
    })
}
