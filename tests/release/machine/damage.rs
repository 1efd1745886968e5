//! Damaged journals: with a torn last line, with a changed line in the middle, or deleted while the run writes it.

use std::time::Duration;

use pyrelease_test_support::{Asked, Running, Trouble};

use super::{Phase, killed, run_folder};
use crate::faults::go_on;
use crate::faults::scene::Scene;
use crate::faults::schedule::Pipeline;

/// A power cut can tear the last record anywhere; its effect has not happened yet, or is verified.
#[test]
fn a_run_whose_last_record_is_torn_is_finished_or_undone() {
    for (number, phase) in Phase::ALL.into_iter().enumerate() {
        for part in [[0, 4], [1, 9]][number % 2] {
            let mut scene = killed(phase);
            let journal = run_folder(&scene).join("journal.jsonl");
            let text = fs_err::read_to_string(&journal).unwrap();
            let last = text.trim_end().rfind('\n').unwrap() + 1;
            let torn = &text[..last + (text.len() - last - 1) * part / 9];
            fs_err::write(&journal, torn).unwrap();
            // The note does not count an incomplete record.
            let note = journal.with_file_name("journal.tail");
            let mut slots = fs_err::read(&note).unwrap();
            let slot = (text.lines().count() - 1) % 2 * 64;
            slots[slot..slot + 64].fill(b' ');
            fs_err::write(&note, slots).unwrap();

            let standing = scene.standing().unwrap();
            assert!(!standing.next.is_empty(), "{phase:?}: a run is left");
            go_on(&mut scene, (number * 4 + part) as u64);
        }
    }
}

/// Every command names the damaged line and what to do, and changes nothing.
#[test]
fn a_run_whose_journal_was_changed_is_left_alone() {
    let scene = killed(Phase::Pushed);
    let project = &scene.project;
    let journal = run_folder(&scene).join("journal.jsonl");
    let sound = fs_err::read_to_string(&journal).unwrap();
    let before = project.snapshot();
    for line in 0..sound.lines().count() - 1 {
        // A digit of the time, which the checksum covers.
        let damaged: Vec<String> = sound
            .lines()
            .enumerate()
            .map(|(number, text)| {
                if number == line {
                    text.replacen("\"time\":\"2", "\"time\":\"3", 1)
                } else {
                    text.to_owned()
                }
            })
            .collect();
        let damaged = damaged.join("\n") + "\n";
        assert_ne!(damaged, sound);
        fs_err::write(&journal, &damaged).unwrap();
        for command in ["run patch --yes", "resume --yes", "rollback --yes"] {
            let refused = project.pyrelease(command).code(4);
            let named = format!("line {} of `", line + 1);
            let error = refused.stderr().lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
            assert!(error.contains(&named) && error.contains("journal.jsonl"), "{refused}");
            assert!(refused.stderr().contains("\nhelp: "), "{refused}");
        }
        assert_eq!(fs_err::read_to_string(&journal).unwrap(), damaged);
    }
    project.assert_unchanged(&before);

    // With the line restored, the run continues.
    fs_err::write(&journal, sound).unwrap();
    let resumed = scene.calmly("resume --yes");
    assert_eq!(resumed.status(), 0, "{resumed}");
    scene.keeps_its_word(&resumed).unwrap_or_else(|problem| panic!("{problem}"));
}

/// Somebody deletes the journal while the run works: its effects are not forgotten.
#[test]
fn a_journal_that_is_deleted_under_its_run_is_written_again() {
    let mut scene = Scene::set(Pipeline::Commands, false);
    let config = scene.project.read("release.toml").replace(
        "echo $PYRELEASE_VERSION >>",
        "rm $PYRELEASE_DIST/../journal.jsonl; echo $PYRELEASE_VERSION >>",
    );
    scene.project.write("release.toml", &config);
    scene.project.commit("Clear up");
    scene.renew();
    // Long after the command, when the first file was just uploaded; its reply does not come.
    scene.public.proxy.ahead(Asked::Upload, [Some(Trouble::Unanswered)]);
    let run = scene.project.pyrelease("run minor --yes").env("MARK", scene.mark());
    let outcome = run.meanwhile(kill_when_public(&scene)).run();
    assert_eq!(outcome.status(), -1, "{outcome}");
    crate::faults::nobody_left(&scene).unwrap();
    assert_eq!(scene.standing().unwrap().next, ["pyrelease resume"]);
    assert!(go_on(&mut scene, 0));
}

fn kill_when_public(scene: &Scene) -> impl FnOnce(&Running<'_>) + Send + 'static {
    let folder = scene.public.folder().to_owned();
    move |running| {
        while !folder.join("demo").exists() && !running.has_ended() {
            running.wait(Duration::from_millis(1));
        }
        running.signal("KILL");
    }
}

/// A user can delete the repository's lock file while a release is under way; the run is still protected.
#[test]
fn a_run_whose_lock_was_deleted_still_has_its_journal_to_itself() {
    let scene = Scene::set(Pipeline::Commands, false);
    let root = scene.project.sandbox().root();
    let (fifo, project) = (scene.mark(), &scene.project);
    duct::cmd!("mkfifo", &fifo).run().unwrap();
    let begun = root.join("demo/.git/refs/tags/v1.1.0");
    let others = |running: &Running<'_>| {
        while !begun.exists() && !running.has_ended() {
            running.wait(Duration::from_millis(5));
        }
        fs_err::remove_file(project.repository().join(".git/pyrelease/lock")).unwrap();
        for command in ["run patch --yes", "resume --yes", "rollback --yes"] {
            project.pyrelease(command).code(3);
        }
        let _ = duct::cmd!("timeout", "20", "cat", &fifo).stdout_null().unchecked().run();
        fs_err::remove_file(&fifo).unwrap();
        fs_err::write(&fifo, "1.1.0\n").unwrap();
    };
    let run = project.pyrelease("run minor --yes").env("MARK", scene.mark()).meanwhile(others).run();
    assert_eq!(run.status(), 0, "{run}");
    scene.keeps_its_word(&run).unwrap_or_else(|problem| panic!("{problem}"));
}
