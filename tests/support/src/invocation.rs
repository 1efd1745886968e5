//! Runs the program in a project, and checks the outcome.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use snapbox::IntoData;

use crate::canary;
use crate::project::Project;
use crate::python::Python;
use crate::secret::CommandLines;
use crate::transcript::{self, Transcript};

/// The longest run: an isolated build downloads its backend first.
const LONGEST_RUN: Duration = Duration::from_secs(1_200);

/// A run of the program that has not started
#[must_use = "`code` or `run` runs it"]
pub struct Invocation<'a> {
    project: &'a Project,
    program: PathBuf,
    args: Vec<OsString>,
    folder: PathBuf,
    environment: BTreeMap<OsString, OsString>,
    stdin: Option<String>,
    /// The arguments before `on_a_terminal` put them behind a script's
    typed: Option<Vec<OsString>>,
    watched: bool,
    meanwhile: Option<Meanwhile<'a>>,
}

impl std::fmt::Debug for Invocation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invocation").field("args", &self.args).finish_non_exhaustive()
    }
}

/// What a test does while the program runs
type Meanwhile<'a> = Box<dyn FnOnce(&Running<'_>) + Send + 'a>;

/// The running program
#[derive(Debug)]
pub struct Running<'a>(&'a duct::Handle);

impl Running<'_> {
    /// Sends it a signal such as `TERM` or `KILL`, unless it has ended.
    pub fn signal(&self, name: &str) {
        if self.has_ended() {
            return;
        }
        for id in self.0.pids() {
            // It may end at this moment.
            let _ = duct::cmd!("kill", format!("-{name}"), id.to_string()).stderr_null().unchecked().run();
        }
    }

    /// Whether a signal has stopped it; known only on Linux.
    pub fn is_stopped(&self) -> bool {
        let state = |id: u32| fs_err::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        self.0.pids().into_iter().any(|id| {
            // The state follows the name, which may contain any character.
            state(id).rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    }

    pub fn has_ended(&self) -> bool {
        self.0.try_wait().expect("a child process can be asked").is_some()
    }

    /// Waits for this time, or until it ends.
    pub fn wait(&self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time && !self.has_ended() {
            std::thread::sleep(Duration::from_millis(2).min(time));
        }
    }
}

impl<'a> Invocation<'a> {
    pub(crate) fn new(project: &'a Project, program: &Path, args: &str) -> Self {
        Self {
            project,
            program: program.to_owned(),
            args: args.split_whitespace().map(OsString::from).collect(),
            folder: project.folder().to_owned(),
            environment: project.sandbox().environment(),
            stdin: None,
            typed: None,
            watched: false,
            meanwhile: None,
        }
    }

    /// Adds an argument, which may have blanks.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Removes an environment variable.
    pub fn without_env(mut self, name: &str) -> Self {
        self.environment.remove(std::ffi::OsStr::new(name));
        self
    }

    /// Sets the working folder, relative to the project's.
    pub fn from(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = self.project.folder().join(folder);
        self
    }

    /// Sets the text on standard input, which is empty by default.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// Runs it on a terminal: when the first text of a pair appears, the second is typed. The terminal's text becomes
    /// the outcome's standard output. If a signal ends the program, the status is 128 plus its number.
    pub fn on_a_terminal(mut self, dialogue: &[(&str, &str)]) -> Self {
        let script = self.project.sandbox().outputs().join("terminal.py");
        fs_err::write(&script, include_str!("terminal.py")).expect("the script can be written");
        let dialogue = serde_json::to_string(dialogue).expect("a list of texts");
        let mut args = vec![script.into_os_string(), dialogue.into(), self.program.into_os_string()];
        args.extend(self.args.iter().cloned());
        Self {
            program: Python::get().program(),
            typed: Some(std::mem::replace(&mut self.args, args)),
            ..self
        }
    }

    /// Records the command lines of all processes during the run, for [`Outcome::command_lines`].
    pub fn watching_command_lines(mut self) -> Self {
        self.watched = true;
        self
    }

    /// Calls `act` while it runs.
    pub fn meanwhile(mut self, act: impl FnOnce(&Running<'_>) + Send + 'a) -> Self {
        self.meanwhile = Some(Box::new(act));
        self
    }

    /// Runs another program than the one under test.
    pub fn program(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.program);
        self
    }

    /// Runs a copy of the program.
    ///
    /// Another process makes it: a program cannot be started while it is open for writing, and what other threads start
    /// inherits what this process has open.
    pub fn copied_to(self, path: &Path) -> Self {
        duct::cmd!("cp", &self.program, path).run().expect("the program can be copied");
        self.program(path)
    }

    /// Runs the program.
    ///
    /// # Panics
    /// The status differs from `expected`.
    #[track_caller]
    pub fn code(self, expected: i32) -> Outcome {
        let outcome = self.run();
        assert_eq!(outcome.code, expected, "the status of {outcome}");
        outcome
    }

    /// Runs the program and accepts any status; -1 stands for a signal.
    ///
    /// # Panics
    /// It cannot be started, or does not end.
    #[track_caller]
    pub fn run(mut self) -> Outcome {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let shown = std::iter::once("pyrelease".into())
            .chain(self.typed.as_ref().unwrap_or(&self.args).iter().map(|arg| arg.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" ");
        // Write to files, not pipes: the search for secrets reads them, and processes that the program leaves cannot
        // block us.
        let [stdout, stderr] = ["stdout", "stderr"]
            .map(|stream| self.project.sandbox().outputs().join(format!("{number}.{stream}")));
        let command = duct::cmd(&self.program, &self.args)
            .dir(&self.folder)
            .full_env(&self.environment)
            .stdout_path(&stdout)
            .stderr_path(&stderr)
            .unchecked();
        let command = match &self.stdin {
            Some(text) => command.stdin_bytes(text.as_bytes()),
            None => command.stdin_null(),
        };
        let watcher = self.watched.then(CommandLines::watch);
        let began = Instant::now();
        let handle = command.start().unwrap_or_else(|error| panic!("`{shown}` does not start: {error}"));
        let meanwhile = self.meanwhile.take();
        let ended = std::thread::scope(|scope| {
            if let Some(act) = meanwhile {
                scope.spawn(|| act(&Running(&handle)));
            }
            let ended = handle.wait_timeout(LONGEST_RUN).expect("a child process can be waited for");
            ended.map(|out| out.status)
        });
        if ended.is_none() {
            handle.kill().expect("a child process can be ended");
        }
        let read = |path| String::from_utf8_lossy(&fs_err::read(path).expect("what it printed")).into_owned();
        let mut outcome = Outcome {
            shown,
            code: -1,
            stdout: read(&stdout),
            stderr: read(&stderr),
            root: self.project.sandbox().root().to_owned(),
            took: began.elapsed(),
            command_lines: watcher.map(CommandLines::finish),
        };
        match ended.map(|status| status.code()) {
            Some(Some(code)) => outcome.code = code,
            // A signal; no program can exit with -1.
            Some(None) => {}
            None => panic!("after {} s there was no end of {outcome}", LONGEST_RUN.as_secs()),
        }
        outcome.assert_tells_no_secret(self.project);
        outcome
    }
}

/// The outcome of a run
#[derive(Debug)]
pub struct Outcome {
    shown: String,
    code: i32,
    stdout: String,
    stderr: String,
    root: PathBuf,
    took: Duration,
    command_lines: Option<Vec<String>>,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shown, code, stdout, stderr, .. } = self;
        write!(out, "`{shown}`, status {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

impl Outcome {
    #[track_caller]
    fn assert_tells_no_secret(&self, project: &Project) {
        let printed = [&self.stdout, &self.stderr];
        assert!(!printed.iter().any(|text| canary::is_in(text.as_bytes())), "a secret was printed by {self}");
        let kept = canary::kept(project.sandbox(), project.repository());
        assert!(kept.is_empty(), "a secret is in\n{}\nafter {self}", kept.join("\n"));
    }

    pub(crate) fn command_line(&self) -> &str {
        &self.shown
    }

    /// The root of the sandbox.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub fn status(&self) -> i32 {
        self.code
    }

    pub fn stdout(&self) -> &str {
        &self.stdout
    }

    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    pub fn took(&self) -> Duration {
        self.took
    }

    /// Asserts that the status is one of these.
    #[track_caller]
    pub fn code_in(&self, expected: &[i32]) -> &Self {
        assert!(expected.contains(&self.code), "not one of {expected:?}: {self}");
        self
    }

    /// Asserts that the redacted standard output equals a text; `SNAPSHOTS=overwrite` renews a text in `str![]`.
    #[track_caller]
    pub fn stdout_eq(&self, expected: impl IntoData) -> &Self {
        transcript::assert_redacted(&self.stdout, &self.root, expected);
        self
    }

    /// Asserts that the redacted standard error equals a text.
    #[track_caller]
    pub fn stderr_eq(&self, expected: impl IntoData) -> &Self {
        transcript::assert_redacted(&self.stderr, &self.root, expected);
        self
    }

    /// Asserts that the errors, warnings and notes on both streams equal a text, with their details and help. The note
    /// about the untracked files that every test project has is left out.
    #[track_caller]
    pub fn messages_eq(&self, expected: impl IntoData) -> &Self {
        transcript::assert_redacted(&transcript::messages(self), &self.root, expected);
        self
    }

    /// Asserts that the command line, both streams and the status equal `tests/shown/NAME.txt`; see [`Transcript`].
    #[track_caller]
    pub fn assert_shown(&self, name: &str) -> &Self {
        Transcript::named(name).add(self).assert();
        self
    }

    /// Asserts the same from the first error on; see [`Transcript::add_error`].
    #[track_caller]
    pub fn assert_error_shown(&self, name: &str) -> &Self {
        Transcript::named(name).add_error(self).assert();
        self
    }

    /// The command lines that were recorded during the run.
    ///
    /// # Panics
    /// They were not recorded.
    #[track_caller]
    pub fn command_lines(&self) -> &[String] {
        self.command_lines.as_deref().expect("`watching_command_lines` was not asked for")
    }

    /// The events of `--format json`, one per line.
    ///
    /// # Panics
    /// A line is not JSON.
    #[track_caller]
    pub fn events(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON: {error}: {line:?} of {self}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The whole standard output as JSON.
    ///
    /// # Panics
    /// It is not JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}: {self}"))
    }

    /// The actions among the events of `--format json`, such as `build` and `upload`.
    ///
    /// # Panics
    /// A line is not JSON.
    #[track_caller]
    pub fn actions(&self) -> Vec<String> {
        let events = self.events();
        let actions = events.iter().filter_map(|event| event["action"]["action"].as_str());
        actions.map(str::to_owned).collect()
    }
}
