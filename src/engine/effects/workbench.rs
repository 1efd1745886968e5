//! Where private work is done: what it changes is in the run's folder, and deleted with it.

use std::ffi::OsString;
use std::sync::atomic::AtomicBool;

use crate::config::Names;
use crate::engine::event::{Event, Listener};
use crate::engine::run::RunFolder;
use crate::error::{Error, Result};
use crate::world::git::PrivateClone;
use crate::world::orphans;
use crate::world::process::Process;

/// The folders that private work happens in
pub struct Workbench<'run> {
    /// The run's clone of the repository
    pub clone: &'run PrivateClone,
    pub(super) run: &'run RunFolder,
    pub(super) stage: &'run str,
    pub(super) listener: &'run dyn Listener,
    pub(super) interrupted: &'run AtomicBool,
}

impl Workbench<'_> {
    /// The folder of the distributions.
    pub fn dist(&self) -> std::path::PathBuf {
        self.run.dist()
    }

    /// What a command of the user's finds in its environment.
    pub fn variables(&self, names: &Names) -> Vec<(&'static str, OsString)> {
        self.run.variables(names)
    }

    /// A folder of the run's for what only this stage needs.
    pub fn scratch(&self) -> std::path::PathBuf {
        self.run.folder().join(format!("scratch-{}", self.stage))
    }

    /// Says something about what the stage does.
    pub fn say(&self, message: &str) {
        self.listener.on_event(&Event::Note { stage: Some(self.stage), message });
    }

    /// Warns of something that does not make the stage fail.
    pub fn warn(&self, message: &str, help: Option<&str>) {
        self.listener.on_event(&Event::Warning { stage: Some(self.stage), message, help });
    }

    /// Runs a command; every line it prints is kept in the run's folder and handed on.
    ///
    /// # Errors
    /// It could not be started or failed; the error shows the tail and where all of it is.
    pub fn command(&self, process: &Process) -> Result<()> {
        let log = self.run.log(self.stage);
        let listener = self.listener;
        process
            .clone()
            .env(orphans::STAGE, self.stage)
            .stream(&log, self.interrupted, |line| {
                listener.on_event(&Event::Output { stage: self.stage, line })
            })
            .map_err(|error| {
                Error::from(error).help(format!("its complete output is in `{}`", log.display()))
            })
    }
}
