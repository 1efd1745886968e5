//! Releases to which everything happens at random that can happen to one, and what must hold all the same: as before,
//! or released with the bytes that were rehearsed, or exit 4 and a command that goes on.
//!
//! A schedule follows from its seed alone, but for the times at which something comes from outside. More of them:
//! `PYRELEASE_TEST_SEED=$RANDOM PYRELEASE_TEST_SCHEDULES=5000 cargo test --test pyrelease faults:: -- --nocapture`; one of them again:
//! `PYRELEASE_TEST_SEED=… PYRELEASE_TEST_SCHEDULES=1`.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod judge;
pub(crate) mod random;
pub(crate) mod scene;
pub(crate) mod schedule;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pyrelease_test_support::{Outcome, no_small_disk};

use crate::model::engine::check_journals;
use random::Random;
use scene::Scene;
use schedule::{Blow, Extent, Pipeline, Schedule};

/// Schedules of an ordinary test run
const SCHEDULES: u64 = 60;
/// The first seed of an ordinary test run: a change is tried by the same schedules as the one before it
const SEED: u64 = 20_261_124;
/// Schedules at the same time; much of their time is waiting
const AT_ONCE: usize = 4;
/// Commands that may be needed at the end, when nothing goes wrong any more
const LAST_COMMANDS: usize = 4;
/// How long what a run has started may take to end after it
const AFTERMATH: Duration = Duration::from_secs(20);

/// What happened, counted
type Tally = BTreeMap<String, usize>;

#[test]
fn whatever_happens_a_release_is_whole_or_not_at_all() {
    let seed = variable("PYRELEASE_TEST_SEED").unwrap_or(SEED);
    let number = variable("PYRELEASE_TEST_SCHEDULES").unwrap_or(SCHEDULES);
    println!("{number} schedules from PYRELEASE_TEST_SEED={seed}");
    let no_disk = no_small_disk();
    if let Some(reason) = &no_disk {
        println!("no disk is ever full: {reason}");
    }
    let small_disk = no_disk.is_none();
    let began = Instant::now();
    let extents = extents();
    println!("{:.0} s for one release each", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let (next, tally, failures) = (AtomicU64::new(0), Mutex::new(Tally::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    if index >= number || failures.lock().unwrap().len() >= MOST_FAILURES {
                        break;
                    }
                    if index > 0 && index % 100 == 0 {
                        println!("{index} begun, {:.0} s", began.elapsed().as_secs_f64());
                    }
                    let schedule =
                        Schedule::new(seed.wrapping_add(index), |pipeline| extents[&pipeline], small_disk);
                    let mut seen = Tally::new();
                    let mut log = String::new();
                    let tried =
                        catch_unwind(AssertUnwindSafe(|| play(&schedule, small_disk, &mut seen, &mut log)));
                    let problem = match tried {
                        Ok(Ok(())) => None,
                        Ok(Err(problem)) => Some(problem),
                        Err(panic) => Some(said(&*panic)),
                    };
                    if let Some(problem) = problem {
                        failures.lock().unwrap().push(report(&schedule, &problem, &log));
                    }
                    for (what, times) in seen {
                        *tally.lock().unwrap().entry(what).or_default() += times;
                    }
                }
            });
        }
    });
    println!("{number} schedules in {:.0} s", began.elapsed().as_secs_f64());
    for (what, times) in tally.into_inner().unwrap() {
        println!("{times:6} {what}");
    }
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} schedules failed\n\n{}", failures.len(), failures.join("\n\n"));
}

/// Failures after which no further schedule is begun
const MOST_FAILURES: usize = 5;

#[expect(clippy::disallowed_methods, reason = "how much is tested is for whoever starts the tests to say")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("`{name}` is a number")))
}

fn extents() -> BTreeMap<Pipeline, Extent> {
    std::thread::scope(|scope| {
        let measured = Pipeline::ALL.map(|pipeline| (pipeline, scope.spawn(move || extent(pipeline))));
        measured.into_iter().map(|(pipeline, extent)| (pipeline, extent.join().unwrap())).collect()
    })
}

/// Releases without any trouble, to see how long it takes and how many points it comes to.
fn extent(pipeline: Pipeline) -> Extent {
    let scene = Scene::set(pipeline, false);
    let list = scene.project.sandbox().root().join("points");
    let outcome = scene
        .project
        .pyrelease("run minor --yes")
        .env("MARK", scene.mark())
        .env("PYRELEASE_DRILL", format!("list:{}", list.display()))
        .code(0);
    scene.keeps_its_word(&outcome).unwrap_or_else(|problem| panic!("{problem}"));
    let points = fs_err::read_to_string(&list).unwrap().lines().count() as u64;
    Extent { points, length: outcome.took().as_millis() as u64 }
}

fn play(schedule: &Schedule, small_disk: bool, seen: &mut Tally, log: &mut String) -> Result<(), String> {
    let mut count = |what: &str, which: &str| *seen.entry(format!("{what}: {which}")).or_default() += 1;
    let mut scene = Scene::set(schedule.pipeline, small_disk);
    let mut over = false;
    for step in &schedule.steps {
        if over {
            break;
        }
        let outcome = scene.step(step);
        let _ = writeln!(log, "{outcome}");
        for blow in &step.blows {
            let struck = match blow {
                Blow::KilledAt(_) | Blow::KilledAfter(_) | Blow::PowerCut(_) => outcome.status() == -1,
                _ => true,
            };
            if struck && !matches!(blow, Blow::Network(..)) {
                count("fault", blow.kind());
            }
        }
        count("outcome", &named(&outcome));
        if outcome.status() == -1 && step.goes_on_at_once {
            continue;
        }
        nobody_left(&scene)?;
        over = scene.keeps_its_word(&outcome)?.next.is_empty();
    }
    nobody_left(&scene)?;
    let mut random = schedule.choices.clone();
    let released = finish(&mut scene, &mut random, log)?;
    check_journals(&scene.project)?;
    for (index, server) in [("testpypi", &scene.rehearsal), ("pypi", &scene.public)] {
        for trouble in server.proxy.met() {
            let kind = format!("{trouble:?}");
            count("fault", &format!("network, {index}, {}", kind.split('(').next().unwrap_or_default()));
        }
    }
    count("end", if released { "released" } else { "as before" });
    Ok(())
}

/// Goes on as `status` says until the run is over, and gives whether it is released.
///
/// # Panics
/// With whatever does not hold.
#[track_caller]
pub(crate) fn go_on(scene: &mut Scene, seed: u64) -> bool {
    let mut log = String::new();
    finish(scene, &mut Random::new(seed), &mut log).unwrap_or_else(|problem| panic!("{problem}\n{log}"))
}

/// Goes on as `status` says until the run is over, nothing going wrong any more; gives whether it is released.
fn finish(scene: &mut Scene, random: &mut Random, log: &mut String) -> Result<bool, String> {
    let mut refused: Vec<String> = Vec::new();
    let mut commands = 0;
    while commands < LAST_COMMANDS {
        scene.let_time_pass();
        let standing = scene.standing()?;
        if standing.next.is_empty() {
            return Ok(standing.released);
        }
        let left: Vec<String> =
            standing.next.iter().filter(|command| !refused.contains(command)).cloned().collect();
        if left.is_empty() {
            // Somebody else's doings can be in the way of all of them, until they are taken back.
            if !scene.disturbed {
                return Err(format!("none of these goes on: {:?}", standing.next));
            }
            scene.clear_the_way();
            refused.clear();
            continue;
        }
        commands += 1;
        let command = random.pick(&left);
        let arguments = command.strip_prefix("pyrelease ").unwrap_or(&command);
        let outcome = scene.calmly(&format!("{arguments} --yes"));
        let _ = writeln!(log, "{outcome}");
        let standing = scene.keeps_its_word(&outcome)?;
        // Seen here, too: the last of these commands may be the one that ends it.
        if standing.next.is_empty() {
            return Ok(standing.released);
        }
        // What an index has made of the files is known only when they are there; then another command is named.
        if !scene.disturbed && !scene.is_spoiled {
            return Err(format!("`{command}` is named by `status` and does not go on: {outcome}"));
        }
        refused.push(command);
    }
    Err(format!("no end after {LAST_COMMANDS} more commands"))
}

/// Nothing that a run started is at work after it.
pub(crate) fn nobody_left(scene: &Scene) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let running = scene.project.sandbox().processes();
        if running.is_empty() {
            return Ok(());
        }
        if began.elapsed() > AFTERMATH {
            return Err(format!("still running: {running:?}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn named(outcome: &Outcome) -> String {
    match outcome.status() {
        -1 => "killed".to_owned(),
        code => format!("exit {code}"),
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_owned()
}

fn report(schedule: &Schedule, problem: &str, log: &str) -> String {
    format!(
        "{schedule}\n\n{problem}\n\nagain: PYRELEASE_TEST_SEED={} PYRELEASE_TEST_SCHEDULES=1 cargo test --test \
         pyrelease faults::\n\nall that was printed:\n{log}",
        schedule.seed
    )
}
