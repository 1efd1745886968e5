//! Git's lock files that block a run, and what to do about each.

use std::time::Duration;

use serde::Serialize;

use super::JournalSummary;
use crate::engine::recover::left_locks;
use crate::world::git::{LockFile, Repository};

/// How long to wait for a lock to be released
const PATIENCE: Duration = Duration::from_secs(1);

/// A lock file of git
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LockStatus {
    pub path: String,
    /// Whether the interrupted run left it; `resume` and `rollback` remove it then
    pub left_by_run: bool,
    /// The command that removes it
    pub removal: String,
    /// What to do about it
    pub advice: String,
}

pub(super) fn locks(repository: &Repository, summary: &JournalSummary) -> Vec<LockStatus> {
    let (remaining, holders) = repository.remaining_locks(PATIENCE);
    let left = match summary.outcome {
        None => left_locks(&summary.records, repository),
        Some(_) => Vec::new(),
    };
    let report = |lock: &LockFile, advice| LockStatus {
        path: lock.path().display().to_string(),
        left_by_run: left.contains(lock),
        removal: lock.removal(),
        advice,
    };
    let advice_on_left = || "`resume` and `rollback` remove it".to_owned();
    let others = remaining.iter().filter(|lock| !left.contains(lock));
    let others = others.map(|lock| report(lock, lock.advice(holders.as_deref())));
    left.iter().map(|lock| report(lock, advice_on_left())).chain(others).collect()
}
