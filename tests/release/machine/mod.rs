//! Faults of the machine: full disks, read-only folders, a clock that is set back, a replaced binary, a damaged journal
//! or run folder.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "these are tests")]

mod clock;
mod damage;
mod disk;
mod folder;
#[cfg(target_os = "linux")]
mod locks;
mod upgrade;

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

use crate::faults::scene::Scene;
use crate::faults::schedule::Pipeline;

/// A wrapper that runs the program under test with a shell script, which has its path in `$PYRELEASE`.
fn wrapped(scene: &Scene, variables: &[(&str, &str)], script: &str) -> PathBuf {
    let path = scene.project.sandbox().root().join("wrapped.sh");
    let binary = [("PYRELEASE", env!("CARGO_BIN_EXE_pyrelease"))];
    scene.project.script_with(&path, &[&binary, variables].concat(), script);
    path
}

/// The phase in which a run is killed
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Checked,
    Rehearsed,
    Landed,
    Pushed,
    HalfPublic,
    AllPublic,
}

impl Phase {
    const ALL: [Self; 6] =
        [Self::Checked, Self::Rehearsed, Self::Landed, Self::Pushed, Self::HalfPublic, Self::AllPublic];

    /// The record before or after which the run is killed, and how many similar ones precede it.
    fn point(self) -> (&'static str, &'static str) {
        match self {
            Self::Checked => ("after-record", "stage-done check"),
            Self::Rehearsed => ("after-record", "stage-done testpypi"),
            Self::Landed => ("before-record", "stage-begun push"),
            Self::Pushed => ("after-record", "stage-done push"),
            // The record of the second file.
            Self::HalfPublic => ("before-record", "intent: demo-1.1.0.tar.gz on pypi"),
            Self::AllPublic => ("after-record", "stage-done pypi"),
        }
    }
}

/// The points of a release.
fn points() -> &'static [Value] {
    static POINTS: OnceLock<Vec<Value>> = OnceLock::new();
    POINTS.get_or_init(|| {
        let scene = Scene::set(Pipeline::Default, false);
        let list = scene.project.sandbox().root().join("points");
        let drill = format!("list:{}", list.display());
        scene.project.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill).code(0);
        let text = fs_err::read_to_string(list).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    })
}

/// A release that was killed in this phase.
fn killed(phase: Phase) -> Scene {
    let (moment, what) = phase.point();
    let point = points().iter().find(|point| point["moment"] == moment && point["what"] == what);
    let number = &point.unwrap_or_else(|| panic!("no {moment} {what:?} among {:?}", points()))["number"];
    let scene = Scene::set(Pipeline::Default, false);
    let run =
        scene.project.pyrelease("run minor --yes").env("PYRELEASE_DRILL", format!("kill:{number}")).run();
    assert_eq!(run.status(), -1, "{phase:?}: {run}");
    crate::faults::nobody_left(&scene).unwrap();
    scene
}

/// The folder of the only run.
fn run_folder(scene: &Scene) -> PathBuf {
    let runs = scene.project.repository().join(".git/pyrelease/runs");
    let mut found = fs_err::read_dir(runs).unwrap().map(|entry| entry.unwrap().path());
    let folder = found.next().unwrap();
    assert!(found.next().is_none(), "more than one run");
    folder
}
