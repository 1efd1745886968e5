//! The members of a workspace by their names and folders.

use std::collections::HashMap;

use super::error::WorkspaceError;
use crate::python::filename::normalize;

/// The members by their folders and names
#[derive(Debug, Clone)]
pub(super) struct Members {
    /// Each with its folder and its name as written
    pub(super) all: Vec<(String, String)>,
    /// By normalized name (PEP 503)
    by_name: HashMap<String, usize>,
}

impl Members {
    pub(super) fn new(members: &[(String, String)]) -> Result<Self, WorkspaceError> {
        let mut by_name = HashMap::with_capacity(members.len());
        for (index, (folder, name)) in members.iter().enumerate() {
            if let Some(other) = by_name.insert(normalize(name), index) {
                let (one, other) = (members[other].0.clone(), folder.clone());
                return Err(WorkspaceError::SameName { name: name.clone(), one, other });
            }
        }
        Ok(Self { all: members.to_vec(), by_name })
    }

    /// The member with this name, in any spelling.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(&normalize(name)).copied()
    }

    /// The folder of a member, or of the root.
    pub(super) fn folder(&self, member: Option<usize>) -> &str {
        member.map_or("", |member| &self.all[member].0)
    }

    /// Every member as it states requirements, and the root first if it is none of them.
    pub(super) fn stating(&self) -> impl Iterator<Item = Option<usize>> {
        let has_root = self.all.iter().any(|(folder, _)| folder.is_empty());
        let root = (!has_root).then_some(None);
        root.into_iter().chain((0..self.all.len()).map(Some))
    }

    /// The folders of all of these.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        self.stating().map(|of| self.folder(of))
    }
}
