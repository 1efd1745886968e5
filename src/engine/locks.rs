//! Git's lock files that an effect may create, and those that exist before it. A lock file that appears afterwards is the
//! effect's, or a later process's.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::model::Effect;
use crate::world::git::{LockFile, LockScope, RefUpdate, Remote, Repository};

/// The namespace of pyrelease's own refs at a remote
const OWN_REFS: &str = "refs/pyrelease/";

/// The lock files that existed when an effect, or its undo, was about to begin
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocksBefore {
    /// In seconds since the epoch
    pub at: i64,
    #[serde(rename = "there")]
    existing: Vec<String>,
}

impl LocksBefore {
    /// The current lock files; none if the effect takes no lock.
    pub fn of(effect: &Effect, repository: &Repository) -> Option<Self> {
        let scopes = lock_scopes(effect, repository);
        let existing = scopes.iter().flat_map(LockScope::locks).map(|lock| name(&lock, repository));
        (!scopes.is_empty())
            .then(|| Self { at: jiff::Timestamp::now().as_second(), existing: existing.collect() })
    }

    pub fn has(&self, lock: &LockFile, repository: &Repository) -> bool {
        self.existing.contains(&name(lock, repository))
    }
}

/// A lock file's name in the journal: relative within the repository, which may be moved, and absolute elsewhere.
fn name(lock: &LockFile, repository: &Repository) -> String {
    let is_within =
        |folder: &Path| fs_err::canonicalize(folder).is_ok_and(|folder| lock.path().starts_with(folder));
    match is_within(repository.common_folder()) {
        true => lock.name().to_owned(),
        false => lock.path().display().to_string(),
    }
}

/// What git locks on this machine for an effect and for its undo.
pub fn lock_scopes(effect: &Effect, repository: &Repository) -> Vec<LockScope> {
    match effect {
        Effect::Land { landing } => vec![landing.lock_scope(repository)],
        Effect::Push { remote, updates, .. } => push_scopes(remote, updates, repository),
        Effect::Upload { .. }
        | Effect::Attest { .. }
        | Effect::Command { .. }
        | Effect::Plugin(_)
        | Effect::Forge(_) => Vec::new(),
    }
}

/// The remote-tracking refs, and the remote itself if it is on this machine.
fn push_scopes(remote: &str, updates: &[RefUpdate], repository: &Repository) -> Vec<LockScope> {
    let ids = updates.iter().flat_map(|update| [&update.old, &update.new]);
    let here = LockScope {
        folder: repository.common_folder().to_owned(),
        refs: vec![format!("refs/remotes/{remote}/")],
        worktree: false,
        contents: ids.flatten().cloned().collect(),
    };
    let at_remote = Remote { name: remote.to_owned() }.repository(repository).map(|remote| LockScope {
        folder: remote.git_folder(),
        refs: updates.iter().map(|update| update.name.clone()).chain([OWN_REFS.to_owned()]).collect(),
        worktree: true,
        contents: here.contents.clone(),
    });
    std::iter::once(here).chain(at_remote).collect()
}
