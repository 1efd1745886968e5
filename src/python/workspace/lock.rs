//! Lock files that record members of the workspace.
//!
//! uv.lock has their versions, and no specifiers of requirements on them: uv takes members from their folders, whatever
//! their version. poetry.lock has both.

use std::collections::{BTreeMap, HashMap};

use super::error::WorkspaceError;
use super::graph::Graph;
use super::poetry_lock::{self, Moves};
use super::{path_in, statements};
use crate::python::project::{Edit, Files, edited, lock_entries};
use crate::python::version::Version;

/// A member's new version
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    pub member: usize,
    pub old: Version,
    pub new: Version,
}

/// The lock files with the new versions of members and their new requirements: those that change, whole. `changed` are
/// the files with the requirements.
///
/// An entry with another version than the old one is left: nobody keeps it up to date.
pub(super) fn relocked(
    files: &dyn Files,
    graph: &Graph,
    (moves, versions): (&Moves<'_>, &[NewVersion]),
    changed: &BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<String, Vec<u8>>, WorkspaceError> {
    let versions: HashMap<usize, &NewVersion> =
        versions.iter().map(|version| (version.member, version)).collect();
    let members = &graph.members;
    let mut locked = BTreeMap::new();
    for folder in members.folders() {
        for (name, is_poetry) in [("uv.lock", false), ("poetry.lock", true)] {
            let path = path_in(folder, name);
            let Some(text) = statements::text(files, &path)? else { continue };
            let mut edits = Vec::new();
            for entry in lock_entries(&text) {
                let is_own = if is_poetry { entry.is_directory } else { !entry.is_fetched };
                let member = members.named(&text[entry.name.clone()]).filter(|_| is_own);
                if let Some(version) = member.and_then(|member| versions.get(&member)) {
                    let stated = text[entry.version.clone()].parse::<Version>();
                    if stated.is_ok_and(|stated| stated == version.old) {
                        edits.push(Edit { span: entry.version.clone(), text: version.new.to_string() });
                    }
                }
                if is_poetry {
                    edits.extend(poetry_lock::requirements(&text, &entry, members, moves));
                }
            }
            if is_poetry {
                let path = path_in(folder, "pyproject.toml");
                let new = changed.get(&path).and_then(|bytes| std::str::from_utf8(bytes).ok());
                if let (Some(new), Some(old)) = (new, statements::text(files, &path)?) {
                    edits.extend(poetry_lock::content_hash(&text, (&old, new)));
                }
            }
            if !edits.is_empty() {
                locked.insert(path, edited(&text, edits).into_bytes());
            }
        }
    }
    Ok(locked)
}
