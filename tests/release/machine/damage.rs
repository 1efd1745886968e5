//! The journal is damaged: its last line torn, a line in the middle not what was written.

use super::{Phase, killed, run_folder};
use crate::faults::go_on;

/// A power cut can tear the last record anywhere; what it says has then not happened yet, or is asked for.
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

            let standing = scene.standing().unwrap();
            assert!(!standing.next.is_empty(), "{phase:?}: a run is left");
            go_on(&mut scene, (number * 4 + part) as u64);
        }
    }
}

/// Whichever line it is, every command names it, says what to do, and changes nothing.
#[test]
fn a_run_whose_journal_was_changed_is_left_alone() {
    let scene = killed(Phase::Pushed);
    let project = &scene.project;
    let journal = run_folder(&scene).join("journal.jsonl");
    let sound = fs_err::read_to_string(&journal).unwrap();
    let before = project.snapshot();
    for line in 0..sound.lines().count() - 1 {
        // A digit of the time; the checksum is over that, too.
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
            refused.stderr_contains(&format!("line {} of", line + 1)).stderr_contains("journal.jsonl");
            refused.stderr_contains("help: ");
        }
        assert_eq!(fs_err::read_to_string(&journal).unwrap(), damaged);
    }
    project.assert_unchanged(&before);

    // Nothing was lost: put right, it goes on.
    fs_err::write(&journal, sound).unwrap();
    let resumed = scene.calmly("resume --yes");
    assert_eq!(resumed.status(), 0, "{resumed}");
    scene.keeps_its_word(&resumed).unwrap_or_else(|problem| panic!("{problem}"));
}
