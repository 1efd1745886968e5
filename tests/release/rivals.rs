//! Somebody else pushes at the worst moment: their commit stays, and the release is complete or undone.

use pyrelease_test_support::{Project, str};

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
    let script = "cat >/dev/null
rm \"$0\"
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
sh \"$RIVAL\"
";
    project.remote().hook_with("pre-receive", &[("RIVAL", rival.to_str().unwrap())], script);

    project.pyrelease("run minor --yes").code(1).messages_eq(str![[r#"
error: `git push` to `origin` failed
  remote: error: cannot lock ref 'refs/heads/main': is at [OID] but expected [OID]
  error: failed to push some refs to '[ROOT]/remote.git'
  refs/heads/main: [remote rejected] (atomic transaction failed)
  refs/tags/v1.1.0: [remote rejected] (atomic transaction failed)
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);

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
    let script = "cat >/dev/null\nrm -f \"$0\"\nsh \"$RIVAL\"\nkill -9 $PPID\n";
    project.remote().hook_with("post-receive", &[("RIVAL", rival.to_str().unwrap())], script);

    project.pyrelease("run minor --yes").code(4).messages_eq(str![[r#"
error: main and v1.1.0 at origin could not be undone: `git push` to `origin` failed: `refs/heads/main` has changed since
  caused by: `git push` to `origin` failed
  Killed
  send-pack: unexpected disconnect while reading sideband packet
  error: error in sideband demultiplexer
  error: failed to push some refs to '[ROOT]/remote.git'
help: fix the cause and run `pyrelease rollback` again, or finish the release with `pyrelease resume`, or give up the run as it is with `pyrelease rollback --leave`

"#]]);
    other_commit_is_at_remote(project);
    project.pyrelease("rollback --yes").code(4).messages_eq(str![[r#"
error: main and v1.1.0 at origin could not be undone: `git push` to `origin` failed: `refs/heads/main` has changed since
help: fix the cause and run `pyrelease rollback` again, or finish the release with `pyrelease resume`, or give up the run as it is with `pyrelease rollback --leave`

"#]]);

    project.pyrelease("resume --yes").code(0);
    other_commit_is_at_remote(project);
    assert_eq!(attempt.public.files("demo").len(), 2);
    assert_eq!(project.remote_refs()["refs/tags/v1.1.0"], project.refs()["refs/tags/v1.1.0"]);
}
