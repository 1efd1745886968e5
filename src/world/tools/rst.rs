//! reStructuredText by PyPI's own renderer, whose verdict on a text is kept: it is always the same.

use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Environment, REQUIREMENTS, ToolEnvironment, ToolsError};
use crate::world::digest::hex;

const SCRIPT: &str = include_str!("../../../templates/tools/render_rst.py");

/// Renders the texts as PyPI would: for each nothing, or why it does not render. Those that were rendered before, by the
/// same renderer, are looked up; only for others the tool environment is needed.
///
/// # Errors
/// There is no tool environment and none can be made, or the renderer fails.
pub fn render_rst(
    environment: &Environment,
    texts: &[&str],
    progress: &dyn Fn(&str),
) -> Result<Vec<Result<(), String>>, ToolsError> {
    let folder = environment.cache_folder().map(|cache| cache.join("rst"));
    let file = |text: &str| folder.as_ref().map(|folder| folder.join(key(text)));
    let known = |text: &&str| verdict_in(&file(text)?);
    let mut verdicts: Vec<Option<Result<(), String>>> = texts.iter().map(known).collect();
    let missing: Vec<usize> = (0..texts.len()).filter(|at| verdicts[*at].is_none()).collect();
    if !missing.is_empty() {
        let tools = ToolEnvironment::ensure(environment, progress)?;
        let wanted: Vec<&str> = missing.iter().map(|at| texts[*at]).collect();
        for (at, verdict) in missing.into_iter().zip(tools.render_rst(&wanted)?) {
            if let Some(file) = file(texts[at]) {
                // Without it the text is rendered again, which is no more than slow.
                let _ = keep(&file, &verdict);
            }
            verdicts[at] = Some(verdict);
        }
    }
    Ok(verdicts.into_iter().map(|verdict| verdict.expect("looked up or rendered")).collect())
}

/// A hash of all that the verdict depends on: the pinned renderer, how it is called, and the text.
fn key(text: &str) -> String {
    let mut hash = Sha256::new();
    for part in [REQUIREMENTS, SCRIPT, text] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// What a file says: nothing for a text that renders, else why it does not.
fn verdict_in(file: &Path) -> Option<Result<(), String>> {
    let content = fs_err::read_to_string(file).ok()?;
    serde_json::from_str::<Option<String>>(&content).ok().map(|why| why.map_or(Ok(()), Err))
}

/// Writes a verdict so that it is there whole or not at all.
fn keep(file: &Path, verdict: &Result<(), String>) -> std::io::Result<()> {
    let folder = file.parent().map(PathBuf::from).unwrap_or_default();
    fs_err::create_dir_all(&folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(serde_json::to_string(&verdict.as_ref().err())?.as_bytes())?;
    new.persist(file).map(drop).map_err(|error| error.error)
}

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
