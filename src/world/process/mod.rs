//! Child processes: run by duct; errors show the tail of their output.

mod interactive;
mod line_stream;
mod output;
mod secrets;
mod temporary;
mod umask;
mod within;

pub use line_stream::{Ended, LineEvent, LineStream};
pub use secrets::{is_secret, is_withheld, withhold};
pub use temporary::{
    begin_temporary_files, delete_temporary_files, of_run as temporary_files, temporary_folder,
};

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use output::{Collector, LogReader, TAIL};
use secrets::withheld;

use super::Environment;
use super::environment::{folders_of, program_in, without_relative_folders};
use super::failpoints::{self, Failpoint};
use super::orphans::{self, OrphanScope};
use crate::error::Error;

/// How long a user's command has to end after an interrupt
const MOMENT: Duration = Duration::from_secs(2);
/// How long a command of our own has, which is more likely to be in the middle of a write
const PATIENCE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(20);

static INTERRUPTS: AtomicU64 = AtomicU64::new(0);
static IS_ENDING: AtomicBool = AtomicBool::new(false);
static MARK: RwLock<Option<String>> = RwLock::new(None);

/// Tells all running commands that the user has interrupted. Commands started later are not affected: they clean up.
pub fn interrupt() {
    INTERRUPTS.fetch_add(1, Ordering::SeqCst);
}

/// Marks that only the last record remains to be written. From here on an interrupt leaves the process to end by
/// itself, with the exit code of what it did.
pub fn begin_last_record() {
    IS_ENDING.store(true, Ordering::SeqCst);
}

/// Whether the last record is being written, so that a second interrupt has nothing left to stop.
pub fn is_ending() -> bool {
    IS_ENDING.load(Ordering::SeqCst)
}

fn interrupts() -> u64 {
    INTERRUPTS.load(Ordering::SeqCst)
}

/// A point in time, to ask whether the user has interrupted since
#[derive(Debug, Clone, Copy)]
pub struct Since(u64);

impl Since {
    pub fn now() -> Self {
        Self(interrupts())
    }

    pub fn is_interrupted(self) -> bool {
        interrupts() > self.0
    }
}

/// Marks all further children of this process with the run's id, so that orphans can be found.
pub fn mark_children(run: &str) {
    *MARK.write().unwrap_or_else(PoisonError::into_inner) = Some(run.to_owned());
}

/// The id of the run that children are marked with, if any.
pub fn child_mark() -> Option<String> {
    mark()
}

fn mark() -> Option<String> {
    MARK.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A hint why an existing file could not be started, where the system's message is unclear.
pub fn why_not_started(error: &std::io::Error) -> Option<&'static str> {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::ENOEXEC) {
        return Some("a script must begin with `#!` and its interpreter");
    }
    (error.kind() == std::io::ErrorKind::NotFound).then_some("the file or its interpreter does not exist")
}

/// Why a command failed
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started
    #[error("failed to start `{program}`")]
    Start {
        program: String,
        #[source]
        source: std::io::Error,
    },
    /// It ended with a status other than 0
    #[error("`{command}` failed ({status}){}", indented(.tail))]
    Failed {
        command: String,
        status: String,
        /// `None` if a signal ended it
        code: Option<i32>,
        tail: String,
    },
    /// It was killed because it took too long
    #[error("`{command}` gave no answer within {seconds} s")]
    TooLong { command: String, seconds: u64 },
}

impl ProcessError {
    /// Whether the program is not installed.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

impl From<ProcessError> for Error {
    fn from(error: ProcessError) -> Self {
        let missing = error.is_missing();
        let converted = match error {
            ProcessError::Start { program, source } => {
                Error::failed(format!("failed to start `{program}`")).because(source)
            }
            other => Error::failed(other.to_string()),
        };
        if missing { converted.help("install it, or put it on PATH") } else { converted }
    }
}

fn indented(tail: &str) -> String {
    tail.lines().map(|line| format!("\n  {line}")).collect()
}

/// What a command printed, and how it ended
#[derive(Debug)]
pub struct Captured {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Captured {
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// Standard output as text, without the final newline.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches(['\n', '\r']).to_owned()
    }
}

/// A command to run
#[derive(Debug, Clone)]
pub struct Process {
    program: OsString,
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
    set: Vec<(OsString, OsString)>,
    removed: Vec<OsString>,
    reaches_remote: bool,
    input: Vec<u8>,
    title: Option<String>,
}

/// The variable with the folders of programs
const SEARCH_PATH: &str = "PATH";

impl Process {
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            folder: None,
            set: Vec::new(),
            removed: Vec::new(),
            reaches_remote: false,
            input: Vec::new(),
            title: None,
        }
    }

    /// Names the command in its errors, where the command line would tell a user nothing.
    pub fn titled(mut self, title: &str) -> Self {
        self.title = Some(title.to_owned());
        self
    }

    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets its working folder.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.set.push((name.into(), value.into()));
        self
    }

    pub fn without_env(mut self, name: impl Into<OsString>) -> Self {
        self.removed.push(name.into());
        self
    }

    /// Lets it inherit the tokens of forges: git's credential helpers may need them to reach a remote.
    pub fn reaching_a_remote(mut self) -> Self {
        self.reaches_remote = true;
        self
    }

    /// Passes it the secrets that its configuration asks for, as far as they are set.
    pub fn with_secrets(self, environment: &Environment, names: &[String]) -> Self {
        let given = names.iter().filter_map(|name| Some((name, environment.get(name)?)));
        given.fold(self, |process, (name, value)| process.env(name, value))
    }

    /// Sets its standard input, which is empty by default.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Its PATH (the one set for it, else this process's), without empty and relative entries.
    #[expect(clippy::disallowed_methods, reason = "children inherit this process's real environment")]
    fn search_path(&self) -> Option<OsString> {
        let given =
            self.set.iter().rev().find(|(name, _)| name == SEARCH_PATH).map(|(_, value)| value.clone());
        given.or_else(|| std::env::var_os(SEARCH_PATH)).map(|path| without_relative_folders(&path))
    }

    fn expression(&self) -> duct::Expression {
        match self.input.is_empty() {
            true => self.without_input().stdin_null(),
            false => self.without_input().stdin_bytes(self.input.clone()),
        }
    }

    fn without_input(&self) -> duct::Expression {
        let path = self.search_path();
        // If no folder has the program, fail here: the child must not search elsewhere.
        let is_name = Path::new(&self.program).components().count() == 1;
        let found = path.as_ref().filter(|_| is_name && !cfg!(windows));
        let found = found.and_then(|path| program_in(&folders_of(path), &self.program));
        let program = found.map_or_else(|| self.program.clone(), PathBuf::into_os_string);
        let mut expression = duct::cmd(program, &self.arguments).unchecked();
        if let Some(folder) = &self.folder {
            expression = expression.dir(folder);
        }
        // In duct an inner `env_remove` overrides an outer `env`: do not remove what is set below.
        let is_given = |name: &OsString| self.set.iter().any(|(given, _)| given == name);
        for name in withheld(self.reaches_remote).filter(|name| !is_given(name)) {
            expression = expression.env_remove(name);
        }
        for name in &self.removed {
            expression = expression.env_remove(name);
        }
        if let Some(path) = path {
            expression = expression.env(SEARCH_PATH, path);
        }
        for (name, value) in self.set.iter().filter(|(name, _)| name != SEARCH_PATH) {
            expression = expression.env(name, value);
        }
        if let Some(run) = mark() {
            expression = expression.env(orphans::RUN, run);
        }
        if let Some(folder) = temporary::of_run() {
            expression = expression.env(temporary::VARIABLE, folder);
        }
        expression
    }

    /// The command line, for messages.
    pub fn shown(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        words.map(|word| quoted(&word.to_string_lossy()).into_owned()).collect::<Vec<_>>().join(" ")
    }

    fn not_started(&self, source: std::io::Error) -> ProcessError {
        ProcessError::Start { program: self.program.to_string_lossy().into_owned(), source }
    }

    /// Runs the command and captures its output; the caller judges the status.
    ///
    /// After an interrupt the command has some time to end, then it is killed.
    ///
    /// # Errors
    /// The command could not be started.
    pub fn capture(&self) -> Result<Captured, ProcessError> {
        let not_started = |error| self.not_started(error);
        let before = interrupts();
        let (stdout, for_stdout) = std::io::pipe().map_err(not_started)?;
        let (stderr, for_stderr) = std::io::pipe().map_err(not_started)?;
        let expression = self.expression().stdout_file(for_stdout).stderr_file(for_stderr);
        let child = expression.start().map_err(not_started)?;
        // Close our copies of its pipe ends, so that we see the end of its output.
        drop(expression);
        let (stdout, stderr) = (Collector::begin(stdout), Collector::begin(stderr));
        failpoints::in_effect(Failpoint::ProcessStarted, || self.shown());
        let mut patience = PATIENCE;
        let status = loop {
            if let Some(output) = child.wait_timeout(TICK).map_err(not_started)? {
                break output.status;
            }
            if interrupts() > before {
                patience = patience.saturating_sub(TICK);
            }
            if patience.is_zero() {
                end(&child);
            }
        };
        failpoints::in_effect(Failpoint::ProcessEnded, || self.shown());
        let stderr = stderr.finish();
        Ok(Captured {
            status,
            stdout: stdout.finish(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    /// Runs the command and returns its standard output without the final newline.
    ///
    /// # Errors
    /// The command could not be started or failed; the error shows the tail of its output.
    pub fn read(&self) -> Result<String, ProcessError> {
        Ok(self.succeed()?.text())
    }

    /// Runs the command and returns its standard output byte for byte.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_bytes(&self) -> Result<Vec<u8>, ProcessError> {
        Ok(self.succeed()?.stdout)
    }

    fn succeed(&self) -> Result<Captured, ProcessError> {
        let captured = self.capture()?;
        if captured.success() {
            return Ok(captured);
        }
        let output = if captured.stderr.trim().is_empty() { captured.text() } else { captured.stderr };
        Err(self.failed(captured.status, output.lines().map(str::to_owned).collect()))
    }

    /// Runs the command, writes all it prints to the file `log`, and passes every line on. Once `stop` is set the
    /// command has a moment to end (on a terminal it got the same Ctrl-C), then it is killed.
    ///
    /// # Errors
    /// The command could not be started or failed; the error shows the tail of its output.
    pub fn stream(
        &self,
        log: &Path,
        stop: &AtomicBool,
        mut line: impl FnMut(&str),
    ) -> Result<(), ProcessError> {
        let not_kept = |error| self.not_started(error);
        let mut kept = fs_err::OpenOptions::new().create(true).append(true).open(log).map_err(not_kept)?;
        writeln!(kept, "$ {}", self.shown()).map_err(not_kept)?;
        let mut reader = LogReader::after(log).map_err(not_kept)?;
        // The command writes to the file itself: its orphans cannot block us by holding a pipe open, and if we are
        // killed, its output is kept.
        let expression = self.expression().stderr_to_stdout().stdout_file(kept.into_file());
        let child = expression.start().map_err(not_kept)?;
        drop(expression);
        let watched = EndOnDrop(&child);
        failpoints::in_effect(Failpoint::ProcessStarted, || self.shown());
        let mut patience = MOMENT;
        let status = loop {
            let ended = child.wait_timeout(TICK).map_err(not_kept)?.map(|output| output.status);
            reader.read(&mut line).map_err(not_kept)?;
            if let Some(status) = ended {
                break status;
            }
            if stop.load(Ordering::SeqCst) {
                patience = patience.saturating_sub(TICK);
            }
            if patience.is_zero() {
                end(&child);
            }
        };
        std::mem::forget(watched);
        failpoints::in_effect(Failpoint::ProcessEnded, || self.shown());
        let tail = reader.finish(&mut line);
        if status.success() { Ok(()) } else { Err(self.failed(status, tail.into())) }
    }

    fn failed(&self, status: ExitStatus, lines: Vec<String>) -> ProcessError {
        let from = lines.len().saturating_sub(TAIL);
        ProcessError::Failed {
            command: self.title.clone().unwrap_or_else(|| self.shown()),
            status: status.to_string(),
            code: status.code(),
            tail: lines[from..].join("\n"),
        }
    }
}

/// Kills the child if the line callback panics
struct EndOnDrop<'a>(&'a duct::Handle);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        end(self.0);
    }
}

/// Ends a command and everything it has started.
fn end(child: &duct::Handle) {
    if let Some(run) = mark() {
        orphans::end(&run, OrphanScope::Run);
    }
    // It may have ended already.
    let _ = child.kill();
}

/// A word of a command line, for messages: quoted for a shell if it needs it. Placeholders such as `{version}` stay as
/// they are configured.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:=,@+%^{}~".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    // Only a NUL cannot be quoted, and no command line has one.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

#[cfg(all(test, unix))]
mod tests;
