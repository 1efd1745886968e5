//! A plugin that everybody waits for on the way back or on the way on: it is said for whom, and whoever does not want to
//! wait ends it.

use pyrelease_test_support::{Transcript, str};
use std::time::Duration;

use super::scene::Scene;

const WAITING: &str = "waiting for plugin `mark` of stage `mark`: ";

/// A release that was killed at this point of the plugin's effect.
fn killed(point: &str) -> Scene {
    let scene = Scene::marking(&[]);
    let at =
        scene.points().into_iter().find(|(_, what)| what.starts_with(point)).expect("there is the point").0;
    fs_err::remove_file(scene.mark()).expect("the mark of the release that was listed");
    let killed = scene.run().env("PYRELEASE_DRILL", format!("kill:{at}")).run();
    assert_eq!(killed.status(), -1, "{killed}");
    scene
}

#[test]
fn an_undo_that_takes_its_time_is_ended_by_an_interrupt_and_the_rest_is_undone() {
    let scene = killed("after-record done");
    fs_err::write(scene.beside("mark.undo-waits"), "").unwrap();
    // Nobody asks it anything once the user does not want to wait.
    fs_err::write(scene.beside("mark.verify-hangs"), "").unwrap();
    let rollback = scene.project.pyrelease("rollback --yes").on_a_terminal(&[(WAITING, "\u{3}")]).code(4);
    rollback.stdout_eq(str![[r#"
     Undoing a mark in a file (plugin `mark`)
             waiting for plugin `mark` of stage `mark`: `undo` may take [SECONDS] (Ctrl-C ends it)
^C
interrupted: stopping the current step and undoing what can be undone (press again to stop at once)
     Undoing main in the repository and tag v1.2.0
error: a mark in a file (plugin `mark`) could not be undone: plugin `mark` of stage `mark` failed: stopped as asked, in `undo`
help: fix the cause and run `pyrelease rollback` again, or finish the release with `pyrelease resume`, or give up the run as it is with `pyrelease rollback --leave`

"#]]);
    assert!(rollback.took() < Duration::from_secs(30), "{rollback}");
    assert_eq!(scene.project.git(&["tag", "--list", "v1.2.0"]), "", "what was done before it is undone");
    for neighbour in ["mark.undo-waits", "mark.verify-hangs"] {
        fs_err::remove_file(scene.beside(neighbour)).unwrap();
    }
    scene.project.pyrelease("rollback --yes").code(0);
    assert!(!scene.mark().exists());
    scene.is_quiet();
}

#[test]
fn a_question_that_takes_its_time_is_ended_by_an_interrupt_and_nothing_is_done() {
    let mut seen = Transcript::named("waiting/a-question-that-takes-its-time-is-ended-by-an-interrupt");
    let scene = killed("acknowledged");
    let before = scene.project.snapshot();
    fs_err::write(scene.beside("mark.verify-waits"), "").unwrap();
    for command in ["rollback --yes", "resume --yes"] {
        let ended = scene.project.pyrelease(command).on_a_terminal(&[(WAITING, "\u{3}")]).code(4);
        seen.add(&ended);
        assert!(ended.took() < Duration::from_secs(30), "{ended}");
        scene.project.assert_unchanged(&before);
    }
    seen.assert();
    fs_err::remove_file(scene.beside("mark.verify-waits")).unwrap();
    scene.project.pyrelease("resume --yes").code(0);
    assert!(scene.mark().exists());
    scene.is_quiet();
}

#[test]
fn a_question_that_is_never_answered_has_an_end() {
    let scene = Scene::marking(&[("die", "acted")]);
    let config = scene.project.read("release.toml").replace("plugin = ", "timeout = 1\nplugin = ");
    scene.project.write("release.toml", &config);
    scene.project.commit("Wait for a second only");
    scene.project.git(&["push", "--quiet"]);
    let before = scene.project.snapshot();
    fs_err::write(scene.beside("mark.verify-hangs"), "").unwrap();
    // What nobody can tell is undone all the same: an undo of what is not there does nothing.
    scene.run().code(1).stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
demo 1.1.0 (now 1.0.0), tag v1.1.0, from main at [OID]
   Releasing 1.1.0 (run [RUN])
     Writing src/demo/__init__.py
  Committing "Release 1.1.0"
     Tagging v1.1.0
     Landing in your repository: main and tag v1.1.0
     Calling mark: a mark in a file
             waiting for plugin `mark` of stage `mark`: `verify` may take [SECONDS] (Ctrl-C ends it)
             waiting for plugin `mark` of stage `mark`: `verify` may take [SECONDS] (Ctrl-C ends it)
     Undoing a mark in a file (plugin `mark`)
     Undoing main in the repository and tag v1.1.0
 Rolled back the repository and its remote to their state before the release
error: plugin `mark` of stage `mark` was killed by signal: 9 (SIGKILL), in `run`

"#]]);
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
}
