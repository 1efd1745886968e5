//! Non-interactive `git ls-remote` with a time limit, usable from any thread; for displaying a remote's state.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Remote, Repository};
use crate::error::Result;
use crate::world::process::{Process, ProcessError};

/// A prepared `git ls-remote`
#[derive(Debug, Clone)]
pub struct RefQuery {
    process: Process,
}

impl Remote {
    /// Prepares a query for the refs with these full names.
    ///
    /// # Errors
    /// Only a program named by the repository's own settings could ask the remote.
    pub fn ref_query(&self, user: &Repository, names: &[&str]) -> Result<RefQuery> {
        user.expect_own_transport()?;
        let process = user.git(["ls-remote", "--quiet", &self.name]).args(names).reaching_a_remote();
        Ok(RefQuery { process: process.env("GIT_TERMINAL_PROMPT", "0") })
    }
}

impl RefQuery {
    /// Runs the query, for at most `patience`.
    ///
    /// # Errors
    /// The remote cannot be reached or read, or takes too long.
    pub fn ask(&self, patience: Duration) -> Result<BTreeMap<String, String>, ProcessError> {
        let listed = self.process.read_within(patience)?;
        let pairs = listed.lines().filter_map(|line| line.split_once('\t'));
        Ok(pairs.map(|(id, name)| (name.to_owned(), id.to_owned())).collect())
    }
}
