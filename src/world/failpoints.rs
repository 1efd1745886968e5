//! Failpoints: places where a drill kills this process, as a power cut would. They surround every journal record and,
//! inside an effect, everything that is sent. Without a drill they do nothing.
//!
//! `PYRELEASE_DRILL=list:FILE` appends every failpoint reached to `FILE`, one JSON object per line. `kill:N` kills the
//! process at the Nth failpoint, counted from 1. `stop:N` suspends it there, so that a test can kill every process at
//! that moment; the process must not be continued.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

/// Activates a drill; child processes do not inherit it.
pub const VARIABLE: &str = "PYRELEASE_DRILL";

/// What has just happened, or is about to happen
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Failpoint {
    /// A record is about to be written to the journal
    BeforeRecord,
    /// Half of a record is in the journal
    TornRecord,
    /// The record is in the journal and synced to disk
    AfterRecord,
    /// Inside an effect, a process was started
    ProcessStarted,
    /// Inside an effect, a process has ended
    ProcessEnded,
    /// A plugin was told that its effect is recorded, and may act
    Acknowledged,
    /// About half of a file was sent to an index
    HalfSent,
    /// All of a file was sent to an index; the reply is pending
    AllSent,
    /// An index has replied to an upload
    Replied,
    /// A file of the working tree was changed, or what decides it was written
    FileWritten,
}

/// An entry of the list of failpoints
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    pub number: u64,
    pub moment: Failpoint,
    /// The record, the command or the file
    pub what: String,
}

enum Drill {
    List(Mutex<fs_err::File>),
    Kill(u64),
    Stop(u64),
}

static DRILL: OnceLock<Drill> = OnceLock::new();
static COME_TO: AtomicU64 = AtomicU64::new(0);
static EFFECTS: AtomicUsize = AtomicUsize::new(0);

/// Activates the drill that the variable's value describes.
///
/// # Errors
/// The value is not a valid drill, or a drill is active already.
pub fn install(value: &str) -> Result<(), String> {
    let drill = match value.split_once(':') {
        Some(("list", path)) => {
            let file = fs_err::OpenOptions::new().create(true).append(true).open(PathBuf::from(path));
            Drill::List(Mutex::new(file.map_err(|error| error.to_string())?))
        }
        Some(("kill", number)) => Drill::Kill(parse_number(number)?),
        Some(("stop", number)) => Drill::Stop(parse_number(number)?),
        _ => return Err(format!("`{value}` is not `list:FILE`, `kill:N` or `stop:N`")),
    };
    DRILL.set(drill).map_err(|_| "a drill is already active".to_owned())
}

fn parse_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

/// A failpoint around a journal record.
pub fn at_record(moment: Failpoint, what: impl FnOnce() -> String) {
    if let Some(drill) = DRILL.get() {
        reached(drill, moment, what(), || Ok(()));
    }
}

/// A failpoint behind the write of a record, before it is synced: `tear` leaves half of it, as a power cut may. Only a
/// process that ends here tears it.
pub fn at_torn_record(what: impl FnOnce() -> String, tear: impl FnOnce() -> std::io::Result<()>) {
    if let Some(drill) = DRILL.get() {
        reached(drill, Failpoint::TornRecord, what(), tear);
    }
}

/// A failpoint that counts only inside an effect.
pub fn in_effect(moment: Failpoint, what: impl FnOnce() -> String) {
    if let Some(drill) = DRILL.get()
        && EFFECTS.load(Ordering::SeqCst) > 0
    {
        reached(drill, moment, what(), || Ok(()));
    }
}

/// `last` is what the process still does before it ends here.
fn reached(drill: &Drill, moment: Failpoint, what: String, last: impl FnOnce() -> std::io::Result<()>) {
    let next = || COME_TO.fetch_add(1, Ordering::SeqCst) + 1;
    match drill {
        Drill::Kill(number) => {
            if next() == *number {
                // If it cannot, the drill finds the record whole.
                let _ = last();
                die();
            }
        }
        Drill::Stop(number) => {
            if next() == *number {
                let _ = last();
                stop();
            }
        }
        Drill::List(file) => {
            // Effects may run in parallel: the lock lists them in the order of their numbers.
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let point = Point { number: next(), moment, what };
            let line = serde_json::to_string(&point).expect("a point has string keys only");
            // If the list cannot be written, the drill finds it too short.
            let _ = writeln!(file, "{line}");
        }
    }
}

/// Ends this process as `kill -9` does: no handler runs, nothing is flushed.
fn die() -> ! {
    #[cfg(unix)]
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
    std::process::abort()
}

/// Suspends this process; does nothing except on Unix.
fn stop() {
    #[cfg(unix)]
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    }
}

/// Marks that an effect is in progress, until dropped
#[derive(Debug)]
pub struct InEffect(());

impl InEffect {
    pub fn begin() -> Self {
        EFFECTS.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for InEffect {
    fn drop(&mut self) {
        EFFECTS.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_that_is_not_understood_is_refused() {
        assert_eq!(install("explode"), Err("`explode` is not `list:FILE`, `kill:N` or `stop:N`".to_owned()));
        assert_eq!(install("kill:soon"), Err("`soon` is not a number".to_owned()));
        assert!(DRILL.get().is_none());
    }
}
