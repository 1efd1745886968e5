//! Lock files that record members of the workspace.
//!
//! Both uv.lock and poetry.lock have their versions, and in some cases what they require of each other.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::error::WorkspaceError;
use super::graph::Graph;
use super::requirement::Moves;
use super::{path_in, poetry_lock, statements, uv_lock};
use crate::python::project::{Edit, Files, LockEntry, ProjectError, edited, lock_entries, text_of};
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
            // It is read line by line, so it may be of any size.
            let text = match text_of(files, &path) {
                Err(ProjectError::Missing { .. }) => continue,
                text => text?,
            };
            let mut edits = Vec::new();
            let entries = lock_entries(&text);
            let local = |entry: &LockEntry| {
                let is_local = if is_poetry { entry.is_directory } else { !entry.is_fetched };
                members.named(&text[entry.name.clone()]).filter(|_| is_local)
            };
            let all_local: HashSet<usize> = entries.iter().filter_map(local).collect();
            for entry in &entries {
                let version = local(entry).and_then(|member| versions.get(&member));
                let stated = text[entry.version.clone()].parse::<Version>();
                if let Some(version) = version.filter(|version| stated.is_ok_and(|old| old == version.old)) {
                    edits.push(Edit { span: entry.version.clone(), text: version.new.to_string() });
                }
                edits.extend(match is_poetry {
                    true => poetry_lock::requirements(&text, entry, members, moves),
                    false => uv_lock::requirements(&text, entry, (members, &all_local), moves),
                });
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
