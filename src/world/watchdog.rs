//! A process of our own that outlives a run which is killed, just long enough to end what that run had started: without
//! it, a `git push` would go on, and whoever looks at the remote meanwhile would see it as it was.
//!
//! It holds the lock of the repository as long as it is at work, so that `resume` and `rollback` wait for it. It works
//! where [`super::remains`] finds anything, which is on Linux.

use std::ffi::OsString;
use std::fmt;
use std::io::{PipeWriter, Read, Write};

use super::orphans;
use super::process::mark_children;

/// The command under which `main` becomes a guard, before it does anything else
pub const COMMAND: &str = "__guard";

/// What the run says when it ends by itself
const ALL_IS_WELL: u8 = b'.';

/// The guard of a run; dropping it says that all is well
pub struct Watchdog {
    process: duct::Handle,
    line: PipeWriter,
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watchdog({:?})", self.process.pids())
    }
}

impl Watchdog {
    /// Sets a guard over the run: from here on every child of this process is one of the run's. `lock` is what locks the
    /// repository. None where a guard would find nothing, or cannot be started: then the next command looks for
    /// what the run has left.
    #[expect(clippy::disallowed_types, reason = "fs_err has no locks")]
    pub fn over(run: &str, lock: &std::fs::File) -> Option<Self> {
        mark_children(run);
        if !cfg!(target_os = "linux") {
            return None;
        }
        let (their_end, line) = std::io::pipe().ok()?;
        // Whatever lies at our path by now, such as an upgrade: this is what runs here.
        let process = duct::cmd!("/proc/self/exe", COMMAND, run)
            .env_remove(orphans::RUN)
            .env_remove(orphans::STAGE)
            .stdin_file(their_end)
            // The lock is held by whoever has this open; nothing is written to it.
            .stdout_file(lock.try_clone().ok()?)
            .stderr_null()
            .unchecked()
            .before_spawn(|command| {
                // What is sent to the terminal's or the script's whole group is not for the guard.
                #[cfg(unix)]
                std::os::unix::process::CommandExt::process_group(command, 0);
                #[cfg(not(unix))]
                let _ = command;
                Ok(())
            })
            .start()
            .ok()?;
        Some(Self { process, line })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // One that was killed has nothing to hear.
        let _ = self.line.write_all(&[ALL_IS_WELL]);
        let _ = self.process.wait();
    }
}

/// Is the guard, if that is what the command line says: waits for the end of the run, and ends what is left of it.
pub fn run_if_requested(mut arguments: impl Iterator<Item = OsString>) -> bool {
    if arguments.next().is_none_or(|command| command != COMMAND) {
        return false;
    }
    let Some(run) = arguments.next().and_then(|run| run.into_string().ok()) else { return true };
    // Asked to end, it goes on: it ends with the run.
    let _ = ctrlc::set_handler(|| {});
    let mut said = [0];
    let all_is_well = std::io::stdin().read(&mut said).is_ok_and(|read| read == 1) && said[0] == ALL_IS_WELL;
    if !all_is_well {
        orphans::terminate_all(&run);
    }
    true
}
