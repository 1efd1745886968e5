//! The binary is replaced, or deleted, while it runs.

use std::path::Path;
use std::time::Duration;

use pyrelease_test_support::Running;

use crate::faults::go_on;
use crate::faults::scene::Scene;
use crate::faults::schedule::Pipeline;

/// Runs a copy of the program, to which `change` happens when the command of the pipeline is at work.
fn upgraded(change: impl Fn(&Path) + Send + Copy + 'static, kill: bool) {
    let mut scene = Scene::set(Pipeline::Commands, false);
    let root = scene.project.sandbox().root().to_owned();
    let program = root.join("pyrelease");
    fs_err::copy(env!("CARGO_BIN_EXE_pyrelease"), &program).unwrap();
    // The command's own file is a pipe: the command waits until somebody reads from it.
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
            // Whether the command has begun or not, it does not end.
            running.signal("KILL");
            fs_err::remove_file(&fifo).unwrap();
            return;
        }
        // Read and written, so that it waits for nobody.
        let _ = duct::cmd!("timeout", "20", "cat", &fifo).stdout_null().unchecked().run();
        fs_err::remove_file(&fifo).unwrap();
        fs_err::write(&fifo, "1.1.0\n").unwrap();
    };
    let run = scene.project.pyrelease("run minor --yes").program(&program).env("MARK", &mark);
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

/// As package managers do it: another file takes the name.
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
fn a_run_killed_after_its_binary_was_replaced_is_gone_on_with_by_the_new_one() {
    upgraded(replace, true);
}
