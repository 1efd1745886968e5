//! A run that was interrupted in one clone of a repository is completed in another.

use std::path::{Path, PathBuf};

use pyrelease_test_support::{Backend, Config, Transcript, str};

use super::drilled::{Local, drill, text};
use super::failures::Attempt;
use super::{QUICK, demo, quick};

const WHEEL_IS_PUBLIC: &str = "done: demo-1.1.0-py3-none-any.whl on pypi";
const LANDED: &str = "done: main in the repository and tag v1.1.0";
const PUSHED: &str = "done: main and v1.1.0 at origin";

/// Somebody else's clone of the project, as it was before the release.
fn clone_from_before(local: &Local) -> PathBuf {
    let project = &local.project;
    let clone = project.sandbox().root().join("somebody else's clone");
    let folder = text(&clone);
    project.git(&["clone", "--quiet", text(project.remote().path()), folder]);
    if project.git(&["-C", folder, "tag", "--list", "v1.1.0"]) == "v1.1.0" {
        project.git(&["-C", folder, "reset", "--quiet", "--hard", "v1.1.0~1"]);
        project.git(&["-C", folder, "tag", "--delete", "v1.1.0"]);
    }
    clone
}

/// Exports the run and returns the file.
#[track_caller]
fn exported(local: &Local) -> PathBuf {
    let file = local.project.sandbox().root().join("the run.tar.gz");
    local.pyrelease("status --export").arg(&file).code(0).stderr_eq(str![[r#"
             exported run [RUN] to [ROOT]/the run.tar.gz ([SIZE]): the journal, the release's commit and tag, demo-1.1.0-py3-none-any.whl, demo-1.1.0.tar.gz
             the run can be completed here or there; each finds what the other has done
             to complete it in another clone: pyrelease resume --import [ROOT]/the run.tar.gz

"#]]);
    file
}

#[test]
fn a_half_public_release_is_finished_elsewhere_and_then_at_home() {
    let mut seen = Transcript::named("moving/a-half-public-release-is-finished-elsewhere-and-then-at-home");
    let local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    let clone = clone_from_before(&local);
    let file = exported(&local);
    seen.add(&local.pyrelease("resume --yes --import").arg(&file).from(&clone).code(0));
    local.is_released(&clone);

    let status = local.pyrelease("status").from(&clone).code(0);
    seen.add(&status);
    // The first clone does not know of it; it finds everything done, and repeats nothing.
    let published = local.public.files();
    seen.add(&local.pyrelease("resume --yes").code(0));
    local.is_released(local.project.folder());
    assert_eq!(local.public.files(), published);
    // It cannot be imported here again.
    let again = local.pyrelease("resume --yes --import").arg(&file).from(&clone).code(3);
    seen.add_error(&again);
    seen.assert();
}

fn git(local: &Local, clone: &Path, args: &[&str]) -> String {
    local.project.git(&[&["-C", text(clone)], args].concat())
}

/// Imports the run there, and is killed again after this effect.
#[track_caller]
fn taken_and_killed_after(local: &Local, file: &Path, clone: &Path, record: &str) {
    for number in 1.. {
        let drill = format!("kill:{number}");
        let run = match clone.join(".git/pyrelease/runs").is_dir() {
            true => local.pyrelease("resume --yes"),
            false => local.pyrelease("resume --yes --import").arg(file),
        };
        let outcome = run.from(clone).env("PYRELEASE_DRILL", drill).run();
        assert_eq!(outcome.status(), -1, "{outcome}");
        let told = local.pyrelease("log --last").from(clone).run();
        let since = told.stdout().rsplit_once("was imported from another").map_or("", |(_, since)| since);
        assert!(!since.contains("failed"), "{told}");
        if since.contains(record) {
            return;
        }
    }
}

#[test]
fn a_landing_is_done_anew_there_and_each_is_undone_where_it_was_done() {
    let local = Local::new();
    let before = local.project.snapshot();
    local.killed(LANDED);
    let landed = local.project.refs();
    let clone = clone_from_before(&local);
    let before_there = git(&local, &clone, &["for-each-ref"]);
    let file = exported(&local);

    // It lands there, too, and is killed again. A rollback there changes nothing in the first clone.
    taken_and_killed_after(&local, &file, &clone, "main in the repository and tag v1.1.0");
    local.pyrelease("rollback --yes").from(&clone).code(0);
    assert_eq!(git(&local, &clone, &["for-each-ref"]), before_there);
    assert_eq!(git(&local, &clone, &["status", "--porcelain"]), "");
    assert_eq!(local.project.refs(), landed);
    local.pyrelease("rollback --yes").code(0);
    local.project.assert_unchanged(&before);
}

#[test]
fn a_clone_that_has_pulled_the_release_needs_only_the_rest() {
    let local = Local::new();
    local.killed(PUSHED);
    let clone = clone_from_before(&local);
    // The commit exists, the tag does not.
    git(&local, &clone, &["pull", "--quiet", "--no-tags"]);
    let file = exported(&local);
    local
        .pyrelease("resume --yes --import")
        .arg(&file)
        .from(&clone)
        .code(0)
        .assert_shown("moving/a-clone-that-has-pulled-the-release-needs-only-the-rest");
    local.is_released(&clone);
}

#[test]
fn a_run_comes_home_again() {
    let local = Local::new();
    local.killed("stage-done testpypi");
    let clone = clone_from_before(&local);
    let file = exported(&local);
    taken_and_killed_after(&local, &file, &clone, "main and v1.1.0 at origin");
    // The imported journal is as far as the local one.
    let again = local.pyrelease("resume --yes --import").arg(&file).from(&clone).code(3);
    again.assert_error_shown("moving/a-run-comes-home-again");

    let back = local.project.sandbox().root().join("back.tar.gz");
    local.pyrelease("status --export").arg(&back).from(&clone).code(0);
    local.pyrelease("resume --yes --import").arg(&back).code(0);
    local.is_released(local.project.folder());
    local.pyrelease("resume --yes").from(&clone).code(0);
    local.is_released(&clone);
}

#[test]
fn a_project_in_a_subfolder_and_a_linked_worktree() {
    let local = Local::of(quick().in_subfolder("python/demo"), "");
    local.killed(LANDED);
    let clone = clone_from_before(&local);
    let worktree = local.project.sandbox().root().join("worktree");
    let folder = worktree.to_str().unwrap();
    git(&local, &clone, &["checkout", "--quiet", "--detach"]);
    git(&local, &clone, &["worktree", "add", "--quiet", folder, "main"]);
    let file = exported(&local);
    let there = worktree.join("python/demo");
    local
        .pyrelease("resume --yes --import")
        .arg(&file)
        .from(there)
        .code(0)
        .assert_shown("moving/a-project-in-a-subfolder-and-a-linked-worktree");
    local.is_released(&worktree);
}

#[test]
fn a_run_that_cannot_be_exported() {
    let mut seen = Transcript::named("moving/what-cannot-be-moved-is-not");
    let local = Local::new();
    let file = local.project.sandbox().root().join("run.tar.gz");
    seen.add_error(&local.pyrelease("status --export").arg(&file).code(3));
    local.killed("stage-done tag");
    let nothing = local.pyrelease("status --export").arg(&file).code(3);
    seen.add_error(&nothing);
    assert!(!file.exists());
    local.pyrelease("rollback --yes").code(0);

    local.killed("stage-done check");
    fs_err::write(&file, "mine").unwrap();
    seen.add_error(&local.pyrelease("status --export").arg(&file).code(2));
    assert_eq!(fs_err::read_to_string(&file).unwrap(), "mine");

    // Nothing outside has happened yet, but the build can be exported.
    let clone = clone_from_before(&local);
    let file = exported(&local);
    let resumed = local.pyrelease("resume --yes --format json --import").arg(&file).from(&clone).code(0);
    assert!(!resumed.actions().contains(&"build".to_owned()), "{resumed}");
    local.is_released(&clone);
    local.pyrelease("resume --yes").code(0);
    local.is_released(local.project.folder());
    seen.assert();
}

#[test]
fn a_run_that_is_under_way_is_not_packed() {
    let look = "! $PYRELEASE -C $PROJECT status --export x.tar.gz 2> $OUT";
    let config = Config::stages("changelog version tag look").stage("look").shell(look);
    let project = demo().backend(Backend::InTree).config(&config).build();
    let out = project.sandbox().root().join("said");
    let run = project.pyrelease("run minor --yes").env("PYRELEASE", env!("CARGO_BIN_EXE_pyrelease"));
    run.env("PROJECT", project.folder()).env("OUT", &out).code(0);
    assert!(fs_err::read_to_string(out).unwrap().contains("a release is already under way"));
    assert!(!project.folder().join("x.tar.gz").exists());
}

#[test]
fn a_clone_in_which_a_run_cannot_continue() {
    let local = Local::new();
    local.killed(LANDED);
    let file = exported(&local);
    let mut seen = Transcript::named("moving/where-a-run-cannot-go-on");
    let mut refused = |clone: &Path| {
        seen.add_error(&local.pyrelease("resume --yes --import").arg(&file).from(clone).code(3));
        let runs = local.pyrelease("log --format json").from(clone).code(0).events();
        assert!(runs.is_empty(), "{runs:?}");
    };

    let stranger = demo().build();
    let outcome = stranger.pyrelease("resume --yes --import").arg(&file).code(3);
    let without_the_commit = outcome;

    let clone = clone_from_before(&local);
    git(&local, &clone, &["checkout", "--quiet", "-b", "elsewhere"]);
    refused(&clone);
    git(&local, &clone, &["checkout", "--quiet", "main"]);
    git(&local, &clone, &["reset", "--quiet", "--hard", "HEAD~1"]);
    refused(&clone);

    // Another unfinished run comes first.
    git(&local, &clone, &["merge", "--quiet", "--ff-only", "origin/main"]);
    fs_err::copy(local.project.folder().join("release.toml"), clone.join("release.toml")).unwrap();
    let kill = local.pyrelease("run 1.2.0 --yes").from(&clone).env("PYRELEASE_DRILL", "kill:9").run();
    assert_eq!(kill.status(), -1, "{kill}");
    let outcome = local.pyrelease("resume --yes --import").arg(&file).from(&clone).code(3);
    seen.add_error(&outcome).add_error(&without_the_commit);
    seen.assert();
}

#[test]
fn no_secret_is_packed() {
    let attempt = Attempt::configured(quick(), QUICK);
    let project = &attempt.project;
    let drill = drill("", WHEEL_IS_PUBLIC);
    assert_eq!(project.pyrelease("run minor --yes -v").env("PYRELEASE_DRILL", drill).run().status(), -1);
    let file = project.sandbox().root().join("run.tar.gz");
    project.pyrelease("status --export").arg(&file).code(0);
    assert!(fs_err::metadata(&file).unwrap().len() > 1000);
    for server in [&attempt.rehearsal, &attempt.public] {
        project.assert_secret_nowhere(server.password());
    }
}
