//! Repository formats, and settings of the user's repository that must also apply in its clone.

use pyrelease_test_support::{Project, Transcript, str};

use super::{is_refused, project, release_and_undo};

/// Converts the repository into one of another format, with the same commit.
fn remade(project: &Project, format: &str) {
    fs_err::remove_dir_all(project.repository().join(".git")).expect("our own folder");
    project.git(&["init", "--quiet", format, "--initial-branch=main", "."]);
    project.commit("Anew");
}

#[test]
fn refs_in_a_reftable() {
    let project = project().build();
    remade(&project, "--ref-format=reftable");
    let refused = is_refused(&project);
    refused.assert_error_shown("repositories/refs-in-a-reftable");
}

#[test]
fn objects_by_sha_256() {
    let project = project().build();
    remade(&project, "--object-format=sha256");
    is_refused(&project).messages_eq(str![[r#"
error: the repository of `[ROOT]/demo` uses SHA-256 object ids, which are not supported
  caused by: unknown object format 'sha256'; class=Repository (6); code=Invalid (-21)
help: release from a repository with SHA-1 object ids

"#]]);
}

/// As when a folder is mounted into a container.
#[cfg(unix)]
#[test]
fn a_repository_of_somebody_elses() {
    let mut seen = Transcript::named("repositories/a-repository-of-somebody-elses");
    let project = project().build();
    let given = std::os::unix::fs::chown(project.repository(), Some(12_345), None);
    if given.is_err() {
        println!("skipped: only root can give a folder away");
        return;
    }
    for path in [".git", ".git/config"] {
        std::os::unix::fs::chown(project.repository().join(path), Some(12_345), None).unwrap();
    }
    let outcome = project.pyrelease("run minor --yes").code(3);
    seen.add_error(&outcome);
    let folder = project.repository().to_str().unwrap();
    let sandbox = project.sandbox();
    sandbox.git(sandbox.root(), &["config", "--global", "--add", "safe.directory", folder]);
    release_and_undo(&project);
    seen.assert();
}

/// A conditional include for this repository applies to the release commit, whatever the condition.
#[test]
fn settings_included_under_a_condition() {
    let conditions = [
        "gitdir:[REPOSITORY]/.git",
        "gitdir:[REPOSITORY]/",
        "hasconfig:remote.*.url:**/remote.git",
        "onbranch:main",
    ];
    for condition in conditions {
        let project = project().build();
        let condition = condition.replace("[REPOSITORY]", project.repository().to_str().unwrap());
        project.sandbox().write_home("work.gitconfig", "[user]\n\tname = Dana at Work\n");
        let key = format!("includeIf.{condition}.path");
        project.sandbox().git(project.folder(), &["config", "--global", &key, "work.gitconfig"]);
        project.pyrelease("run minor --yes").code(0);
        super::is_released(&project, project.repository());
        let names = project.git(&["log", "-1", "--format=%an, %cn"]);
        assert_eq!(names, "Dana at Work, Dana at Work", "{condition}");
        assert!(project.git(&["cat-file", "tag", "v1.1.0"]).contains("tagger Dana at Work"), "{condition}");
    }
}

/// `core.worktree`: the files are elsewhere.
#[test]
fn files_elsewhere() {
    let project = project().build();
    let apart = project.sandbox().root().join("apart.git");
    fs_err::rename(project.repository().join(".git"), &apart).unwrap();
    project.write(".git", &format!("gitdir: {}\n", apart.display()));
    project.git(&["config", "core.worktree", project.repository().to_str().unwrap()]);
    release_and_undo(&project);
}

/// Replaced commits apply here and in the clone, where a version may come from the history.
#[test]
fn a_history_that_was_replaced() {
    let project = super::looking("git log --format=%s").build();
    let other = project.git(&["commit-tree", "HEAD~^{tree}", "-m", "The history before the move"]);
    project.git(&["replace", "HEAD~", &other]);
    let (seen, _) = super::seen(&project);
    assert_eq!(seen, "Release 1.1.0\nWrite down what changed\nThe history before the move\n");
}

/// Settings that could make the transfer of the release commit fail, or do more.
#[test]
fn settings_of_git_fetch() {
    let project = project().build();
    let settings = [
        ("fetch.prune", "true"),
        ("fetch.pruneTags", "true"),
        ("fetch.recurseSubmodules", "true"),
        ("fetch.writeCommitGraph", "true"),
        ("transfer.fsckObjects", "true"),
        ("maintenance.auto", "true"),
        ("gc.auto", "1"),
    ];
    for (key, value) in settings {
        project.git(&["config", key, value]);
    }
    project.git(&["tag", "mine-alone"]);
    release_and_undo(&project);
    assert_eq!(project.git(&["tag", "--list", "mine-alone"]), "mine-alone");
}

#[test]
fn no_repository_of_this_machine_may_be_fetched_from() {
    let project = project().build();
    project.git(&["remote", "remove", "origin"]);
    project.git(&["config", "protocol.file.allow", "never"]);
    project.pyrelease("run minor --yes").code(0);
    assert_eq!(project.tag_target("v1.1.0"), project.head());
}
