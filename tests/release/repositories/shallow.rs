//! Incomplete clones: shallow, partial, sparse, and with alternates.

use pyrelease_test_support::{Backend, str};

use super::{configured, project, release_and_undo};

/// As CI systems clone: one commit, no tags.
#[test]
fn a_shallow_clone() {
    let project = project().build().cloned_with(&["--depth=1"]);
    assert_eq!(project.log().len(), 1);
    let dry = project.pyrelease("run minor --dry-run").code(0);
    dry.assert_shown("repositories/a-shallow-clone");
    release_and_undo(&project);
}

/// The history reaches the tag: no warning.
#[test]
fn a_shallow_clone_with_the_tag_before() {
    let project = project().build().cloned_with(&["--depth=2"]);
    project.git(&["fetch", "--quiet", "--depth=2", "origin", "tag", "v1.0.0"]);
    project.pyrelease("run minor --dry-run").code(0).messages_eq(str![]);
    release_and_undo(&project);
}

/// The version comes from tags that the clone does not have.
#[test]
fn a_shallow_clone_whose_version_is_in_a_tag_it_does_not_have() {
    let project = project().backend(Backend::SetuptoolsScm).build().cloned_with(&["--depth=1"]);
    super::is_refused(&project)
        .assert_error_shown("repositories/a-shallow-clone-whose-version-is-in-a-tag-it-does-not-have");
    project.git(&["fetch", "--quiet", "--unshallow", "--tags"]);
    project.pyrelease("run minor --dry-run").code(0);
}

/// All tags are only at the remote, among them the one of the release.
#[test]
fn a_clone_without_tags_does_not_release_a_version_again() {
    let project = project().build().cloned_with(&["--no-tags"]);
    let before = project.snapshot();
    project
        .pyrelease("run --yes")
        .code(3)
        .assert_error_shown("repositories/a-clone-without-tags-does-not-release-a-version-again");
    project.assert_unchanged(&before);
}

/// Only one file is checked out; git fetches the others when they are needed.
#[test]
fn a_partial_clone() {
    let project = project().build();
    for allowed in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
        project.remote().git(&["config", allowed, "true"]);
    }
    let project = project.cloned_with(&["--filter=blob:none", "--no-checkout"]);
    project.git(&["sparse-checkout", "set", "--no-cone", "/release.toml"]);
    project.git(&["checkout", "--quiet"]);
    let missing = project.git(&["rev-list", "--objects", "--all", "--missing=print"]);
    let missing = missing.lines().filter(|object| object.starts_with('?')).count();
    assert!(missing > 5, "{missing} objects are missing");
    release_and_undo(&project);
    assert!(!project.folder().join("CHANGELOG.md").exists());
}

/// The missing objects of a partial clone are at its remote; without it there is no release.
#[test]
fn a_partial_clone_without_its_remote() {
    let project = project().build();
    project.remote().git(&["config", "uploadpack.allowFilter", "true"]);
    let project = project.cloned_with(&["--filter=blob:none", "--sparse"]);
    let remote = project.remote().path().to_owned();
    let away = remote.with_file_name("away.git");
    fs_err::rename(&remote, &away).unwrap();
    project.pyrelease("run minor --yes").code(3).messages_eq(str![[r#"
warning: [tag] failed to look up tag `v1.1.0` at `origin`: `git ls-remote --quiet --symref -- origin refs/heads/main refs/tags/v1.1.0 'refs/tags/v1.1.0/*' HEAD` failed (exit status: 128)
  fatal: '[ROOT]/remote.git' does not appear to be a git repository
  fatal: Could not read from remote repository.

  Please make sure you have the correct access rights
  and the repository exists.
error: [push] `git ls-remote --quiet --symref -- origin refs/heads/main refs/tags/v1.1.0 'refs/tags/v1.1.0/*' HEAD` failed (exit status: 128)
  fatal: '[ROOT]/remote.git' does not appear to be a git repository
  fatal: Could not read from remote repository.

  Please make sure you have the correct access rights
  and the repository exists.
help: check the URL and your access with `git ls-remote origin`
error: the release was refused; nothing has been done

"#]]);
    fs_err::rename(&away, &remote).unwrap();
    assert_eq!(project.git(&["status", "--porcelain"]), "?? notes.txt");
    assert_eq!(project.git(&["tag", "--list", "v1.1.0"]), "");
}

/// The version is in a file that is not checked out; it stays so, and the commit has the new version.
#[test]
fn a_sparse_checkout() {
    let folders = ["packages/demo/src", "packages/demo/backend"];
    let files = ["/packages/demo/src/", "/packages/demo/backend/", "/packages/demo/release.toml"];
    for (how, what) in [("--cone", &folders[..]), ("--no-cone", &files[..])] {
        let project = project().in_subfolder("packages/demo").build();
        project
            .sandbox()
            .git(project.repository(), &[&["sparse-checkout", "set", "--sparse-index", how], what].concat());
        let is_there = || project.folder().join("CHANGELOG.md").exists();
        assert_eq!(is_there(), how == "--cone");
        release_and_undo(&project);
        assert_eq!(is_there(), how == "--cone");
    }
}

/// `git clone --shared`, with alternates of its own by a relative path.
#[test]
fn a_clone_that_borrows_its_objects() {
    let project = project().build();
    let lender = project.sandbox().root().join("lender.git");
    let remote = project.remote().path().to_owned();
    project.git(&["clone", "--quiet", "--bare", remote.to_str().unwrap(), lender.to_str().unwrap()]);
    let project = project.cloned_with(&["--reference", lender.to_str().unwrap()]);
    let borrowed = project.git_folder().join("objects/info/alternates");
    fs_err::write(borrowed, "../../../lender.git/objects\n").unwrap();
    project.git(&["repack", "-a", "-d", "-l", "--quiet"]);
    project.git(&["prune-packed"]);
    release_and_undo(&project);
}

#[test]
fn a_single_branch_with_another_name_at_the_remote() {
    let project = configured("[stage.push]\nbranches = [\"local-name\"]\n").build();
    project.git(&["branch", "--move", "main", "local-name"]);
    assert_eq!(project.git(&["rev-parse", "--abbrev-ref", "@{upstream}"]), "origin/main");
    release_and_undo(&project);
    assert_eq!(project.branch(), "local-name");
}
