//! Somebody else pushes at the worst moment: their commit stays, and the release is complete or undone.

use pyrelease_test_support::Project;

use super::failures::Attempt;
use super::{QUICK, quick};

/// Asserts that somebody else's commit is the newest at the remote.
#[track_caller]
fn other_commit_is_at_remote(project: &Project) {
    let main = project.remote_refs()["refs/heads/main"].clone();
    assert_eq!(project.remote().git(&["log", "-1", "--format=%s", &main]), "Be first");
}

#[test]
fn a_push_that_arrives_amid_ours_wins_and_ours_is_undone() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    let before = project.snapshot();
    let main = project.head();
    let rival = project.remote().rival();
    // The hook runs after our push is received and before its refs move.
    let script = format!(
        "cat >/dev/null\nrm \"$0\"\nunset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\nsh '{}'\n",
        rival.display()
    );
    project.remote().hook("pre-receive", &script);

    project.pyrelease("run minor --yes").code(1).stderr_contains("git push");

    other_commit_is_at_remote(project);
    project.remote().git(&["update-ref", "refs/heads/main", &main]);
    project.assert_unchanged(&before);
    attempt.left_nothing();
}

/// The push arrived unnoticed, and somebody has pushed on top of it: the release can only be completed.
#[test]
fn a_commit_on_top_of_a_push_in_doubt_stays_and_does_not_block() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    let rival = project.remote().rival();
    let script = format!("cat >/dev/null\nrm -f \"$0\"\nsh '{}'\nkill -9 $PPID\n", rival.display());
    project.remote().hook("post-receive", &script);

    project.pyrelease("run minor --yes").code(4).stderr_contains("could not be undone");
    other_commit_is_at_remote(project);
    project.pyrelease("rollback --yes").code(4).stderr_contains("could not be undone");

    project.pyrelease("resume --yes").code(0);
    other_commit_is_at_remote(project);
    assert_eq!(attempt.public.files("demo").len(), 2);
    assert_eq!(project.remote_refs()["refs/tags/v1.1.0"], project.refs()["refs/tags/v1.1.0"]);
}
