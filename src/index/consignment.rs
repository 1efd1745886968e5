//! What the uploads of one release to one index share: whether they may overlap, and whether they are worth waiting for.
//!
//! PyPI's database updates every row of a release for each new file, so that uploads of one release wait for each other
//! there and, several at once, deadlock: the server then answers 500 to some, after which one at a time goes well.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How soon an upload notices that it is its turn, at most, in milliseconds
const TICK: u64 = 100;
/// How long the pause is at most after uploads were in each other's way, in milliseconds
const BACKOFF: u64 = 1000;

/// Who looks on while a file is delivered
pub trait Watch {
    /// So many bytes were sent so far; says whether to go on.
    fn sent(&self, bytes: u64) -> bool;
    /// Lets time pass; false: do not go on.
    fn pause(&self, time: Duration) -> bool;
    fn warn(&self, message: &str);
}

/// The files of one release on their way to one index
#[derive(Debug)]
pub struct Consignment {
    is_public: bool,
    has_begun: AtomicBool,
    traffic: Mutex<Traffic>,
}

/// What is under way
#[derive(Debug, Default)]
struct Traffic {
    under_way: usize,
    /// How many there have been
    begun: u64,
    one_by_one: bool,
}

/// An upload's turn, until dropped
pub(super) struct Turn<'a> {
    consignment: &'a Consignment,
    number: u64,
    had_company: bool,
}

impl Consignment {
    /// Files for an index; one that is public keeps those that are there for all to see.
    pub fn new(is_public: bool) -> Self {
        Self { is_public, has_begun: AtomicBool::new(false), traffic: Mutex::default() }
    }

    /// A file of the release is there.
    pub fn begun(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    /// Whether a part of the release is public already, so that a server which is away is better waited for.
    pub(super) fn is_worth_waiting_for(&self) -> bool {
        self.is_public && self.has_begun.load(Ordering::Relaxed)
    }

    /// Waits until it is an upload's turn: at once, as long as several may go together. None where `watch` gives up.
    pub(super) fn turn(&self, watch: &dyn Watch) -> Option<Turn<'_>> {
        loop {
            if let Some(turn) = self.take_turn() {
                return Some(turn);
            }
            if !watch.pause(random(TICK)) {
                return None;
            }
        }
    }

    fn take_turn(&self) -> Option<Turn<'_>> {
        let mut traffic = self.traffic();
        if traffic.one_by_one && traffic.under_way > 0 {
            return None;
        }
        traffic.begun += 1;
        traffic.under_way += 1;
        Some(Turn { consignment: self, number: traffic.begun, had_company: traffic.under_way > 1 })
    }

    /// From here on the files go one by one; gives how long to wait before the next.
    pub(super) fn narrow(&self, watch: &dyn Watch) -> Duration {
        if !std::mem::replace(&mut self.traffic().one_by_one, true) {
            watch.warn("the index fails when several files come at once: the rest goes one by one");
        }
        random(BACKOFF)
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Whether another upload was under way at any time during this one.
    pub(super) fn overlapped(&self) -> bool {
        self.had_company || self.consignment.traffic().begun > self.number
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.consignment.traffic().under_way -= 1;
    }
}

/// A time up to so many milliseconds, and not much less than a tenth of it: those who wait for each other should not come
/// at the same time again.
fn random(milliseconds: u64) -> Duration {
    // The hasher's keys are random.
    let number = RandomState::new().hash_one(());
    Duration::from_millis(milliseconds / 10 + number % (milliseconds * 9 / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who never gives up
    struct Patient;

    impl Watch for Patient {
        fn sent(&self, _: u64) -> bool {
            true
        }

        fn pause(&self, time: Duration) -> bool {
            std::thread::sleep(time);
            true
        }

        fn warn(&self, _: &str) {}
    }

    #[test]
    fn uploads_overlap_until_that_fails_and_then_go_one_by_one() {
        let consignment = Consignment::new(true);
        let first = consignment.turn(&Patient).unwrap();
        assert!(!first.overlapped());
        let second = consignment.turn(&Patient).unwrap();
        assert!(first.overlapped() && second.overlapped());
        drop(second);
        assert!(first.overlapped(), "it did once");
        assert!(consignment.narrow(&Patient) <= Duration::from_secs(1));
        assert!(consignment.take_turn().is_none());
        drop(first);
        let third = consignment.turn(&Patient).unwrap();
        assert!(!third.overlapped() && consignment.take_turn().is_none());
    }
}
