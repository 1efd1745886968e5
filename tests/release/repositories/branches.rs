//! The branch guard: `run` asks before a release from a branch that is not a release branch.

use pyrelease_test_support::{Project, Transcript, str};

use super::{configured, is_refused, project};

const QUESTION: &str = "Release from `feature`? [y/N]";

/// A project with a commit on another branch.
fn on_a_branch(project: Project, branch: &str) -> Project {
    project.git(&["switch", "--quiet", "--create", branch]);
    project.git(&["commit", "--quiet", "--allow-empty", "--message", "Try something"]);
    project
}

#[test]
fn another_branch_than_the_default_one_is_refused_where_nobody_is_asked() {
    let project = on_a_branch(project().build(), "feature");
    is_refused(&project).messages_eq(str![[r#"
error: [push] `feature` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "feature"]
error: the release was refused; nothing has been done

"#]]);
    let dry = project.pyrelease("run minor --dry-run").code(3);
    dry.stderr_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
error: [push] `feature` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "feature"]
error: the release was refused; nothing has been done

"#]]);
    project.pyrelease("doctor minor").code(3).messages_eq(str![[r#"
error: [push] `feature` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "feature"]
error: 1 problem would make a release fail
help: next: correct the first problem, then `pyrelease doctor` again

"#]]);
    let refused = project.pyrelease("run minor --yes --force --format json").code(3);
    let finding = |event: &serde_json::Value| event["finding"]["question"] == "Release from `feature`?";
    assert!(refused.events().iter().any(finding), "{refused}");
    project.pyrelease("plan minor").code(0).stdout_eq(str![[r#"
demo 1.1.0 (now 1.0.0), tag v1.1.0, from feature at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 1.1.0"
               tag v1.1.0
    build      build sdist and wheel with python -m build
    check      check every distribution by PyPI's rules
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: feature and tag v1.1.0
    between    run `sh -c if [ -n "$DIE" ] && [ ! -e "$DIE" ]; then touch "$DIE"; kill -9 $PPID; fi`
    push       push feature and v1.1.0 to origin, atomically
    last       run `sh -c test -z "$FAIL"`

"#]]);
}

/// `git switch --create feature origin/main`: git would not push it, but pyrelease would push it to `main`.
#[test]
fn a_branch_that_follows_the_default_one_is_another_branch() {
    let project = project().build();
    project.git(&["switch", "--quiet", "--create", "feature", "--track", "origin/main"]);
    is_refused(&project).messages_eq(str![[r#"
error: [push] `feature` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "feature"]
error: the release was refused; nothing has been done

"#]]);
}

#[test]
fn on_a_terminal_the_user_is_asked() {
    let project = on_a_branch(project().build(), "feature");
    let before = project.snapshot();
    let run = |dialogue: &[(&str, &str)]| project.pyrelease("run minor").on_a_terminal(dialogue);
    run(&[(QUESTION, "n\n")]).code(3).stdout_eq(str![[r#"
note: untracked files are not released: `notes.txt`
help: `git add` and commit them if they belong to this release
warning: [push] `feature` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "feature"]
demo 1.1.0 (now 1.0.0), tag v1.1.0, from feature at [OID]
  in the run's own clone:
    changelog  write CHANGELOG.md
    version    write pyproject.toml
    tag        commit "Release 1.1.0"
               tag v1.1.0
    build      build sdist and wheel with python -m build
    check      check every distribution by PyPI's rules
  in the repository and its remote; undone if a later stage fails:
    land       land in your repository: feature and tag v1.1.0
    between    run `sh -c if [ -n "$DIE" ] && [ ! -e "$DIE" ]; then touch "$DIE"; kill -9 $PPID; fi`
    push       push feature and v1.1.0 to origin, atomically
    last       run `sh -c test -z "$FAIL"`
Release from `feature`? [y/N] n
error: not confirmed; nothing has been done

"#]]);
    let dry = project.pyrelease("run minor --dry-run").on_a_terminal(&[]).code(0);
    dry.messages_eq(str![[r#"
warning: [push] `feature` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "feature"]

"#]]);
    project.assert_unchanged(&before);
    let yes = run(&[(QUESTION, "y\n"), ("Release demo 1.1.0? [y/N]", "y\n")]).code(0);
    yes.messages_eq(str![[r#"
warning: [push] `feature` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "feature"]

"#]]);
    assert_eq!(project.remote_refs()["refs/heads/feature"], project.head());
}

/// A maintenance branch has releases that the default branch does not have; one that was just created at a release has
/// none yet.
#[test]
fn a_maintenance_branch_may_release() {
    let project = on_a_branch(project().build(), "1.0.x");
    is_refused(&project).messages_eq(str![[r#"
error: [push] `1.0.x` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "1.0.x"]
error: the release was refused; nothing has been done

"#]]);
    project.git(&["tag", "--annotate", "--message", "not a release", "snapshot"]);
    is_refused(&project).messages_eq(str![[r#"
error: [push] `1.0.x` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "1.0.x"]
error: the release was refused; nothing has been done

"#]]);
    project.git(&["tag", "--annotate", "--message", "v1.0.1rc1", "v1.0.1rc1"]);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.remote_refs()["refs/heads/1.0.x"], project.head());
}

/// The remote's current default branch counts, not the remote-tracking ref.
#[test]
fn a_release_tag_that_the_default_branch_has_makes_no_maintenance_branch() {
    let project = on_a_branch(project().build(), "feature");
    project.git(&["tag", "--annotate", "--message", "v1.0.1", "v1.0.1"]);
    project.git(&["push", "--quiet", "origin", "feature:main"]);
    project.git(&["update-ref", "refs/remotes/origin/main", "HEAD~"]);
    is_refused(&project).messages_eq(str![[r#"
error: [push] `feature` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "feature"]
error: the release was refused; nothing has been done

"#]]);
}

#[test]
fn the_default_branch_is_the_remotes_whatever_its_name() {
    let project = on_a_branch(project().build(), "trunk");
    project.git(&["push", "--quiet", "--set-upstream", "origin", "trunk"]);
    project.remote().git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    project.pyrelease("run minor --dry-run").code(0);
    project.git(&["switch", "--quiet", "main"]);
    is_refused(&project).messages_eq(str![[r#"
error: [push] `main` is not a release branch: the default branch of `origin` is `trunk`
help: switch to `trunk`, or let this branch release: [stage.push] branches = ["trunk", "main"]
error: the release was refused; nothing has been done

"#]]);
    // For a remote that names no default branch, the one from the clone counts, if any.
    project.remote().git(&["symbolic-ref", "HEAD", "refs/heads/gone"]);
    project.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    is_refused(&project).messages_eq(str![[r#"
error: [push] `main` is not a release branch: the default branch of `origin` is `trunk`
help: switch to `trunk`, or let this branch release: [stage.push] branches = ["trunk", "main"]
error: the release was refused; nothing has been done

"#]]);
    project.git(&["symbolic-ref", "--delete", "refs/remotes/origin/HEAD"]);
    project.pyrelease("run minor --dry-run").code(0);
    project.pyrelease("doctor minor").code(0).messages_eq(str![]);
}

#[test]
fn a_detached_head_may_release_at_a_tag_and_in_ci() {
    let project = configured("[stage.push]\nbranch = \"next\"\n").build();
    project.git(&["switch", "--quiet", "--detach"]);
    is_refused(&project).messages_eq(str![[r#"
error: [push] HEAD is detached, and `next` is not a release branch: the default branch of `origin` is `main`
help: switch to `main`, or let this branch release: [stage.push] branches = ["main", "next"]
error: the release was refused; nothing has been done

"#]]);
    let dry = |name: &str, value: &str, code| {
        project.pyrelease("run minor --dry-run").env(name, value).code(code);
    };
    dry("CI", "false", 3);
    dry("CI", "true", 0);
    dry("GITLAB_CI", "true", 0);
    project.git(&["tag", "checked-out"]);
    dry("CI", "false", 0);
    // A HEAD that is not detached is on a branch, also in CI.
    project.git(&["switch", "--quiet", "--create", "feature"]);
    dry("CI", "true", 3);
}

#[test]
fn the_configuration_names_the_branches() {
    let project = configured("[stage.push]\nbranches = [\"trunk\", \"refs/heads/release/*\"]\n").build();
    is_refused(&project).messages_eq(str![[r#"
error: [push] `main` is not a release branch: [stage.push] branches = ["trunk", "refs/heads/release/*"]
help: switch to a release branch, or add "main" to `branches` in [stage.push]
error: the release was refused; nothing has been done

"#]]);
    for branch in ["trunk", "release/1.1"] {
        project.git(&["switch", "--quiet", "--create", branch]);
        project.pyrelease("run minor --dry-run").code(0);
    }
    let mut seen = Transcript::named("repositories/the-configuration-names-the-branches");
    for branches in ["[]", "[\"a b\"]"] {
        let project = configured(&format!("[stage.push]\nbranches = {branches}\n")).build();
        seen.add_error(&project.pyrelease("plan minor").code(2));
    }
    seen.assert();
}
