//! Exports a run that only prepares a release.

use std::path::Path;

use super::{DISTRIBUTIONS, pack, run_in};
use crate::engine::event::Event;
use crate::engine::execute::Execution;
use crate::error::Result;

impl Execution<'_> {
    /// Exports the run, whose private stages are done.
    ///
    /// # Errors
    /// As [`pack`].
    pub(in crate::engine) fn export_to(&self, file: &Path) -> Result<()> {
        // An earlier attempt may have been killed after its last step.
        if run_in(file).is_none_or(|run| run != self.run.id()) {
            pack(&self.release.checkout.repository, &self.run, file)?;
        }
        let names = self.release.names();
        let tags = self.release.outputs.tags();
        let mut files: Vec<_> = self.release.outputs.files().cloned().collect();
        files.iter_mut().for_each(|known| known.path = Path::new(DISTRIBUTIONS).join(&known.filename));
        self.listener.on_event(&Event::Prepared {
            name: &names.name,
            version: &names.version,
            run: self.run.id(),
            file: &file.display().to_string(),
            files: &files,
            tag: tags.first().filter(|_| tags.len() == 1).map(|tag| tag.name.as_str()),
            commit: self.release.outputs.commit.as_deref(),
            awaits_wheels: self.release.building.sdist_only,
        });
        Ok(())
    }
}
