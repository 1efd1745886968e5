//! What `prepare` does, and what it leaves.

use pyrelease_test_support::{Config, Transcript, str};

use super::super::drilled::{Local, text};
use super::super::{QUICK, quick};
use super::Forge;

#[test]
fn a_job_without_rights_prepares_a_release_and_leaves_nothing_but_the_file() {
    let forge = Forge::new();
    forge.local.project.remote().refuse_pushes("read only");
    let (folder, file) = (forge.checkout("preparing"), forge.path("run.tar.gz"));
    let prepare = forge.job(&folder, "prepare minor --yes --author-from-forge --out").arg(&file).code(0);
    prepare.assert_shown("prepare/without-rights");
    forge.assert_nothing_is_out();
    forge.assert_untouched(&folder);

    let sandbox = forge.local.project.sandbox();
    let members = sandbox.command(sandbox.root(), "tar", &["tzf", text(&file)]).read().expect("tar");
    let members: Vec<&str> = members.lines().filter(|name| !name.ends_with(".log")).collect();
    assert_eq!(
        members,
        [
            "run.json",
            "journal.jsonl",
            "release.bundle",
            "notes.md",
            "dist/demo-1.1.0-py3-none-any.whl",
            "dist/demo-1.1.0.tar.gz"
        ]
    );
    let notes = sandbox.command(sandbox.root(), "tar", &["xzOf", text(&file), "notes.md"]).read();
    assert!(notes.expect("tar").contains("Greetings in *any* language."));
}

#[test]
fn the_events_name_the_file_and_what_is_in_it() {
    let forge = Forge::new();
    let (folder, file) = (forge.checkout("preparing"), forge.path("run.tar.gz"));
    let job = forge.job(&folder, "prepare minor --yes --sdist-only --author-from-forge --format json --out");
    let events = job.arg(&file).code(0).events();
    let prepared = events.iter().find(|event| event["event"] == "prepared").expect("the last event");
    assert_eq!(prepared["file"].as_str(), file.to_str());
    assert_eq!((&prepared["version"], &prepared["tag"]), (&"1.1.0".into(), &"v1.1.0".into()));
    assert_eq!(prepared["awaits_wheels"], true);
    let files = prepared["files"].as_array().expect("the files");
    assert!(files.len() == 1 && files[0]["filename"] == "demo-1.1.0.tar.gz", "{files:?}");
    let stages = events.iter().filter(|event| event["event"] == "stage-started");
    let stages: Vec<&str> = stages.filter_map(|event| event["stage"].as_str()).collect();
    assert_eq!(stages, ["changelog", "version", "tag", "build", "check"]);
}

#[test]
fn the_file_is_shown_without_detours() {
    let forge = Forge::new();
    let folder = forge.checkout("preparing");
    let prepare =
        forge.job(&folder, "prepare minor --yes --author-from-forge --out ../preparing/../run.tar.gz");
    let prepared = prepare.code(0);
    let file = forge.path("run.tar.gz");
    assert!(file.is_file() && prepared.stderr().contains(text(&file)), "{prepared}");
    assert!(!prepared.stderr().contains(".."), "{prepared}");
}

#[test]
fn what_prepare_refuses() {
    let mut seen = Transcript::named("prepare/refused");
    let forge = Forge::new();
    let (folder, file) = (forge.checkout("preparing"), forge.path("run.tar.gz"));
    let refused = |args: &str, code: i32| forge.job(&folder, args).arg(&file).code(code);
    seen.add_error(&refused("prepare minor --author-from-forge --out", 2));
    seen.add_error(&refused("prepare minor --yes --out", 3));
    seen.add_error(
        &forge.job(&folder, "prepare minor --yes --out nowhere/run.tar.gz --author-from-forge").code(2),
    );
    let job = forge.job(&folder, "prepare minor --yes --author-from-forge --out").arg(&file);
    seen.add_error(&job.env("GITHUB_ACTIONS", "").code(2));
    fs_err::write(&file, "mine").unwrap();
    seen.add_error(&refused("prepare minor --yes --author-from-forge --out", 2));
    assert_eq!(fs_err::read_to_string(&file).unwrap(), "mine");
    forge.assert_untouched(&folder);
    seen.assert();
}

#[test]
fn a_release_without_the_stage_build_has_no_sdist_to_leave_wheels_to() {
    let config = Config::stages("changelog version tag push").lines(QUICK);
    let project = quick().config(&config).build();
    let before = project.snapshot();
    project.pyrelease("prepare minor --yes --sdist-only --out ../run.tar.gz").code(2).messages_eq(str![[
        r#"
error: `--sdist-only` needs the stage `build`, which `stages` does not have
help: add "build" to `stages`, before "check"

"#
    ]]);
    project.assert_unchanged(&before);
}

#[test]
fn a_preparation_that_fails_is_undone_and_writes_no_file() {
    let forge = Forge::of(Local::of(
        quick().file("README.md", "x\n=\n\n.. raw:: html\n"),
        "stages = [\"changelog\", \"version\", \"tag\", \"build\", \"broken\", \"check\", \"pypi\"]\n[stage.broken]\nrun = [\"false\"]\n",
    ));
    let (folder, file) = (forge.checkout("preparing"), forge.path("run.tar.gz"));
    forge.job(&folder, "prepare minor --yes --author-from-forge --out").arg(&file).code(1);
    assert!(!file.exists());
    assert_eq!(forge.git(&folder, &["status", "--porcelain"]), "");
    forge.assert_nothing_is_out();
}

#[test]
fn a_killed_preparation_is_completed_by_resume_and_publishes_nothing() {
    let forge = Forge::new();
    let (folder, file) = (forge.checkout("preparing"), forge.path("run.tar.gz"));
    for kill in ["kill:12", "kill:1000"] {
        let job = forge.job(&folder, "prepare minor --yes --author-from-forge --out").arg(&file);
        let outcome = job.env("PYRELEASE_DRILL", kill).run();
        if outcome.status() == -1 {
            assert!(!file.exists());
            let resume = forge.job(&folder, "resume --yes").env("GIT_COMMITTER_NAME", "Dana");
            resume
                .env("GIT_COMMITTER_EMAIL", "d@example.org")
                .env("GIT_AUTHOR_NAME", "Dana")
                .env("GIT_AUTHOR_EMAIL", "d@example.org")
                .code(0);
        } else {
            outcome.code_in(&[2]);
        }
        assert!(file.exists());
        forge.assert_untouched(&folder);
        forge.assert_nothing_is_out();
    }
}

/// A checkout without credentials of a private repository: git cannot ask the remote.
#[test]
fn a_remote_that_cannot_be_read_is_for_the_job_that_publishes() {
    let forge = Forge::new();
    let (folder, file) = (forge.checkout("preparing"), forge.path("run.tar.gz"));
    forge.git(&folder, &["remote", "set-url", "origin", text(&forge.path("private.git"))]);
    let prepare = forge.job(&folder, "prepare minor --yes --author-from-forge --out").arg(&file).code(0);
    let pending = prepare.stderr().lines().find(|line| line.contains("[push]")).unwrap_or_default();
    assert!(pending.starts_with("note: [push] pending until `pyrelease publish`: "), "{prepare}");
    let publishing = forge.checkout("publishing");
    forge.publishing_job(&publishing, "publish --yes").arg(&file).code(0);
    forge.local.is_released(&publishing);
}

/// Neither the remote nor an index is asked.
#[test]
fn without_a_network_a_release_is_prepared_with_a_note_of_what_was_not_asked() {
    let mut forge = Forge::new();
    let (folder, file) = (forge.checkout("preparing"), forge.path("run.tar.gz"));
    let publishing = forge.checkout("publishing");
    let url = forge.git(&folder, &["remote", "get-url", "origin"]);
    forge.git(&folder, &["remote", "set-url", "origin", "http://127.0.0.1:1/demo.git"]);
    forge.local.rehearsal.stop();
    forge.local.public.stop();
    let job = forge.job(&folder, "prepare minor --yes --author-from-forge --out").arg(&file);
    let refused = job.code(3);
    assert!(refused.stderr().contains("[pypi] failed to list the files"), "{refused}");
    let job = forge.job(&folder, "prepare minor --yes --author-from-forge --out").arg(&file);
    let prepared = job.env("PYRELEASE_OFFLINE", "1").code(0);
    prepared.assert_shown("prepare/without-a-network");
    assert!(url.starts_with("file://") && file.is_file());
    // What was not asked is asked before anything leaves.
    forge.publishing_job(&publishing, "publish --yes").arg(&file).code(3);
}
