//! Processes that outlive their run. They are found by an environment variable that all children inherit. This works on
//! Linux only: elsewhere, another process's environment cannot be read, and nothing is found.

use std::time::{Duration, Instant};

use super::processes::{self, OtherProcess};

/// Holds the run's id; set for all children of a run
pub const RUN: &str = "PYRELEASE_RUN";
/// Holds the stage's name; set only for the commands of stages
pub const STAGE: &str = "PYRELEASE_STAGE";

/// How long a process has to end after SIGTERM
const TERM_GRACE: Duration = Duration::from_secs(2);
/// How long `git` has to finish its work
const GIT_GRACE: Duration = Duration::from_secs(5);
/// How long terminating may take in total
const TOTAL_LIMIT: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(10);

/// Which processes to look for
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanScope {
    /// Everything that the run started
    Run,
    /// What the commands of its stages started; excludes, for example, the agent that `git` started to sign
    Stages,
}

/// A process that is still running
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanProcess {
    pub process: u32,
    /// Its command line, as far as it is readable
    pub command: String,
    /// The stage that started it, if any
    pub stage: Option<String>,
}

/// Terminates all processes of a killed run: the commands of its stages at once, then `git` after time to finish,
/// because killing it midway can leave a lock or half-written files.
pub fn terminate_all(run: &str) {
    end(run, OrphanScope::Stages);
    wait_for_git(run);
    end(run, OrphanScope::Run);
}

/// Waits until the run's `git` processes finish, and ends those that do not. A push to a remote on this machine runs in
/// a process of its own, which outlives the killed `git push`.
pub fn finish_git(run: &str) {
    wait_for_git(run);
    end_all(|| find(run, OrphanScope::Run).into_iter().filter(is_git).collect());
}

fn wait_for_git(run: &str) {
    let began = Instant::now();
    while began.elapsed() < GIT_GRACE && find(run, OrphanScope::Run).iter().any(is_git) {
        std::thread::sleep(TICK);
    }
}

fn is_git(orphan: &OrphanProcess) -> bool {
    let program = orphan.command.split(' ').next().unwrap_or_default();
    program.rsplit('/').next().is_some_and(|name| name.starts_with("git"))
}

/// Ends the remaining processes of a run, by SIGTERM and then SIGKILL; returns those that were found.
pub fn end(run: &str, of: OrphanScope) -> Vec<OrphanProcess> {
    end_all(|| find(run, of))
}

fn end_all(find: impl Fn() -> Vec<OrphanProcess>) -> Vec<OrphanProcess> {
    let began = Instant::now();
    let found = find();
    let mut left = found.clone();
    let mut asked: Vec<u32> = Vec::new();
    while !left.is_empty() && began.elapsed() < TOTAL_LIMIT {
        for orphan in &left {
            let patient = began.elapsed() < TERM_GRACE;
            if patient && asked.contains(&orphan.process) {
                continue;
            }
            asked.push(orphan.process);
            signal(orphan.process, patient);
        }
        std::thread::sleep(TICK);
        left = find();
    }
    found
}

/// Whether a process with this id is running.
#[cfg(target_os = "linux")]
pub fn is_alive(process: u32) -> bool {
    processes::is_running(process)
}

/// When a process started, in ticks since boot; none where this cannot be determined.
pub fn start_of(process: u32) -> Option<u64> {
    processes::start_of(process)
}

/// Whether a process has this id; assumes so where this cannot be determined.
#[cfg(not(target_os = "linux"))]
pub fn is_alive(_: u32) -> bool {
    true
}

fn find(run: &str, of: OrphanScope) -> Vec<OrphanProcess> {
    let look = |process: OtherProcess| {
        // Processes that ended meanwhile, or belong to another user, show nothing.
        let value = |name: &str| process.variable(name).filter(|value| !value.is_empty());
        if value(RUN)? != run.as_bytes() {
            return None;
        }
        let stage = value(STAGE).map(|stage| String::from_utf8_lossy(&stage).into_owned());
        if of == OrphanScope::Stages && stage.is_none() {
            return None;
        }
        Some(OrphanProcess { process: process.id, command: process.words()?.join(" "), stage })
    };
    processes::others().into_iter().filter_map(look).collect()
}

#[cfg(unix)]
fn signal(process: u32, patient: bool) {
    use rustix::process::{Pid, Signal, kill_process};
    let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return };
    // It may have ended already.
    let _ = kill_process(process, if patient { Signal::TERM } else { Signal::KILL });
}

#[cfg(not(unix))]
fn signal(_: u32, _: bool) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn orphans_are_found_and_ended() {
        let run = format!("test-{}", std::process::id());
        let started = |script: &str, stage: Option<&str>| {
            let command = duct::cmd!("sh", "-c", script).env(RUN, &run).unchecked();
            let command = match stage {
                Some(stage) => command.env(STAGE, stage),
                None => command,
            };
            command.start().unwrap()
        };
        // A background process whose parent ended, one that ignores SIGTERM, and one of git's.
        let parent = started("sleep 60 &", Some("docs"));
        parent.wait().unwrap();
        let stubborn = started("trap '' TERM; while :; do sleep 0.01; done", Some("docs"));
        let agent = started("sleep 60", None);
        while find(&run, OrphanScope::Run).len() < 3 {
            std::thread::sleep(TICK);
        }

        let ended = end(&run, OrphanScope::Stages);
        assert!(ended.iter().any(|orphan| orphan.command == "sleep 60"), "{ended:?}");
        assert!(ended.iter().all(|orphan| orphan.stage.as_deref() == Some("docs")), "{ended:?}");
        stubborn.wait().unwrap();
        assert!(agent.try_wait().unwrap().is_none());

        end(&run, OrphanScope::Run);
        agent.wait().unwrap();
        assert_eq!(find(&run, OrphanScope::Run), []);
    }

    #[test]
    fn a_process_that_has_ended_is_not_alive_before_its_parent_knows() {
        let ended = duct::cmd!("true").start().unwrap();
        let process = ended.pids()[0];
        let began = Instant::now();
        while is_alive(process) {
            assert!(began.elapsed() < Duration::from_secs(60));
            std::thread::sleep(TICK);
        }
        assert!(std::path::Path::new("/proc").join(process.to_string()).is_dir(), "nobody has asked yet");
        ended.wait().unwrap();
        assert!(is_alive(std::process::id()));
    }

    #[test]
    fn git_may_finish_its_work() {
        let run = format!("test-git-{}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let started = folder.path().join("started");
        let alias = format!("alias.slowly=!touch '{}'; sleep 0.5; touch finished", started.display());
        let git = duct::cmd!("git", "-c", alias, "slowly").env(RUN, &run).unchecked();
        let init = duct::cmd!("git", "init", "--quiet", folder.path());
        init.run().unwrap();
        let git = git.dir(folder.path()).start().unwrap();
        while !started.exists() {
            std::thread::sleep(TICK);
        }
        terminate_all(&run);
        assert!(git.wait().unwrap().status.success());
        assert!(folder.path().join("finished").exists());
    }
}
