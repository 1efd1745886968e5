//! Errors of plugin calls: which plugin, stage and method, why, and the plugin's last output.

use std::fmt;
use std::time::Duration;

use super::protocol::{Failure, Method};
use crate::error::Error;

/// A call without a result
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}` of stage `{stage}` {cause}, {phase} `{method}`{}", indented(.tail))]
pub struct PluginError {
    pub plugin: String,
    pub stage: String,
    pub method: Method,
    pub phase: Phase,
    pub cause: Cause,
    /// The last lines of its output
    pub tail: Vec<String>,
}

/// How far the call had come
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The process has started, and not yet sent anything
    Starting,
    /// The library is being loaded, and its constructors run
    Loading,
    /// The library is being initialised
    Creating,
    /// The method is running
    Calling,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting for",
            Self::Loading => "being loaded for",
            Self::Creating => "being created for",
            Self::Calling => "in",
        })
    }
}

/// Why a call gave no result
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error("failed to start: {0}")]
    NotStarted(String),
    #[error("was killed by {0}")]
    Crashed(String),
    #[error("exited ({0}) without a result")]
    Ended(String),
    #[error("closed its output without a result")]
    Closed,
    #[error("took longer than {} s and was killed", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("was killed because the release was interrupted")]
    Interrupted,
    #[error("was killed on purpose")]
    Killed,
    #[error("wrote {0}")]
    Garbage(String),
    #[error("wrote a line longer than 1 MiB")]
    TooLong,
    #[error("wrote more than {0}")]
    TooMuch(String),
    #[error("cannot be used: {0}")]
    Version(String),
    #[error("cannot be loaded: {0}")]
    NotLoaded(String),
    #[error("broke the rules: {0}")]
    Forbidden(String),
    #[error("gave an invalid answer: {0}")]
    Nonsense(String),
    /// The plugin's own error
    #[error("failed: {}", .0.message)]
    Failed(Box<Failure>),
}

impl PluginError {
    /// Whether the user interrupted the call.
    pub fn is_interrupt(&self) -> bool {
        matches!(self.cause, Cause::Interrupted)
    }
}

impl From<PluginError> for Error {
    fn from(error: PluginError) -> Self {
        let hint = match &error.cause {
            Cause::Failed(failure) => failure.hint.clone(),
            Cause::TimedOut(_) => {
                Some(format!("to allow more time, set `timeout` (in seconds) in [stage.{}]", error.stage))
            }
            Cause::Garbage(_) if error.method.is_strict() => {
                Some("a plugin must print text for users to standard error".to_owned())
            }
            Cause::Interrupted => return Self::interrupted(),
            _ => None,
        };
        let converted = Self::failed(error.to_string());
        match hint {
            Some(hint) => converted.help(hint),
            None => converted,
        }
    }
}

fn indented(tail: &[String]) -> String {
    tail.iter().map(|line| format!("\n  {line}")).collect()
}
