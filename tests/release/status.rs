//! `status` shows the state and the command that continues; `log` shows what happened.

use pyrelease_test_support::{Outcome, Transcript};
use std::time::Duration;

use serde_json::{Value, json};

use super::drilled::Local;

const WHEEL: &str = "demo-1.1.0-py3-none-any.whl";
const PUSHED: &str = "done: main and v1.1.0 at origin";

pub(super) const WITHOUT_A_REHEARSAL: &str =
    "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"pypi\"]\n";

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// The state of every file at an index, by name.
pub(crate) fn at<'a>(status: &'a Value, index: &str) -> Vec<&'a str> {
    let of_index = |file: &'a Value| {
        let at = list(&file["indexes"]).iter().find(|at| at["index"] == index);
        at.and_then(|at| at["state"].as_str()).expect("the index is asked for every file")
    };
    list(&status["files"]).iter().map(of_index).collect()
}

/// `NAME at PLACE: STATE` of every ref.
pub(crate) fn refs(status: &Value) -> Vec<String> {
    let text = |known: &Value, key: &str| known[key].as_str().expect("a text").to_owned();
    let known = list(&status["refs"]).iter();
    known
        .map(|known| format!("{} at {}: {}", text(known, "name"), text(known, "at"), text(known, "state")))
        .collect()
}

#[test]
fn nobody_answers() {
    let mut seen = Transcript::named("status/nobody-answers");
    let mut local = Local::new();
    local.killed(PUSHED);
    local.rehearsal.stop();
    let remote = local.project.remote().path().to_owned();
    fs_err::rename(&remote, remote.with_extension("away")).unwrap();
    let outcome = local.pyrelease("status").code(0);
    assert!(outcome.took() < Duration::from_secs(25), "{:?}", outcome.took());
    seen.add(&outcome);
    let status = local.status();
    assert_eq!(at(&status, "testpypi"), ["unknown", "unknown"]);
    assert_eq!(at(&status, "pypi"), ["absent", "absent"]);

    let offline = local.pyrelease("status --offline --format json").code(0);
    seen.add(&offline);
    seen.assert();
}

#[test]
fn files_that_are_changed_or_gone() {
    let mut seen = Transcript::named("status/files-that-are-changed-or-gone");
    let local = Local::new();
    local.killed(PUSHED);
    let dist = local.run_folder().join("dist");
    fs_err::write(dist.join(WHEEL), "something else").unwrap();
    fs_err::remove_file(dist.join("demo-1.1.0.tar.gz")).unwrap();
    let status = local.status();
    let here: Vec<&Value> = list(&status["files"]).iter().map(|file| &file["here"]["state"]).collect();
    assert_eq!(here, ["changed", "gone"]);
    // The rehearsal index has both.
    assert_eq!(status["next"], json!(["pyrelease resume", "pyrelease rollback"]));
    seen.add(&local.pyrelease("status").code(0));

    seen.add(&local.pyrelease("resume --yes").code(0));
    local.is_released(local.project.folder());
    seen.assert();
}

#[test]
fn files_that_nobody_has() {
    let local = Local::configured(WITHOUT_A_REHEARSAL);
    local.killed(PUSHED);
    let before = local.project.head();
    fs_err::remove_file(local.run_folder().join("dist").join(WHEEL)).unwrap();
    assert_eq!(local.status()["next"], json!(["pyrelease rollback"]));
    let stopped = local.pyrelease("resume --yes").code(4);
    stopped.assert_error_shown("status/files-that-nobody-has");
    assert!(local.public.files().is_empty());
    local.pyrelease("rollback --yes").code(0);
    assert_eq!(local.project.git(&["rev-parse", &format!("{before}~1")]), local.project.head());
    assert_eq!(local.status()["next"], json!([]));
}

#[test]
fn a_repository_that_moved_before_the_landing() {
    let local = Local::new();
    local.killed("stage-done testpypi");
    local.project.write("late.txt", "one more thing\n");
    local.project.commit("One more thing");
    let before = local.project.snapshot();
    let status = local.status();
    assert_eq!(status["next"], json!(["pyrelease rollback"]));
    local.pyrelease("status").code(0).assert_shown("status/a-repository-that-moved-before-the-landing");
    local.pyrelease("rollback --yes").code(0);
    local.project.assert_unchanged(&before);
}

#[test]
fn a_run_that_is_under_way() {
    let head = "stages = [\"changelog\", \"version\", \"tag\", \"look\"]\n";
    let look =
        "[stage.look]\nrun = [\"sh\", \"-c\", \"$PYRELEASE -C $PROJECT status --format json > $OUT\"]\n";
    let local = Local::of(super::quick().file("look.toml", look), head);
    local.project.write("release.toml", &format!("{head}\n{look}"));
    local.project.commit("Look");
    let out = local.project.sandbox().root().join("seen");
    let run = local.pyrelease("run minor --yes").env("PYRELEASE", env!("CARGO_BIN_EXE_pyrelease"));
    run.env("OUT", &out).env("PROJECT", local.project.folder()).code(0);
    let seen: Value = serde_json::from_str(&fs_err::read_to_string(out).unwrap()).unwrap();
    assert_eq!((&seen["under_way"], &seen["at"], &seen["next"]), (&json!(true), &json!("look"), &json!([])));
}

/// Colours are for terminals, whole digests for programs and for those who ask for them.
#[test]
fn states_have_colours_and_digests_are_short() {
    let local = Local::new();
    let released = local.pyrelease("run minor --yes").code(0);
    let status = local.status();
    let digest = list(&status["files"])[0]["sha256"].as_str().expect("a digest").to_owned();
    let has = |outcome: &Outcome, whole: bool| {
        let shown = [outcome.stdout(), outcome.stderr()].concat();
        assert!(shown.contains(&digest[..12]), "{outcome}");
        assert_eq!(shown.contains(&digest), whole, "{outcome}");
    };
    has(&released, false);
    for command in ["status", "log --last"] {
        has(&local.pyrelease(command).code(0), false);
        has(&local.pyrelease(&format!("{command} -v")).code(0), true);
    }
    has(&local.pyrelease("log --last --format json").code(0), true);
    let (plain, coloured) =
        (local.pyrelease("status").code(0), local.pyrelease("status --color always").code(0));
    assert!(!plain.stdout().contains('\u{1b}'), "{plain}");
    for styled in ["\u{1b}[1m\u{1b}[32mreleased\u{1b}[0m", "\u{1b}[1m\u{1b}[32msame\u{1b}[0m"] {
        assert!(coloured.stdout().contains(styled), "{coloured}");
    }
}
