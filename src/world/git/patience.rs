//! Retries when another process briefly holds a lock, such as an editor that keeps asking for the status. Git itself
//! waits only for the locks of refs.

use std::time::{Duration, Instant};

use super::{Holder, LockFile, Repository, holders};
use crate::world::process::{Process, ProcessError, Since};

/// How long to wait for a lock
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The first and the longest pause, before jitter
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));
/// Makes `git` wait for the locks of refs; in milliseconds
const FOR_REFS: [&str; 4] = ["-c", "core.filesRefLockTimeout=10000", "-c", "core.packedRefsTimeout=10000"];

impl Repository {
    /// A `git` command that changes refs; it waits for other processes' locks.
    pub(super) fn git_on_refs(&self, arguments: &[&str]) -> Process {
        self.git(FOR_REFS).args(arguments)
    }

    /// Runs a `git` command that changes the index. While another git holds the lock, retries for a while, unless the
    /// user interrupts.
    ///
    /// # Errors
    /// As [`Process::read`].
    pub(super) fn read_on_index(&self, command: &Process) -> Result<String, ProcessError> {
        let (began, since) = (Instant::now(), Since::now());
        let mut pause = PAUSES.0;
        loop {
            let read = command.read();
            let is_locked = read.as_ref().is_err_and(|error| self.locks_named(error).is_some());
            if !is_locked || began.elapsed() >= PATIENCE || since.is_interrupted() {
                return read;
            }
            std::thread::sleep(varied(pause));
            pause = (pause * 3 / 2).min(PAUSES.1);
        }
    }

    /// Help for a command that failed because of a lock; `None` if it failed for another reason.
    pub(super) fn lock_help(&self, error: &ProcessError) -> Option<String> {
        let locks = self.locks_named(error)?;
        let Some(lock) = locks.first() else {
            return Some("another git command kept the repository locked; try again".to_owned());
        };
        Some(lock.advice(holders(&self.places(), &locks).as_deref()))
    }

    /// The locks that blocked a command, if they still exist; `None` if it failed for another reason.
    fn locks_named(&self, error: &ProcessError) -> Option<Vec<LockFile>> {
        let ProcessError::Failed { tail, .. } = error else { return None };
        let mut locks = self.lock_files();
        locks.retain(|lock| tail.contains(&format!("/{}", lock.name())));
        // The system's message is translated, so `File exists` is found only in English.
        let was_locked = tail.contains(".lock'") && tail.contains("File exists");
        (was_locked || !locks.is_empty()).then_some(locks)
    }
}

impl LockFile {
    /// What to do about the lock, given its possible holders.
    pub fn advice(&self, holders: Option<&[Holder]>) -> String {
        let removal = self.removal();
        match holders {
            None => {
                format!("if no git command is running in the repository, remove the stale lock: `{removal}`")
            }
            Some([]) => {
                format!("no git command is running here; remove the stale lock: `{removal}`")
            }
            Some(holders) => {
                let names: Vec<String> = holders.iter().map(Holder::to_string).collect();
                format!(
                    "{} may hold the lock; wait until it ends, and if the lock remains, run `{removal}`",
                    names.join(" or ")
                )
            }
        }
    }
}

/// Jitter of up to half the pause, so that two waiting processes get out of step.
fn varied(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause / 2 + pause.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
