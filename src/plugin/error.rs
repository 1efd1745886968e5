//! How a call of a plugin goes wrong: which plugin, in which stage, at what, why, and what it said last.

use std::fmt;
use std::time::Duration;

use super::protocol::{Failure, Method};
use crate::error::{Error, ExitCode};

/// A call that gave no result
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}` of stage `{stage}` {cause}, {phase} `{method}`{}", indented(.tail))]
pub struct PluginError {
    pub plugin: String,
    pub stage: String,
    pub method: Method,
    pub phase: Phase,
    pub cause: Cause,
    /// The last lines that it said
    pub tail: Vec<String>,
}

/// Where in its call a plugin was
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its process is there, and has said nothing yet
    Starting,
    /// The library is being loaded: constructors run
    Loading,
    /// The library makes itself ready
    Creating,
    /// It is at what it was asked
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

/// Why there is no result
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error("could not be started: {0}")]
    NotStarted(String),
    #[error("was ended by {0}")]
    Crashed(String),
    #[error("ended ({0}) and gave no result")]
    Ended(String),
    #[error("closed its output and gave no result")]
    Silent,
    #[error("took longer than {} s and was ended", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("was ended because the release was interrupted")]
    Interrupted,
    #[error("was ended on purpose")]
    Enough,
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
    #[error("did what it may not: {0}")]
    Forbidden(String),
    #[error("gave an answer that makes no sense: {0}")]
    Nonsense(String),
    /// Its own words
    #[error("failed: {}", .0.message)]
    Failed(Box<Failure>),
}

impl PluginError {
    /// Whether it is the user who ended it.
    pub fn is_interrupt(&self) -> bool {
        matches!(self.cause, Cause::Interrupted)
    }
}

impl From<PluginError> for Error {
    fn from(error: PluginError) -> Self {
        let hint = match &error.cause {
            Cause::Failed(failure) => failure.hint.clone(),
            Cause::TimedOut(_) => {
                Some(format!("if it needs longer: `timeout` in [stage.{}], in seconds", error.stage))
            }
            Cause::Garbage(_) if error.method.is_strict() => {
                Some("what a plugin prints for people belongs on the standard error".to_owned())
            }
            Cause::Interrupted => return Self::interrupted(),
            _ => None,
        };
        let converted = Self::failed(error.to_string()).with_code(ExitCode::Failed);
        match hint {
            Some(hint) => converted.help(hint),
            None => converted,
        }
    }
}

fn indented(tail: &[String]) -> String {
    tail.iter().map(|line| format!("\n  {line}")).collect()
}
