//! The clock is set back between a run and the next command.

use serde_json::Value;
use std::path::PathBuf;

use pyrelease_test_support::{Asked, Trouble};

use super::{Phase, killed, run_folder, wrapped};
use crate::faults::go_on;

use crate::faults::scene::Scene;
use crate::faults::schedule::Pipeline;

/// The library that changes the time for a program (Debian: `apt-get install faketime`)
fn library() -> Option<String> {
    let asked = duct::cmd!("faketime", "+1 day", "printenv", "LD_PRELOAD").stderr_null().read().ok();
    if asked.is_none() {
        eprintln!("not tried: there is no `faketime`");
    }
    asked
}

/// A run of the program at another time.
fn at(scene: &Scene, library: &str, time: &str) -> PathBuf {
    let variables = [("LD_PRELOAD", library), ("FAKETIME", time)];
    wrapped(scene, &variables, "export LD_PRELOAD FAKETIME\nexec \"$PYRELEASE\" \"$@\"\n")
}

#[test]
fn a_run_of_the_future_is_finished_or_undone_today() {
    let Some(library) = library() else { return };
    for (number, point) in [20, 45, 60, 70, 80, 90].into_iter().enumerate() {
        let mut scene = Scene::set(Pipeline::Default, false);
        let later = at(&scene, &library, "+400d");
        let run = scene.project.pyrelease("run minor --yes").program(&later);
        let run = run.env("PYRELEASE_DRILL", format!("kill:{point}")).run();
        crate::faults::nobody_left(&scene).unwrap();
        scene.keeps_its_word(&run).unwrap_or_else(|problem| panic!("{problem}"));
        let outcome = scene.calmly(["resume --yes", "rollback --yes"][number % 2]);
        scene.keeps_its_word(&outcome).unwrap_or_else(|problem| panic!("{problem}"));
        go_on(&mut scene, number as u64);
    }
}

/// A run from when the clock was ahead is not the last one once another follows.
#[test]
fn status_shows_the_interrupted_run() {
    let scene = killed(Phase::Checked);
    scene.project.pyrelease("rollback --yes").code(0);
    let folder = run_folder(&scene);
    fs_err::rename(&folder, folder.with_file_name("21260101T000000000-00001")).unwrap();

    let run = scene.project.pyrelease("run minor --yes").env("PYRELEASE_DRILL", "kill:40").run();
    assert_eq!(run.status(), -1, "{run}");
    crate::faults::nobody_left(&scene).unwrap();
    let outcome = || scene.project.pyrelease("status --format json").code(0).json()["outcome"].clone();
    assert_eq!(outcome(), Value::Null, "it was interrupted");
    let resumed = scene.calmly("resume --yes");
    assert_eq!(resumed.status(), 0, "{resumed}");
    scene.keeps_its_word(&resumed).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(outcome(), "released");
}

/// Five minutes after an interrupted upload, a file that the index does not list has not arrived. A clock that was set
/// back does not make the wait longer.
#[test]
fn doubt_about_an_upload_ends_after_five_minutes_by_whatever_clock() {
    let Some(library) = library() else { return };
    let mut scene = Scene::set(Pipeline::Unrehearsed, false);
    // Enough for every attempt, and for the probe that asks why the connection broke.
    scene.public.proxy.ahead(Asked::Upload, [Some(Trouble::Refused); 12]);
    let later = at(&scene, &library, "+400d");
    let outcome = scene.project.pyrelease("run minor --yes").program(&later).code(4);
    scene.keeps_its_word(&outcome).unwrap_or_else(|problem| panic!("{problem}"));

    let refused = scene.calmly("rollback --yes");
    assert_eq!(refused.status(), 4, "{refused}");
    let soon = at(&scene, &library, "+6m");
    scene.project.pyrelease("rollback --yes").program(&soon).code(0);
    assert!(!go_on(&mut scene, 0));
}
