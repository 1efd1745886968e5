//! A plugin that everybody waits for on the way back or on the way on: it is said for whom, and whoever does not want to
//! wait ends it.

use std::time::Duration;

use super::scene::Scene;

const WAITING: &str = "waiting for plugin `mark` of stage `mark`: ";

/// A release that was killed at this point of the plugin's effect.
fn killed(point: &str) -> Scene {
    let scene = Scene::marking("");
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
    rollback
        .stdout_contains("`undo` may take 600 s (Ctrl-C ends it)")
        .stdout_contains("a mark in a file (plugin `mark`) could not be undone")
        .stdout_contains("stopped as asked");
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
    let scene = killed("acknowledged");
    let before = scene.project.snapshot();
    fs_err::write(scene.beside("mark.verify-waits"), "").unwrap();
    for command in ["rollback --yes", "resume --yes"] {
        let ended = scene.project.pyrelease(command).on_a_terminal(&[(WAITING, "\u{3}")]).code(4);
        ended
            .stdout_contains("`verify` may take 60 s (Ctrl-C ends it)")
            .stdout_contains("interrupted before the outcome of a mark in a file (plugin `mark`) was known");
        assert!(ended.took() < Duration::from_secs(30), "{ended}");
        scene.project.assert_unchanged(&before);
    }
    fs_err::remove_file(scene.beside("mark.verify-waits")).unwrap();
    scene.project.pyrelease("resume --yes").code(0);
    assert!(scene.mark().exists());
    scene.is_quiet();
}

#[test]
fn a_question_that_is_never_answered_has_an_end() {
    let scene = Scene::marking(", die = \"acted\"");
    let config = scene.project.read("release.toml").replace("plugin = ", "timeout = 1\nplugin = ");
    scene.project.write("release.toml", &config);
    scene.project.commit("Wait for a second only");
    scene.project.git(&["push", "--quiet"]);
    let before = scene.project.snapshot();
    fs_err::write(scene.beside("mark.verify-hangs"), "").unwrap();
    // What nobody can tell is undone all the same: an undo of what is not there does nothing.
    scene.run().code(1).stderr_contains("Undoing");
    assert!(!scene.mark().exists());
    scene.project.assert_unchanged(&before);
}
