//! The releases in a repository's history, read once for several projects of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::releases::relative;
use super::{CommitRecord, ListedTag, Repository};
use crate::error::Result;
use crate::python::version::Version;

/// What the projects of a repository ask about its past, which does not change while their next releases are determined
#[derive(Debug, Default)]
pub struct Past {
    tags: OnceLock<Arc<[ListedTag]>>,
    /// The tagged commits in the history of HEAD, the newest first
    order: OnceLock<Arc<[String]>>,
    /// What commits did, by their id; paths are from the top of the repository
    records: Mutex<HashMap<String, Option<Arc<CommitRecord>>>>,
    /// The versions that projects stated in commits, by folder and commit
    stated: Mutex<HashMap<(String, String), Option<Version>>>,
}

impl Past {
    /// All tags, sorted by name.
    ///
    /// # Errors
    /// As [`Repository::tags`].
    pub fn tags(&self, repository: &Repository) -> Result<Arc<[ListedTag]>> {
        if let Some(tags) = self.tags.get() {
            return Ok(Arc::clone(tags));
        }
        let tags: Arc<[ListedTag]> = repository.tags()?.into();
        Ok(Arc::clone(self.tags.get_or_init(|| tags)))
    }

    /// The tagged commits that are `head` or an ancestor of it, the newest first.
    ///
    /// # Errors
    /// As [`Repository::nearest`].
    pub fn order(&self, repository: &Repository, head: &str) -> Result<Arc<[String]>> {
        if let Some(order) = self.order.get() {
            return Ok(Arc::clone(order));
        }
        let tags = self.tags(repository)?;
        let commits: Vec<&str> = tags.iter().map(|tag| tag.commit.as_str()).collect();
        let order = repository.nearest(head, &commits, usize::MAX)?;
        let order: Arc<[String]> = order.into_iter().map(str::to_owned).collect();
        Ok(Arc::clone(self.order.get_or_init(|| order)))
    }

    /// The version that the project in the folder `prefix` stated in a commit: as `find` finds it, once.
    pub fn stated(
        &self,
        (prefix, commit): (&str, &str),
        find: &dyn Fn() -> Option<Version>,
    ) -> Option<Version> {
        let key = (prefix.to_owned(), commit.to_owned());
        if let Some(known) = self.stated.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let found = find();
        self.stated.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        found
    }

    /// What a commit says and changed, without the files that `is_foreign` names; paths are relative to `prefix`.
    pub fn record(
        &self,
        repository: &Repository,
        commit: &str,
        prefix: &str,
        is_foreign: &dyn Fn(&str) -> bool,
    ) -> Option<CommitRecord> {
        let known = self.records.lock().unwrap_or_else(PoisonError::into_inner).get(commit).cloned();
        let record = match known {
            Some(record) => record,
            None => {
                let record = repository.commit_record(commit, "").map(Arc::new);
                let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
                records.insert(commit.to_owned(), record.clone());
                record
            }
        }?;
        let CommitRecord { message, is_merge, date, changes } = &*record;
        let own = changes.iter().filter(|change| !is_foreign(&change.path));
        let changes = own.map(|change| {
            let mut change = change.clone();
            change.path = relative(prefix, &change.path);
            change
        });
        let changes = changes.collect();
        Some(CommitRecord { message: message.clone(), is_merge: *is_merge, date: date.clone(), changes })
    }
}
