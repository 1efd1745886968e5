//! Power cuts during releases, and the recoveries.

#![cfg(target_os = "linux")]

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pyrelease_test_support::{Config, Outcome, Project, Running, Snapshot, str};
use serde_json::Value;

use super::{Cut, TAG, TRACKING, Trap};
use crate::release::drill::EXHAUSTIVE;
use crate::release::quick;

const STAGES: &str = "stages = [\"changelog\", \"version\", \"tag\", \"push\"]\n";

/// A release without a build, and the state before it
struct Scene {
    project: Project,
    /// The worktree of the release
    top: PathBuf,
    before: Snapshot,
}

impl Scene {
    fn new() -> Self {
        let project = quick().config(STAGES).build();
        Self { top: project.repository().to_owned(), before: project.snapshot(), project }
    }

    /// Releases from a linked worktree, which has the branch.
    fn linked() -> Self {
        let project = quick().config(STAGES).build();
        project.git(&["switch", "--quiet", "-c", "other"]);
        let top = project.worktree("linked", &["main"]);
        Self { top, before: project.snapshot(), project }
    }

    fn run(&self, command: &str) -> Outcome {
        self.project.pyrelease(command).from(&self.top).run()
    }

    /// Runs a command, and kills all of its processes when git reaches this point.
    #[track_caller]
    fn cut(&self, command: &str, cut: Cut) {
        let trap = Trap::set(&self.project, &self.top, cut);
        let wait = |running: &Running<'_>| assert!(trap.wait(running), "{cut:?} was not come to");
        let outcome = self.project.pyrelease(command).from(&self.top).meanwhile(wait).run();
        assert_eq!(outcome.status(), -1, "{cut:?}: {outcome}");
    }

    /// Runs a command, and kills all processes at this point of a drill, unless it ends before.
    fn cut_at(&self, command: &str, point: u64) -> Outcome {
        let wait = |running: &Running<'_>| {
            while !running.is_stopped() && !running.has_ended() {
                std::thread::sleep(Duration::from_micros(200));
            }
            // A running git has got further or less far.
            std::thread::sleep(Duration::from_millis(point % 4));
            self.project.sandbox().cut_power();
        };
        self.project.pyrelease(command).env("PYRELEASE_DRILL", format!("stop:{point}")).meanwhile(wait).run()
    }

    /// Git's lock files, here and at the remote.
    fn locks(&self) -> Vec<String> {
        let root = self.project.sandbox().root();
        let debris = self.project.debris();
        debris.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    fn status(&self) -> Value {
        let outcome = self.project.pyrelease("status --format json").from(&self.top).code(0);
        serde_json::from_str(outcome.stdout()).unwrap()
    }

    /// Asserts that `status` names this command, that it succeeds, that no lock stays, and that git works.
    #[track_caller]
    fn goes_on(&self, command: &str, cut: impl Debug) {
        let next = self.status()["next"].to_string();
        assert!(next.contains(&format!("\"pyrelease {command}\"")), "{cut:?}: {next}");
        let outcome = self.run(&format!("{command} --yes"));
        assert_eq!(outcome.status(), 0, "{cut:?}: {outcome}");
        assert_eq!(self.locks(), [""; 0], "{cut:?}: {outcome}");
        if command == "rollback" {
            let differences = self.before.differences(&self.project.snapshot());
            assert!(differences.is_empty(), "{cut:?}: {differences:#?}");
        } else {
            self.is_released(&cut);
        }
        self.project.git(&["-C", self.top.to_str().unwrap(), "commit", "-q", "--allow-empty", "-m", "Go on"]);
    }

    #[track_caller]
    fn is_released(&self, cut: &impl Debug) {
        let project = &self.project;
        let main = &project.refs()["refs/heads/main"];
        assert_eq!(project.tag_target("v1.1.0"), *main);
        assert_eq!(project.remote_refs()["refs/heads/main"], *main);
        assert_eq!(project.remote_refs()[TAG], project.refs()[TAG]);
        let status = project.git(&["-C", self.top.to_str().unwrap(), "status", "--porcelain", "-uno"]);
        assert_eq!(status, "", "{cut:?}");
    }
}

#[test]
fn during_a_release() {
    for (cut, way) in Cut::ALL.into_iter().zip(["rollback", "resume"].into_iter().cycle()) {
        let scene = Scene::new();
        scene.cut("run minor --yes", cut);
        scene.goes_on(way, cut);
    }
}

/// Git moves one ref after the other, without a hook between them: so the branch is moved by hand here.
#[test]
fn between_the_branch_and_the_tag() {
    for way in ["resume", "rollback"] {
        let scene = Scene::new();
        scene.cut("run minor --yes", Cut::Refs("prepared", TAG));
        let git_folder = scene.project.git_folder();
        let branch = git_folder.join("refs/heads/main");
        fs_err::rename(branch.with_extension("lock"), &branch).unwrap();
        assert!(git_folder.join(format!("{TAG}.lock")).exists());
        scene.goes_on(way, "between the branch and the tag");
    }
}

/// The points of a drill from the intent of the landing to the end of the push.
fn points_of_landing_and_push() -> Vec<(u64, String)> {
    let scene = Scene::new();
    let list = scene.project.sandbox().root().join("points");
    let drill = format!("list:{}", list.display());
    scene.project.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill).code(0);
    let lines = fs_err::read_to_string(list).unwrap();
    let points = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let shown = points
        .map(|point| (point["number"].as_u64().unwrap(), format!("{} {}", point["moment"], point["what"])));
    let points = shown.skip_while(|(_, shown)| !shown.contains("intent: "));
    points.take_while(|(_, shown)| !shown.contains("\"end\"")).collect()
}

#[track_caller]
/// Cuts the power at every second point, from `first` on; the other recovery has the others. All of them if asked for.
fn cut_at_every_second_point(way: &str, first: usize) {
    let points = points_of_landing_and_push();
    let is_there = |text: &str| points.iter().any(|(_, shown)| shown.contains(text));
    assert!(
        is_there("update-ref") && is_there("read-tree") && is_there("git -c remote.origin.mirror=false push")
    );
    #[expect(clippy::disallowed_methods, reason = "asked of the test, not of the program")]
    let all = std::env::var_os(EXHAUSTIVE).is_some();
    let chosen = points.into_iter().enumerate().filter(|(at, _)| all || at % 2 == first);
    for (number, shown) in chosen.map(|(_, point)| point) {
        let scene = Scene::new();
        let outcome = scene.cut_at("run minor --yes", number);
        assert_eq!(outcome.status(), -1, "point {number}: {outcome}");
        scene.goes_on(way, format!("point {number}, {shown}"));
    }
}

#[test]
fn at_every_point_of_landing_and_push_and_rolled_back() {
    cut_at_every_second_point("rollback", 0);
}

#[test]
fn at_every_point_of_landing_and_push_and_resumed() {
    cut_at_every_second_point("resume", 1);
}

#[test]
fn during_the_landing_and_recovered_the_other_way() {
    for (cut, way) in [(Cut::Refs("prepared", TAG), "resume"), (Cut::WorkingTree, "resume")] {
        let scene = Scene::new();
        scene.cut("run minor --yes", cut);
        scene.goes_on(way, cut);
    }
}

/// Two power cuts in a row, the second during the undo of the first.
#[test]
fn during_the_undo_as_well() {
    let second = [Cut::Refs("prepared", TAG), Cut::WorkingTree, Cut::RemoteRefs("prepared", TAG)];
    for (cut, way) in second.into_iter().zip(["rollback", "resume", "rollback"]) {
        let scene = Scene::new();
        scene.cut("run minor --yes", Cut::Refs("prepared", TRACKING));
        scene.cut("rollback --yes", cut);
        scene.goes_on(way, cut);
    }
}

/// Only git is killed, as by a system that is short of memory; the run continues.
#[test]
fn only_git_is_killed_during_the_undo() {
    let scene = Scene::new();
    let project = &scene.project;
    scene.cut("run minor --yes", Cut::RemoteRefs("committed", TAG));
    let trap = Trap::set(project, &scene.top, Cut::Refs("prepared", TAG));
    let kill = |running: &Running<'_>| {
        assert!(trap.is_sprung(running));
        project.sandbox().kill(&["git update-ref", "hooks/reference-transaction", "sleep 60"]);
    };
    project.pyrelease("rollback --yes").meanwhile(kill).code(4);
    drop(trap);
    assert_eq!(scene.locks().iter().filter(|lock| lock.ends_with(".lock")).count(), 0);
    scene.goes_on("rollback", Cut::Refs("prepared", TAG));
}

#[test]
fn in_a_linked_worktree() {
    for (cut, way) in [(Cut::Refs("prepared", TAG), "resume"), (Cut::WorkingTree, "rollback")] {
        let scene = Scene::linked();
        scene.cut("run minor --yes", cut);
        let locks = scene.locks();
        assert!(locks.iter().any(|lock| lock.contains(".git/worktrees/linked/")), "{locks:?}");
        scene.goes_on(way, cut);
    }
}

/// Kills all processes a little later each time, until a command succeeds.
#[test]
fn again_and_again() {
    let begin =
        [("resume --yes", Cut::Refs("prepared", TAG)), ("rollback --yes", Cut::RemoteRefs("committed", TAG))];
    for (command, cut) in begin {
        let scene = Scene::new();
        scene.cut("run minor --yes", cut);
        let mut later = (1..).step_by(3).map(|point| scene.cut_at(command, point));
        let cuts = later.by_ref().take_while(|outcome| outcome.status() == -1).count();
        assert!(cuts > 0, "{command} was not cut short");
        assert_eq!(scene.locks(), [""; 0]);
        match command {
            "resume --yes" => scene.is_released(&cut),
            _ => scene.project.assert_unchanged(&scene.before),
        }
    }
}

/// A lock that existed before is not the run's, and `status` and `doctor` show how to continue.
#[test]
fn a_lock_of_somebody_else_stays_and_is_named() {
    let config = Config::stages("changelog version lock tag push").stage("lock").shell("touch $LOCK");
    let project = quick().config(&config).build();
    let scene = Scene { top: project.repository().to_owned(), before: project.snapshot(), project };
    let lock = scene.project.git_folder().join("shallow.lock");
    let trap = Trap::set(&scene.project, &scene.top, Cut::Refs("prepared", TAG));
    let wait = |running: &Running<'_>| assert!(trap.wait(running));
    scene.project.pyrelease("run minor --yes").env("LOCK", &lock).meanwhile(wait).run();
    drop(trap);

    // Written by a later process that is dead as well.
    let main = scene.project.git_folder().join("refs/heads/main.lock");
    fs_err::write(&main, format!("{}\n", "1".repeat(40))).unwrap();
    let status = scene.status();
    let left_by_run = |name: &str| {
        let locks = status["locks"].as_array().unwrap();
        let lock = locks.iter().find(|lock| lock["path"].as_str().unwrap().ends_with(name));
        lock.map(|lock| lock["left_by_run"].as_bool().unwrap())
    };
    assert_eq!(["HEAD.lock", "v1.1.0.lock"].map(left_by_run), [Some(true); 2]);
    assert_eq!(["main.lock", "shallow.lock"].map(left_by_run), [Some(false); 2]);
    let removal = format!("rm {}", lock.display());
    let removals = || -> Vec<String> {
        let status = scene.status();
        let locks = status["locks"].as_array().unwrap().iter();
        locks.map(|lock| lock["removal"].as_str().unwrap().to_owned()).collect()
    };
    assert!(removals().contains(&removal), "{removal}");
    scene.project.pyrelease("status").code(0).stdout_eq(str![[r#"
demo 1.1.0: interrupted
  run       [RUN]
  folder    [ROOT]/demo/.git/pyrelease/runs/[RUN]
  stages    changelog ✓, version ✓, lock ✓, tag ✓, push
  in doubt  main in the repository and tag v1.1.0

  ref         at    now         state
  main        here  [OID]       as before the run
  tag v1.1.0  here  none        as before the run

note: git left the lock file `[ROOT]/demo/.git/HEAD.lock` when the run was interrupted: `resume` and `rollback` remove it
note: git left the lock file `[ROOT]/demo/.git/refs/tags/v1.1.0.lock` when the run was interrupted: `resume` and `rollback` remove it
note: the lock file `[ROOT]/demo/.git/refs/heads/main.lock` blocks git: no git command is running here; remove the stale lock: `rm [ROOT]/demo/.git/refs/heads/main.lock`
note: the lock file `[ROOT]/demo/.git/shallow.lock` blocks git: no git command is running here; remove the stale lock: `rm [ROOT]/demo/.git/shallow.lock`

next: pyrelease resume
  or: pyrelease rollback

"#]]);

    let undone = scene.project.pyrelease("rollback --yes").code(0);
    undone.stderr_eq(str![[r#"
             removed `[ROOT]/demo/.git/HEAD.lock`, a lock that git left when the run was interrupted
             removed `[ROOT]/demo/.git/refs/tags/v1.1.0.lock`, a lock that git left when the run was interrupted
 Rolled back the repository and its remote to their state before the release

"#]]);
    assert_eq!(scene.locks(), ["demo/.git/refs/heads/main.lock", "demo/.git/shallow.lock"]);
    fs_err::remove_file(main).unwrap();
    assert_eq!(removals(), [removal]);

    // A lock that would stop a release is an error of the preflight.
    fs_err::rename(&lock, lock.with_file_name("index.lock")).unwrap();
    scene.project.pyrelease("doctor").code(3).messages_eq(str![[r#"
error: the lock file `[ROOT]/demo/.git/index.lock` blocks git
help: no git command is running here; remove the stale lock: `rm [ROOT]/demo/.git/index.lock`
error: 1 problem would make a release fail
help: next: `rm [ROOT]/demo/.git/index.lock`

"#]]);
    scene.project.pyrelease("run minor --yes").code(3).messages_eq(str![[r#"
error: the lock file `[ROOT]/demo/.git/index.lock` blocks git
help: no git command is running here; remove the stale lock: `rm [ROOT]/demo/.git/index.lock`
error: the release was refused; nothing has been done

"#]]);
    fs_err::remove_file(lock.with_file_name("index.lock")).unwrap();
    scene.project.assert_unchanged(&scene.before);
}

/// Of two similar locks, one is a leftover, and the other is held by a user who edits a commit message.
#[test]
fn a_lock_that_a_living_git_may_hold_stays() {
    let scene = Scene::new();
    let project = &scene.project;
    scene.cut("run minor --yes", Cut::Refs("prepared", TAG));
    let held = project.git_folder().join("index.lock");
    project.write("README.md", "# edited\n");
    let release = project.sandbox().root().join("written");
    let editor = "sh -c 'while [ ! -e \"$WRITTEN\" ]; do sleep 0.02; done; false' -";
    let variables = [("GIT_EDITOR", editor), ("WRITTEN", release.to_str().unwrap())];
    let commit = project.sandbox().command_with(project.folder(), "git", &["commit", "--all"], &variables);
    let commit = commit.stdout_null().stderr_null().unchecked().start().unwrap();
    let began = Instant::now();
    while !held.exists() {
        assert!(began.elapsed() < Duration::from_secs(20), "git does not lock the index");
        std::thread::sleep(Duration::from_millis(5));
    }
    let impatient = |running: &Running<'_>| {
        running.wait(Duration::from_millis(500));
        running.signal("INT");
    };
    let refused = project.pyrelease("rollback --yes").meanwhile(impatient).code(4);
    refused.messages_eq(str![[r#"
error: `[ROOT]/demo/.git/HEAD.lock` may be left from the run, and `git commit` (process [PID]) may hold it: it was not removed
help: wait until that has ended, or end it, and try again

"#]]);
    assert!(held.exists());

    fs_err::write(&release, "").unwrap();
    commit.wait().unwrap();
    project.git(&["checkout", "--quiet", "--", "README.md"]);
    scene.goes_on("rollback", Cut::Refs("prepared", TAG));
}

/// Editors take the index's lock for a moment with each status.
#[test]
fn short_lived_locks_are_waited_for() {
    let scene = Scene::new();
    let project = &scene.project;
    let ask = |running: &Running<'_>| {
        while !running.has_ended() {
            let touched = fs_err::read(project.folder().join("README.md")).unwrap();
            fs_err::write(project.folder().join("README.md"), touched).unwrap();
            let status = project.sandbox().command(project.folder(), "git", &["status"]);
            status.stdout_null().stderr_null().unchecked().run().unwrap();
        }
    };
    let outcome = project.pyrelease("run minor --yes").meanwhile(ask).run();
    assert_eq!(outcome.status(), 0, "{outcome}");
    scene.is_released(&"a busy index");
}
