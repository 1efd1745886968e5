//! Child processes: run by duct, their failure an error that shows what they said.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::faults::{self, Moment};
use crate::error::Error;

/// Lines of a failing command's output that its error shows
const TAIL: usize = 20;

/// Bytes of a line that are handed on as one
const LONGEST_LINE: u64 = 64 * 1024;
/// How long a command has to end by itself when the user interrupts
const MOMENT: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(20);

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
    Failed { command: String, status: String, tail: String },
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
            failed @ ProcessError::Failed { .. } => Error::failed(failed.to_string()),
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
    pub success: bool,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Captured {
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
const SECRET: [&str; 9] = [
    "TWINE_USERNAME",
    "TWINE_PASSWORD",
    "UV_PUBLISH_TOKEN",
    "UV_PUBLISH_PASSWORD",
    "HATCH_INDEX_AUTH",
    "FLIT_PASSWORD",
    "PDM_PUBLISH_PASSWORD",
    "MATURIN_PASSWORD",
    "MATURIN_PYPI_TOKEN",
];

/// Asked of this process, not of those it starts
const OURS: [&str; 1] = [faults::VARIABLE];

const SECRET_PREFIXES: [&str; 4] =
    ["PYRELEASE_TOKEN_", "POETRY_PYPI_TOKEN_", "POETRY_HTTP_BASIC_", "ACTIONS_ID_TOKEN_"];

/// Whether no child process is to find this variable: what it did not ask for it does not get.
fn is_withheld(name: &str) -> bool {
    REDIRECTING.contains(&name)
        || OURS.contains(&name)
        || SECRET.contains(&name)
        || name.ends_with("_ID_TOKEN")
        || SECRET_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
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

    /// What it reads from standard input; nothing otherwise.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    fn expression(&self) -> duct::Expression {
        let mut expression = duct::cmd(&self.program, &self.arguments).unchecked();
        if let Some(folder) = &self.folder {
            expression = expression.dir(folder);
        }
        for name in withheld() {
            expression = expression.env_remove(name);
        }
        for name in &self.removed {
            expression = expression.env_remove(name);
        }
        for (name, value) in &self.set {
            expression = expression.env(name, value);
        }
        if self.input.is_empty() {
            expression.stdin_null()
        } else {
            expression.stdin_bytes(self.input.clone())
        }
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
    /// # Errors
    /// Only that it could not be started.
    pub fn capture(&self) -> Result<Captured, ProcessError> {
        let expression = self.expression().stdout_capture().stderr_capture();
        let child = expression.start().map_err(|error| self.not_started(error))?;
        faults::in_effect(Moment::ProcessStarted, || self.shown());
        let output = child.into_output().map_err(|error| self.not_started(error))?;
        faults::in_effect(Moment::ProcessEnded, || self.shown());
        Ok(Captured {
            success: output.status.success(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it to success and gives its standard output without the final newline.
    ///
    /// # Errors
    /// It could not be started or failed; the error shows the tail of what it said.
    pub fn read(&self) -> Result<String, ProcessError> {
        let captured = self.capture()?;
        if captured.success {
            return Ok(captured.text());
        }
        let said = if captured.stderr.trim().is_empty() { captured.text() } else { captured.stderr };
        Err(self.failed("exit status not 0", said.lines().map(str::to_owned).collect()))
    }

    /// Runs it to success, handing on every line it prints on either stream, and keeping all of them in `log`. Once
    /// `stop` is set it has a moment to end by itself (on a terminal it got the same Ctrl-C), then it is ended.
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
        let child = self.expression().stderr_to_stdout().reader().map_err(|error| self.not_started(error))?;
        faults::in_effect(Moment::ProcessStarted, || self.shown());
        let over = AtomicBool::new(false);
        let mut read = || {
            let mut tail = VecDeque::new();
            let mut reader = BufReader::new(&child);
            let mut bytes = Vec::new();
            while reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes)? > 0 {
                kept.write_all(&bytes)?;
                let text = String::from_utf8_lossy(&bytes);
                let text = text.trim_end_matches(['\n', '\r']);
                line(text);
                if tail.len() == TAIL {
                    tail.pop_front();
                }
                tail.push_back(text.to_owned());
                bytes.clear();
            }
            loop {
                if let Some(output) = child.try_wait()? {
                    return Ok((output.status, tail));
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        let ended = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut patience = MOMENT;
                while !over.load(Ordering::SeqCst) {
                    std::thread::park_timeout(TICK);
                    if stop.load(Ordering::SeqCst) {
                        patience = patience.saturating_sub(TICK);
                    }
                    if patience.is_zero() {
                        // It may have ended at this very moment.
                        let _ = child.kill();
                        return;
                    }
                }
            });
            let _end = EndWatch { over: &over, watcher: watcher.thread() };
            read()
        });
        let (status, tail) = ended.map_err(not_kept)?;
        faults::in_effect(Moment::ProcessEnded, || self.shown());
        if status.success() { Ok(()) } else { Err(self.failed(&status.to_string(), tail.into())) }
    }

    fn failed(&self, status: &str, lines: Vec<String>) -> ProcessError {
        let from = lines.len().saturating_sub(TAIL);
        ProcessError::Failed {
            command: self.shown(),
            status: status.to_owned(),
            tail: lines[from..].join("\n"),
        }
    }
}

/// Ends the watch over a command, also when whoever reads its lines panics
struct EndWatch<'a> {
    over: &'a AtomicBool,
    watcher: &'a std::thread::Thread,
}

impl Drop for EndWatch<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        self.watcher.unpark();
    }
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
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_shows_its_tail() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut seen = Vec::new();
        let process = Process::new("sh").args(["-c", "seq 30; echo oops >&2; exit 3"]);
        let error = process
            .stream(&log, &AtomicBool::new(false), |line| seen.push(line.to_owned()))
            .unwrap_err()
            .to_string();
        assert_eq!(seen.len(), 31);
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.ends_with("oops") && !error.contains("\n  11\n"), "{error}");
        assert!(fs_err::read_to_string(log).unwrap().starts_with("$ sh -c 'seq 30;"));
    }

    #[test]
    fn a_command_that_does_not_stop_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let process = Process::new("sleep").arg("60");
        let error = process.stream(&folder.path().join("log"), &AtomicBool::new(true), |_| {}).unwrap_err();
        assert!(error.to_string().contains("signal"), "{error}");
    }

    #[test]
    fn a_line_without_an_end_comes_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let mut longest = 0;
        let process = Process::new("sh").args(["-c", "head -c 1000000 /dev/zero | tr '\\0' x"]);
        let log = folder.path().join("log");
        process.stream(&log, &AtomicBool::new(false), |line| longest = longest.max(line.len())).unwrap();
        assert_eq!(longest as u64, LONGEST_LINE);
        assert!(fs_err::metadata(log).unwrap().len() > 1_000_000);
    }

    #[test]
    fn secrets_and_redirections_are_withheld() {
        for name in ["PYRELEASE_TOKEN_PYPI", "TWINE_PASSWORD", "TESTPYPI_ID_TOKEN", "GIT_DIR"] {
            assert!(is_withheld(name), "{name}");
        }
        for name in ["PATH", "GITHUB_TOKEN", "GIT_SSH_COMMAND", "GIT_AUTHOR_NAME"] {
            assert!(!is_withheld(name), "{name}");
        }
    }

    #[test]
    fn a_missing_program_is_told_apart() {
        assert!(Process::new("no-such-program-here").read().unwrap_err().is_missing());
    }
}
