//! A helper process that terminates what a killed run had started. Without it a `git push` would go on in the
//! background, and recovery would read the remote's state too early.
//!
//! It also deletes the run's temporary files. It holds the repository's lock while it works, so that `resume` and
//! `rollback` wait for it. It works wherever [`super::orphans`] finds processes, which is on Linux.

use std::ffi::OsString;
use std::fmt;
use std::io::{PipeWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::orphans;
use super::process::{begin_temporary_files, delete_temporary_files, mark_children};

/// The command that makes `main` run the watchdog
pub const COMMAND: &str = "__guard";

/// Sent by the run when it ends normally
const ENDED_NORMALLY: u8 = b'.';

/// The watchdog of a run; dropping it reports a normal end
pub struct Watchdog {
    process: duct::Handle,
    pipe: PipeWriter,
    /// The folder of the run's temporary files
    temporary: Option<PathBuf>,
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watchdog({:?})", self.process.pids())
    }
}

impl Watchdog {
    /// Starts the watchdog of a run in this folder, and marks all further children of this process as the run's. `lock` is
    /// the open lock file of the repository. Returns `None` where a watchdog cannot be started or would find nothing: the
    /// next command then looks for orphans.
    #[expect(clippy::disallowed_types, reason = "fs_err has no locks")]
    pub fn over((run, folder): (&str, &Path), lock: &std::fs::File) -> Option<Self> {
        mark_children(run);
        if !cfg!(target_os = "linux") {
            return None;
        }
        let (reader, pipe) = std::io::pipe().ok()?;
        let lock = lock.try_clone().ok()?;
        let temporary = begin_temporary_files(folder);
        // The path may hold another program by now, such as an upgrade; this link is the running one.
        let arguments = [OsString::from(COMMAND), run.into()].into_iter();
        let arguments = arguments.chain(temporary.clone().map(PathBuf::into_os_string));
        let process = duct::cmd("/proc/self/exe", arguments)
            .env_remove(orphans::RUN)
            .env_remove(orphans::STAGE)
            .stdin_file(reader)
            // The open file keeps the lock held; nothing is written to it.
            .stdout_file(lock)
            .stderr_null()
            .unchecked()
            .before_spawn(|command| {
                // A process group of its own: signals to the terminal's or the script's group do not reach it.
                #[cfg(unix)]
                std::os::unix::process::CommandExt::process_group(command, 0);
                #[cfg(not(unix))]
                let _ = command;
                Ok(())
            })
            .start()
            .ok();
        if let (None, Some(temporary)) = (&process, &temporary) {
            delete_temporary_files(temporary);
        }
        Some(Self { process: process?, pipe, temporary })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // A killed watchdog cannot read this.
        let _ = self.pipe.write_all(&[ENDED_NORMALLY]);
        let _ = self.process.wait();
        if let Some(temporary) = &self.temporary {
            delete_temporary_files(temporary);
        }
    }
}

/// Runs the watchdog if the command line asks for it: waits for the end of the run, then terminates its orphans.
pub fn run_if_requested(mut arguments: impl Iterator<Item = OsString>) -> bool {
    if arguments.next().is_none_or(|command| command != COMMAND) {
        return false;
    }
    let Some(run) = arguments.next().and_then(|run| run.into_string().ok()) else { return true };
    // Ignore Ctrl-C: the watchdog ends with the run.
    let _ = ctrlc::set_handler(|| {});
    let mut message = [0];
    let ended_normally =
        std::io::stdin().read(&mut message).is_ok_and(|read| read == 1) && message[0] == ENDED_NORMALLY;
    if !ended_normally {
        orphans::terminate_all(&run);
        if let Some(temporary) = arguments.next() {
            delete_temporary_files(Path::new(&temporary));
        }
    }
    true
}
