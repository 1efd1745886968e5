//! Writes requirements: only the specifiers change, all other bytes stay.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::error::WorkspaceError;
use super::graph::Graph;
use super::lock::{NewVersion, relocked};
use super::requirement::{Moves, Requirement};
use super::{sources, statements};
use crate::python::project::{Edit, Files, edited};

/// A requirement and its new specifier
type Move<'r> = (&'r Requirement, String);

/// The files with the requirements rewritten, and the lock files with the requirements and the new versions: those that
/// change, whole.
///
/// `files` may differ from those that the graph was read from, such as by the new versions, if the statements are the
/// same.
///
/// # Errors
/// A statement is not there any more, is written with escapes, or is to become two things at once.
pub fn rewrite(
    files: &dyn Files,
    graph: &Graph,
    moves: &[(&Requirement, String)],
    versions: &[NewVersion],
) -> Result<BTreeMap<String, Vec<u8>>, WorkspaceError> {
    let mut by_member: BTreeMap<Option<usize>, Vec<&Move<'_>>> = BTreeMap::new();
    for change in moves {
        by_member.entry(change.0.of).or_default().push(change);
    }
    let mut edits: BTreeMap<String, BTreeMap<usize, Edit>> = BTreeMap::new();
    for (of, moves) in by_member {
        // Other edits may have moved the places.
        let places = places(graph.requirements_of(of), sources::read(files, &graph.members, of)?);
        for (requirement, specifier) in moves {
            let Requirement { path, line, .. } = *requirement;
            let name = || graph.members.all[requirement.on].1.clone();
            let Some(found) = places.get(&key(requirement)) else {
                return Err(WorkspaceError::Changed {
                    path: path.clone(),
                    name: name(),
                    specifier: requirement.specifier.clone(),
                });
            };
            let Some(span) = found.clone() else {
                return Err(WorkspaceError::Escaped { path: path.clone(), line: *line, name: name() });
            };
            let edit = Edit { span, text: specifier.clone() };
            // A file may be read for several members.
            let file = edits.entry(path.clone()).or_default();
            if let Some(other) = file.insert(edit.span.start, edit).filter(|other| other.text != *specifier) {
                let (one, other) = (other.text, specifier.clone());
                return Err(WorkspaceError::Conflict {
                    path: path.clone(),
                    line: *line,
                    name: name(),
                    one,
                    other,
                });
            }
        }
    }
    let mut changed = BTreeMap::new();
    for (path, edits) in edits {
        if let Some(text) = statements::text(files, &path)? {
            changed.insert(path, edited(&text, edits.into_values().collect()).into_bytes());
        }
    }
    let mut by_member: Moves<'_> = HashMap::new();
    for (requirement, specifier) in moves {
        if let Some(of) = requirement.of {
            by_member.entry(of).or_default().push((*requirement, specifier.as_str()));
        }
    }
    let locked = relocked(files, graph, (&by_member, versions), &changed)?;
    changed.extend(locked);
    Ok(changed)
}

/// What tells a statement from all others
type Key<'r> = (&'r str, &'r str, usize, Option<usize>);

fn key(requirement: &Requirement) -> Key<'_> {
    let Requirement { path, key, line, span, .. } = requirement;
    (path, key, *line, span.as_ref().map(|span| span.start))
}

/// Where each statement is now, as far as there are the same statements in the same order.
fn places<'r>(before: &'r [Requirement], now: Vec<Requirement>) -> HashMap<Key<'r>, Option<Range<usize>>> {
    let same = |one: &Requirement, other: &Requirement| {
        (&one.path, &one.key, one.on, &one.specifier) == (&other.path, &other.key, other.on, &other.specifier)
    };
    let pairs = before.iter().zip(now).filter(|(before, now)| same(before, now));
    pairs.map(|(before, now)| (key(before), now.span)).collect()
}
