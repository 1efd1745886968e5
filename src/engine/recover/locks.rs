//! The git locks that a run left because its git was killed too, as in a power cut.
//!
//! A lock belongs to the run if it did not exist at the intent, is not older than it, has our content, and no living
//! process may hold it.

use std::path::PathBuf;

use super::RecoveryContext;
use crate::engine::event::Event;
use crate::engine::journal::{Record, entries};
use crate::engine::locks::{LocksBefore, lock_scopes};
use crate::engine::model::State;
use crate::error::{Error, Result};
use crate::world::git::{LockFile, LockScope, PATIENCE, Repository, holders_after};
use crate::world::processes;

/// The locks that a run left, by its journal and the files. Does not check whether a process holds them.
pub fn left_locks(records: &[Record], repository: &Repository) -> Vec<LockFile> {
    let mut left: Vec<LockFile> = Vec::new();
    for (scope, before) in in_doubt(records, repository) {
        left.extend(scope.locks().into_iter().filter(|lock| is_left(lock, &scope, &before, repository)));
    }
    left.sort();
    left.dedup();
    left
}

fn is_left(lock: &LockFile, scope: &LockScope, before: &LocksBefore, repository: &Repository) -> bool {
    // Without a list of processes it is unknown whether one holds the lock.
    processes::VISIBLE
        && !before.has(lock, repository)
        && lock.is_ours_since(before.at)
        && scope.may_have_written(lock)
}

/// The git effects in progress when the run was interrupted, and the locks before each.
fn in_doubt(records: &[Record], repository: &Repository) -> Vec<(LockScope, LocksBefore)> {
    // Effects before an import happened in another repository.
    let is_import = |record: &Record| matches!(record, Record::Imported {});
    let here = records.iter().rposition(is_import).map_or(0, |at| at + 1);
    let begun = |of: u64| {
        records[here..].iter().rev().find_map(|record| match record {
            Record::Intent { id, locks, .. } | Record::Undo { id, locks, .. } if *id == of => locks.clone(),
            _ => None,
        })
    };
    let entries = entries(records).into_iter().filter(|entry| entry.state == State::InDoubt);
    let known = entries.filter_map(|entry| Some((begun(entry.id)?, entry.effect)));
    known
        .flat_map(|(before, effect)| {
            lock_scopes(&effect, repository).into_iter().map(move |scope| (scope, before.clone()))
        })
        .collect()
}

impl RecoveryContext<'_> {
    /// Removes the locks that the run left.
    ///
    /// # Errors
    /// A living process may hold one of them; it is kept.
    pub(super) fn remove_locks(&self, records: &[Record]) -> Result<()> {
        let left = left_locks(records, self.repository);
        if left.is_empty() {
            return Ok(());
        }
        let mut places = self.repository.places();
        places
            .extend(in_doubt(records, self.repository).into_iter().map(|(scope, _)| worked_in(scope.folder)));
        let holders = holders_after(PATIENCE, &places, &left).unwrap_or_default();
        let left: Vec<LockFile> = left.into_iter().filter(LockFile::is_there).collect();
        if let (Some(lock), [holder, ..]) = (left.first(), holders.as_slice()) {
            let message = format!(
                "`{}` may be left from the run, and {holder} may hold it: it was not removed",
                lock.path().display()
            );
            return Err(Error::left(message).help("wait until that has ended, or end it, and try again"));
        }
        for lock in left {
            lock.remove()?;
            let message = format!(
                "removed `{}`, a lock that git left when the run was interrupted",
                lock.path().display()
            );
            self.listener.on_event(&Event::Note { stage: None, message: &message });
        }
        Ok(())
    }
}

/// The working directory of git processes that change this git folder: its working tree, if it has one.
fn worked_in(folder: PathBuf) -> PathBuf {
    let folder = fs_err::canonicalize(&folder).unwrap_or(folder);
    match folder.parent() {
        Some(top) if folder.file_name().is_some_and(|name| name == ".git") => top.to_owned(),
        _ => folder,
    }
}
