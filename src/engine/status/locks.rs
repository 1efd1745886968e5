//! Git's locks that are in the way, and what is to be done about each.

use std::time::Duration;

use serde::Serialize;

use super::JournalSummary;
use crate::engine::recover::left_locks;
use crate::world::git::{LockFile, Repository};

/// How long whoever holds a lock has to finish
const PATIENCE: Duration = Duration::from_secs(1);

/// A lock of git's
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockStatus {
    pub path: String,
    /// Whether the run that was cut short has left it: then going on removes it
    pub left_by_run: bool,
    /// The command that removes it
    pub removal: String,
    /// What is to be done about it
    pub advice: String,
}

pub(super) fn locks(repository: &Repository, summary: &JournalSummary) -> Vec<LockStatus> {
    let (standing, holders) = repository.remaining_locks(PATIENCE);
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
    let goes = || "`resume` and `rollback` remove it".to_owned();
    let of_others = standing.iter().filter(|lock| !left.contains(lock));
    let of_others = of_others.map(|lock| report(lock, lock.advice(holders.as_deref())));
    left.iter().map(|lock| report(lock, goes())).chain(of_others).collect()
}
