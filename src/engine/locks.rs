//! Git's locks that an effect takes, and those that are there before it takes any: what is there afterwards and was not
//! before is the effect's, or of somebody who came later.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::model::Effect;
use crate::world::git::{LockFile, LockScope, RefUpdate, Remote, Repository};

/// The folder of refs at the remote that are pyrelease's own
const OWN_REFS: &str = "refs/pyrelease/";

/// The locks that were there when an effect, or its undo, was about to begin
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocksBefore {
    /// In seconds since the epoch
    pub at: i64,
    there: Vec<String>,
}

impl LocksBefore {
    /// Those that are there now; none where the effect takes no lock.
    pub fn of(effect: &Effect, repository: &Repository) -> Option<Self> {
        let scopes = lock_scopes(effect, repository);
        let there = scopes.iter().flat_map(LockScope::locks).map(|lock| name(&lock, repository));
        (!scopes.is_empty()).then(|| Self { at: jiff::Timestamp::now().as_second(), there: there.collect() })
    }

    pub fn has(&self, lock: &LockFile, repository: &Repository) -> bool {
        self.there.contains(&name(lock, repository))
    }
}

/// The repository may be moved, and another is where it is.
fn name(lock: &LockFile, repository: &Repository) -> String {
    let is_within =
        |folder: &Path| fs_err::canonicalize(folder).is_ok_and(|folder| lock.path().starts_with(folder));
    match is_within(repository.common_folder()) {
        true => lock.name().to_owned(),
        false => lock.path().display().to_string(),
    }
}

/// What git locks for an effect and for its undo, as far as that is on this machine.
pub fn lock_scopes(effect: &Effect, repository: &Repository) -> Vec<LockScope> {
    match effect {
        Effect::Land { landing } => vec![landing.lock_scope(repository)],
        Effect::Push { remote, updates, .. } => push_scopes(remote, updates, repository),
        Effect::Upload { .. } | Effect::Command { .. } | Effect::Plugin(_) => Vec::new(),
    }
}

/// What git remembers of the remote, and the remote itself.
fn push_scopes(remote: &str, updates: &[RefUpdate], repository: &Repository) -> Vec<LockScope> {
    let ids = updates.iter().flat_map(|update| [&update.old, &update.new]);
    let here = LockScope {
        folder: repository.common_folder().to_owned(),
        refs: vec![format!("refs/remotes/{remote}/")],
        worktree: false,
        contents: ids.flatten().cloned().collect(),
    };
    let there = Remote { name: remote.to_owned() }.repository(repository).map(|there| LockScope {
        folder: there.git_folder(),
        refs: updates.iter().map(|update| update.name.clone()).chain([OWN_REFS.to_owned()]).collect(),
        worktree: true,
        contents: here.contents.clone(),
    });
    std::iter::once(here).chain(there).collect()
}
