//! A run's journal or other files are lost: the tag and the indexes prove enough to complete the release, and what they
//! do not prove is reported.

use pyrelease_test_support::{IndexServer, Project, Transcript, str};
use serde_json::{Value, json};

use super::drilled::{Local, drill};
use super::failures::Attempt;
use super::status::WITHOUT_A_REHEARSAL;
use super::{QUICK, quick};

const WHEEL: &str = "demo-1.1.0-py3-none-any.whl";
const SDIST: &str = "demo-1.1.0.tar.gz";
const WHEEL_IS_PUBLIC: &str = "done: demo-1.1.0-py3-none-any.whl on pypi";
const PUSHED: &str = "done: main and v1.1.0 at origin";

/// Deletes everything that pyrelease has stored.
fn lose_everything(project: &Project) {
    let folder = project.repository().join(".git/pyrelease");
    fs_err::remove_dir_all(folder).expect("the folder of a run that was killed");
}

/// The user's answers to the questions about the sdist, which only the rehearsal index has, and about the release.
const AGREED: [(&str, &str); 2] = [("Publish it?", "y\n"), ("Finish the release", "y\n")];

#[test]
fn the_rest_is_taken_from_the_rehearsal() {
    let mut seen = Transcript::named("rebuild/the-rest-is-taken-from-the-rehearsal");
    let local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    let published = local.public.files();
    let built = local.rehearsal.files();
    lose_everything(&local.project);

    let resumed = local.pyrelease("resume").on_a_terminal(&AGREED).code(0);
    resumed.stdout_eq(str![[r#"
             demo 1.1.0 was being released, but its journal is lost; found:
               demo-1.1.0-py3-none-any.whl (sha256 [SHA256]) on testpypi and pypi: public, and used as it is
               demo-1.1.0.tar.gz (sha256 [SHA256]) on testpypi: not public yet, and nothing here proves that it belongs to the release
             remaining stages: check, pypi
Nothing here proves that demo-1.1.0.tar.gz (sha256 [SHA256]) on testpypi belongs to the release. Publish it? [y/N] y
Finish the release of demo 1.1.0? [y/N] y
    Skipping build: the distributions were found, and are never rebuilt
    Checking every distribution by PyPI's rules
    Skipping testpypi: the release is public in part: there is nothing left to rehearse
    Skipping push: the remote already has the branch and the tag
   Uploading to pypi (http://127.0.0.1:[PORT]/legacy/, release.toml)
             demo-1.1.0-py3-none-any.whl on pypi: done before the run was interrupted
    Uploaded demo-1.1.0-py3-none-any.whl to pypi (uploaded before the run was interrupted)
    Uploaded demo-1.1.0.tar.gz to pypi
    Released demo 1.1.0
     View at http://127.0.0.1:[PORT]/simple/demo/

"#]]);
    local.is_released(local.project.folder());
    assert_eq!(local.public.files()[WHEEL], published[WHEEL]);
    assert_eq!(local.public.files(), built);

    let told = local.pyrelease("log --last").code(0);
    seen.add(&told);
    seen.add(&local.pyrelease("resume --yes").code(0));
    seen.assert();
}

#[test]
fn on_the_servers_that_people_run() {
    let mut seen = Transcript::named("rebuild/on-the-servers-that-people-run");
    let attempt = Attempt::with(quick(), QUICK, IndexServer::devpi(), IndexServer::pypiserver());
    let project = &attempt.project;
    let killed =
        project.pyrelease("run minor --yes").env("PYRELEASE_DRILL", drill("", WHEEL_IS_PUBLIC)).run();
    assert_eq!(killed.status(), -1, "{killed}");
    assert_eq!(attempt.public.files("demo").into_keys().collect::<Vec<_>>(), [WHEEL]);
    seen.add(&project.pyrelease("status").code(0));
    // Neither index tells when a file was uploaded.
    let status = project.pyrelease("status --format json").code(0).json();
    assert_eq!(status["windows"], json!([]));

    lose_everything(project);
    project.pyrelease("resume").on_a_terminal(&AGREED).code(0);
    assert_eq!(attempt.public.files("demo"), attempt.rehearsal.files("demo"));
    assert_eq!(project.remote_refs()["refs/heads/main"], project.head());
    for server in [&attempt.rehearsal, &attempt.public] {
        project.assert_secret_nowhere(server.password());
    }
    seen.assert();
}

#[test]
fn a_clone_on_another_machine_is_enough() {
    let mut seen = Transcript::named("rebuild/a-clone-on-another-machine-is-enough");
    let local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    let clone = local.project.sandbox().root().join("another machine");
    let remote = local.project.remote().path().to_owned();
    local.project.git(&["clone", "--quiet", remote.to_str().unwrap(), clone.to_str().unwrap()]);
    // The configuration with these URLs is committed only here.
    fs_err::copy(local.project.folder().join("release.toml"), clone.join("release.toml")).unwrap();

    // It asks before it does anything.
    for command in ["resume", "resume --yes"] {
        seen.add_error(&local.pyrelease(command).from(&clone).code(4));
        assert_eq!(local.public.files().len(), 1);
    }
    local.pyrelease("resume").from(&clone).on_a_terminal(&AGREED).code(0);
    local.is_released(&clone);
    fs_err::remove_dir_all(clone.join(".git/pyrelease")).unwrap();
    let complete = local.pyrelease("resume --yes").from(&clone).code(0);
    seen.add(&complete);
    seen.assert();
}

/// Otherwise anybody who may upload to the rehearsal index could publish a file.
#[test]
fn a_file_that_somebody_has_added_to_the_rehearsal_is_not_published() {
    let mut seen =
        Transcript::named("rebuild/a-file-that-somebody-has-added-to-the-rehearsal-is-not-published");
    let mut local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    let added = "demo-1.1.0-py2-none-any.whl";
    // The bytes of a release file under another name are not part of the release.
    local.rehearsal.add(WHEEL, added);
    local.restart_rehearsal();
    let journal = fs_err::read(local.run_folder().join("journal.jsonl")).unwrap();
    // The journal of another run of the same repository counts as proof.
    for everything in [true, false] {
        match everything {
            true => lose_everything(&local.project),
            false => {
                let other = local.project.repository().join(".git/pyrelease/runs/20260101T000000000-00001");
                fs_err::create_dir_all(&other).unwrap();
                fs_err::write(other.join("journal.jsonl"), &journal).unwrap();
                fs_err::write(other.join("given-up"), "").unwrap();
            }
        }
        let refused = local.pyrelease("resume --yes").code(4);
        seen.add_error(&refused);
        assert_eq!(local.public.files().len(), 1);
    }
    // The user refuses the file.
    let said = local.pyrelease("resume").on_a_terminal(&[("Publish it?", "n\n")]).code(4);
    said.messages_eq(str![[r#"
error: nothing here proves that demo-1.1.0-py2-none-any.whl (sha256 [SHA256]) on testpypi belongs to the release, and you chose not to publish it
help: compare it with your build; if it belongs to the release, run `pyrelease resume` on a terminal, without `--yes`, and confirm; or complete the run where its folder is, or from a file that `pyrelease status --export` wrote

"#]]);
    assert!(!local.public.files().contains_key(added));
    seen.assert();
}

/// An index that stored other bytes than were sent: they are not used.
#[test]
fn what_is_public_and_is_not_what_was_built_is_refused() {
    let local = Local::configured(WITHOUT_A_REHEARSAL);
    local.killed(WHEEL_IS_PUBLIC);
    fs_err::remove_file(local.run_folder().join("journal.jsonl")).unwrap();
    let wheel = local.run_folder().join("dist").join(WHEEL);
    let bytes = fs_err::read(&wheel).unwrap();
    fs_err::write(&wheel, [&bytes[..], b"more"].concat()).unwrap();
    let refused = local.pyrelease("resume --yes").code(4);
    refused.assert_error_shown("rebuild/what-is-public-and-is-not-what-was-built-is-refused");
    assert_eq!(local.public.files().len(), 1);
}

#[test]
fn what_is_nowhere_is_built_from_the_tag() {
    let local = Local::configured(WITHOUT_A_REHEARSAL);
    local.killed(WHEEL_IS_PUBLIC);
    let published = local.public.files();
    lose_everything(&local.project);
    // Another build gives other bytes: the wheel must not be rebuilt.
    let module = "src/demo/__init__.py";
    local.project.write(module, "raise RuntimeError('not what is tagged')\n");

    let resumed = local.pyrelease("resume --yes").code(0);
    resumed.assert_shown("rebuild/what-is-nowhere-is-built-from-the-tag");
    assert_eq!(local.public.files()[WHEEL], published[WHEEL]);
    assert_eq!(local.public.files().keys().collect::<Vec<_>>(), [WHEEL, SDIST]);
    let sdist = local.public.file(SDIST);
    let members = local.project.git(&["archive", "--format=tar", "v1.1.0", module]);
    assert!(!members.contains("not what is tagged") && !String::from_utf8_lossy(&sdist).is_empty());
}

#[test]
fn what_is_public_is_not_rehearsed_again() {
    let local = Local::configured("[stage.testpypi]\nversion = \"dev\"\n");
    local.killed(WHEEL_IS_PUBLIC);
    let (rehearsed, published) = (local.rehearsal.files(), local.public.files());
    assert_eq!(rehearsed.len(), 2);
    let status = local.status();
    let rehearsal: Vec<&Value> =
        status["files"].as_array().unwrap().iter().map(|file| &file["rehearsal"]).collect();
    assert_eq!(rehearsal, [false, false, true, true], "{status}");

    lose_everything(&local.project);
    local.pyrelease("resume --yes").code(0).assert_shown("rebuild/what-is-public-is-not-rehearsed-again");
    assert_eq!(local.rehearsal.files(), rehearsed);
    assert_eq!(local.public.files()[WHEEL], published[WHEEL]);
    assert_eq!(local.public.files().len(), 2);
}

#[test]
fn two_contents_under_one_name_are_refused() {
    let local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    let ours = local.public.files()[WHEEL].clone();
    lose_everything(&local.project);
    let theirs = "0".repeat(64);
    let record = fs_err::read_to_string(local.rehearsal.record(WHEEL)).unwrap();
    let mut local = local;
    local.rehearsal.stop();
    fs_err::write(local.rehearsal.record(WHEEL), record.replace(&ours, &theirs)).unwrap();
    local.restart_rehearsal();
    let refused = local.pyrelease("resume --yes").code(4);
    assert!([&ours, &theirs].iter().all(|sha256| refused.stderr().contains(&sha256[..12])), "{refused}");
    refused.assert_error_shown("rebuild/two-contents-under-one-name-are-refused");
    assert_eq!(local.public.files().len(), 1);
}

#[test]
fn where_nothing_is_public_there_is_nothing_to_rebuild() {
    let local = Local::new();
    local.killed(PUSHED);
    lose_everything(&local.project);
    let said = local.pyrelease("resume --yes").code(0);
    said.assert_shown("rebuild/where-nothing-is-public-there-is-nothing-to-rebuild");
    assert!(local.public.files().is_empty());
}

#[test]
fn where_nobody_answers_nothing_is_done() {
    let mut local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    lose_everything(&local.project);
    local.public.stop();
    let said = local.pyrelease("resume --yes").code(0);
    said.assert_shown("rebuild/where-nobody-answers-nothing-is-done");
}

#[test]
fn an_index_that_takes_no_further_files() {
    let mut local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    lose_everything(&local.project);
    local.public.stop();
    let mut record: Value =
        serde_json::from_slice(&fs_err::read(local.public.record(WHEEL)).unwrap()).unwrap();
    record["entry"]["uploaded"] = json!("2025-11-01T12:00:00Z");
    fs_err::write(local.public.record(WHEEL), record.to_string()).unwrap();
    local.restart_public();
    let said = local.pyrelease("resume --yes").code(0);
    said.assert_shown("rebuild/an-index-that-takes-no-further-files");
    assert!(said.stderr().contains("2025-11-15"), "{said}");
    assert_eq!(local.public.files().len(), 1);
}

#[test]
fn a_folder_without_its_journal_is_a_run() {
    let mut seen = Transcript::named("rebuild/a-folder-without-its-journal-is-a-run");
    let local = Local::configured(WITHOUT_A_REHEARSAL);
    local.killed(WHEEL_IS_PUBLIC);
    let built = local.built();
    fs_err::remove_file(local.run_folder().join("journal.jsonl")).unwrap();

    seen.add(&local.pyrelease("status").code(0));
    assert_eq!(local.status()["next"], json!(["pyrelease resume", "pyrelease rollback --leave"]));
    seen.add(&local.pyrelease("log").code(0));
    seen.add_error(&local.pyrelease("run 1.2.0 --yes").code(3));
    seen.add_error(&local.pyrelease("rollback --yes").code(4));
    seen.add_error(&local.pyrelease("status --export x.tar.gz").code(4));

    // The sdist there was built together with the public wheel.
    let resumed = local.pyrelease("resume --yes --format json").code(0);
    assert!(!resumed.actions().contains(&"build".to_owned()), "{resumed}");
    assert_eq!(local.public.files(), built);
    assert_eq!(local.status()["next"], json!([]));
    seen.add(&local.pyrelease("resume --yes").code(0));
    seen.assert();
}

#[test]
fn a_folder_without_its_journal_is_given_up_as_it_is() {
    let mut seen = Transcript::named("rebuild/a-folder-without-its-journal-is-given-up-as-it-is");
    let local = Local::configured(WITHOUT_A_REHEARSAL);
    local.killed(PUSHED);
    fs_err::remove_file(local.run_folder().join("journal.jsonl")).unwrap();
    let refs = local.project.refs();
    assert_eq!(local.status()["next"], json!(["pyrelease rollback --leave"]));
    let offline = local.pyrelease("status --offline").code(0);
    seen.add(&offline);
    seen.add_error(&local.pyrelease("resume --yes").code(4));
    local.pyrelease("rollback --leave --yes").code(0);
    assert_eq!(local.project.refs(), refs);
    assert_eq!(local.status()["next"], json!([]));
    seen.add(&local.pyrelease("rollback --yes").code(0));
    seen.assert();
}

#[test]
fn a_damaged_journal_is_given_up_and_the_release_finished() {
    let local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    let journal = local.run_folder().join("journal.jsonl");
    let text = fs_err::read_to_string(&journal).unwrap();
    fs_err::write(&journal, text.replacen("\"testpypi\"", "\"testpipy\"", 3)).unwrap();
    assert_eq!(local.status()["next"], json!(["pyrelease rollback --leave"]));
    local
        .pyrelease("run 1.2.0 --yes")
        .code(4)
        .assert_error_shown("rebuild/a-damaged-journal-is-given-up-and-the-release-finished");
    local.pyrelease("rollback --leave --yes").code(0);
    // The readable lines of the journal prove the files of the rehearsal index.
    let resumed = local.pyrelease("resume --yes --format json").code(0);
    assert!(!resumed.actions().contains(&"build".to_owned()), "{resumed}");
    local.is_released(local.project.folder());
}

#[test]
fn a_file_that_is_lost_when_the_release_is_half_public() {
    let mut seen = Transcript::named("rebuild/a-file-that-is-lost-when-the-release-is-half-public");
    let local = Local::configured(WITHOUT_A_REHEARSAL);
    local.killed(WHEEL_IS_PUBLIC);
    let published = local.public.files();
    let dist = local.run_folder().join("dist");
    // Public files are downloaded again,
    fs_err::remove_file(dist.join(WHEEL)).unwrap();
    // others are lost.
    fs_err::remove_file(dist.join(SDIST)).unwrap();
    let status = local.status();
    assert_eq!(status["next"], json!(["pyrelease rollback --leave"]));
    let stopped = local.pyrelease("resume --yes").code(4);
    seen.add_error(&stopped);

    local.pyrelease("rollback --leave --yes").code(0);
    seen.add(&local.pyrelease("resume --yes").code(0));
    assert_eq!(local.public.files()[WHEEL], published[WHEEL]);
    assert_eq!(local.public.files().len(), 2);
    assert_eq!(local.status()["next"], json!([]));
    seen.assert();
}

#[test]
fn killed_again_and_again_while_it_is_rebuilt() {
    let local = Local::configured(WITHOUT_A_REHEARSAL);
    local.killed(WHEEL_IS_PUBLIC);
    let published = local.public.files();
    lose_everything(&local.project);
    let mut number = 0;
    loop {
        number += 1;
        let drill = format!("kill:{number}");
        let outcome = local.pyrelease("resume --yes").env("PYRELEASE_DRILL", drill).run();
        if outcome.status() == 0 {
            break;
        }
        assert_eq!(outcome.status(), -1, "{outcome}");
        // An incomplete run does not count.
        let status = local.status();
        assert!(status["event"] == "no-run" || status["next"] == json!(["pyrelease resume"]), "{status}");
    }
    assert!(number > 10, "{number}");
    assert_eq!(local.public.files()[WHEEL], published[WHEEL]);
    assert_eq!(local.public.files().len(), 2);
    assert_eq!(local.status()["next"], json!([]));
}
