//! A file whose release commit is not what the stages of the release make is not published.

use std::path::{Path, PathBuf};

use pyrelease_test_support::{Config, Python, Transcript, distribution};
use serde_json::{Value, json};

use super::super::drilled::{Local, text};
use super::Forge;

/// Prepares a release while the commit gets one more file.
#[track_caller]
fn prepared_with_one_more(forge: &Forge) -> PathBuf {
    let (preparing, file) = (forge.checkout("preparing"), forge.path("run.tar.gz"));
    let hook = preparing.join(".git/hooks/pre-commit");
    fs_err::create_dir_all(hook.parent().expect("a folder")).expect("a folder for hooks");
    fs_err::write(&hook, "#!/bin/sh\nmkdir -p .github\necho x > .github/evil.yml\ngit add .github\n")
        .expect("a hook");
    duct::cmd!("chmod", "+x", &hook).run().expect("chmod");
    forge.job(&preparing, "prepare minor --yes --author-from-forge --out").arg(&file).code(0);
    file
}

#[test]
fn a_release_commit_with_another_file_is_refused_by_name() {
    let forge = Forge::new();
    let file = prepared_with_one_more(&forge);
    let folder = forge.checkout("publishing");
    let refused = forge.publishing_job(&folder, "publish --yes").arg(&file).code(3);
    refused.assert_error_shown("prepare/another-file-in-the-commit");
    forge.publishing_job(&folder, "resume --yes --import").arg(&file).code(3);
    forge.assert_untouched(&folder);
    forge.assert_nothing_is_out();
}

/// What a command of the project's own writes is not known beforehand.
#[test]
fn a_command_of_the_projects_own_may_write_any_file() {
    let own = Config::stages("changelog version own tag build check testpypi push pypi")
        .stage("own")
        .set("run", ["sh", "-c", "echo x > README.md"]);
    let forge = Forge::of(Local::configured(&own));
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    let published = forge.publishing_job(&folder, "publish --yes").arg(&file).code(0);
    let note = "nothing but the file shows that these stages did their work: `own`\n";
    assert!(published.stderr().contains(note), "{published}");
    forge.local.is_released(&folder);
    assert_eq!(fs_err::read_to_string(folder.join("README.md")).unwrap(), "x\n");
}

/// A copy of a prepared file with more records in its journal, and with another file in a distribution's place.
#[track_caller]
fn altered(forge: &Forge, file: &Path, records: &Value, swap: &[&str]) -> PathBuf {
    let forged = forge.path("forged.tar.gz");
    let records = records.to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/release/prepare/forged_journal.py");
    let args = [&[text(&script), text(file), text(&forged), &records], swap].concat();
    Python::get().run(forge.local.project.sandbox().root(), &args);
    forged
}

/// The same with an effect that a stage has had.
#[track_caller]
fn with_effect(forge: &Forge, file: &Path, stage: &str, effect: &Value) -> PathBuf {
    let records = json!([
        {"type": "intent", "id": 0, "at": 1_795_993_573, "stage": stage, "effect": effect},
        {"type": "done", "id": 0, "evidence": "done"},
    ]);
    altered(forge, file, &records, &[])
}

/// Recovery would run the commands that a journal names, and move the refs back.
#[test]
fn a_journal_with_effects_that_no_stage_has_is_refused() {
    let forge = Forge::new();
    let file = forge.prepared("");
    let began = forge.local.project.head();
    let mark = forge.path("mark").display().to_string();
    let (old, new) = ("0".repeat(40), began.as_str());
    let main = json!({"name": "refs/heads/main", "old": old, "new": new});
    let other = json!({"name": "refs/heads/other", "old": old, "new": new});
    let command =
        json!({"kind": "command", "reach": "repository", "command": ["true"], "undo": ["touch", mark]});
    let effects = [
        ("check", command.clone(), "command `true`"),
        ("push", command, "command `true`"),
        ("nothing", json!({"kind": "attest", "distributions": []}), "attestations of 0 files"),
        ("push", json!({"kind": "push", "remote": "origin", "updates": [other]}), "other at origin"),
        ("push", json!({"kind": "push", "remote": "origin", "updates": [main]}), "main at origin"),
        ("push", json!({"kind": "push", "remote": "elsewhere", "updates": []}), " at elsewhere"),
        (
            "push",
            json!({"kind": "push", "remote": "origin", "updates": [], "fence": "refs/heads/main"}),
            " at origin",
        ),
        (
            "land",
            json!({"kind": "land", "landing": {"branch": "refs/heads/main", "old": old, "new": new}}),
            "main in the repository",
        ),
    ];
    let folder = forge.checkout("publishing");
    for (stage, effect, shown) in effects {
        let forged = with_effect(&forge, &file, stage, &effect);
        for command in ["publish --yes", "resume --yes --import"] {
            let refused = forge.publishing_job(&folder, command).arg(&forged).code(3);
            let message =
                format!("error: the journal in the file has {shown}, which no stage of the release does");
            assert!(refused.stderr().contains(&message), "{effect}: {refused}");
        }
    }
    forge.assert_untouched(&folder);
    forge.assert_nothing_is_out();
    assert!(!Path::new(&mark).exists());
}

/// The token may be for all projects of its owner.
#[test]
fn a_distribution_of_another_project_or_version_is_refused() {
    let forge = Forge::new();
    let file = forge.prepared("");
    let folder = forge.checkout("publishing");
    let made = forge.path("made");
    fs_err::create_dir(&made).expect("a new folder");
    let wheel = |name, version| distribution::wheel(&made, name, version, "any", "hello");
    let own = "demo-1.1.0-py3-none-any.whl";
    for (made, named) in
        [(wheel("evil", "1.1.0"), None), (wheel("demo", "6.6"), None), (wheel("evil", "1.1.0"), Some(own))]
    {
        let named = named.unwrap_or_else(|| made.file_name().and_then(|name| name.to_str()).expect("plain"));
        let forged = altered(&forge, &file, &json!([]), &[own, named, text(&made)]);
        for command in ["publish --yes", "resume --yes --import"] {
            let refused = forge.publishing_job(&folder, command).arg(&forged).code(3);
            let message = format!("error: `{named}` in the file is not of demo 1.1.0");
            assert!(refused.stderr().contains(&message), "{refused}");
        }
    }
    forge.assert_untouched(&folder);
    forge.assert_nothing_is_out();
}

/// A stage that is done is not done again: a file that leaves one out would publish without it.
#[test]
fn a_stage_that_is_said_to_be_done_has_done_what_it_does() {
    let mut seen = Transcript::named("prepare/said-to-be-done");
    let forge = Forge::new();
    let file = forge.prepared("");
    let done = |stage: &str| json!({"type": "stage-done", "stage": stage, "outputs": {}});
    let (wheel, digest) = ("demo-1.1.0-py3-none-any.whl", "0".repeat(64));
    let index = &forge.local.rehearsal;
    let distribution =
        json!({"path": wheel, "filename": wheel, "kind": "wheel", "size": 1, "sha256": digest});
    let upload = json!({
        "kind": "upload", "index": "testpypi", "url": index.upload_url(), "simple": index.simple_url(),
        "reach": "rehearsal", "project": "demo", "distribution": distribution,
    });
    let sent = [
        json!({"type": "intent", "id": 0, "at": 1_795_993_573, "stage": "testpypi", "effect": upload}),
        json!({"type": "done", "id": 0, "evidence": "done"}),
    ];
    let forged = [
        json!([done("testpypi")]),
        json!([sent[0], sent[1], done("testpypi")]),
        // Without the rehearsal, the other stages follow each other.
        json!([["[\"testpypi\",\"rehearsal\"],", ""]]),
        json!([["\"tag\":{\"name\":\"v1.1.0\"", "\"tag\":{\"name\":\"deploy\""]]),
        // What is built here would be built with what the file names.
        json!([["\"stage-done\",\"stage\":\"check\"", "\"stage-begun\",\"stage\":\"check\""]]),
    ];
    let folder = forge.checkout("publishing");
    for records in forged {
        let forged = altered(&forge, &file, &records, &[]);
        seen.add_error(&forge.publishing_job(&folder, "publish --yes").arg(&forged).code(3));
        forge.publishing_job(&folder, "resume --yes --import").arg(&forged).code(3);
    }
    forge.assert_untouched(&folder);
    forge.assert_nothing_is_out();
    seen.assert();
}

/// A tag may start a workflow by its name.
#[test]
fn a_tag_that_is_not_one_of_the_version_is_refused() {
    let stages = "changelog version tag build check testpypi push pypi";
    let configured = Config::stages(stages).stage("tag").set("name", "v{version}");
    let forms = [(Config::stages(stages), "deploy"), (configured, "deploy-1.1.0")];
    for (config, tag) in forms {
        let forge = Forge::of(Local::configured(&config));
        let file = forge.prepared("");
        let renamed = json!([
            ["\"tag\":\"v1.1.0\"", format!("\"tag\":\"{tag}\"")],
            ["\"tag\":{\"name\":\"v1.1.0\"", format!("\"tag\":{{\"name\":\"{tag}\"")],
        ]);
        let forged = altered(&forge, &file, &renamed, &[]);
        let folder = forge.checkout("publishing");
        let refused = forge.publishing_job(&folder, "publish --yes").arg(&forged).code(3);
        let message = format!("error: the tag in the file is `{tag}`, which is not one of demo 1.1.0\n");
        assert!(refused.stderr().contains(&message), "{refused}");
        forge.assert_untouched(&folder);
        forge.assert_nothing_is_out();
    }
}

/// The same of what is public, or at the remote.
#[test]
fn a_push_and_a_publication_that_are_said_to_be_done_are_looked_for() {
    let mut seen = Transcript::named("prepare/said-to-be-public");
    let done = |stage: &str| json!({"type": "stage-done", "stage": stage, "outputs": {}});
    for said in [vec!["pypi"], vec!["push", "pypi"]] {
        let stages = format!("changelog version tag build check {}", said.join(" "));
        let forge = Forge::of(Local::configured(&Config::stages(&stages)));
        let file = forge.prepared("");
        let records: Vec<Value> = said.iter().map(|stage| done(stage)).collect();
        let forged = altered(&forge, &file, &json!(records), &[]);
        let folder = forge.checkout("publishing");
        seen.add_error(&forge.publishing_job(&folder, "publish --yes").arg(&forged).code(3));
        forge.assert_untouched(&folder);
        forge.assert_nothing_is_out();
        // Once it is true, nothing is left to do.
        forge.publishing_job(&folder, "publish --yes").arg(&file).code(0);
        let published = forge.local.public.files();
        let second = forge.old_checkout("second");
        forge.publishing_job(&second, "publish --yes").arg(&forged).code(0);
        assert_eq!((published.len(), forge.local.public.files()), (2, published));
    }
    seen.assert();
}
