//! Reads and writes the version in all its places at once: on reading all must agree, and on writing either all
//! change or none.

use std::collections::BTreeMap;

use super::{Edit, Files, ProjectError, VersionLocation, VersionSyntax, line_at, text_of};
use crate::python::version::Version;

/// The current version, which every readable place states.
///
/// If there is any other place, patterns and lines are not read: [`bump_all`] checks that they match the version
/// of the others.
///
/// # Errors
/// Places disagree or cannot be read, or there are none.
pub fn current_version(files: &dyn Files, places: &[VersionLocation]) -> Result<Version, ProjectError> {
    let is_pattern = |place: &&VersionLocation| {
        matches!(place.how, VersionSyntax::Pattern(_) | VersionSyntax::Lines { .. })
    };
    let told: Vec<&VersionLocation> = places.iter().filter(|place| !is_pattern(place)).collect();
    let asked = if told.is_empty() { places.iter().collect() } else { told };
    let mut found: Vec<(String, Version)> = Vec::new();
    for place in asked {
        let version = place.read(&text_of(files, &place.path)?)?;
        found.extend(version.map(|version| (place.to_string(), version)));
    }
    let Some((_, first)) = found.first() else { return Err(ProjectError::NoPlace) };
    if found.iter().any(|(_, version)| version != first) {
        return Err(ProjectError::Disagree { found });
    }
    Ok(first.clone())
}

/// The files with `new` instead of `old` in every place: all of them, or else every problem.
///
/// Several places may be in one file; two with the same bytes and the same replacement count as one.
///
/// # Errors
/// All problems of all places, in the order of the places.
pub fn bump_all(
    files: &dyn Files,
    places: &[VersionLocation],
    old: &Version,
    new: &Version,
) -> Result<BTreeMap<String, Vec<u8>>, Vec<ProjectError>> {
    let mut problems = Vec::new();
    let mut texts: BTreeMap<&str, (String, Vec<Edit>)> = BTreeMap::new();
    for place in places {
        if !texts.contains_key(place.path.as_str()) {
            match text_of(files, &place.path) {
                Ok(text) => {
                    texts.insert(&place.path, (text, Vec::new()));
                }
                Err(problem) => {
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                    continue;
                }
            }
        }
        let Some((text, edits)) = texts.get_mut(place.path.as_str()) else { continue };
        match place.edits(text, old, new) {
            // A learned line gives way to the places that are known.
            Ok(mut more) if place.is_learned() => {
                more.retain(|edit| !edits.iter().any(|other: &Edit| touches(edit, other)));
                edits.extend(more);
            }
            Ok(more) => edits.extend(more),
            Err(problem) => problems.push(problem),
        }
    }
    let mut changed = BTreeMap::new();
    for (path, (text, mut edits)) in texts {
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        edits.dedup();
        match edits
            .windows(2)
            .find(|pair| pair[1].span.start < pair[0].span.end || pair[0].span == pair[1].span)
        {
            Some(pair) => {
                problems.push(ProjectError::Overlap {
                    path: path.to_owned(),
                    line: line_at(&text, pair[1].span.start),
                });
            }
            None => {
                changed.insert(path.to_owned(), edited(&text, edits).into_bytes());
            }
        }
    }
    if problems.is_empty() { Ok(changed) } else { Err(problems) }
}

/// Whether two edits change the same text.
fn touches(one: &Edit, other: &Edit) -> bool {
    one.span.start <= other.span.end && other.span.start <= one.span.end
}

/// Applies sorted edits that do not overlap.
pub(in crate::python) fn edited(text: &str, edits: Vec<Edit>) -> String {
    let mut written = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for edit in edits {
        written.push_str(&text[at..edit.span.start]);
        written.push_str(&edit.text);
        at = edit.span.end;
    }
    written.push_str(&text[at..]);
    written
}
