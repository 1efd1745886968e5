//! A ref at the remote by which a push and its recovery exclude each other.
//!
//! The connection of a push can break while the remote goes on with it: for as long as a hook of the remote may take,
//! the refs say nothing. So the atomic push also creates a ref of its own, the fence. Whoever recovers creates the fence
//! first. One of the two comes too late and fails whole: git creates a ref only where there is none.
//!
//! A fence that recovery made stays, because nobody knows when the push arrives; a later release deletes it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{RefUpdate, Remote, Repository};
use crate::error::Result;

/// Where all fences are; git clones and fetches none of them by itself
const FOLDER: &str = "refs/pyrelease/";
/// What lists all of them
pub const FENCES: &str = "refs/pyrelease/*";
/// How long the remote may take to create or delete a fence
const PATIENCE: Duration = Duration::from_secs(40);
/// After so many seconds no push is on its way any more, and its fence is of no use
const USELESS: i64 = 86_400;

/// What came of shutting a push out
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShutOut {
    /// The fence stands: the push can never be applied
    Never,
    /// The push was applied, and its fence with it
    Applied,
    /// The remote takes no such ref or cannot be reached: the push may still be applied, and why
    Unknown(String),
}

impl Remote {
    /// A name for the fence of a push of a run, which no other has; none where the remote's processes are this machine's,
    /// which are ended and waited for instead.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new_fence(&self, user: &Repository, run: &str) -> Result<Option<String>> {
        if self.is_on_this_machine(user) {
            return Ok(None);
        }
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        Ok(Some(format!("{FOLDER}{run}-{:08x}", u32::from_le_bytes(random))))
    }

    /// Whether what serves the remote are processes of this machine, started by git itself, which can be found and ended.
    pub fn is_on_this_machine(&self, user: &Repository) -> bool {
        cfg!(target_os = "linux") && self.repository(user).is_some()
    }

    /// Creates the fence of a push whose answer is missing. `known` is something that the remote has, if that is known.
    pub fn shut_out(&self, user: &Repository, fence: &str, known: Option<&str>) -> ShutOut {
        let object = match known.filter(|known| user.has(known)) {
            Some(known) => Ok(known.to_owned()),
            // The empty blob tells nobody anything.
            None => user.git(["hash-object", "-w", "--stdin"]).read(),
        };
        let made = object.map_err(|error| error.to_string()).and_then(|object| {
            let update = RefUpdate { name: fence.to_owned(), old: None, new: Some(object) };
            self.send_within(user, &[update], PATIENCE).map_err(|error| error.to_string())
        });
        let Err(why) = made else { return ShutOut::Never };
        match self.refs(user, &[fence]) {
            Ok(refs) if refs.contains_key(fence) => ShutOut::Applied,
            Ok(_) => ShutOut::Unknown(why),
            Err(error) => ShutOut::Unknown(error.chain()),
        }
    }

    /// Deletes fences, each if the remote still has it as it is here. Those that cannot be deleted stay until a later
    /// release.
    pub fn delete_fences(&self, user: &Repository, fences: impl IntoIterator<Item = (String, String)>) {
        let deletion = |(name, id)| RefUpdate { name, old: Some(id), new: None };
        let deletions: Vec<RefUpdate> = fences.into_iter().map(deletion).collect();
        if !deletions.is_empty() {
            let _ = self.send_within(user, &deletions, PATIENCE);
        }
    }
}

/// Those among the refs of a remote that are fences of pushes which are no longer on their way.
pub fn useless_fences(refs: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let now = jiff::Timestamp::now().as_second();
    let is_useless = |name: &str| began(name).is_some_and(|began| now - began > USELESS);
    let fences = refs.iter().filter(|(name, _)| is_useless(name));
    fences.map(|(name, id)| (name.clone(), id.clone())).collect()
}

/// When the run of a fence began, in seconds since the epoch, by its id.
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
