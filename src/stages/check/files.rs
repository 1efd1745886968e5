//! Checks distributions in place: each in one pass, several in parallel.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::error::{Error, Result};
use crate::python::verdict::{
    CLASSIFIERS_OF, ContentType, Diagnostic, Expected, FileReport, Judgement, Policy, Report, Tracked,
    VerdictCache, does_not_render, is_too_costly, judge_release, twins,
};
use crate::world::parallel::par_map;
use crate::world::tools::{Unrendered, render_rst};
use crate::world::{Environment, sha256};

/// How long the built-in list of classifiers counts as current; after that, an unknown one is only a warning
const TRUSTED_DAYS: i64 = 365;
/// The suffixes of the files that are checked if none are passed
const ENDINGS: [&str; 3] = [".whl", ".tar.gz", ".zip"];

/// Whether the list of classifiers is out of date.
pub(super) fn classifiers_are_old() -> bool {
    // In UTC: one day does not matter, and this avoids loading the system's time zones.
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let age = CLASSIFIERS_OF.parse::<Date>().map(|listed| listed.duration_until(today).as_hours() / 24);
    age.map_or(true, |days| days > TRUSTED_DAYS)
}

/// The distributions in a directory, sorted by name.
///
/// # Errors
/// The directory cannot be read or has none.
pub fn distributions_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let none = || {
        let error = Error::usage(format!("no distributions in `{}`", folder.display()));
        error.help("build them first, or pass the files")
    };
    if !folder.is_dir() {
        return Err(none());
    }
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if ENDINGS.iter().any(|outcome| name.ends_with(outcome)) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

/// Checks files as one release: each by itself and against the project's tracked files, all of them against each
/// other and against what is expected, and every distinct reStructuredText description with PyPI's renderer. Checks
/// all files even if the first has errors.
///
/// # Errors
/// A file cannot be read, or there is reStructuredText and no Python to render it.
pub fn judge_files(
    paths: &[PathBuf],
    expected: Option<&Expected>,
    tracked: Option<Tracked>,
    policy: &Policy,
    environment: &Environment,
    progress: &dyn Fn(&str),
) -> Result<Report> {
    let mut judgements = judge_all(paths, tracked)?;
    for place in twins(&judgements) {
        judgements[place].sha256 = Some(sha256(&paths[place])?.0);
    }
    let release = policy.apply(judge_release(&judgements, expected));
    let unrendered = unrendered(&judgements, environment, progress)?;
    let files = paths.iter().zip(judgements).zip(unrendered).map(|((path, judgement), unrendered)| {
        let mut findings = judgement.findings;
        findings.extend(unrendered);
        let findings = policy.apply(findings);
        let accepted = !findings.iter().any(Diagnostic::is_error);
        FileReport { file: path.display().to_string(), size: judgement.size, accepted, findings }
    });
    Ok(Report::new(files.collect(), release))
}

fn judge_one(path: &Path, cache: &VerdictCache) -> Result<Judgement> {
    let mut file = fs_err::File::open(path)?;
    let size = file.metadata()?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(cache.judge(&mut file, &name, size))
}

/// Checks every file by itself, one per processor at a time.
fn judge_all(paths: &[PathBuf], tracked: Option<Tracked>) -> Result<Vec<Judgement>> {
    let cache = VerdictCache::beside(tracked);
    par_map(paths, &|path| judge_one(path, &cache)).into_iter().collect()
}

/// For each file, the finding that its description does not render, if so.
fn unrendered(
    judgements: &[Judgement],
    environment: &Environment,
    progress: &dyn Fn(&str),
) -> Result<Vec<Option<Diagnostic>>> {
    let mut texts: Vec<&str> = judgements.iter().filter_map(restructured).collect();
    texts.sort_unstable();
    texts.dedup();
    if texts.is_empty() {
        return Ok(judgements.iter().map(|_| None).collect());
    }
    let rendered = render_rst(environment, &texts, progress)?;
    let verdict = |judgement| {
        let place = texts.binary_search(&restructured(judgement)?).ok()?;
        rendered[place].as_ref().err().map(|unrendered| match unrendered {
            Unrendered::Refused(said) => does_not_render(said),
            Unrendered::TooCostly(what) => is_too_costly(what),
        })
    };
    Ok(judgements.iter().map(verdict).collect())
}

/// The description, if it is reStructuredText.
fn restructured(judgement: &Judgement) -> Option<&str> {
    let description = judgement.description()?;
    (description.content_type == ContentType::Restructured).then_some(description.text.as_str())
}
