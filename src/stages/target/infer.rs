//! The bump, where the command line does not tell it.

use super::History;
use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::error::{Error, ErrorKind, Result};
use crate::python::project::{Files as _, Project};
use crate::python::version::{Bump, Version};
use crate::stages::changelog::{Changelog, parse};
use crate::stages::version::Version as VersionStage;

/// Infers the bump: the configured one, or that of the commits, of the fragments or of the changelog's Unreleased section.
///
/// # Errors
/// Nothing tells how to bump the version, or there is nothing to release.
pub(super) fn infer(
    config: &Config,
    (checkout, project): (&Checkout, &Project),
    history: &History,
    present: &Version,
) -> Result<(Bump, Option<String>)> {
    let stage: VersionStage = config.settings("version")?;
    if let Some(bump) = stage.bump() {
        return Ok((bump.clone(), Some(format!("[stage.version] sets bump = \"{bump}\""))));
    }
    let nothing = |why: String| {
        Error::usage(format!("{present} is already released, and {why}"))
            .with_kind(ErrorKind::NoBump)
            .help("pass how to bump the version: `pyrelease run patch` (or minor, major, rc, …)")
    };
    if present.is_prerelease() {
        return Err(Error::usage(format!(
            "{present} is already released, and the version after a pre-release cannot be inferred"
        ))
        .help(
            "run `pyrelease run release` for the final release, or pass `a`, `b`, `rc` or `dev` for the next one \
             of that kind",
        ));
    }
    let settings: Changelog = config.settings("changelog")?;
    if settings.is_from_commits(checkout) {
        let since = history.last.as_ref().map(|tag| tag.name.as_str());
        let suggested = settings.bump_of_commits(checkout, since)?;
        let (bump, reason) =
            suggested.ok_or_else(|| nothing("no commit since is of a type that is released".to_owned()))?;
        return Ok(before_first_major(bump, format!("of the commits: {reason}"), present, &stage));
    }
    let learned: Vec<String> = history.habits.changelogs().into_iter().map(|file| file.value).collect();
    let newest = learned.first().map(String::as_str);
    if let Some((bump, reason)) = settings.bump_of_fragments(checkout, project, newest) {
        return Ok(before_first_major(bump, reason, present, &stage));
    }
    if let Some(generated) = settings.generated(checkout, &history.habits) {
        let since = history.last.as_ref().map(|tag| tag.name.as_str());
        let name = generated.generator.name();
        let suggested = Changelog::bump_of_generated(&generated, checkout, (present, since))?;
        let suggested =
            suggested.ok_or_else(|| nothing(format!("{name} makes no release of the commits since")))?;
        let reason = format!("of the commits, by the rules of {name}: {}", suggested.subject);
        return Ok((suggested.bump, Some(reason)));
    }
    let path = settings
        .path(checkout, &learned, None)
        .ok_or_else(|| nothing("there is no changelog to infer the next version from".to_owned()))?;
    let text = checkout.read(&path).and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| nothing(format!("`{path}` is not a committed text file")))?;
    let document = parse(&path, text)?;
    let uncommitted = is_uncommitted(checkout, &path).then(|| {
        format!(
            "`{path}` has edits that are not committed, and only what is committed is released: commit them"
        )
    });
    let Some(unreleased) = document.unreleased() else {
        let error = nothing(format!("`{path}` has no Unreleased section to infer the next version from"));
        return Err(uncommitted.into_iter().fold(error, Error::help));
    };
    let (bump, reason) = document.suggested_bump().ok_or_else(|| match unreleased.body.is_empty() {
        true => Error::refused(format!(
            "{present} is already released, and the Unreleased section of `{path}` is empty"
        ))
        .with_kind(ErrorKind::NoEntries)
        .help(uncommitted.unwrap_or_else(|| "add the changes to it first".to_owned())),
        false => {
            nothing(format!("the Unreleased section of `{path}` does not imply the kind of the next release"))
        }
    })?;
    Ok(before_first_major(bump, format!("of {path}: {reason}"), present, &stage))
}

/// Whether the changelog has something for the next release, or is made by something else than a person.
///
/// # Errors
/// The settings of the stages are wrong.
pub(in crate::stages) fn has_entries(
    config: &Config,
    (checkout, project): (&Checkout, &Project),
    history: &History,
) -> Result<bool> {
    let settings: Changelog = config.settings("changelog")?;
    let learned: Vec<String> = history.habits.changelogs().into_iter().map(|file| file.value).collect();
    let newest = learned.first().map(String::as_str);
    let is_made = settings.is_from_commits(checkout)
        || settings.bump_of_fragments(checkout, project, newest).is_some()
        || settings.generated(checkout, &history.habits).is_some();
    let path = settings.path(checkout, &learned, None);
    let text = path.and_then(|path| Some((String::from_utf8(checkout.read(&path)?).ok()?, path)));
    let document = text.map(|(text, path)| parse(&path, text)).transpose()?;
    let unreleased = document.as_ref().and_then(|document| document.unreleased());
    Ok(is_made || unreleased.is_some_and(|section| !section.body.is_empty()))
}

/// Whether the working tree has edits of the file that are not read.
fn is_uncommitted(checkout: &Checkout, path: &str) -> bool {
    let Some(file) = checkout.file_of(path) else { return false };
    checkout.edits().all(|read| read != file)
        && checkout.repository.edited().is_ok_and(|edited| edited.contains(&file))
}

/// The bump and its reason. Before 1.0.0 a minor release may break (Semantic Versioning, section 4).
fn before_first_major(
    bump: Bump,
    reason: String,
    present: &Version,
    stage: &VersionStage,
) -> (Bump, Option<String>) {
    if bump != Bump::Major || present.release_segments().first() != Some(&0) || stage.is_stable() {
        return (bump, Some(reason));
    }
    let reason = format!(
        "{reason}, which is a minor release before 1.0.0 (unless `stable = true` in [stage.version])"
    );
    (Bump::Minor, Some(reason))
}
