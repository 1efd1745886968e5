//! Repositories of all kinds: a release in each is right, or is undone to the byte, or is refused before anything
//! happens.

mod attributes;
mod branches;
mod hooks;
mod paths;
mod remotes;
mod settings;
mod shallow;
mod signing;
mod size;
mod submodules;
mod tags;
mod worktrees;

use std::path::Path;

use pyrelease_test_support::{Blueprint, Config, Outcome, Project};

use super::{QUICK, quick};

/// Stages that kill a run between the landing and the push, and fail it after the push.
const PIPELINE: &str = "\
stages = [\"changelog\", \"version\", \"tag\", \"build\", \"check\", \"between\", \"push\", \"last\"]

[stage.between]
run = [\"sh\", \"-c\", \"if [ -n \\\"$DIE\\\" ] && [ ! -e \\\"$DIE\\\" ]; then touch \\\"$DIE\\\"; kill -9 $PPID; fi\"]
undo = [\"true\"]
reach = \"repository\"

[stage.last]
run = [\"sh\", \"-c\", \"test -z \\\"$FAIL\\\"\"]
undo = [\"true\"]
reach = \"repository\"
";

/// A project whose release needs no index, and takes a second.
fn project() -> Blueprint {
    configured("")
}

/// The same project with more in its `release.toml`.
fn configured(more: &str) -> Blueprint {
    quick().config(&format!("{PIPELINE}{QUICK}{more}"))
}

/// A project with a shell command after the build; [`seen`] returns its output.
fn looking(command: &str) -> Blueprint {
    let stages = PIPELINE.replace("\"check\", ", "\"check\", \"look\", ");
    let look =
        Config::default().stage("look").set("run", ["sh", "-c", "eval \"$1\" > \"$SEEN\"", "look", command]);
    quick().config(&[&*stages, QUICK, &look].concat())
}

/// A command that prints a file of the source distribution.
fn packaged(path: &str) -> String {
    format!("tar -xzOf \"$PYRELEASE_DIST\"/*.tar.gz demo-1.1.0/{path}")
}

/// Releases, and returns the output of the command of [`looking`].
#[track_caller]
fn seen(project: &Project) -> (String, Outcome) {
    let seen = project.sandbox().root().join("seen");
    let outcome = project.pyrelease("run minor --yes").env("SEEN", &seen).code(0);
    is_released(project, project.repository());
    (fs_err::read_to_string(seen).expect("the command has run"), outcome)
}

/// Every outcome of a release of 1.1.0: it fails late, it is killed and rolled back, it is killed and completed.
#[track_caller]
fn release_and_undo(project: &Project) {
    check_undo(project, project.folder());
    finishes(project, project.folder());
    is_released(project, project.repository());
}

/// Asserts that a failure after the push and a kill before it leave nothing in the worktree at `top` or elsewhere.
#[track_caller]
fn check_undo(project: &Project, top: &Path) {
    let before = project.snapshot();
    let failed = project.pyrelease("run minor --yes").from(top).env("FAIL", "yes").code(1);
    let said = r#"error: `sh -c 'test -z "$FAIL"'` failed (exit status: 1)"#;
    assert!(failed.stderr().contains(said), "{failed}");
    project.assert_unchanged(&before);
    dies(project, top);
    project.pyrelease("rollback --yes").from(top).code(0);
    project.assert_unchanged(&before);
    project.assert_no_debris();
}

/// Completes a run that was killed between the landing and the push.
#[track_caller]
fn finishes(project: &Project, top: &Path) {
    dies(project, top);
    let resumed = project.pyrelease("resume --yes").from(top).env("DIE", died(project)).run();
    assert_eq!(resumed.status(), 0, "killed between landing and push, then {resumed}");
    project.assert_no_debris();
}

#[track_caller]
fn dies(project: &Project, top: &Path) {
    let _ = fs_err::remove_file(died(project));
    let killed = project.pyrelease("run minor --yes").from(top).env("DIE", died(project)).run();
    assert_eq!(killed.status(), -1, "{killed}");
}

fn died(project: &Project) -> std::path::PathBuf {
    project.sandbox().root().join("died")
}

/// Asserts that the release is one tagged commit, in the worktree at `top` and at the remote, which changes only the
/// changelog and the version.
#[track_caller]
fn is_released(project: &Project, top: &Path) {
    let git = |args: &[&str]| project.sandbox().git(top, args);
    let head = git(&["rev-parse", "HEAD"]);
    assert_eq!(git(&["log", "-1", "--format=%s"]), "Release 1.1.0");
    assert_eq!(project.tag_target("v1.1.0"), head);
    let changed = git(&["diff", "--no-renames", "--summary", "--name-only", "HEAD~", "HEAD"]);
    let names: Vec<&str> = changed.lines().map(|path| path.rsplit('/').next().unwrap_or(path)).collect();
    assert_eq!(names, ["CHANGELOG.md", "pyproject.toml"]);
    project.assert_as_checked_out(top);
    assert_eq!(git(&["diff", "--cached", "--name-only", "HEAD"]), "");
    let tag = git(&["rev-parse", "refs/tags/v1.1.0"]);
    let refs = project.remote_refs();
    assert_eq!((&refs["refs/heads/main"], &refs["refs/tags/v1.1.0"]), (&head, &tag));
}

/// Asserts that the release is refused before anything happens.
#[track_caller]
fn is_refused(project: &Project) -> Outcome {
    let before = project.snapshot();
    let outcome = project.pyrelease("run minor --yes").code(3);
    project.assert_unchanged(&before);
    assert!(!project.git_folder().join("pyrelease/runs").exists(), "a run was begun");
    outcome
}
