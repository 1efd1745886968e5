//! What a run leaves behind: processes that it has started, found by a variable that they all inherit, whatever became
//! of the run itself. Elsewhere than on Linux, where nobody can look into another process, nothing is found.

use std::time::{Duration, Instant};

use super::processes::{self, OtherProcess};

/// The variable that holds the id of the run; all children of a run have it
pub const RUN: &str = "PYRELEASE_RUN";
/// The variable that holds the name of the stage; only the commands of stages have it
pub const STAGE: &str = "PYRELEASE_STAGE";

/// How long a process has to end by itself
const MOMENT: Duration = Duration::from_secs(2);
/// How long `git` has to finish what it is at
const PATIENCE: Duration = Duration::from_secs(5);
/// How long all of it may take
const LONGEST: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(10);

/// Whose processes are meant
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanScope {
    /// Everything that the run has started
    Run,
    /// What the commands of its stages have started: not, say, the agent that `git` started to sign
    Stages,
}

/// A process that is still there
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanProcess {
    pub process: u32,
    /// Its command line, as far as it shows it
    pub command: String,
    /// The stage that started it, where one did
    pub stage: Option<String>,
}

/// Winds up what a run that was killed has started. Commands of its stages are ended; `git` may finish what it is at
/// first: ended in the middle, it can leave a lock or half of the files behind.
pub fn terminate_all(run: &str) {
    end(run, OrphanScope::Stages);
    wait_for_git(run);
    end(run, OrphanScope::Run);
}

/// Lets what `git` has started for the run finish, and ends what does not: a remote on this machine has received a push
/// by a process of its own, which outlives the `git push` that was killed.
pub fn finish_git(run: &str) {
    wait_for_git(run);
    end_those(|| find(run, OrphanScope::Run).into_iter().filter(is_git).collect());
}

fn wait_for_git(run: &str) {
    let began = Instant::now();
    while began.elapsed() < PATIENCE && find(run, OrphanScope::Run).iter().any(is_git) {
        std::thread::sleep(TICK);
    }
}

fn is_git(orphan: &OrphanProcess) -> bool {
    let program = orphan.command.split(' ').next().unwrap_or_default();
    program.rsplit('/').next().is_some_and(|name| name.starts_with("git"))
}

/// Ends the processes that a run has started and that are still there: asks them to end, and makes those that do not.
/// Gives what was there.
pub fn end(run: &str, of: OrphanScope) -> Vec<OrphanProcess> {
    end_those(|| find(run, of))
}

fn end_those(find: impl Fn() -> Vec<OrphanProcess>) -> Vec<OrphanProcess> {
    let began = Instant::now();
    let found = find();
    let mut left = found.clone();
    let mut asked: Vec<u32> = Vec::new();
    while !left.is_empty() && began.elapsed() < LONGEST {
        for orphan in &left {
            let patient = began.elapsed() < MOMENT;
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

/// Whether there is a process of this id.
#[cfg(target_os = "linux")]
pub fn is_alive(process: u32) -> bool {
    std::path::Path::new("/proc").join(process.to_string()).is_dir()
}

/// Whether there is a process of this id: where nobody can tell, there may be.
#[cfg(not(target_os = "linux"))]
pub fn is_alive(_: u32) -> bool {
    true
}

fn find(run: &str, of: OrphanScope) -> Vec<OrphanProcess> {
    let look = |process: OtherProcess| {
        // What is gone meanwhile, or somebody else's, shows nothing.
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
    // It may be gone already.
    let _ = kill_process(process, if patient { Signal::TERM } else { Signal::KILL });
}

#[cfg(not(unix))]
fn signal(_: u32, _: bool) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_left_behind_is_found_and_ended() {
        let run = format!("test-{}", std::process::id());
        let started = |script: &str, stage: Option<&str>| {
            let command = duct::cmd!("sh", "-c", script).env(RUN, &run).unchecked();
            let command = match stage {
                Some(stage) => command.env(STAGE, stage),
                None => command,
            };
            command.start().unwrap()
        };
        // One that goes on in the background when its parent has ended, one that does not listen, and one of git's.
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
    fn git_finishes_what_it_is_at() {
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
