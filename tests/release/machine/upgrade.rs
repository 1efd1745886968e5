//! The binary is replaced, or deleted, while it runs.

use std::path::Path;
use std::time::Duration;

use pyrelease_test_support::Running;

use crate::faults::go_on;
use crate::faults::scene::Scene;
use crate::faults::schedule::Pipeline;

/// Runs a copy of the program, and calls `change` on it while the pipeline's command runs.
fn upgraded(change: impl Fn(&Path) + Send + Copy + 'static, kill: bool) {
    let mut scene = Scene::set(Pipeline::Commands, false);
    let root = scene.project.sandbox().root().to_owned();
    let program = root.join("pyrelease");
    // The command writes to a pipe, and waits until it is read.
    let mark = scene.mark();
    duct::cmd!("mkfifo", &mark).run().unwrap();
    let (copy, fifo) = (program.clone(), mark.clone());
    let meanwhile = move |running: &Running<'_>| {
        let begun = root.join("demo/.git/refs/tags/v1.1.0");
        while !begun.exists() && !running.has_ended() {
            running.wait(Duration::from_millis(5));
        }
        change(&copy);
        if kill {
            // The command does not end, whether it has begun or not.
            running.signal("KILL");
            fs_err::remove_file(&fifo).unwrap();
            return;
        }
        // Open it for reading and writing, which does not block.
        let _ = duct::cmd!("timeout", "20", "cat", &fifo).stdout_null().unchecked().run();
        fs_err::remove_file(&fifo).unwrap();
        fs_err::write(&fifo, "1.1.0\n").unwrap();
    };
    let run = scene.project.pyrelease("run minor --yes").copied_to(&program).env("MARK", &mark);
    let outcome = run.meanwhile(meanwhile).run();
    crate::faults::nobody_left(&scene).unwrap();
    match kill {
        false => assert_eq!(outcome.status(), 0, "{outcome}"),
        true => assert_eq!(outcome.status(), -1, "{outcome}"),
    }
    if kill {
        go_on(&mut scene, 3);
    } else {
        scene.keeps_its_word(&outcome).unwrap_or_else(|problem| panic!("{problem}"));
    }
}

/// Package managers rename a new file to the same name.
fn replace(program: &Path) {
    let new = program.with_extension("new");
    fs_err::write(&new, "#!/bin/sh\necho 'this is another version' >&2\nexit 70\n").unwrap();
    duct::cmd!("chmod", "+x", &new).run().unwrap();
    fs_err::rename(new, program).unwrap();
}

#[test]
fn a_run_goes_on_when_its_binary_is_replaced() {
    upgraded(replace, false);
}

#[test]
fn a_run_goes_on_when_its_binary_is_deleted() {
    upgraded(|program| fs_err::remove_file(program).unwrap(), false);
}

#[test]
fn a_run_killed_after_its_binary_was_replaced_is_resumed_by_the_new_one() {
    upgraded(replace, true);
}
