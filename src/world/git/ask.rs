//! A remote asked by whoever only wants to show what it has: quickly, from any thread, without a prompt.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Remote, Repository};
use crate::error::Result;
use crate::world::process::{Process, ProcessError};

/// A question that is ready to be asked
#[derive(Debug, Clone)]
pub struct Question {
    process: Process,
}

impl Remote {
    /// The question what the remote has under these full names.
    ///
    /// # Errors
    /// Only a program of the repository's own could ask it.
    pub fn question(&self, user: &Repository, names: &[&str]) -> Result<Question> {
        user.expect_own_transport()?;
        let process = user.git(["ls-remote", "--quiet", &self.name]).args(names);
        Ok(Question { process: process.env("GIT_TERMINAL_PROMPT", "0") })
    }
}

impl Question {
    /// Asks, for so long at most.
    ///
    /// # Errors
    /// A remote that cannot be reached or read, or that takes too long.
    pub fn ask(&self, patience: Duration) -> Result<BTreeMap<String, String>, ProcessError> {
        let listed = self.process.read_within(patience)?;
        let pairs = listed.lines().filter_map(|line| line.split_once('\t'));
        Ok(pairs.map(|(id, name)| (name.to_owned(), id.to_owned())).collect())
    }
}
