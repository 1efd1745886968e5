//! The error that reaches `main`: what went wrong, what to do about it, and the exit code that follows.

use std::error::Error as StdError;
use std::fmt;

/// How a command ended, and with which status (the table in `README.md`)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done
    Done = 0,
    /// Failed; everything undone, nothing left behind
    Failed = 1,
    /// Usage or configuration
    Usage = 2,
    /// A preflight or a check refused; nothing had been done
    Refused = 3,
    /// Stopped with something left: `pyrelease status` says what
    Left = 4,
    /// Released; its trial on a public index failed
    TrialFailed = 5,
    /// Interrupted; everything undone
    Interrupted = 130,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error as a user sees it: one line, its causes, and hints how to go on
#[derive(Debug)]
pub struct Error {
    code: ExitCode,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    hints: Vec<String>,
    report: Option<String>,
    is_told: bool,
}

impl Error {
    fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), source: None, hints: Vec::new(), report: None, is_told: false }
    }

    /// The release or the command failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Failed, message)
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// A preflight or a check said no, before anything was done.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Refused, message)
    }

    /// The release stopped with something left behind.
    pub fn left(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Left, message)
    }

    /// The user interrupted.
    pub fn interrupted() -> Self {
        Self::new(ExitCode::Interrupted, "interrupted")
    }

    /// The same error with another exit code: what a caller knows of what is left changes the meaning.
    pub fn with_code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }

    /// What caused it; printed as further lines.
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error, of which a program knows already all that there is to know, by the object that it got.
    pub fn told(mut self) -> Self {
        self.is_told = true;
        self
    }

    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// What to do about it; printed as a `help:` line.
    pub fn help(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A rendered excerpt of the configuration with the place underlined, shown instead of the plain message.
    pub(crate) fn with_report(mut self, report: String) -> Self {
        self.report = Some(report);
        self
    }

    pub fn code(&self) -> ExitCode {
        self.code
    }

    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    pub fn report(&self) -> Option<&str> {
        self.report.as_deref()
    }

    /// The message and all its causes in one line, for a journal or a log.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}
