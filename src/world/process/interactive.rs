//! Runs a command that the user works with on the terminal, such as an editor.

use std::process::ExitStatus;

use super::{Process, ProcessError};

impl Process {
    /// Runs the command on the terminal and waits until it ends; the caller judges the status.
    ///
    /// # Errors
    /// The command could not be started.
    pub fn interact(&self) -> Result<ExitStatus, ProcessError> {
        let ended = self.without_input().run().map_err(|error| self.not_started(error))?;
        Ok(ended.status)
    }
}
