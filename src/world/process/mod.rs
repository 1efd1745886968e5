//! Child processes: run by duct, their failure an error that shows what they said.

mod answers;
mod output;
mod within;

pub use answers::{Answer, Answers, Ended};

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use output::{Gathering, Said, TAIL};

use super::Environment;
use super::environment::{folders_of, program_in, without_relative_folders};
use super::failpoints::{self, Failpoint};
use super::orphans::{self, OrphanScope};
use crate::error::Error;

/// How long a command of the user's has to end by itself when the user interrupts
const MOMENT: Duration = Duration::from_secs(2);
/// How long one of our own has, which is more likely to be at something that should be whole
const PATIENCE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(20);

static INTERRUPTS: AtomicU64 = AtomicU64::new(0);
static IS_ENDING: AtomicBool = AtomicBool::new(false);
static MARK: RwLock<Option<String>> = RwLock::new(None);
static GRANTED: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Tells every command that runs now that the user has interrupted. Those that are started from here on are not meant:
/// they are the way back.
pub fn interrupt() {
    INTERRUPTS.fetch_add(1, Ordering::SeqCst);
}

/// From here on nothing that an interrupt could leave behind is under way: the process ends by itself, with the exit
/// code of what it did.
pub fn begin_last_record() {
    IS_ENDING.store(true, Ordering::SeqCst);
}

/// Whether a second interrupt would find nothing left to stop.
pub fn is_ending() -> bool {
    IS_ENDING.load(Ordering::SeqCst)
}

fn interrupts() -> u64 {
    INTERRUPTS.load(Ordering::SeqCst)
}

/// A moment: whoever waits for something asks whether the user has interrupted since
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

/// From here on all children of this process carry this run's id, by which they can be found when we are gone.
pub fn mark_children(run: &str) {
    *MARK.write().unwrap_or_else(PoisonError::into_inner) = Some(run.to_owned());
}

/// The id of the run whose children they are, if there is one.
pub fn child_mark() -> Option<String> {
    mark()
}

fn mark() -> Option<String> {
    MARK.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Why a file that is there was not started, where the system's words do not say it.
pub fn why_not_started(error: &std::io::Error) -> Option<&'static str> {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::ENOEXEC) {
        return Some("a script begins with `#!` and its interpreter");
    }
    (error.kind() == std::io::ErrorKind::NotFound)
        .then_some("neither the file nor, of a script, its interpreter may be missing")
}

/// A command that failed
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started
    #[error("`{program}` could not be started")]
    Start {
        program: String,
        #[source]
        source: std::io::Error,
    },
    /// It ended with another status than 0
    #[error("`{command}` failed ({status}){}", indented(.tail))]
    Failed {
        command: String,
        status: String,
        /// None where a signal ended it
        code: Option<i32>,
        tail: String,
    },
    /// It was ended because it took too long
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
                Error::failed(format!("`{program}` could not be started")).because(source)
            }
            other => Error::failed(other.to_string()),
        };
        if missing { converted.help("install it, or put it on PATH") } else { converted }
    }
}

fn indented(tail: &str) -> String {
    tail.lines().map(|line| format!("\n  {line}")).collect()
}

/// What a command printed and how it ended
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

/// A command about to be run
#[derive(Debug, Clone)]
pub struct Process {
    program: OsString,
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
    set: Vec<(OsString, OsString)>,
    removed: Vec<OsString>,
    input: Vec<u8>,
}

/// Variables that would make `git` work on another repository than the one it is run in
const REDIRECTING: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_DEFAULT_REF_FORMAT",
];

/// Variables with what uploads are authorised by
const SECRET: [&str; 10] = [
    "TWINE_USERNAME",
    "TWINE_PASSWORD",
    "UV_PUBLISH_TOKEN",
    "UV_PUBLISH_USERNAME",
    "UV_PUBLISH_PASSWORD",
    "HATCH_INDEX_AUTH",
    "FLIT_PASSWORD",
    "PDM_PUBLISH_PASSWORD",
    "MATURIN_PASSWORD",
    "MATURIN_PYPI_TOKEN",
];

/// Where programs are looked for
const SEARCH_PATH: &str = "PATH";

/// Asked of this process, not of those it starts
const OURS: [&str; 1] = [failpoints::VARIABLE];

const SECRET_PREFIXES: [&str; 6] = [
    "PYRELEASE_TOKEN_",
    "PYRELEASE_SECRET_",
    "POETRY_PYPI_TOKEN_",
    "POETRY_HTTP_BASIC_",
    "ACTIONS_ID_TOKEN_",
    "CI_JOB_JWT",
];

/// Whether a variable may hold what uploads are authorised by: only a command that asks for it finds it.
pub fn is_secret(name: &str) -> bool {
    SECRET.contains(&name)
        || name.ends_with("_ID_TOKEN")
        || SECRET_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// From here on these variables are secrets that somebody is granted, whatever they are called: no other child of this
/// process finds them.
pub fn withhold<'a>(names: impl IntoIterator<Item = &'a str>) {
    let mut granted = GRANTED.write().unwrap_or_else(PoisonError::into_inner);
    granted.extend(names.into_iter().map(str::to_owned));
}

/// Whether no child process is to find this variable: what it did not ask for it does not get.
pub fn is_withheld(name: &str) -> bool {
    let is_granted = || GRANTED.read().unwrap_or_else(PoisonError::into_inner).contains(name);
    REDIRECTING.contains(&name) || OURS.contains(&name) || is_secret(name) || is_granted()
}

/// The variables of this process that its children do not inherit.
#[expect(
    clippy::disallowed_methods,
    reason = "what is inherited is this process's own environment, whatever it was told"
)]
fn withheld() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_str().is_some_and(is_withheld))
}

impl Process {
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            folder: None,
            set: Vec::new(),
            removed: Vec::new(),
            input: Vec::new(),
        }
    }

    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// The folder it runs in.
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

    /// Secrets that whoever configured it has asked for, as far as there are any.
    pub fn with_secrets(self, environment: &Environment, names: &[String]) -> Self {
        let given = names.iter().filter_map(|name| Some((name, environment.get(name)?)));
        given.fold(self, |process, (name, value)| process.env(name, value))
    }

    /// What it reads from standard input; nothing otherwise.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// The value of PATH that it has: what it is given, else this process's own; without the entries that are never
    /// searched.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is inherited is this process's own environment, whatever it was told"
    )]
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
        // Nothing of that name in those folders is nothing at all: the child looks nowhere else.
        let is_name = Path::new(&self.program).components().count() == 1;
        let found = path.as_ref().filter(|_| is_name && !cfg!(windows));
        let found = found.and_then(|path| program_in(&folders_of(path), &self.program));
        let program = found.map_or_else(|| self.program.clone(), PathBuf::into_os_string);
        let mut expression = duct::cmd(program, &self.arguments).unchecked();
        if let Some(folder) = &self.folder {
            expression = expression.dir(folder);
        }
        // What is taken away further in cannot be given further out.
        let is_given = |name: &OsString| self.set.iter().any(|(given, _)| given == name);
        for name in withheld().filter(|name| !is_given(name)) {
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
        expression
    }

    /// The command line, for a message.
    pub fn shown(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }

    fn not_started(&self, source: std::io::Error) -> ProcessError {
        ProcessError::Start { program: self.program.to_string_lossy().into_owned(), source }
    }

    /// Runs it and captures what it prints; a status other than 0 is for the caller to judge.
    ///
    /// An interrupt that comes meanwhile gives it a while to end by itself, then it is ended.
    ///
    /// # Errors
    /// Only that it could not be started.
    pub fn capture(&self) -> Result<Captured, ProcessError> {
        let not_started = |error| self.not_started(error);
        let before = interrupts();
        let (stdout, for_stdout) = std::io::pipe().map_err(not_started)?;
        let (stderr, for_stderr) = std::io::pipe().map_err(not_started)?;
        let expression = self.expression().stdout_file(for_stdout).stderr_file(for_stderr);
        let child = expression.start().map_err(not_started)?;
        // Our own ends for writing close here; else there would be no end to read.
        drop(expression);
        let (stdout, stderr) = (Gathering::begin(stdout), Gathering::begin(stderr));
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
        let stderr = stderr.gathered();
        Ok(Captured {
            status,
            stdout: stdout.gathered(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    /// Runs it to success and gives its standard output without the final newline.
    ///
    /// # Errors
    /// It could not be started or failed; the error shows the tail of what it said.
    pub fn read(&self) -> Result<String, ProcessError> {
        Ok(self.succeed()?.text())
    }

    /// Runs it to success and gives its standard output byte for byte.
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
        let said = if captured.stderr.trim().is_empty() { captured.text() } else { captured.stderr };
        Err(self.failed(captured.status, said.lines().map(str::to_owned).collect()))
    }

    /// Runs it to success. What it prints on either stream goes into the file `log`, and every line of it is handed
    /// on. Once `stop` is set it has a moment to end by itself (on a terminal it got the same Ctrl-C), then it is
    /// ended.
    ///
    /// # Errors
    /// It could not be started or failed; the error shows the tail of what it said.
    pub fn stream(
        &self,
        log: &Path,
        stop: &AtomicBool,
        mut line: impl FnMut(&str),
    ) -> Result<(), ProcessError> {
        let not_kept = |error| self.not_started(error);
        let mut kept = fs_err::OpenOptions::new().create(true).append(true).open(log).map_err(not_kept)?;
        writeln!(kept, "$ {}", self.shown()).map_err(not_kept)?;
        let mut said = Said::after(log).map_err(not_kept)?;
        // Into the file itself: whoever it leaves behind with that in hand cannot hold us up, and if we die, nothing of
        // what it says is lost.
        let expression = self.expression().stderr_to_stdout().stdout_file(kept.into_file());
        let child = expression.start().map_err(not_kept)?;
        drop(expression);
        let watched = EndUnlessOver(&child);
        failpoints::in_effect(Failpoint::ProcessStarted, || self.shown());
        let mut patience = MOMENT;
        let status = loop {
            let ended = child.wait_timeout(TICK).map_err(not_kept)?.map(|output| output.status);
            said.read(&mut line).map_err(not_kept)?;
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
        let tail = said.finish(&mut line);
        if status.success() { Ok(()) } else { Err(self.failed(status, tail.into())) }
    }

    fn failed(&self, status: ExitStatus, lines: Vec<String>) -> ProcessError {
        let from = lines.len().saturating_sub(TAIL);
        ProcessError::Failed {
            command: self.shown(),
            status: status.to_string(),
            code: status.code(),
            tail: lines[from..].join("\n"),
        }
    }
}

/// Ends a command whose lines nobody reads on, because whoever reads them panics
struct EndUnlessOver<'a>(&'a duct::Handle);

impl Drop for EndUnlessOver<'_> {
    fn drop(&mut self) {
        end(self.0);
    }
}

/// Ends a command and what it has started.
fn end(child: &duct::Handle) {
    if let Some(run) = mark() {
        orphans::end(&run, OrphanScope::Run);
    }
    // It may have ended at this very moment.
    let _ = child.kill();
}

fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:=,@+%^{}~".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(all(test, unix))]
mod tests;
