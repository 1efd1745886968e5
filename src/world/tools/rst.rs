//! reStructuredText by PyPI's own renderer.

use super::{ToolEnvironment, ToolsError};

const SCRIPT: &str = include_str!("../../../templates/tools/render_rst.py");

impl ToolEnvironment {
    /// Renders the texts as PyPI would, all in one process: for each nothing, or why it does not render.
    ///
    /// # Errors
    /// The renderer cannot be run, or takes longer than five minutes.
    pub fn render_rst(&self, texts: &[&str]) -> Result<Vec<Result<(), String>>, ToolsError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let input = serde_json::to_vec(texts).map_err(|error| ToolsError::Answer(error.to_string()))?;
        let output = self.process().arg("-c").arg(SCRIPT).input(input).read().map_err(ToolsError::Render)?;
        let verdicts: Vec<Option<String>> =
            serde_json::from_str(&output).map_err(|error| ToolsError::Answer(error.to_string()))?;
        if verdicts.len() != texts.len() {
            let message = format!("{} verdicts on {} texts", verdicts.len(), texts.len());
            return Err(ToolsError::Answer(message));
        }
        Ok(verdicts.into_iter().map(|verdict| verdict.map_or(Ok(()), Err)).collect())
    }
}
