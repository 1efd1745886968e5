//! Jobs done by several threads while the thread that has them done looks on: it alone begins each, hears what they say
//! and takes what they come to, so that nothing but the jobs themselves has to be fit for threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Who has jobs done
pub trait Supervisor<Job, Report, Result> {
    /// About to hand out a job; false: this one is settled without.
    fn begin(&mut self, place: usize, job: &Job) -> bool;
    /// A job under way says something.
    fn on_message(&mut self, report: Report);
    /// A job is over.
    fn end(&mut self, place: usize, result: Result);
    /// Whether no further job is begun.
    fn is_stopped(&self) -> bool;
}

enum Message<Report, Result> {
    Report(Report),
    Over(usize, Result),
}

/// How a job speaks while it is under way
pub struct Reporter<'a, Report>(&'a dyn Fn(Report));

impl<Report> Reporter<'_, Report> {
    pub fn report(&self, report: Report) {
        (self.0)(report);
    }
}

/// Has the jobs done in their order, at most so many at the same time, and returns when none is under way any more.
/// `broken` says what a job comes to that panicked, or for which there is no thread.
pub fn run_bounded<Job: Send, Report: Send, Result: Send>(
    jobs: Vec<Job>,
    at_once: usize,
    supervisor: &mut dyn Supervisor<Job, Report, Result>,
    work: &(dyn Fn(Job, &Reporter<'_, Report>) -> Result + Sync),
    broken: &(dyn Fn(String) -> Result + Sync),
) {
    let (sender, receiver) = mpsc::channel();
    let mut waiting = jobs.into_iter().enumerate();
    let mut under_way: usize = 0;
    thread::scope(|scope| {
        loop {
            while under_way < at_once.max(1) && !supervisor.is_stopped() {
                let Some((place, job)) = waiting.next() else { break };
                if !supervisor.begin(place, &job) {
                    continue;
                }
                let sender: Sender<Message<Report, Result>> = sender.clone();
                let body = move || {
                    // Whoever listens does so until the last is over.
                    let say = |report| drop(sender.send(Message::Report(report)));
                    let result = catch_unwind(AssertUnwindSafe(|| work(job, &Reporter(&say))));
                    let result = result.unwrap_or_else(|panic| broken(said(&*panic)));
                    let _ = sender.send(Message::Over(place, result));
                };
                match thread::Builder::new().spawn_scoped(scope, body) {
                    Ok(_) => under_way += 1,
                    Err(error) => supervisor.end(place, broken(format!("no thread for it: {error}"))),
                }
            }
            if under_way == 0 {
                return;
            }
            match receiver.recv().expect("this thread has a sender itself") {
                Message::Report(report) => supervisor.on_message(report),
                Message::Over(place, result) => {
                    under_way -= 1;
                    supervisor.end(place, result);
                }
            }
        }
    });
}

/// What the work comes to for each of the items, in their order; done by as many threads as there are processors.
pub fn par_map<Item: Sync, Result: Send>(
    items: &[Item],
    work: &(dyn Fn(&Item) -> Result + Sync),
) -> Vec<Result> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let body = || {
        while let Some((place, item)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            items.get(place).map(|item| (place, item))
        } {
            let result = work(item);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
        }
    };
    thread::scope(|scope| {
        (1..workers).for_each(|_| drop(scope.spawn(body)));
        body();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    said.unwrap_or("it panicked without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Ledger {
        begun: Vec<usize>,
        heard: usize,
        ended: Vec<(usize, Result<usize, String>)>,
        /// Stops after a job that came to nothing
        stopped: bool,
    }

    impl Supervisor<usize, (), Result<usize, String>> for Ledger {
        fn begin(&mut self, place: usize, job: &usize) -> bool {
            self.begun.push(place);
            *job != 100
        }

        fn on_message(&mut self, (): ()) {
            self.heard += 1;
        }

        fn end(&mut self, place: usize, result: Result<usize, String>) {
            self.stopped |= result.is_err();
            self.ended.push((place, result));
        }

        fn is_stopped(&self) -> bool {
            self.stopped
        }
    }

    fn done(jobs: Vec<usize>, at_once: usize, work: &(dyn Fn(usize) -> usize + Sync)) -> Ledger {
        let mut ledger = Ledger::default();
        let work = |job, reporter: &Reporter<'_, ()>| {
            reporter.report(());
            Ok(work(job))
        };
        run_bounded(jobs, at_once, &mut ledger, &work, &Err);
        ledger
    }

    #[test]
    fn as_many_as_may_be_are_under_way_and_no_more() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ledger = done((0..12).collect(), 4, &|job| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            now.fetch_sub(1, Ordering::SeqCst);
            job * 2
        });
        assert_eq!(most.into_inner(), 4);
        assert_eq!(ledger.begun, (0..12).collect::<Vec<_>>());
        let mut ended = ledger.ended;
        ended.sort_by_key(|(place, _)| *place);
        assert_eq!(ended, (0..12).map(|place| (place, Ok(place * 2))).collect::<Vec<_>>());
        assert_eq!(ledger.heard, 12);
    }

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..200).collect();
        assert_eq!(par_map(&items, &|item| item * 3), items.iter().map(|item| item * 3).collect::<Vec<_>>());
        assert!(par_map(&[], &|item: &usize| *item).is_empty());
    }

    #[test]
    fn what_is_settled_already_is_not_done() {
        let ledger = done(vec![100, 1, 100], 2, &|job| job);
        assert_eq!((ledger.begun, ledger.ended), (vec![0, 1, 2], vec![(1, Ok(1))]));
    }

    #[test]
    fn a_job_that_panics_is_reported_and_the_others_are_taken_to_their_end() {
        let ledger = done(vec![0, 1, 2, 3], 2, &|job| {
            std::thread::sleep(Duration::from_millis(30 * job as u64));
            assert!(job != 0, "too early");
            job
        });
        assert_eq!(ledger.ended, [(0, Err("too early".to_owned())), (1, Ok(1))]);
        assert_eq!(ledger.begun, [0, 1]);
    }
}
