//! A killed run can be undone or completed from its journal and the outside world alone.

use pyrelease_test_support::{Config, Project, str};
use serde_json::Value;

use super::failures::Attempt;
use super::{QUICK, quick};
use crate::model::engine::check_journals;

/// A command before this stage that kills the run the first time.
fn dying_before(next: &str) -> Config {
    let before: Vec<&str> = STAGES.split(' ').take_while(|stage| *stage != next).collect();
    let after: Vec<&str> = STAGES.split(' ').skip_while(|stage| *stage != next).collect();
    let stages = [before, vec!["die"], after].concat();
    let reach = match next {
        "push" | "pypi" => "repository",
        "testpypi" => "rehearsal",
        "" => "follow-up",
        _ => "private",
    };
    let config = Config::stages(&stages.join(" ")).stage("die").shell(SCRIPT).set("undo", ["true"]);
    config.set("reach", reach).lines(QUICK)
}

const STAGES: &str = "changelog version tag build check testpypi push pypi";
const SCRIPT: &str = "if [ ! -e \"$MARK\" ]; then touch \"$MARK\"; kill -9 $PPID; fi";

fn run(project: &Project, command: &str) -> pyrelease_test_support::Outcome {
    project.pyrelease(command).env("MARK", project.sandbox().root().join("died")).run()
}

#[track_caller]
fn is_released(attempt: &Attempt) {
    let project = &attempt.project;
    check_journals(project).unwrap_or_else(|rule| panic!("{rule}"));
    assert_eq!(attempt.public.files("demo").len(), 2);
    assert_eq!(attempt.public.files("demo"), attempt.rehearsal.files("demo"));
    assert_eq!(project.tag_target("v1.1.0"), project.head());
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    project.assert_tree_clean();
    project.assert_no_debris();
}

#[test]
fn killed_before_anything_is_public_and_rolled_back() {
    for next in ["version", "build", "testpypi", "push", "pypi"] {
        let attempt = Attempt::configured(quick(), &dying_before(next));
        let project = &attempt.project;
        let before = project.snapshot();
        assert_eq!(run(project, "run minor --yes").status(), -1, "killed before {next}");

        let refused = project.pyrelease("run minor --yes").code(3);
        refused.messages_eq(str![[r#"
error: run [RUN] was interrupted and is not finished
help: `pyrelease resume` finishes it, `pyrelease rollback` undoes it, `pyrelease status` shows where it is

"#]]);
        let status = project.pyrelease("status --format json").code(0).json();
        assert_eq!((&status["outcome"], &status["under_way"]), (&Value::Null, &false.into()));
        project.pyrelease("rollback --yes").code(0);
        project.assert_unchanged(&before);
        attempt.left_nothing();
        project.pyrelease("rollback --yes").code(0).stderr_eq(str![[r#"
             there is nothing to roll back

"#]]);
    }
}

#[test]
fn killed_and_finished() {
    for next in ["version", "check", "testpypi", "push", "pypi", ""] {
        let attempt = Attempt::configured(quick(), &dying_before(next));
        let project = &attempt.project;
        assert_eq!(run(project, "run minor --yes").status(), -1, "killed before {next:?}");
        let resumed = run(project, "resume --yes");
        assert_eq!(resumed.status(), 0, "killed before {next:?}, then {resumed}");
        is_released(&attempt);
        project.pyrelease("resume --yes").code(0).stderr_eq(str![[r#"
             there is no run to resume

"#]]);
    }
}

#[test]
fn a_complete_release_is_not_rolled_back() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    project.pyrelease("run minor --yes").code(0);
    project.pyrelease("rollback --yes").code(0).stderr_eq(str![[r#"
             there is nothing to roll back
             the last release is complete and stays; if it is broken, yank it on the index's page, and release the next version

"#]]);
    is_released(&attempt);
}

#[test]
fn killed_when_all_is_public_and_rollback_refuses() {
    let attempt = Attempt::configured(quick(), &dying_before(""));
    let project = &attempt.project;
    assert_eq!(run(project, "run minor --yes").status(), -1);
    let refused = project.pyrelease("rollback --yes").code(4);
    refused.messages_eq(str![[r#"
error: demo-1.1.0-py3-none-any.whl on pypi is public and cannot be undone
help: finish the release: `pyrelease resume`

"#]]);
    project.pyrelease("resume --yes").env("MARK", project.sandbox().root().join("died")).code(0);
    is_released(&attempt);
}

/// A run that is killed after its last record is over; the next command clears up.
#[test]
fn the_next_command_deletes_leftovers_of_a_run_killed_at_its_end() {
    let stages = "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"push\", \"pypi\"]\n";
    let attempt = Attempt::configured(quick(), &format!("{stages}{QUICK}"));
    let project = &attempt.project;
    let before = project.snapshot();
    project.remote().refuse_pushes("not on a Friday");
    let drill = |value: &str| project.pyrelease("run minor --yes").env("PYRELEASE_DRILL", value).run();
    let list = project.sandbox().root().join("points");
    assert_eq!(drill(&format!("list:{}", list.display())).status(), 1);
    let points = fs_err::read_to_string(&list).unwrap().lines().count();

    // During its first record, and after its last.
    for point in [2, points] {
        assert_eq!(drill(&format!("kill:{point}")).status(), -1);
        assert!(kept(project).iter().any(|name| name == "tree" || name == "reserve"), "{:?}", kept(project));
        project.pyrelease("rollback --yes").code(0).stderr_eq(str![[r#"
             there is nothing to roll back

"#]]);
        let kept = kept(project);
        let is_record =
            |name: &String| [".jsonl", ".tail", ".log", ".html"].iter().any(|ending| name.ends_with(ending));
        assert!(kept.iter().all(is_record), "{kept:?}");
    }
    fs_err::remove_file(project.remote().path().join("hooks/pre-receive")).unwrap();
    project.assert_unchanged(&before);
    attempt.left_nothing();
}

/// The contents of the folders of all runs.
fn kept(project: &Project) -> Vec<String> {
    let entries = |folder: &std::path::Path| {
        let entries = fs_err::read_dir(folder).expect("a folder of a run");
        entries.map(|entry| entry.expect("its entry").path()).collect::<Vec<_>>()
    };
    let runs = entries(&project.repository().join(".git/pyrelease/runs"));
    let inside = runs.iter().flat_map(|run| entries(run));
    inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect()
}
