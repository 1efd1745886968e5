//! Where private work is done: what it changes is in the run's folder, and deleted with it.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
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
    pub fn dist(&self) -> PathBuf {
        self.run.dist()
    }

    /// A file of the clone, which need not exist; `path` is relative to `root`, the project's folder there. Links are
    /// followed.
    ///
    /// # Errors
    /// It is outside the clone, or a link leads to nothing.
    pub fn file(&self, root: &Path, path: &str) -> Result<PathBuf> {
        let named = root.join(path);
        let is_there = |path: &&Path| path.symlink_metadata().is_ok();
        let known = named.ancestors().find(is_there).unwrap_or(root);
        let missing = named.strip_prefix(known).unwrap_or(&named);
        let file = fs_err::canonicalize(known)?;
        let is_plain = missing.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || !file.starts_with(fs_err::canonicalize(self.clone.top())?) {
            return Err(Error::failed(format!(
                "`{path}` leads to `{}`, outside the repository",
                file.display()
            ))
            .help("a release reads and changes files of the repository only"));
        }
        // Without a part after it, joining would add a separator.
        Ok(if missing.as_os_str().is_empty() { file } else { file.join(missing) })
    }

    /// The folder with the distributions of all members of a workspace.
    pub fn all_distributions(&self) -> PathBuf {
        self.run.all_distributions()
    }

    /// What a command of the user's finds in its environment.
    pub fn variables(&self, names: &Names) -> Vec<(&'static str, OsString)> {
        self.run.variables(names)
    }

    /// A folder of the run's for what only this stage needs.
    pub fn scratch(&self) -> PathBuf {
        self.run.scratch(self.stage)
    }

    /// Says something about what the stage does.
    pub fn say(&self, message: &str) {
        self.listener.on_event(&Event::Note { stage: Some(self.stage), message });
    }

    /// Warns of something that does not make the stage fail.
    pub fn warn(&self, message: &str, help: Option<&str>) {
        self.listener.on_event(&Event::Warning { stage: Some(self.stage), message, help });
    }

    /// The name of the stage.
    pub fn stage(&self) -> &str {
        self.stage
    }

    pub fn listener(&self) -> &dyn Listener {
        self.listener
    }

    /// Runs a command; every line it prints is kept in the run's folder and handed on.
    ///
    /// # Errors
    /// It could not be started or failed; the error shows the tail and where all of it is.
    pub fn command(&self, process: &Process) -> Result<()> {
        let log = self.run.log(self.stage);
        let listener = self.listener;
        self.clone
            .confine(process.clone())
            .env(orphans::STAGE, self.stage)
            .stream(&log, self.interrupted, |line| {
                listener.on_event(&Event::Output { stage: self.stage, line })
            })
            .map_err(|error| {
                Error::from(error).help(format!("its complete output is in `{}`", log.display()))
            })
    }
}
