//! Lock files that record members of the workspace: their versions.
//!
//! uv.lock does not record the specifiers of requirements on members: uv takes these from their folders, whatever
//! their version.

use std::collections::{BTreeMap, HashMap};

use super::error::WorkspaceError;
use super::graph::Graph;
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

/// The lock files with the new versions of members: those that change, whole.
///
/// An entry with another version than the old one is left: nobody keeps it up to date.
pub(super) fn relocked(
    files: &dyn Files,
    graph: &Graph,
    versions: &[NewVersion],
) -> Result<BTreeMap<String, Vec<u8>>, WorkspaceError> {
    let versions: HashMap<usize, &NewVersion> =
        versions.iter().map(|version| (version.member, version)).collect();
    let mut changed = BTreeMap::new();
    let members = &graph.members;
    let root = members.lack_the_root().then_some(None);
    for of in root.into_iter().chain((0..members.all.len()).map(Some)) {
        for (name, is_poetry) in [("uv.lock", false), ("poetry.lock", true)] {
            let path = path_in(members.folder(of), name);
            let Some(text) = statements::text(files, &path)? else { continue };
            let mut edits = Vec::new();
            for entry in lock_entries(&text) {
                let is_own = if is_poetry { entry.is_directory } else { !entry.is_fetched };
                let member = members.named(&text[entry.name]).filter(|_| is_own);
                let Some(version) = member.and_then(|member| versions.get(&member)) else { continue };
                let stated = text[entry.version.clone()].parse::<Version>();
                if stated.is_ok_and(|stated| stated == version.old) {
                    edits.push(Edit { span: entry.version, text: version.new.to_string() });
                }
            }
            if !edits.is_empty() {
                changed.insert(path, edited(&text, edits).into_bytes());
            }
        }
    }
    Ok(changed)
}
