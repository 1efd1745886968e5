//! A call's process: it inherits only what it is given, and is ended with everything it has started.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;

use super::pipes::PipeEnds;
use super::{Call, Cause, Program};
use crate::plugin::host;
use crate::world::{orphans, process};

static HOST: OnceLock<PathBuf> = OnceLock::new();

/// Sets the program that hosts plugins; for tests, whose own program cannot.
pub fn set_host(path: PathBuf) {
    let _ = HOST.set(path);
}

fn program() -> io::Result<PathBuf> {
    match HOST.get() {
        Some(path) => Ok(path.clone()),
        // The path may hold another program by now, such as an upgrade; this link is the running one.
        None if cfg!(target_os = "linux") => Ok("/proc/self/exe".into()),
        None => std::env::current_exe(),
    }
}

/// A plugin's process
pub(super) struct Child {
    process: std::process::Child,
    status: Option<ExitStatus>,
}

impl Child {
    #[expect(clippy::disallowed_types, reason = "duct ends only the process itself, not its children")]
    pub(super) fn start(call: &Call<'_>) -> io::Result<(Self, PipeEnds)> {
        let mut command = std::process::Command::new(program()?);
        command.args(arguments(call.program)).current_dir(call.folder).env_clear();
        command.envs(call.environment.iter().map(|(name, value)| (name, value)));
        if let Some(run) = process::child_mark() {
            command.env(orphans::RUN, run);
        }
        if let Some(folder) = process::temporary_files() {
            command.env("TMPDIR", folder);
        }
        command.env(orphans::STAGE, call.stage);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn()?;
        let ends = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = ends else {
            return Err(io::Error::other("the process has no pipes"));
        };
        Ok((Self { process, status: None }, PipeEnds { stdin, stdout, stderr }))
    }

    pub(super) fn status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.process.try_wait().ok().flatten();
        }
        self.status
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.status().is_some()
    }

    /// PipeEnds the process and everything left in its session.
    pub(super) fn end(&mut self) {
        end_group(self.process.id());
        if self.status().is_none() {
            let _ = self.process.kill();
            self.status = self.process.wait().ok();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

fn arguments(program: &Program) -> Vec<OsString> {
    let mut arguments = vec![OsString::from(host::COMMAND), std::process::id().to_string().into()];
    match program {
        Program::Library(path) => arguments.extend(["--lib".into(), path.clone().into_os_string()]),
        Program::Executable(words) => {
            arguments.push("--exec".into());
            arguments.extend(words.iter().cloned());
        }
    }
    arguments
}

#[cfg(unix)]
fn end_group(leader: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(leader) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // Usually the whole session has ended already.
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end_group(_: u32) {}

/// Why a process that has ended gave no result.
pub(super) fn cause(status: ExitStatus) -> Cause {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if status.signal().is_some() {
            return Cause::Crashed(status.to_string());
        }
    }
    Cause::Ended(status.to_string())
}
