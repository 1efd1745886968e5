//! `status` says what is where and names the command that goes on from there; `log` says what happened.

use std::time::Duration;

use serde_json::{Value, json};

use super::drilled::Local;

const WHEEL: &str = "demo-1.1.0-py3-none-any.whl";
const WHEEL_IS_PUBLIC: &str = "done: demo-1.1.0-py3-none-any.whl on pypi";
const PUSHED: &str = "done: main and v1.1.0 at origin";
const LANDED: &str = "done: main in the repository and tag v1.1.0";

pub(super) const WITHOUT_A_REHEARSAL: &str =
    "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"pypi\"]\n";

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// The state of every file at a place, by name.
fn at<'a>(status: &'a Value, index: &str) -> Vec<&'a str> {
    let of_index = |file: &'a Value| {
        let at = list(&file["indexes"]).iter().find(|at| at["index"] == index);
        at.and_then(|at| at["state"].as_str()).expect("the index is asked for every file")
    };
    list(&status["files"]).iter().map(of_index).collect()
}

/// `NAME at PLACE: STATE` of every ref.
fn refs(status: &Value) -> Vec<String> {
    let text = |known: &Value, key: &str| known[key].as_str().expect("a text").to_owned();
    let known = list(&status["refs"]).iter();
    known
        .map(|known| format!("{} at {}: {}", text(known, "name"), text(known, "at"), text(known, "state")))
        .collect()
}

#[test]
fn a_release_that_is_half_public() {
    let local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    let status = local.status();
    assert_eq!(at(&status, "testpypi"), ["same", "same"]);
    assert_eq!(at(&status, "pypi"), ["same", "absent"]);
    let here: Vec<&Value> = list(&status["files"]).iter().map(|file| &file["here"]["state"]).collect();
    assert_eq!(here, ["present", "present"]);
    let made = [
        "refs/heads/main at here: as-made",
        "refs/tags/v1.1.0 at here: as-made",
        "refs/heads/main at origin: as-made",
        "refs/tags/v1.1.0 at origin: as-made",
    ];
    assert_eq!(refs(&status), made);
    let window = &status["windows"][0];
    assert_eq!(window["index"], "pypi");
    let left = window["days_left"].as_f64().unwrap();
    assert!((13.8..=14.0).contains(&left), "{left}");
    assert_eq!(status["at"], "pypi");
    assert_eq!(status["next"], json!(["pyrelease resume"]));

    let said = local.pyrelease("status").code(0);
    said.stdout_contains("cut short in `pypi`").stdout_contains("takes further files of this release for 1");
    said.stdout_contains("next: pyrelease resume");
    local.pyrelease("resume --yes").code(0);
    local.is_released(local.project.folder());
    let status = local.status();
    assert_eq!((at(&status, "pypi"), &status["next"]), (vec!["same", "same"], &json!([])));
}

#[test]
fn nobody_answers() {
    let mut local = Local::new();
    local.killed(PUSHED);
    local.rehearsal.stop();
    let remote = local.project.remote().path().to_owned();
    fs_err::rename(&remote, remote.with_extension("away")).unwrap();
    let outcome = local.pyrelease("status").code(0);
    assert!(outcome.took() < Duration::from_secs(25), "{:?}", outcome.took());
    outcome.stdout_contains("testpypi: unknown, because").stdout_contains("origin: unknown, because");
    outcome.stdout_contains("next: pyrelease resume");
    let status = local.status();
    assert_eq!(at(&status, "testpypi"), ["unknown", "unknown"]);
    assert_eq!(at(&status, "pypi"), ["absent", "absent"]);

    let offline = local.pyrelease("status --offline --format json").code(0);
    offline.stdout_contains("it was not asked");
}

#[test]
fn files_that_are_changed_or_gone() {
    let local = Local::new();
    local.killed(PUSHED);
    let dist = local.run_folder().join("dist");
    fs_err::write(dist.join(WHEEL), "something else").unwrap();
    fs_err::remove_file(dist.join("demo-1.1.0.tar.gz")).unwrap();
    let status = local.status();
    let here: Vec<&Value> = list(&status["files"]).iter().map(|file| &file["here"]["state"]).collect();
    assert_eq!(here, ["changed", "gone"]);
    // The rehearsal has both.
    assert_eq!(status["next"], json!(["pyrelease resume", "pyrelease rollback"]));
    local.pyrelease("status").code(0).stdout_contains("changed: ").stdout_contains("gone");

    local.pyrelease("resume --yes").code(0).stderr_contains("is back from testpypi");
    local.is_released(local.project.folder());
}

#[test]
fn files_that_nobody_has() {
    let local = Local::configured(WITHOUT_A_REHEARSAL);
    local.killed(PUSHED);
    let before = local.project.head();
    fs_err::remove_file(local.run_folder().join("dist").join(WHEEL)).unwrap();
    assert_eq!(local.status()["next"], json!(["pyrelease rollback"]));
    let stopped = local.pyrelease("resume --yes").code(4);
    stopped.stderr_contains(WHEEL).stderr_contains("nothing is public: `pyrelease rollback` undoes the run");
    assert!(local.public.files().is_empty());
    local.pyrelease("rollback --yes").code(0);
    assert_eq!(local.project.git(&["rev-parse", &format!("{before}~1")]), local.project.head());
    assert_eq!(local.status()["next"], json!([]));
}

#[test]
fn refs_that_were_moved_since() {
    let local = Local::new();
    local.killed(PUSHED);
    let theirs = local.project.remote().move_branch();
    let status = local.status();
    assert_eq!(refs(&status)[2], "refs/heads/main at origin: moved");
    assert_eq!(status["refs"][2]["now"], json!(theirs));
    assert_eq!(status["next"], json!(["pyrelease resume", "pyrelease rollback --leave"]));
    local.pyrelease("status").code(0).stdout_contains("moved since");

    local.pyrelease("rollback --yes").code(4);
    local.pyrelease("rollback --leave --yes").code(0);
    assert_eq!(local.project.remote_refs()["refs/heads/main"], theirs);
    let status = local.status();
    assert_eq!((&status["outcome"], &status["next"]), (&json!("given-up"), &json!([])));
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
    local.pyrelease("status").code(0).stdout_contains("the release cannot land there");
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

#[test]
fn a_journal_that_somebody_changed() {
    let local = Local::new();
    local.killed(PUSHED);
    let journal = local.run_folder().join("journal.jsonl");
    let whole = fs_err::read_to_string(&journal).unwrap();
    fs_err::write(&journal, whole.replacen("demo-1.1.0.tar.gz", "demo-1.1.1.tar.gz", 1)).unwrap();

    let said = local.pyrelease("status").code(0);
    said.stdout_contains("of its journal is damaged").stdout_contains("next: pyrelease rollback --leave");
    // What it can still read stands there all the same.
    said.stdout_contains("main and v1.1.0 at origin").stdout_contains("as the run made it");
    local.pyrelease("log --last").code(0).stdout_contains("!! damaged");
    local.pyrelease("log").code(0).stdout_contains("journal damaged in line");

    // Put back as it was, everything goes on; given up, it is over.
    local.pyrelease("resume --yes").code(4);
    fs_err::write(&journal, &whole).unwrap();
    assert_eq!(local.status()["next"], json!(["pyrelease resume", "pyrelease rollback"]));
    fs_err::write(&journal, whole.replacen("main", "niam", 1)).unwrap();
    local.pyrelease("rollback --leave --yes").code(0);
    assert_eq!(local.status()["next"], json!([]));
}

#[test]
fn the_runs_of_a_repository_and_what_happened_in_each() {
    let local = Local::new();
    local.pyrelease("log").code(0).stdout_contains("no release has been run");
    local.killed(LANDED);
    local.pyrelease("rollback --yes").code(0);
    local.pyrelease("run minor --dry-run").code(0).stderr_contains("testpypi");
    local.pyrelease("run 1.2.0 --yes").code(0);

    let listed = local.pyrelease("log").code(0);
    let lines: Vec<&str> = listed.stdout().lines().collect();
    assert!(lines[1].contains("demo 1.2.0") && lines[1].contains("released"), "{listed}");
    assert!(lines[2].contains("demo 1.1.0") && lines[2].contains("rolled back"), "{listed}");
    let runs = local.pyrelease("log --format json").code(0).events();
    let outcomes: Vec<&Value> = runs.iter().map(|run| &run["outcome"]).collect();
    assert_eq!(outcomes, ["released", "rolled-back"]);

    let first = runs[1]["run"].as_str().unwrap();
    let told = local.pyrelease("log").arg(first).code(0);
    told.stdout_contains("the run began: demo 1.1.0")
        .stdout_contains("taken back")
        .stdout_contains("build.log");
    let records = local.pyrelease("log --last --format json").code(0).events();
    assert_eq!(records[0]["record"]["type"], "run");
    assert_eq!(records.last().unwrap()["record"]["outcome"], "released");
    local.pyrelease("log no-such-run").code(2).stderr_contains("there is no run `no-such-run`");
}
