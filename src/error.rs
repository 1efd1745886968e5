//! The error that reaches `main`: its kind, what went wrong, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// The exit code of a command (see the table in `docs/src/reference/exit-codes.md`)
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

impl ExitCode {
    /// What it means, for the manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed; everything undone, nothing left behind",
            Self::Usage => "usage or configuration",
            Self::Refused => "a preflight or a check refused; nothing had been done",
            Self::Left => {
                "stopped with something left: `pyrelease status` shows what, `resume` or `rollback` continues"
            }
            Self::TrialFailed => {
                "released; its trial on a public index (`install`, `smoke`) failed, or a workflow published something else"
            }
            Self::Interrupted => "interrupted; everything undone (else 4)",
        }
    }

    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::Left,
        Self::TrialFailed,
        Self::Interrupted,
    ];
}

/// The kind of an error, from which the exit code follows
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The release or the command failed
    Failed,
    /// The command line or the configuration is wrong
    Usage,
    /// There is no project in the folder or those above it
    NoProject,
    /// Nothing tells how to bump the version, and the command line does not either
    NoBump,
    /// There are no changes to release
    NoEntries,
    /// Only the project's build backend can tell its name or version
    OnlyBackendKnows,
    /// A preflight or a check refused, before anything was done
    Refused,
    /// The release stopped with something left behind
    Left,
    /// The release is public, but its trial failed
    TrialFailed,
    /// The user interrupted
    Interrupted,
}

impl ErrorKind {
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Failed => ExitCode::Failed,
            Self::Usage | Self::NoProject | Self::NoBump | Self::OnlyBackendKnows => ExitCode::Usage,
            Self::Refused | Self::NoEntries => ExitCode::Refused,
            Self::Left => ExitCode::Left,
            Self::TrialFailed => ExitCode::TrialFailed,
            Self::Interrupted => ExitCode::Interrupted,
        }
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error as a user sees it: one line, its causes, and hints how to continue
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    hints: Vec<String>,
    excerpt: Option<Box<Excerpt>>,
    is_reported: bool,
    is_unreachable: bool,
}

/// The part of a file that an error is about
#[derive(Debug, Clone)]
pub struct Excerpt {
    pub path: String,
    /// The whole file
    pub text: String,
    /// In bytes
    pub span: Range<usize>,
    pub message: String,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            hints: Vec::new(),
            excerpt: None,
            is_reported: false,
            is_unreachable: false,
        }
    }

    /// The release or the command failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A preflight or a check refused, before anything was done.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// The release stopped with something left behind.
    pub fn left(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Left, message)
    }

    /// The user interrupted.
    pub fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, "interrupted")
    }

    /// The same error with another kind, for a caller that knows what is left behind.
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// The error as one of a member of a workspace.
    pub fn of_member(mut self, name: &str) -> Self {
        self.message = format!("{name}: {}", self.message);
        self
    }

    /// The cause; printed on a line of its own.
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Marks the error as reported by the command's JSON output, which then has no error object.
    pub fn already_reported(mut self) -> Self {
        self.is_reported = true;
        self
    }

    pub fn is_reported(&self) -> bool {
        self.is_reported
    }

    /// Marks the error as one of the network: a host did not answer, and was asked for nothing.
    pub fn unreachable(mut self) -> Self {
        self.is_unreachable = true;
        self
    }

    pub fn is_unreachable(&self) -> bool {
        self.is_unreachable
    }

    /// What to do about it; printed as a `help:` line.
    pub fn help(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The place in the configuration, shown underlined instead of the plain message.
    pub(crate) fn at(mut self, excerpt: Excerpt) -> Self {
        self.excerpt = Some(Box::new(excerpt));
        self
    }

    /// The same for another command than `run`, whose hints name it.
    pub fn of_command(mut self, command: &str) -> Self {
        if !command.is_empty() {
            let own = format!("`pyrelease {command} ");
            self.hints.iter_mut().for_each(|hint| *hint = hint.replace("`pyrelease run ", &own));
        }
        self
    }

    /// The same, with the place in its hints where the files of a folder are now.
    pub fn moved(mut self, from: &Path, to: &Path) -> Self {
        let (from, to) = (from.display().to_string(), to.display().to_string());
        self.hints.iter_mut().for_each(|hint| *hint = hint.replace(&from, &to));
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    pub fn excerpt(&self) -> Option<&Excerpt> {
        self.excerpt.as_deref()
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
