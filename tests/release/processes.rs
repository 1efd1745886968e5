//! No process outlives its run, however the run ends, and leftover processes do not block it.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use pyrelease_test_support::{Config, Running, str};

use super::failures::Attempt;
use super::{QUICK, quick};

/// The default pipeline with one more command, placed by its reach.
fn with_command(reach: &str, script: &str) -> Config {
    let all = match reach {
        "private" => "changelog version tag own build check testpypi push pypi",
        "repository" => "changelog version tag build check testpypi push own pypi",
        _ => "changelog version tag build check testpypi push pypi own",
    };
    let config = Config::stages(all).stage("own").shell(script).set("undo", ["true"]);
    config.set("reach", reach).lines(QUICK)
}

/// Waits until the command has created the file.
fn wait_for(running: &Running<'_>, path: &Path) {
    while !path.exists() && !running.has_ended() {
        running.wait(Duration::from_millis(5));
    }
}

/// The command lines that contain `text`.
fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for process in fs_err::read_dir("/proc").expect("Linux has it").flatten() {
        let line = fs_err::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) {
            found.push(line);
        }
    }
    found
}

#[track_caller]
fn nothing_is_left_of(text: &str) {
    let began = Instant::now();
    let mut left = processes_with(text);
    while !left.is_empty() && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
        left = processes_with(text);
    }
    assert!(left.is_empty(), "still there: {left:?}");
}

/// A program that is killed cannot delete its temporary files.
#[test]
fn a_killed_run_takes_the_temporary_files_of_its_children_with_it() {
    let script = "folder=$(mktemp -d); touch \"$folder/x\" \"$MARK\"; test -e \"$QUICKLY\" || sleep 7205";
    let attempt = Attempt::configured(quick(), &with_command("private", script));
    let (project, root) = (&attempt.project, attempt.project.sandbox().root());
    let (mark, quickly) = (root.join("mark"), root.join("quickly"));
    let left = || fs_err::read_dir(project.sandbox().temporary()).expect("a folder").count();
    let run = || project.pyrelease("run minor --yes").env("MARK", &mark).env("QUICKLY", &quickly);
    let kill = |running: &Running<'_>| {
        wait_for(running, &mark);
        assert_eq!(left(), 1);
        running.signal("KILL");
    };
    assert_eq!(run().meanwhile(kill).run().status(), -1);
    project.pyrelease("rollback --yes").code(0);
    assert_eq!(left(), 0);
    fs_err::write(&quickly, "").expect("a file");
    // A relative folder is the same for children that work elsewhere.
    run().env("TMPDIR", "../tmp").code(0);
    assert_eq!(left(), 0);
}

/// What the lock file says of its holder may be lost on a full disk, or name a process whose id another one has by now.
#[test]
fn the_watchdog_of_a_killed_run_is_waited_for_whomever_the_lock_names() {
    let reused = format!("process {} since 2026-01-01 00:00:00\n1\n", std::process::id());
    for named in ["", &reused] {
        let attempt = Attempt::configured(quick(), &Config::stages("version tag push"));
        let project = &attempt.project;
        let received = project.sandbox().root().join("received");
        let variables = [("RECEIVED", received.to_str().expect("our own name"))];
        // The watchdog lets git finish its work: longer than anybody waits for a command that only looks.
        project.remote().hook_with("post-receive", &variables, "touch \"$RECEIVED\"\nsleep 3\n");
        let lock = project.folder().join(".git/pyrelease/lock");
        let kill = |running: &Running<'_>| {
            wait_for(running, &received);
            fs_err::write(&lock, named).expect("the lock file");
            running.signal("KILL");
        };
        assert_eq!(project.pyrelease("run minor --yes").meanwhile(kill).run().status(), -1);
        project.pyrelease("rollback --yes").code(0);
    }
}

#[test]
fn what_a_killed_run_had_started_ends_with_it() {
    let script = "touch \"$MARK\"; sleep 7201 & sleep 7202";
    let attempt = Attempt::configured(quick(), &with_command("repository", script));
    let project = &attempt.project;
    let mark = project.sandbox().root().join("mark");
    let before = project.snapshot();
    let kill = |running: &Running<'_>| {
        wait_for(running, &mark);
        running.signal("KILL");
    };
    let killed = project.pyrelease("run minor --yes").env("MARK", &mark).meanwhile(kill).run();
    assert_eq!(killed.status(), -1, "{killed}");

    // Immediately: the rollback waits for the processes.
    project.pyrelease("rollback --yes").code(0);
    assert!(processes_with("sleep 720").is_empty(), "{:?}", processes_with("sleep 720"));
    project.assert_unchanged(&before);
    attempt.left_nothing();
}

/// A push continues after its run is killed, unless it is terminated: otherwise a rollback would see an unchanged
/// remote, and the push would arrive afterwards.
#[test]
fn a_push_of_a_killed_run_does_not_arrive_after_the_rollback() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    let mark = project.sandbox().root().join("mark");
    let variables = [("MARK", mark.to_str().unwrap())];
    project.remote().hook_with("pre-receive", &variables, "cat >/dev/null\ntouch \"$MARK\"\nsleep 3\n");
    let before = project.snapshot();
    let kill = |running: &Running<'_>| {
        wait_for(running, &mark);
        running.signal("KILL");
    };
    let killed = project.pyrelease("run minor --yes").meanwhile(kill).run();
    assert_eq!(killed.status(), -1, "{killed}");
    fs_err::remove_file(project.remote().path().join("hooks/pre-receive")).unwrap();
    project.pyrelease("rollback --yes").code(0);
    std::thread::sleep(Duration::from_secs(4));
    project.assert_unchanged(&before);
}

#[test]
fn a_terminated_run_is_undone() {
    for signal in ["TERM", "HUP", "INT"] {
        let script = "touch \"$MARK\"; sleep 7301 & sleep 7302";
        let attempt = Attempt::configured(quick(), &with_command("repository", script));
        let project = &attempt.project;
        let mark = project.sandbox().root().join("mark");
        let before = project.snapshot();
        let ask = |running: &Running<'_>| {
            wait_for(running, &mark);
            running.signal(signal);
        };
        let ended = project.pyrelease("run minor --yes").env("MARK", &mark).meanwhile(ask).code(130);
        ended.messages_eq(str![[r#"
error: interrupted
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
        project.assert_unchanged(&before);
        attempt.left_nothing();
        nothing_is_left_of("sleep 730");
    }
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let script = "trap '' TERM INT; touch \"$MARK\"; while :; do sleep 0.7401; done";
    let attempt = Attempt::configured(quick(), &with_command("repository", script));
    let project = &attempt.project;
    let mark = project.sandbox().root().join("mark");
    let before = project.snapshot();
    let twice = |running: &Running<'_>| {
        wait_for(running, &mark);
        running.signal("INT");
        running.wait(Duration::from_millis(300));
        let asked = Instant::now();
        running.signal("INT");
        running.wait(Duration::from_secs(30));
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    };
    let ended = project.pyrelease("run minor --yes").env("MARK", &mark).meanwhile(twice).code(4);
    ended.stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing pyproject.toml
  Committing "Release 1.1.0"
     Tagging v1.1.0
    Building sdist and wheel with python -m build
             demo-1.1.0-py3-none-any.whl ([SIZE], sha256 [SHA256])
             demo-1.1.0.tar.gz ([SIZE], sha256 [SHA256])
    Checking every distribution by PyPI's rules
   Uploading to testpypi (http://127.0.0.1:[PORT]/, release.toml)
    Uploaded demo-1.1.0-py3-none-any.whl to testpypi
    Uploaded demo-1.1.0.tar.gz to testpypi
     Landing in your repository: main and tag v1.1.0
     Pushing main and v1.1.0 to origin, atomically
     Running `sh -c trap '' TERM INT; touch "$MARK"; while :; do sleep 0.7401; done`

interrupted: stopping the current step and undoing what can be undone (press again to stop at once)

stopped at once; `pyrelease status` shows what is left and how to continue

"#]]);
    project.pyrelease("rollback --yes").code(0);
    nothing_is_left_of("sleep 0.7401");
    project.assert_unchanged(&before);
}

/// After the last step an interrupt changes nothing: the exit code is that of the run.
#[cfg(target_os = "linux")]
#[test]
fn two_interrupts_while_the_last_record_is_written_change_nothing() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\"]\n";
    let points = {
        let project = quick().config(stages).build();
        let list = project.sandbox().root().join("points");
        project
            .pyrelease("run minor --yes")
            .env("PYRELEASE_DRILL", format!("list:{}", list.display()))
            .code(0);
        fs_err::read_to_string(list).unwrap()
    };
    let last = 1 + points.lines().position(|point| point.contains("\"end\"")).unwrap();
    let project = quick().config(stages).build();
    let twice = |running: &Running<'_>| {
        while !running.is_stopped() && !running.has_ended() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Two signals of one kind would count once while it is stopped.
        ["INT", "TERM", "CONT"].iter().for_each(|name| running.signal(name));
    };
    let run = project.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("stop:{last}"));
    run.meanwhile(twice).code(0).stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing CHANGELOG.md
     Writing pyproject.toml
  Committing "Release 1.1.0"
     Tagging v1.1.0
     Landing in your repository: main and tag v1.1.0
    Released demo 1.1.0

"#]]);
}

#[test]
fn an_upload_that_hangs_is_cut_short_by_an_interrupt() {
    // Answers the question before the build, accepts a second connection and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let config = Config::stages("changelog version tag build push corp")
        .index("corp")
        .set("upload", &url)
        .lines(QUICK);
    let project = quick().config(&config).build();
    let mark = project.sandbox().root().join("mark");
    let began = Instant::now();
    std::thread::scope(|scope| {
        let accepted = scope.spawn(|| {
            let mut question = silent.accept().unwrap().0;
            let mut asked = Vec::new();
            while !asked.ends_with(b"--\r\n") {
                let mut more = [0; 4096];
                let read = question.read(&mut more).unwrap();
                asked.extend_from_slice(&more[..read]);
            }
            let answer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            question.write_all(answer.as_bytes()).unwrap();
            let connection = silent.accept().unwrap();
            fs_err::write(&mark, "").unwrap();
            connection
        });
        let ask = |running: &Running<'_>| {
            wait_for(running, &mark);
            running.wait(Duration::from_millis(200));
            running.signal("INT");
        };
        let ended = project.pyrelease("run minor --yes").meanwhile(ask).code(4);
        // It may have arrived: the index does not answer, and a public file cannot be undone.
        ended.messages_eq(str![[r#"
warning: [corp] there are no credentials for `corp`
help: set `PYRELEASE_TOKEN_CORP` to a token, or add one to `.pypirc` as the password of section [corp] (with the username __token__)
warning: [corp] `corp` has no `simple` URL: existing files cannot be detected, and may be overwritten
help: add `simple` to [index.corp]
error: `corp` failed after the point of no return: the upload of `demo-1.1.0-py3-none-any.whl` to `corp` was interrupted
help: demo-1.1.0-py3-none-any.whl on corp may be public; finish the release with `pyrelease resume`

"#]]);
        drop(accepted.join());
    });
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn what_a_stage_leaves_running_ends_with_the_run() {
    let script = "sleep 7501 & echo started";
    let attempt = Attempt::configured(quick(), &with_command("private", script));
    let began = Instant::now();
    let outcome = attempt.project.pyrelease("run minor --yes").code(0);
    outcome.messages_eq(str![[r#"
warning: [own] it left `sleep 7501` running; it was terminated
help: a stage cannot start processes that outlive the release

"#]]);
    assert!(began.elapsed() < Duration::from_secs(60), "{outcome}");
    nothing_is_left_of("sleep 7501");
    assert_eq!(attempt.public.files("demo").len(), 2);
}

/// Two commands at the same time: the second names the holder of the lock, and changes nothing.
#[test]
fn a_second_run_in_the_same_repository_is_refused() {
    let script = "touch \"$MARK\"; while [ ! -e \"$GO\" ]; do sleep 0.02; done";
    let attempt = Attempt::configured(quick(), &with_command("repository", script));
    let project = &attempt.project;
    let [mark, go] = ["mark", "go"].map(|name| project.sandbox().root().join(name));
    let others = |running: &Running<'_>| {
        wait_for(running, &mark);
        for command in ["run patch --yes", "resume --yes", "rollback --yes"] {
            let refused = project.pyrelease(command).code(3);
            refused.messages_eq(str![[r#"
error: a release is already under way in this repository (process [PID] since [TIME])
help: wait for it to end; `pyrelease status` shows where it is

"#]]);
        }
        assert_eq!(project.pyrelease("status --format json").code(0).json()["under_way"], true);
        fs_err::write(&go, "").unwrap();
    };
    let run = project.pyrelease("run minor --yes").env("MARK", &mark).env("GO", &go);
    run.meanwhile(others).code(0);
    assert_eq!(project.tag_target("v1.1.0"), project.head());
    assert_eq!(attempt.public.files("demo").len(), 2);
}
