//! Remotes: none, several, with other names and URLs, and such that reject an undo.

use std::path::Path;

use pyrelease_test_support::{Project, Transcript, str};

use super::{check_undo, configured, is_refused, is_released, project, release_and_undo};

/// Another bare repository, such as a fork.
fn fork(project: &Project) -> String {
    let text = |path: &Path| path.to_str().expect("a path of our own").to_owned();
    let fork = text(&project.sandbox().root().join("fork.git"));
    project.git(&["clone", "--quiet", "--bare", &text(project.remote().path()), &fork]);
    fork
}

fn branch_of(project: &Project, repository: &str, branch: &str) -> String {
    project.git(&["--git-dir", repository, "rev-parse", branch])
}

#[test]
fn none_at_all() {
    let project = project().build();
    project.git(&["remote", "remove", "origin"]);
    let before = project.snapshot();
    project.pyrelease("run minor --yes").env("FAIL", "yes").code(1);
    project.assert_unchanged(&before);
    project.pyrelease("run minor --yes").code(0).assert_shown("repositories/none-at-all");
    assert_eq!(project.tag_target("v1.1.0"), project.head());
}

#[test]
fn a_branch_without_an_upstream() {
    let project = project().build();
    project.git(&["branch", "--unset-upstream"]);
    release_and_undo(&project);
}

/// A branch that the remote does not have is created by the push, and deleted by the undo.
#[test]
fn a_branch_that_is_new_at_the_remote() {
    let project = configured("[stage.push]\nbranches = [\"release/*\"]\n").build();
    project.git(&["switch", "--quiet", "--create", "release/1.1"]);
    check_undo(&project, project.folder());
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.remote_refs()["refs/heads/release/1.1"], project.head());
}

#[test]
fn several_and_a_fork_to_push_to() {
    let project = project().build();
    let fork = fork(&project);
    project.git(&["remote", "add", "fork", &fork]);
    project.git(&["fetch", "--quiet", "fork"]);
    project.git(&["config", "remote.pushDefault", "fork"]);
    let upstream = project.remote_refs();
    check_undo(&project, project.folder());
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(branch_of(&project, &fork, "main"), project.head());
    assert_eq!(branch_of(&project, &fork, "v1.1.0^{commit}"), project.head());
    assert_eq!(project.remote_refs(), upstream);
}

#[test]
fn several_of_which_the_configuration_names_one() {
    let project = configured("[stage.push]\nremote = \"fork\"\n").build();
    let fork = fork(&project);
    is_refused(&project).messages_eq(str![[r#"
error: [push] remote `fork` does not exist
help: list them with `git remote -v`; set `remote = "NAME"` in [stage.push]
error: the release was refused; nothing has been done

"#]]);
    project.git(&["remote", "add", "fork", &fork]);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(branch_of(&project, &fork, "main"), project.head());
}

#[test]
fn several_and_nothing_that_tells_which() {
    let project = project().build();
    let fork = fork(&project);
    project.git(&["remote", "rename", "origin", "one"]);
    project.git(&["remote", "add", "two", &fork]);
    project.git(&["branch", "--unset-upstream"]);
    is_refused(&project).assert_error_shown("repositories/several-and-nothing-that-tells-which");
}

/// Not to the only named remote: this branch is pushed elsewhere.
#[test]
fn an_address_without_a_name() {
    let project = project().build();
    let fork = fork(&project);
    project.git(&["config", "branch.main.remote", &fork]);
    is_refused(&project).assert_error_shown("repositories/an-address-without-a-name");
}

#[test]
fn other_addresses_to_push_to_than_to_fetch_from() {
    let project = project().build();
    let fork = fork(&project);
    let address = project.remote().path().to_str().unwrap().to_owned();
    let settings = [
        ("remote.origin.pushurl", fork.clone()),
        ("remote.origin.url", fork.clone()),
        (&format!("url.{fork}.pushInsteadOf"), address),
    ];
    for (key, value) in settings {
        project.git(&["config", "--add", key, &value]);
        is_refused(&project).messages_eq(str![[r#"
error: [push] `origin` has different URLs for push and fetch
help: its refs cannot be compared before the push: set a remote with one URL for both, [stage.push] remote = "NAME"
error: the release was refused; nothing has been done

"#]]);
        project.git(&["config", "--unset", key, &value]);
    }
    project.pyrelease("run minor --yes").code(0);
}

/// The same rewritten URL for fetching and pushing is fine.
#[test]
fn an_address_that_is_rewritten() {
    let project = project().build();
    let folder = project.remote().path().parent().unwrap().to_str().unwrap().to_owned();
    project.git(&["config", &format!("url.{folder}/.insteadOf"), "forge:"]);
    project.git(&["remote", "set-url", "origin", "forge:remote.git"]);
    release_and_undo(&project);
}

#[test]
fn a_relative_address() {
    let project = project().build();
    project.git(&["remote", "set-url", "origin", "../remote.git"]);
    release_and_undo(&project);
}

/// Settings of `git push` for further refs and for its choice have no effect.
#[test]
fn settings_of_git_push() {
    let project = project().build();
    project.git(&["tag", "--annotate", "--message", "not yet", "unpushed"]);
    project.git(&["branch", "unpushed-branch"]);
    for (key, value) in
        [("push.followTags", "true"), ("push.default", "nothing"), ("remote.origin.mirror", "true")]
    {
        project.git(&["config", key, value]);
    }
    project.git(&["config", "remote.origin.push", "refs/heads/*:refs/for/*"]);
    release_and_undo(&project);
    let refs = project.remote_refs();
    assert!(refs.keys().all(|name| !name.contains("unpushed") && !name.contains("/for/")), "{refs:?}");
}

/// `push.default = current`: to the branch's own name, though it follows another.
#[test]
fn a_branch_that_follows_another_and_is_pushed_to_its_own_name() {
    let project = configured("[stage.push]\nbranches = [\"work\"]\n").build();
    let main = project.head();
    project.git(&["switch", "--quiet", "--create", "work", "--track", "origin/main"]);
    project.git(&["config", "push.default", "current"]);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.remote_refs()["refs/heads/main"], main);
    assert_eq!(project.remote_refs()["refs/heads/work"], project.head());
}

/// `git init --bare --shared` sets the first. The preflight reports it; what cannot be undone stays, here and at the
/// remote, until the remote permits it.
#[test]
fn a_remote_that_rejects_undos() {
    let mut seen = Transcript::named("repositories/a-remote-that-lets-nothing-be-taken-back");
    for (setting, branch) in [("receive.denyNonFastForwards", "main"), ("receive.denyDeletes", "new")] {
        let project = configured("[stage.push]\nbranches = [\"main\", \"new\"]\n").build();
        project.git(&["switch", "--quiet", "--force-create", branch]);
        let before = project.snapshot();
        project.remote().git(&["config", setting, "true"]);
        let outcome = project.pyrelease("run minor --yes").env("FAIL", "yes").code(4);
        seen.add_error(&outcome);
        let there = &project.remote_refs()[&format!("refs/heads/{branch}")];
        assert_eq!(*there, project.head(), "the same story here and there");
        assert_eq!(project.tag_target("v1.1.0"), project.head());
        project.pyrelease("rollback --yes").code(4);
        project.remote().git(&["config", setting, "false"]);
        project.pyrelease("rollback --yes").code(0);
        project.assert_unchanged(&before);
        project.assert_no_debris();
    }
    seen.assert();
}

#[test]
fn a_remote_on_which_somebody_works() {
    let project = project().build();
    let theirs = project.sandbox().root().join("theirs");
    let theirs = theirs.to_str().unwrap();
    project.git(&["clone", "--quiet", project.remote().path().to_str().unwrap(), theirs]);
    project.git(&["remote", "set-url", "origin", theirs]);
    is_refused(&project).messages_eq(str![[r#"
error: [push] `refs/heads/main` is checked out at `origin`, which therefore refuses pushes to it
help: push to a bare repository, or run `git config receive.denyCurrentBranch updateInstead` there
error: the release was refused; nothing has been done

"#]]);
    project.git(&["-C", theirs, "config", "receive.denyCurrentBranch", "updateInstead"]);
    check_undo(&project, project.folder());
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.git(&["-C", theirs, "rev-parse", "main"]), project.head());
}

/// The remote hides its tags and rejects new ones.
#[test]
fn a_remote_that_hides_its_tags() {
    let project = project().build();
    project.remote().git(&["config", "transfer.hideRefs", "refs/tags"]);
    let before = project.snapshot();
    project.pyrelease("run minor --yes").code(1).messages_eq(str![[r#"
error: `git push` to `origin` failed
  error: failed to push some refs to '[ROOT]/remote.git'
  refs/tags/v1.1.0: [remote rejected] (deny updating a hidden ref)

"#]]);
    project.assert_unchanged(&before);
    project.assert_no_debris();
}

#[test]
fn a_remote_that_is_gone() {
    let project = project().build();
    let remote = project.remote().path().to_owned();
    let away = remote.with_file_name("away.git");
    fs_err::rename(&remote, &away).unwrap();
    project.pyrelease("run minor --yes").code(3).assert_error_shown("repositories/a-remote-that-is-gone");
    fs_err::rename(&away, &remote).unwrap();
    project.pyrelease("run minor --yes").code(0);
    is_released(&project, project.repository());
}
