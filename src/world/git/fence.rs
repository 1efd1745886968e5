//! Fences: refs at the remote that make a push and its recovery exclude each other.
//!
//! The connection of a push can break while the remote still processes it. Until the remote's hooks have finished, its
//! refs do not show the outcome. So the atomic push also creates a ref of its own, the fence, and recovery creates the
//! same ref first. Git creates a ref only if it does not exist, so one of the two fails as a whole.
//!
//! A fence created by recovery stays, because the push may still arrive. A later release deletes it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{RefUpdate, Remote, Repository};
use crate::error::Result;

/// The folder of all fences; git neither clones nor fetches it by default
const FOLDER: &str = "refs/pyrelease/";
/// Matches all fences
pub const FENCES: &str = "refs/pyrelease/*";
/// How long the remote may take to create or delete a fence
const TIME_LIMIT: Duration = Duration::from_secs(40);
/// After so many seconds no push is in progress any more, and its fence can be deleted
const LIFETIME: i64 = 86_400;

/// Whether a ref is a fence by its full name.
pub fn is_fence(reference: &str) -> bool {
    reference.starts_with(FOLDER)
}

/// The outcome of fencing off a push
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FenceOutcome {
    /// The fence was created: the push can never be applied
    Fenced,
    /// The push was applied, including its fence
    Applied,
    /// The remote refuses the ref or cannot be reached: the push may still be applied. Holds the reason.
    Unknown(String),
}

impl Remote {
    /// A unique name for the fence of a push. `None` if the remote is on this machine, because its processes can be
    /// found and ended instead.
    ///
    /// # Errors
    /// The system's random number generator failed.
    pub fn new_fence(&self, user: &Repository, run: &str) -> Result<Option<String>> {
        if self.is_on_this_machine(user) {
            return Ok(None);
        }
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        Ok(Some(format!("{FOLDER}{run}-{:08x}", u32::from_le_bytes(random))))
    }

    /// Whether the remote is served by processes of this machine that git started, which can be found and ended.
    pub fn is_on_this_machine(&self, user: &Repository) -> bool {
        cfg!(target_os = "linux") && self.repository(user).is_some()
    }

    /// Creates the fence of a push whose reply is missing. `known` is an object that the remote has, if known.
    pub fn create_fence(&self, user: &Repository, fence: &str, known: Option<&str>) -> FenceOutcome {
        let object = match known.filter(|known| user.has(known)) {
            Some(known) => Ok(known.to_owned()),
            // The empty blob reveals nothing.
            None => user.git(["hash-object", "-w", "--stdin"]).read(),
        };
        let made = object.map_err(|error| error.to_string()).and_then(|object| {
            let update = RefUpdate { name: fence.to_owned(), old: None, new: Some(object) };
            self.send_within(user, &[update], TIME_LIMIT).map_err(|error| error.to_string())
        });
        let Err(why) = made else { return FenceOutcome::Fenced };
        match self.refs(user, &[fence]) {
            Ok(refs) if refs.contains_key(fence) => FenceOutcome::Applied,
            Ok(_) => FenceOutcome::Unknown(why),
            Err(error) => FenceOutcome::Unknown(error.chain()),
        }
    }

    /// Deletes fences that still have these ids at the remote. Errors are ignored: a later release tries again. Git compares
    /// the refs of an earlier push in the same request; returns whether the remote may have changed one of them.
    pub fn delete_fences(
        &self,
        user: &Repository,
        fences: impl IntoIterator<Item = (String, String)>,
        pushed: &[RefUpdate],
    ) -> bool {
        let deletion = |(name, id)| RefUpdate { name, old: Some(id), new: None };
        let deletions: Vec<RefUpdate> = fences.into_iter().map(deletion).collect();
        if deletions.is_empty() {
            return false;
        }
        // Refs that are as pushed are not sent again, and of others the lease does not hold.
        let expected = pushed.iter().map(|update| RefUpdate { old: update.new.clone(), ..update.clone() });
        let all: Vec<RefUpdate> = deletions.into_iter().chain(expected).collect();
        self.send_within(user, &all, TIME_LIMIT).is_err()
    }
}

/// The fences among a remote's refs whose pushes are certainly over.
pub fn expired_fences(refs: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let now = jiff::Timestamp::now().as_second();
    let is_expired = |name: &str| began(name).is_some_and(|began| now - began > LIFETIME);
    let fences = refs.iter().filter(|(name, _)| is_expired(name));
    fences.map(|(name, id)| (name.clone(), id.clone())).collect()
}

/// When the fence's run began, in seconds since the epoch, taken from the run's id.
fn began(fence: &str) -> Option<i64> {
    let time = fence.strip_prefix(FOLDER)?.get(..15)?;
    let time = jiff::Timestamp::strptime("%Y%m%dT%H%M%S%z", format!("{time}+0000")).ok()?;
    Some(time.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_says_when_its_run_began() {
        assert_eq!(began("refs/pyrelease/20260501T120000123-04711-89abcdef"), Some(1_777_636_800));
        assert_eq!(began("refs/pyrelease/x"), None);
        assert_eq!(began("refs/heads/20260501T120000123-04711"), None);
        assert_eq!(began("refs/pyrelease/2026\u{e9}501T120000"), None);
    }
}
