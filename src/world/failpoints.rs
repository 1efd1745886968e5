//! The points at which a drill ends this process, as a power cut would: around every record of a journal and, inside
//! an effect, around everything that goes out. Without a drill they are nothing.
//!
//! `PYRELEASE_DRILL=list:FILE` writes every point that is come to into `FILE`, one JSON object a line;
//! `PYRELEASE_DRILL=kill:N` ends the process at the Nth, the first being 1; `stop:N` stops it there, so that a test
//! can kill everything at this very moment.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

/// The variable that asks for a drill; no child process inherits it
pub const VARIABLE: &str = "PYRELEASE_DRILL";

/// What has just happened, or is about to
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failpoint {
    /// A record is about to be written to a journal
    BeforeRecord,
    /// Half of a record is in the journal
    TornRecord,
    /// A record is in the journal and on the disk
    AfterRecord,
    /// Inside an effect, a process has been started
    ProcessStarted,
    /// Inside an effect, a process has ended
    ProcessEnded,
    /// A plugin has been told that its effect is written down, and acts
    Acknowledged,
    /// About half of a file has been handed to an index
    HalfSent,
    /// All of a file has been handed to an index; there is no reply yet
    AllSent,
    /// An index has replied to an upload
    Replied,
}

/// A point as a list of them has it
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

/// Takes up the drill that the variable's value asks for.
///
/// # Errors
/// What is wrong with the value.
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
    DRILL.set(drill).map_err(|_| "a drill is under way".to_owned())
}

fn parse_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

/// Whether there is a drill.
pub fn is_drilled() -> bool {
    DRILL.get().is_some()
}

/// A point around a record.
pub fn at_record(moment: Failpoint, what: impl FnOnce() -> String) {
    if let Some(drill) = DRILL.get() {
        come_to(drill, moment, what());
    }
}

/// A point that counts inside an effect only.
pub fn in_effect(moment: Failpoint, what: impl FnOnce() -> String) {
    if let Some(drill) = DRILL.get()
        && EFFECTS.load(Ordering::SeqCst) > 0
    {
        come_to(drill, moment, what());
    }
}

fn come_to(drill: &Drill, moment: Failpoint, what: String) {
    let next = || COME_TO.fetch_add(1, Ordering::SeqCst) + 1;
    match drill {
        Drill::Kill(last) => {
            if next() == *last {
                die();
            }
        }
        Drill::Stop(last) => {
            if next() == *last {
                stop();
            }
        }
        Drill::List(file) => {
            // Several effects may be under way: they are listed in the order of their numbers.
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let point = Point { number: next(), moment, what };
            let line = serde_json::to_string(&point).expect("a point has string keys only");
            // A list that cannot be written is found too short by whoever asked for it.
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

/// Stops this process, until it is told to continue; elsewhere than on Unix it goes on.
fn stop() {
    #[cfg(unix)]
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    }
}

/// The time inside an effect: until dropped
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
        assert!(!is_drilled());
    }
}
