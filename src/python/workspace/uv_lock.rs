//! What a uv.lock records of the requirements of members: a specifier where the member itself does not say that uv takes
//! the other from its folder.

use std::collections::HashSet;

use super::graph::Graph;
use super::names::Members;
use super::requirement::{Moves, Requirement};
use super::specifier::canonical;
use crate::python::project::{Edit, Files, LockEntry, line_at, lock_entries, text_of};

/// The members that the uv.lock of the workspace's root takes from an index or a repository, each with its line.
pub fn fetched(files: &dyn Files, graph: &Graph) -> Vec<(usize, usize)> {
    let text = text_of(files, "uv.lock").unwrap_or_default();
    let entries = lock_entries(&text);
    let of_members = entries.iter().filter(|entry| entry.is_fetched).filter_map(|entry| {
        Some((graph.members.named(&text[entry.name.clone()])?, line_at(&text, entry.name.start)))
    });
    of_members.collect()
}

/// The requirements that the entry of a member records on others of the workspace, with the new specifiers. `local` are
/// the members that the file does not take from an index: of the others it would need another release.
pub(super) fn requirements(
    text: &str,
    entry: &LockEntry,
    (members, local): (&Members, &HashSet<usize>),
    moves: &Moves<'_>,
) -> Vec<Edit> {
    let moved = members.named(&text[entry.name.clone()]).and_then(|member| moves.get(&member));
    let Some(moved) = moved.filter(|_| !entry.is_fetched) else { return Vec::new() };
    let mut edits = Vec::new();
    for (table, start, line) in entry.lines(text) {
        if !table.starts_with("[package.metadata") {
            continue;
        }
        let mut at = start;
        for part in line.split_inclusive('}') {
            let value = |key: &str| {
                let begin = part.find(key)? + key.len();
                Some(at + begin..at + begin + part[begin..].find('"')?)
            };
            if let (Some(name), Some(specifier)) = (value("{ name = \""), value(" specifier = \"")) {
                let on = members.named(&text[name]).filter(|on| local.contains(on));
                let recorded = &text[specifier.clone()];
                let respelled = |(requirement, new): &(&Requirement, &str)| {
                    let Requirement { specifier, grammar, .. } = requirement;
                    let is_old = canonical(specifier, *grammar).is_some_and(|old| old == recorded);
                    if is_old { canonical(new, *grammar) } else { None }
                };
                let mut same = moved.iter().filter(|(requirement, _)| Some(requirement.on) == on);
                edits.extend(same.find_map(respelled).map(|text| Edit { span: specifier, text }));
            }
            at += part.len();
        }
    }
    edits
}
