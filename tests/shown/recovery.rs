//! `status`, `log`, `resume` and `rollback` of runs that went well, that were interrupted, and of one whose journal is
//! damaged.

use pyrelease_test_support::Transcript;
use serde_json::{Value, json};

use crate::release::drilled::Local;
use crate::release::status::{at, list, refs};

const WHEEL_IS_PUBLIC: &str = "done: demo-1.1.0-py3-none-any.whl on pypi";
const PUSHED: &str = "done: main and v1.1.0 at origin";

/// What each of the commands prints there.
fn show(seen: &mut Transcript, local: &Local, commands: &[(&str, i32)]) {
    for (command, code) in commands {
        seen.add(&local.pyrelease(command).code(*code));
    }
}

#[test]
fn a_run_that_was_cut_short_after_the_push() {
    let local = Local::new();
    let before = local.project.snapshot();
    let mut seen = Transcript::named("cut-short");
    seen.heading("no release has been run");
    show(&mut seen, &local, &[("status", 0), ("log", 0), ("resume --yes", 0), ("rollback --yes", 0)]);
    seen.heading("killed when branch and tag were at the remote");
    local.killed(PUSHED);
    show(
        &mut seen,
        &local,
        &[("status", 0), ("status --offline", 0), ("run minor --yes", 3), ("rollback", 2)],
    );
    seen.heading("undone; and the next attempt may be rehearsed as a version of its own");
    show(&mut seen, &local, &[("rollback --yes", 0), ("status", 0), ("run minor --dry-run", 0)]);
    local.project.assert_unchanged(&before);
    local.pyrelease("run 1.2.0 --yes").code(0);
    seen.heading("the next version was released; the first run is told of");
    show(&mut seen, &local, &[("log", 0), ("log no-such-run", 2)]);
    let runs = local.pyrelease("log --format json").code(0).events();
    let outcomes: Vec<&Value> = runs.iter().map(|run| &run["outcome"]).collect();
    assert_eq!(outcomes, ["released", "rolled-back"]);
    seen.add(&local.pyrelease("log").arg(runs[1]["run"].as_str().unwrap()).code(0));
    let records = local.pyrelease("log --last --format json").code(0).events();
    assert_eq!(records[0]["record"]["type"], "run");
    assert_eq!(records.last().unwrap()["record"]["outcome"], "released");
    seen.assert();
}

#[test]
fn a_run_that_was_cut_short_half_public() {
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

    let mut seen = Transcript::named("half-public");
    seen.heading("killed when the first file was on PyPI");
    show(&mut seen, &local, &[("status", 0), ("rollback --yes", 4), ("resume --yes", 0)]);
    seen.heading("finished");
    show(&mut seen, &local, &[("status", 0), ("log --last", 0), ("resume --yes", 0)]);
    seen.assert();
    local.is_released(local.project.folder());
    let status = local.status();
    assert_eq!((at(&status, "pypi"), &status["next"]), (vec!["same", "same"], &json!([])));
}

#[test]
fn a_run_that_is_left_as_it_is() {
    let local = Local::new();
    local.killed(PUSHED);
    let theirs = local.project.remote().move_branch();
    let status = local.status();
    assert_eq!(refs(&status)[2], "refs/heads/main at origin: moved");
    assert_eq!(status["refs"][2]["now"], json!(theirs));
    assert_eq!(status["next"], json!(["pyrelease resume", "pyrelease rollback --leave"]));
    let mut seen = Transcript::named("left-as-it-is");
    seen.heading("somebody has pushed on top of the release");
    show(
        &mut seen,
        &local,
        &[("status", 0), ("rollback --yes", 4), ("rollback --leave --yes", 0), ("status", 0)],
    );
    seen.assert();
    assert_eq!(local.project.remote_refs()["refs/heads/main"], theirs);
    let status = local.status();
    assert_eq!((&status["outcome"], &status["next"]), (&json!("given-up"), &json!([])));
}

#[test]
fn a_journal_that_somebody_changed() {
    let local = Local::new();
    local.killed(PUSHED);
    let journal = local.run_folder().join("journal.jsonl");
    let whole = fs_err::read_to_string(&journal).unwrap();
    fs_err::write(&journal, whole.replacen("demo-1.1.0.tar.gz", "demo-1.1.1.tar.gz", 1)).unwrap();
    let mut seen = Transcript::named("damaged");
    seen.heading("what can still be read is shown, and nothing is done on its word");
    show(&mut seen, &local, &[("status", 0), ("log", 0), ("log --last", 0), ("resume --yes", 4)]);
    // Put back as it was, everything goes on; given up, it is over.
    fs_err::write(&journal, &whole).unwrap();
    assert_eq!(local.status()["next"], json!(["pyrelease resume", "pyrelease rollback"]));
    fs_err::write(&journal, whole.replacen("main", "niam", 1)).unwrap();
    seen.heading("given up");
    show(&mut seen, &local, &[("rollback --leave --yes", 0)]);
    assert_eq!(local.status()["next"], json!([]));
    seen.assert();
}
