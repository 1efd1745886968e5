//! The editor that git would open.

use super::Repository;
use crate::error::Result;
use crate::world::Environment;

/// The editor if nothing names one, as git has it
const DEFAULT: &str = "vi";

impl Repository {
    /// The command of the editor that git would open: by `GIT_EDITOR`, `core.editor`, `VISUAL` (on a terminal that can move
    /// its cursor) or `EDITOR`. The repository's own `core.editor` counts only if the user trusts the repository.
    ///
    /// # Errors
    /// Git's settings cannot be read.
    pub fn editor(&self, environment: &Environment) -> Result<String> {
        let settings = self.settings()?;
        let is_trusted = self.restrictions().is_trusted();
        let counts = |is_own: bool| is_trusted || !is_own;
        let configured = settings
            .all()
            .filter(|setting| setting.key == "core.editor" && counts(setting.is_own))
            .last()
            .map(|setting| setting.value.as_str());
        let is_dumb = environment.get("TERM").is_none_or(|terminal| terminal == "dumb");
        let visual = environment.get("VISUAL").filter(|_| !is_dumb);
        let found = [environment.get("GIT_EDITOR"), configured, visual, environment.get("EDITOR")];
        let named = found.into_iter().flatten().find(|editor| !editor.trim().is_empty());
        Ok(named.unwrap_or(DEFAULT).to_owned())
    }
}
