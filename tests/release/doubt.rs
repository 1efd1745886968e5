//! If it is unknown whether a permanent effect happened, it is not repeated: first the outside world is asked, then the
//! user.

use pyrelease_test_support::{Config, Outcome, Project, Transcript};
use serde_json::json;

use super::failures::Attempt;
use super::{QUICK, quick};

/// A command that publishes with a line in `$OUT`, and kills the run before or after it the first time.
fn publishing(dies: &str, settings: &str) -> Config {
    let script = if dies == "before" { DIES_BEFORE } else { DIES_AFTER };
    let config =
        Config::stages("changelog version tag build check testpypi push deploy pypi").stage("deploy");
    config.shell(script).set("reach", "public").lines(settings).lines(QUICK)
}

const DIES_BEFORE: &str =
    r#"if [ ! -e "$MARK" ]; then touch "$MARK"; kill -9 $PPID; sleep 20; fi; echo published >> "$OUT""#;
const DIES_AFTER: &str =
    r#"echo published >> "$OUT"; if [ ! -e "$MARK" ]; then touch "$MARK"; kill -9 $PPID; sleep 20; fi"#;

fn call(project: &Project, command: &str) -> Outcome {
    let root = project.sandbox().root();
    project.pyrelease(command).env("MARK", root.join("mark")).env("OUT", root.join("out")).run()
}

#[track_caller]
fn is_published_once(attempt: &Attempt) {
    let project = &attempt.project;
    let out = fs_err::read_to_string(project.sandbox().root().join("out")).expect("what was published");
    assert_eq!(out, "published\n");
    assert_eq!(attempt.public.files("demo").len(), 2);
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
}

#[test]
fn an_interrupted_public_command_is_asked_about() {
    let mut seen = Transcript::named("doubt/a-public-command-that-was-cut-short-is-asked-about");
    for (dies, word) in [("before", "--again"), ("after", "--done")] {
        let attempt = Attempt::configured(quick(), &publishing(dies, ""));
        let project = &attempt.project;
        assert_eq!(call(project, "run minor --yes").status(), -1);

        let next = || call(project, "status --format json").json()["next"].clone();
        let choice = json!(["pyrelease resume --done deploy", "pyrelease resume --again deploy"]);
        assert_eq!(next(), choice);
        // Without an answer, every attempt stops
        for _ in 0..2 {
            let refused = call(project, "resume --yes");
            assert_eq!(refused.status(), 4, "{refused}");
            assert_eq!(next(), choice);
        }
        let refused = call(project, "resume --yes");
        seen.add_error(&refused);
        let refused = call(project, "rollback --yes");
        assert_eq!(refused.status(), 4, "{refused}");
        seen.add_error(&refused);

        let wrong = call(project, "resume --done push --yes");
        assert_eq!(wrong.status(), 2, "{wrong}");
        let resumed = call(project, &format!("resume {word} deploy --yes"));
        assert_eq!(resumed.status(), 0, "died {dies}: {resumed}");
        is_published_once(&attempt);
    }
    seen.assert();
}

#[test]
fn a_public_command_that_can_be_verified_is_not() {
    let verify = "verify = [\"sh\", \"-c\", \"grep --quiet published $OUT\"]\n";
    for dies in ["before", "after"] {
        let attempt = Attempt::configured(quick(), &publishing(dies, verify));
        let project = &attempt.project;
        fs_err::write(project.sandbox().root().join("out"), "").unwrap();
        assert_eq!(call(project, "run minor --yes").status(), -1);
        let resumed = call(project, "resume --yes");
        assert_eq!(resumed.status(), 0, "died {dies}: {resumed}");
        is_published_once(&attempt);
    }
}

/// A command that reported its failure runs again.
#[test]
fn a_public_command_that_failed_is_tried_again() {
    let config = publishing("after", "").replace("kill -9 $PPID; sleep 20", "exit 3");
    let attempt = Attempt::configured(quick(), &config);
    let project = &attempt.project;
    let failed = call(project, "run minor --yes");
    assert_eq!(failed.status(), 4, "{failed}");
    failed.assert_error_shown("doubt/a-public-command-that-failed-is-tried-again");
    let resumed = call(project, "resume --yes");
    assert_eq!(resumed.status(), 0, "{resumed}");
    assert_eq!(attempt.public.files("demo").len(), 2);
}

#[test]
fn a_damaged_journal_is_never_guessed_at() {
    let mut seen = Transcript::named("doubt/a-damaged-journal-is-never-guessed-at");
    let attempt = Attempt::configured(quick(), &publishing("before", ""));
    let project = &attempt.project;
    assert_eq!(call(project, "run minor --yes").status(), -1);
    let runs = project.repository().join(".git/pyrelease/runs");
    let run = fs_err::read_dir(&runs).unwrap().next().unwrap().unwrap().path();
    let journal = fs_err::read_to_string(run.join("journal.jsonl")).unwrap();
    let damaged = journal.replacen("stage-done", "stage-dome", 1);
    fs_err::write(run.join("journal.jsonl"), &damaged).unwrap();

    let before = project.snapshot();
    for command in ["run patch --yes", "resume --yes", "rollback --yes"] {
        let refused = call(project, command);
        assert_eq!(refused.status(), 4, "{refused}");
        seen.add_error(&refused);
    }
    assert_eq!(call(project, "rollback --leave --yes").status(), 0);
    project.assert_unchanged(&before);
    assert_eq!(fs_err::read_to_string(run.join("journal.jsonl")).unwrap(), damaged);
    seen.add(&call(project, "rollback --yes"));
    seen.assert();
}
