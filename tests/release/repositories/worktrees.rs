//! Linked worktrees, and HEADs that are on no branch.

use std::path::PathBuf;

use pyrelease_test_support::{Project, str};

use super::{check_undo, dies, finishes, is_released, project, release_and_undo};

#[test]
fn the_usual_one() {
    release_and_undo(&project().build());
}

#[test]
fn a_project_in_a_subfolder() {
    release_and_undo(&project().in_subfolder("packages/demo").build());
}

/// A project whose branch `main` is checked out in a linked worktree, and another branch in its main one.
fn linked() -> (Project, PathBuf) {
    let project = project().build();
    project.git(&["switch", "--quiet", "--create", "elsewhere"]);
    let linked = project.worktree("linked", &["main"]);
    (project, linked)
}

#[test]
fn a_linked_worktree() {
    let (project, linked) = linked();
    check_undo(&project, &linked);
    finishes(&project, &linked);
    is_released(&project, &linked);
    assert_eq!(project.branch(), "elsewhere");
    project.assert_as_checked_out(project.repository());
}

/// The recovery runs in another worktree: the files of the branch's worktree are restored as well.
#[test]
fn recovered_from_another_worktree() {
    let (project, linked) = linked();
    let before = project.snapshot();

    dies(&project, &linked);
    project.pyrelease("rollback --yes").code(0);
    project.assert_unchanged(&before);

    dies(&project, &linked);
    project.pyrelease("resume --yes").env("DIE", super::died(&project)).code(0);
    is_released(&project, &linked);
    assert_eq!(project.branch(), "elsewhere");
}

/// Interrupted before the landing: the private work is repeated for the right worktree.
#[test]
fn finished_from_another_worktree_before_the_landing() {
    let config = "\
stages = [\"changelog\", \"version\", \"tag\", \"early\", \"build\", \"check\", \"push\"]

[stage.early]
run = [\"sh\", \"-c\", \"if [ ! -e \\\"$DIE\\\" ]; then touch \\\"$DIE\\\"; kill -9 $PPID; fi\"]
";
    let project = super::quick().config(&format!("{config}{}", super::QUICK)).build();
    project.git(&["switch", "--quiet", "--create", "elsewhere"]);
    let linked = project.worktree("linked", &["main"]);
    dies(&project, &linked);
    project.pyrelease("resume --yes").env("DIE", super::died(&project)).code(0);
    is_released(&project, &linked);
}

#[test]
fn a_worktree_that_was_moved_meanwhile() {
    let (project, linked) = linked();
    let main = project.head();
    let moved = linked.with_file_name("moved");
    dies(&project, &linked);
    project.git(&["worktree", "move", linked.to_str().unwrap(), moved.to_str().unwrap()]);
    project.pyrelease("rollback --yes").code(0);
    assert_eq!(project.sandbox().git(&moved, &["rev-parse", "main"]), main);
    assert_eq!(project.sandbox().git(&moved, &["status", "--porcelain"]), "");
    project.assert_as_checked_out(&moved);

    dies(&project, &moved);
    project.git(&["worktree", "move", moved.to_str().unwrap(), linked.to_str().unwrap()]);
    project.pyrelease("resume --yes").env("DIE", super::died(&project)).code(0);
    is_released(&project, &linked);
}

/// There are no files to restore; the branch is restored.
#[test]
fn a_worktree_that_was_removed_meanwhile() {
    let (project, linked) = linked();
    let main = project.head();
    dies(&project, &linked);
    fs_err::remove_dir_all(&linked).unwrap();
    project.pyrelease("rollback --yes").code(0);
    assert_eq!(project.git(&["rev-parse", "main"]), main);
    assert_eq!(project.git(&["tag", "--list", "v1.1.0"]), "");
    project.assert_tree_clean();
    project.assert_no_debris();
}

/// The state of `actions/checkout` for a tag or a pull request.
#[test]
fn a_detached_head() {
    let project = super::configured("[stage.push]\nbranch = \"main\"\n").build();
    project.git(&["checkout", "--quiet", "--detach"]);
    let main = project.git(&["rev-parse", "main"]);
    release_and_undo(&project);
    assert_eq!(project.git(&["rev-parse", "main"]), main, "the branch was not checked out, and stays");
}

#[test]
fn a_detached_head_without_a_branch_to_push_to() {
    let project = project().build();
    project.git(&["checkout", "--quiet", "--detach"]);
    super::is_refused(&project).messages_eq(str![[r#"
error: [push] HEAD is detached: there is no branch to push the release commit to
help: check out a branch, or set one: [stage.push] branch = "main"
error: the release was refused; nothing has been done

"#]]);
}

/// Each worktree has its own HEAD: the linked one's moves, wherever the recovery runs.
#[test]
fn a_detached_head_recovered_from_another_worktree() {
    let project = super::configured("[stage.push]\nbranch = \"main\"\n").build();
    let linked = project.worktree("linked", &["--detach"]);
    let before = project.snapshot();
    let main = project.head();

    dies(&project, &linked);
    project.pyrelease("rollback --yes").code(0);
    project.assert_unchanged(&before);

    dies(&project, &linked);
    project.pyrelease("resume --yes").env("DIE", super::died(&project)).code(0);
    is_released(&project, &linked);
    assert_eq!(project.head(), main, "the main worktree's HEAD is another");
}

#[test]
fn a_detached_worktree_that_was_removed_meanwhile() {
    let project = super::configured("[stage.push]\nbranch = \"main\"\n").build();
    let linked = project.worktree("linked", &["--detach"]);
    dies(&project, &linked);
    project.git(&["worktree", "remove", "--force", linked.to_str().unwrap()]);
    let resumed = project.pyrelease("rollback --yes").code(0);
    assert_eq!(project.git(&["tag", "--list", "v1.1.0"]), "", "{resumed}");
    project.assert_tree_clean();
    project.assert_no_debris();
}

/// The main repository is bare, and all work is in its worktrees.
#[test]
fn worktrees_of_a_bare_repository() {
    let project = project().build();
    let bare = project.sandbox().root().join("bare.git");
    let remote = project.remote().path().to_owned();
    project.git(&["clone", "--quiet", "--bare", remote.to_str().unwrap(), bare.to_str().unwrap()]);
    let linked = project.sandbox().root().join("linked");
    project.sandbox().git(&bare, &["worktree", "add", "--quiet", linked.to_str().unwrap(), "main"]);
    let head = project.sandbox().git(&linked, &["rev-parse", "HEAD"]);

    project.pyrelease("run minor --yes").from(&linked).env("FAIL", "yes").code(1);
    assert_eq!(project.sandbox().git(&linked, &["rev-parse", "HEAD"]), head);
    assert_eq!(project.sandbox().git(&linked, &["status", "--porcelain"]), "");
    assert_eq!(project.remote_refs()["refs/heads/main"], head);
    project.pyrelease("run minor --yes").from(&linked).code(0);
    project.git(&["fetch", "--quiet", "--tags"]);
    is_released(&project, &linked);
}

/// `git clone --separate-git-dir`: the `.git` of the working tree is a file.
#[test]
fn a_repository_kept_apart_from_its_files() {
    let project = project().build();
    let apart = project.sandbox().root().join("apart.git");
    let project = project.cloned_with(&["--separate-git-dir", apart.to_str().unwrap()]);
    release_and_undo(&project);
}

#[test]
fn settings_of_a_worktree_of_its_own() {
    let project = project().build();
    project.git(&["switch", "--quiet", "--create", "elsewhere"]);
    project.git(&["config", "extensions.worktreeConfig", "true"]);
    let linked = project.worktree("linked", &["main"]);
    project.sandbox().git(&linked, &["config", "--worktree", "user.name", "Linda Linked"]);
    check_undo(&project, &linked);
    finishes(&project, &linked);
    is_released(&project, &linked);
    assert_eq!(project.sandbox().git(&linked, &["log", "-1", "--format=%an"]), "Linda Linked");
}
