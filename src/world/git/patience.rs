//! Patience with locks that somebody else holds for a moment, such as the index's by an editor that asks for the status
//! again and again. Git itself waits for refs only.

use std::time::{Duration, Instant};

use super::{Holder, LockFile, Repository, holders};
use crate::world::process::{Process, ProcessError, Since};

/// How long we wait for a lock
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The first pause, and the longest, each give or take half of it
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));
/// How long `git` itself is to wait for a lock of a ref, in milliseconds
const FOR_REFS: [&str; 4] = ["-c", "core.filesRefLockTimeout=10000", "-c", "core.packedRefsTimeout=10000"];

impl Repository {
    /// A `git` command that changes refs: it waits for the locks of others.
    pub(super) fn git_on_refs(&self, arguments: &[&str]) -> Process {
        self.git(FOR_REFS).args(arguments)
    }

    /// Runs a `git` command that changes the index; where another git holds the lock, again and again for a while,
    /// unless the user interrupts.
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

    /// What stands in the way of a command that failed for a lock, and what to do about it; none if it failed for
    /// something else.
    pub(super) fn lock_help(&self, error: &ProcessError) -> Option<String> {
        let locks = self.locks_named(error)?;
        let Some(lock) = locks.first() else {
            return Some(
                "another git command was at work in the repository all the time: try again".to_owned(),
            );
        };
        Some(lock.advice(holders(&self.places(), &locks).as_deref()))
    }

    /// The locks that a command found in its way, as far as they are still there; none if it failed for something else.
    fn locks_named(&self, error: &ProcessError) -> Option<Vec<LockFile>> {
        let ProcessError::Failed { tail, .. } = error else { return None };
        let mut locks = self.lock_files();
        locks.retain(|lock| tail.contains(&format!("/{}", lock.name())));
        // The system's words are in the user's language, unless that is English.
        let was_locked = tail.contains(".lock'") && tail.contains("File exists");
        (was_locked || !locks.is_empty()).then_some(locks)
    }
}

impl LockFile {
    /// What is to be done about it, given who may hold it.
    pub fn advice(&self, holders: Option<&[Holder]>) -> String {
        let removal = self.removal();
        match holders {
            None => format!(
                "if no git command is at work in the repository, one that was killed has left it: `{removal}`"
            ),
            Some([]) => {
                format!("no git command is at work here, so one that was killed has left it: `{removal}`")
            }
            Some(holders) => {
                let names: Vec<String> = holders.iter().map(Holder::to_string).collect();
                format!("{} may hold it: wait for its end; if it stays then, `{removal}`", names.join(" or "))
            }
        }
    }
}

/// The pause, give or take half of it: two that wait for each other do not stay in step.
fn varied(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause / 2 + pause.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
