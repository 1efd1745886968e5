//! Runs jobs on several threads. The calling thread starts each job and receives its reports and its result, so only
//! the jobs themselves must be thread-safe.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Controls the jobs, on the calling thread
pub trait Supervisor<Job, Report, Result> {
    /// Called before a job starts; returning false skips the job.
    fn begin(&mut self, index: usize, job: &Job) -> bool;
    /// Called when a running job reports something.
    fn on_message(&mut self, report: Report);
    /// Called when a job has ended.
    fn end(&mut self, index: usize, result: Result);
    /// Whether to start no further jobs.
    fn is_stopped(&self) -> bool;
}

enum Message<Report, Result> {
    Report(Report),
    Done(usize, Result),
}

/// Sends reports from a running job
pub struct Reporter<'a, Report>(&'a dyn Fn(Report));

impl<Report> Reporter<'_, Report> {
    pub fn report(&self, report: Report) {
        (self.0)(report);
    }
}

/// Runs `jobs` in order, at most `at_once` at a time, and returns once all have ended. `failed` makes the result of a
/// job that panicked or whose thread could not be started.
pub fn run_bounded<Job: Send, Report: Send, Result: Send>(
    jobs: Vec<Job>,
    at_once: usize,
    supervisor: &mut dyn Supervisor<Job, Report, Result>,
    work: &(dyn Fn(Job, &Reporter<'_, Report>) -> Result + Sync),
    failed: &(dyn Fn(String) -> Result + Sync),
) {
    let (sender, receiver) = mpsc::channel();
    let mut waiting = jobs.into_iter().enumerate();
    let mut running: usize = 0;
    thread::scope(|scope| {
        loop {
            while running < at_once.max(1) && !supervisor.is_stopped() {
                let Some((index, job)) = waiting.next() else { break };
                if !supervisor.begin(index, &job) {
                    continue;
                }
                let sender: Sender<Message<Report, Result>> = sender.clone();
                let body = move || {
                    // The receiver outlives all jobs.
                    let send = |report| drop(sender.send(Message::Report(report)));
                    let result = catch_unwind(AssertUnwindSafe(|| work(job, &Reporter(&send))));
                    let result = result.unwrap_or_else(|panic| failed(panic_message(&*panic)));
                    let _ = sender.send(Message::Done(index, result));
                };
                match thread::Builder::new().spawn_scoped(scope, body) {
                    Ok(_) => running += 1,
                    Err(error) => supervisor.end(index, failed(format!("failed to start a thread: {error}"))),
                }
            }
            if running == 0 {
                return;
            }
            match receiver.recv().expect("this thread holds a sender") {
                Message::Report(report) => supervisor.on_message(report),
                Message::Done(index, result) => {
                    running -= 1;
                    supervisor.end(index, result);
                }
            }
        }
    });
}

/// Applies `work` to every item, on one thread per processor; results keep the order of the items.
pub fn par_map<Item: Sync, Result: Send>(
    items: &[Item],
    work: &(dyn Fn(&Item) -> Result + Sync),
) -> Vec<Result> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let body = || {
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            let result = work(item);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    thread::scope(|scope| {
        (1..workers).for_each(|_| drop(scope.spawn(body)));
        body();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let message =
        panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    message.unwrap_or("panicked without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Ledger {
        started: Vec<usize>,
        reports: usize,
        ended: Vec<(usize, Result<usize, String>)>,
        /// Stop after a job that failed
        stopped: bool,
    }

    impl Supervisor<usize, (), Result<usize, String>> for Ledger {
        fn begin(&mut self, index: usize, job: &usize) -> bool {
            self.started.push(index);
            *job != 100
        }

        fn on_message(&mut self, (): ()) {
            self.reports += 1;
        }

        fn end(&mut self, index: usize, result: Result<usize, String>) {
            self.stopped |= result.is_err();
            self.ended.push((index, result));
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
    fn the_number_of_running_jobs_is_limited() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ledger = done((0..12).collect(), 4, &|job| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            now.fetch_sub(1, Ordering::SeqCst);
            job * 2
        });
        assert_eq!(most.into_inner(), 4);
        assert_eq!(ledger.started, (0..12).collect::<Vec<_>>());
        let mut ended = ledger.ended;
        ended.sort_by_key(|(index, _)| *index);
        assert_eq!(ended, (0..12).map(|index| (index, Ok(index * 2))).collect::<Vec<_>>());
        assert_eq!(ledger.reports, 12);
    }

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..200).collect();
        assert_eq!(par_map(&items, &|item| item * 3), items.iter().map(|item| item * 3).collect::<Vec<_>>());
        assert!(par_map(&[], &|item: &usize| *item).is_empty());
    }

    #[test]
    fn a_skipped_job_is_not_run() {
        let ledger = done(vec![100, 1, 100], 2, &|job| job);
        assert_eq!((ledger.started, ledger.ended), (vec![0, 1, 2], vec![(1, Ok(1))]));
    }

    #[test]
    fn a_panic_is_reported_and_running_jobs_finish() {
        let ledger = done(vec![0, 1, 2, 3], 2, &|job| {
            std::thread::sleep(Duration::from_millis(500 * job as u64));
            assert!(job != 0, "too early");
            job
        });
        assert_eq!(ledger.ended, [(0, Err("too early".to_owned())), (1, Ok(1))]);
        assert_eq!(ledger.started, [0, 1]);
    }
}
