//! The state that the uploads of one release to one index share: whether they may run in parallel, and whether an
//! outage is worth waiting for.
//!
//! PyPI's database updates every row of a release for each new file. Parallel uploads of one release therefore wait
//! for each other there and can deadlock: the server answers 500 to some. One at a time then works.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest time between two checks whether an upload may start, in milliseconds
const TICK: u64 = 100;
/// The longest pause after parallel uploads failed, in milliseconds
const BACKOFF: u64 = 1000;

/// Observes the delivery of a file
pub trait DeliveryObserver {
    /// Reports the bytes sent so far; returns whether to continue.
    fn sent(&self, bytes: u64) -> bool;
    /// Sleeps; returns whether to continue.
    fn pause(&self, time: Duration) -> bool;
    fn warn(&self, message: &str);
}

/// The files of one release on their way to one index
#[derive(Debug)]
pub struct UploadSession {
    is_public: bool,
    has_public_file: AtomicBool,
    /// Whether the user was told of the present outage, which all files in progress see
    outage_reported: AtomicBool,
    in_flight: Mutex<InFlight>,
}

/// The uploads in progress
#[derive(Debug, Default)]
struct InFlight {
    running: usize,
    /// The number of uploads started so far
    started: u64,
    sequential: bool,
}

/// The permission to upload one file, held until dropped
pub(super) struct Permit<'a> {
    session: &'a UploadSession,
    number: u64,
    had_others: bool,
}

impl UploadSession {
    /// For an index; a public one shows each file as soon as it is stored.
    pub fn new(is_public: bool) -> Self {
        Self {
            is_public,
            has_public_file: AtomicBool::new(false),
            outage_reported: AtomicBool::new(false),
            in_flight: Mutex::default(),
        }
    }

    /// Records that the index has a file of the release.
    pub fn file_stored(&self) {
        self.outage_reported.store(false, Ordering::Relaxed);
        self.has_public_file.store(true, Ordering::Relaxed);
    }

    /// Whether the user was not told of the present outage yet; counts as told from here on.
    pub(super) fn is_new_outage(&self) -> bool {
        !self.outage_reported.swap(true, Ordering::Relaxed)
    }

    /// Whether a part of the release is public already, so that waiting for the server is better than giving up.
    pub(super) fn is_worth_waiting_for(&self) -> bool {
        self.is_public && self.has_public_file.load(Ordering::Relaxed)
    }

    /// Waits until an upload may start: at once while uploads may run in parallel. None if `observer` gives up.
    pub(super) fn acquire(&self, observer: &dyn DeliveryObserver) -> Option<Permit<'_>> {
        loop {
            if let Some(permit) = self.try_acquire() {
                return Some(permit);
            }
            if !observer.pause(random(TICK)) {
                return None;
            }
        }
    }

    fn try_acquire(&self) -> Option<Permit<'_>> {
        let mut in_flight = self.in_flight();
        if in_flight.sequential && in_flight.running > 0 {
            return None;
        }
        in_flight.started += 1;
        in_flight.running += 1;
        Some(Permit { session: self, number: in_flight.started, had_others: in_flight.running > 1 })
    }

    /// Allows one upload at a time from here on; returns how long to wait before the next.
    pub(super) fn run_sequentially(&self, observer: &dyn DeliveryObserver) -> Duration {
        if !std::mem::replace(&mut self.in_flight().sequential, true) {
            observer.warn("the index fails on parallel uploads: uploading the remaining files one at a time");
        }
        random(BACKOFF)
    }

    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Whether another upload ran at any time during this one.
    pub(super) fn overlapped(&self) -> bool {
        self.had_others || self.session.in_flight().started > self.number
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.session.in_flight().running -= 1;
    }
}

/// A random time up to this many milliseconds, at least a tenth of it, so that uploads that collided do not collide
/// again.
fn random(milliseconds: u64) -> Duration {
    // The hasher's keys are random.
    let number = RandomState::new().hash_one(());
    Duration::from_millis(milliseconds / 10 + number % (milliseconds * 9 / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Never gives up
    struct NeverStops;

    impl DeliveryObserver for NeverStops {
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
    fn uploads_run_in_parallel_until_that_fails() {
        let session = UploadSession::new(true);
        let first = session.acquire(&NeverStops).unwrap();
        assert!(!first.overlapped());
        let second = session.acquire(&NeverStops).unwrap();
        assert!(first.overlapped() && second.overlapped());
        drop(second);
        assert!(first.overlapped(), "it overlapped once");
        assert!(session.run_sequentially(&NeverStops) <= Duration::from_secs(1));
        assert!(session.try_acquire().is_none());
        drop(first);
        let third = session.acquire(&NeverStops).unwrap();
        assert!(!third.overlapped() && session.try_acquire().is_none());
    }
    #[test]
    fn an_outage_is_reported_once_for_all_files() {
        let session = UploadSession::new(true);
        assert!(session.is_new_outage());
        assert!(!session.is_new_outage());
        session.file_stored();
        assert!(session.is_new_outage(), "another outage");
    }
}
