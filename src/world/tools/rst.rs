//! Renders reStructuredText with PyPI's own renderer, within limits. Results are cached, because they never change.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Environment, ToolEnvironment, ToolsError, Toolset};
use crate::world::digest::hex;
use crate::world::process::{LineEvent, LineStream};
use crate::world::write_whole;

const SCRIPT: &str = include_str!("../../../templates/tools/render_rst.py");
/// For comparison: a text of 1 MB takes a third of this time and a fifth of this memory.
const LIMITS: Limits =
    Limits { processor: Duration::from_secs(60), clock: Duration::from_secs(180), memory: 1 << 30 };
/// After so many texts that reach the limits, the others are skipped.
const MOST_COSTLY: usize = 3;

/// The limits for one text
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// CPU time, enforced by the system
    pub(super) processor: Duration,
    pub(super) clock: Duration,
    /// In bytes, where the system can limit it
    pub(super) memory: u64,
}

/// Why a text is not rendered
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unrendered {
    /// PyPI's renderer refuses it; the renderer's message
    Refused(String),
    /// It exceeds a limit; which one
    TooCostly(String),
}

/// The renderer's answer for a text that it does not render
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RendererReply {
    Refused(String),
    /// It needs more memory than the limit
    Costly,
}

/// Renders the texts as PyPI would; returns for each why it does not render, if so. Results come from the cache where
/// possible; only other texts need the tool environment.
///
/// # Errors
/// The tool environment cannot be created, or the renderer fails.
pub fn render_rst(
    environment: &Environment,
    texts: &[&str],
    progress: &dyn Fn(&str),
) -> Result<Vec<Result<(), Unrendered>>, ToolsError> {
    let folder = environment.cache_folder().map(|cache| cache.join("rst"));
    let file = |text: &str| folder.as_ref().map(|folder| folder.join(key(text)));
    let known = |text: &&str| verdict_in(&file(text)?);
    let mut verdicts: Vec<Option<Result<(), Unrendered>>> = texts.iter().map(known).collect();
    let missing: Vec<usize> = (0..texts.len()).filter(|at| verdicts[*at].is_none()).collect();
    if !missing.is_empty() {
        let tools = ToolEnvironment::ensure(environment, progress)?;
        let wanted: Vec<&str> = missing.iter().map(|at| texts[*at]).collect();
        for (at, verdict) in missing.into_iter().zip(tools.render_rst(&wanted)?) {
            if let Some(file) = file(texts[at]) {
                // Without a cache entry the text is only rendered again.
                let _ = keep(&file, &verdict);
            }
            verdicts[at] = Some(verdict);
        }
    }
    Ok(verdicts.into_iter().map(|verdict| verdict.expect("looked up or rendered")).collect())
}

/// Renders a text as PyPI would, into HTML that PyPI's renderer has cleaned; returns why it does not render, if so.
///
/// # Errors
/// The tool environment cannot be created, or the renderer fails.
pub fn rst_to_html(
    environment: &Environment,
    text: &str,
    progress: &dyn Fn(&str),
) -> Result<Result<String, Unrendered>, ToolsError> {
    let tools = ToolEnvironment::ensure(environment, progress)?;
    let unreadable = |error: std::io::Error| ToolsError::Answer(error.to_string());
    let output = tempfile::NamedTempFile::new().map_err(unreadable)?;
    let mut renderer = tools.renderer(&[text], LIMITS, Some(output.path()))?;
    Ok(match LIMITS.verdict(&mut renderer)? {
        Ok(()) => Ok(fs_err::read_to_string(output.path()).map_err(unreadable)?),
        Err(unrendered) => Err(unrendered),
    })
}

/// A hash of everything the result depends on: the pinned renderer, its script and the text.
fn key(text: &str) -> String {
    let mut hash = Sha256::new();
    for part in [&Toolset::Packaging.requirements(), SCRIPT, text] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Reads a cached result: `null` for a text that renders, else the message.
fn verdict_in(file: &Path) -> Option<Result<(), Unrendered>> {
    let content = fs_err::read_to_string(file).ok()?;
    let refused = serde_json::from_str::<Option<String>>(&content).ok()?;
    Some(refused.map_or(Ok(()), |why| Err(Unrendered::Refused(why))))
}

/// Writes a result to the cache, atomically. Exceeded limits are not cached: they depend on the machine.
fn keep(file: &Path, verdict: &Result<(), Unrendered>) -> std::io::Result<()> {
    let refused = match verdict {
        Ok(()) => None,
        Err(Unrendered::Refused(why)) => Some(why),
        Err(Unrendered::TooCostly(_)) => return Ok(()),
    };
    write_whole(file, serde_json::to_string(&refused)?.as_bytes())
}

impl ToolEnvironment {
    /// Renders the texts as PyPI would, in one process unless one exceeds a limit; returns for each why it does not
    /// render, if so.
    ///
    /// # Errors
    /// The renderer cannot be run.
    pub fn render_rst(&self, texts: &[&str]) -> Result<Vec<Result<(), Unrendered>>, ToolsError> {
        self.render_rst_within(texts, LIMITS)
    }

    pub(super) fn render_rst_within(
        &self,
        texts: &[&str],
        limits: Limits,
    ) -> Result<Vec<Result<(), Unrendered>>, ToolsError> {
        let mut verdicts = Vec::with_capacity(texts.len());
        let mut costly = 0;
        while verdicts.len() < texts.len() {
            let left = &texts[verdicts.len()..];
            if costly == MOST_COSTLY {
                let untried = format!("skipped, because {MOST_COSTLY} other texts exceeded the limits");
                verdicts.extend(left.iter().map(|_| Err(Unrendered::TooCostly(untried.clone()))));
                break;
            }
            let mut renderer = self.renderer(left, limits, None)?;
            for _ in left {
                let verdict = limits.verdict(&mut renderer)?;
                let is_over = matches!(verdict, Err(Unrendered::TooCostly(_)));
                verdicts.push(verdict);
                if is_over {
                    costly += 1;
                    break;
                }
            }
        }
        Ok(verdicts)
    }

    fn renderer(
        &self,
        texts: &[&str],
        limits: Limits,
        output: Option<&Path>,
    ) -> Result<LineStream, ToolsError> {
        let mut input = serde_json::to_vec(texts).map_err(|error| ToolsError::Answer(error.to_string()))?;
        input.push(b'\n');
        let numbers = [u64::from(std::process::id()), limits.processor.as_secs(), limits.memory];
        let process = self.process().arg("-c").arg(SCRIPT).args(numbers.map(|number| number.to_string()));
        let process = process.args(output);
        process.line_stream(input).map_err(ToolsError::Render)
    }
}

impl Limits {
    /// The result for the next text.
    fn verdict(&self, renderer: &mut LineStream) -> Result<Result<(), Unrendered>, ToolsError> {
        let line = match renderer.next(self.clock).map_err(ToolsError::Render)? {
            LineEvent::Line(line) => line,
            LineEvent::TooLate => return Ok(Err(self.time(self.clock, "of wall-clock time"))),
            LineEvent::Ended(ended) => {
                return match signal(ended.status) {
                    Some(SIGXCPU) => Ok(Err(self.time(self.processor, "of CPU time"))),
                    Some(SIGABRT | SIGSEGV) => {
                        Ok(Err(Unrendered::TooCostly("it makes the renderer crash".to_owned())))
                    }
                    _ => Err(ToolsError::Render(ended.error)),
                };
            }
        };
        let reply: Option<RendererReply> =
            serde_json::from_str(&line).map_err(|error| ToolsError::Answer(error.to_string()))?;
        Ok(match reply {
            None => Ok(()),
            Some(RendererReply::Refused(why)) => Err(Unrendered::Refused(why)),
            Some(RendererReply::Costly) => {
                let limit = self.memory >> 20;
                Err(Unrendered::TooCostly(format!("it takes more than {limit} MiB of memory")))
            }
        })
    }

    fn time(&self, limit: Duration, which: &str) -> Unrendered {
        Unrendered::TooCostly(format!("it takes more than {} s {which}", limit.as_secs()))
    }
}

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;
const SIGXCPU: i32 = 24;

/// The signal that ended a process, if any.
fn signal(status: std::process::ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    return std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    {
        let _ = status;
        None
    }
}
