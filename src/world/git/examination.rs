//! What several preflights ask about the repository, asked once for all of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::DefaultBranch;
use crate::error::Result;

/// The refs of a remote by name, and its default branch
pub(super) type RemoteRefs = (BTreeMap<String, String>, Option<DefaultBranch>);

/// The paths of files that are not committed, relative to the top
#[derive(Debug, Clone)]
pub(super) struct Uncommitted {
    pub(super) edited: Vec<String>,
    pub(super) untracked: Vec<String>,
}

/// The answers that the handles on a repository share while the preflights run. Nothing else may change the repository
/// meanwhile; after them, the repository is asked anew.
#[derive(Debug, Default)]
pub struct Examination {
    uncommitted: Mutex<Option<Uncommitted>>,
    /// By the remote's name and the names of the refs
    refs: Mutex<HashMap<(String, Vec<String>), RemoteRefs>>,
}

impl Examination {
    /// What is not committed; whoever asks meanwhile waits for the answer. An error is not kept.
    pub(super) fn uncommitted(&self, ask: impl FnOnce() -> Result<Uncommitted>) -> Result<Uncommitted> {
        let mut uncommitted = locked(&self.uncommitted);
        if let Some(uncommitted) = &*uncommitted {
            return Ok(uncommitted.clone());
        }
        Ok(uncommitted.insert(ask()?).clone())
    }

    /// A remote's refs; whoever asks meanwhile waits for the answer. An error is not kept.
    pub(super) fn refs(
        &self,
        remote: &str,
        names: &[&str],
        ask: impl FnOnce() -> Result<RemoteRefs>,
    ) -> Result<RemoteRefs> {
        let mut refs = locked(&self.refs);
        let key = (remote.to_owned(), names.iter().map(|name| (*name).to_owned()).collect());
        if let Some(refs) = refs.get(&key) {
            return Ok(refs.clone());
        }
        let answer = ask()?;
        refs.insert(key, answer.clone());
        Ok(answer)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
