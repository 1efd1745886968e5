//! The user's files are never overwritten, only tagged code is published, and doubt stops the release.

use pyrelease_test_support::{Backend, Config, Transcript, str};

use super::demo;
use super::failures::Attempt;

fn stages(own: &str, after: &str) -> Config {
    let all = "changelog version tag build check testpypi push pypi";
    Config::stages(&all.replace(after, &format!("{after} {own}"))).stage(own)
}

#[test]
fn changes_after_the_tag_are_not_built() {
    let mut seen = Transcript::named("care/what-a-stage-left-after-the-tag-is-not-built");
    for script in ["echo x = 1 > src/demo/junk.py", "echo x = 1 >> src/demo/__init__.py"] {
        let config = stages("tests", "tag").shell(script);
        let attempt = Attempt::configured(demo(), &config);
        seen.add_error(&attempt.comes_to_nothing(1));
        attempt.was_not_rehearsed();
    }
    seen.assert();
}

#[test]
fn a_tag_of_somebody_elses_at_the_remote_is_not_replaced() {
    // A lightweight tag on an ancestor of the release is not the release's own.
    let config = stages("rival", "check").shell("git -C \"$REMOTE\" update-ref refs/tags/v1.1.0 main");
    let attempt = Attempt::configured(demo(), &config);
    let project = &attempt.project;
    let remote = project.remote().path().to_owned();
    project.pyrelease("run minor --yes").env("REMOTE", &remote).code(1).messages_eq(str![[r#"
error: `origin` already has a different `refs/tags/v1.1.0`
help: somebody else created it, and it is not replaced: release another version
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    assert_eq!(project.remote_refs()["refs/tags/v1.1.0"], project.remote_refs()["refs/heads/main"]);
    attempt.left_nothing();
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_repository_is_not_written_through() {
    let config = "\n[stage.version]\nfiles = [{ path = \"lnk\", search = \"ver-{version}\" }]\n";
    let attempt = Attempt::configured(demo(), config);
    let project = &attempt.project;
    let outside = project.sandbox().root().join("outside");
    fs_err::write(&outside, "ver-1.0.0\n").unwrap();
    fs_err::os::unix::fs::symlink(&outside, project.folder().join("lnk")).unwrap();
    project.commit("A link");
    let outcome = project.pyrelease("run minor --yes").run();
    assert!([1, 2, 3].contains(&outcome.status()), "{outcome}");
    assert_eq!(fs_err::read_to_string(&outside).unwrap(), "ver-1.0.0\n");
    attempt.left_nothing();
}

#[test]
fn an_ignored_file_of_the_users_is_not_written_over() {
    let attempt = Attempt::at(demo());
    let project = &attempt.project;
    project.write(".gitignore", &format!("{}*.gen\n", project.read(".gitignore")));
    project.commit("Ignore what is generated");
    project.write("a.gen", "mine\n");
    let hook = project.repository().join(".git/hooks/pre-commit");
    project.git(&["config", "core.hooksPath", ".git/hooks"]);
    fs_err::create_dir_all(hook.parent().unwrap()).unwrap();
    fs_err::write(&hook, "#!/bin/sh\necho theirs > a.gen && git add -f a.gen\n").unwrap();
    executable(&hook);
    project.pyrelease("run minor --yes").code(1).messages_eq(str![[r#"
error: the release adds `a.gen`, but an untracked file exists there
help: move the file away, or commit it
help: left on `testpypi`: demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz; the next run rehearses there as `.devN`, unless it builds the same bytes

"#]]);
    assert_eq!(project.read("a.gen"), "mine\n");
    attempt.left_nothing();
}

#[cfg(unix)]
fn executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .expect("a hook that can be made executable");
}

#[cfg(not(unix))]
fn executable(_: &std::path::Path) {}

#[test]
fn a_repository_that_the_caller_points_at_is_not_the_one_that_commands_change() {
    let config = stages("mark", "check").set("run", ["git", "tag", "evil"]);
    let attempt = Attempt::configured(demo(), &config);
    let project = &attempt.project;
    let folder = project.repository().join(".git");
    project.pyrelease("run minor --yes").env("GIT_DIR", folder).code(0);
    assert_eq!(project.git(&["tag", "--list", "evil"]), "");
}

/// A run whose rollback was interrupted can be completed: undone effects are done again.
#[test]
fn an_interrupted_rollback_can_still_be_completed() {
    let config = stages("gate", "push")
        .shell("test -e $OPEN")
        .set("reach", "repository")
        .set("undo", ["sh", "-c", "kill -9 $PPID"]);
    let attempt = Attempt::configured(demo().backend(Backend::Flit), &config);
    let project = &attempt.project;
    let open = project.sandbox().root().join("open");
    let cut = project.pyrelease("run minor --yes").env("OPEN", &open).run();
    assert_eq!(cut.status(), -1, "{cut}");
    fs_err::write(&open, "").unwrap();
    project.pyrelease("resume --yes").env("OPEN", &open).code(0);
    assert_eq!(attempt.public.files("demo").len(), 2);
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    assert_eq!(project.tag_target("v1.1.0"), project.head());
}

#[test]
fn a_pre_release_becomes_final_without_further_changes() {
    let attempt = Attempt::at(demo());
    let project = &attempt.project;
    project.pyrelease("run 1.1.0rc1 --yes").code(0);
    project.pyrelease("run release --yes").code(0);
    assert!(
        project.read("CHANGELOG.md").contains("No changes since 1.1.0rc1."),
        "{}",
        project.read("CHANGELOG.md")
    );
    assert_eq!(project.tag_target("v1.1.0"), project.head());
}
