//! Deleted or changed files in the run's folder.

use pyrelease_test_support::Transcript;
use std::path::Path;

use super::{Phase, killed, run_folder};
use crate::faults::go_on;

/// A change to the folder of a run
type Deed = (&'static str, fn(&Path));

const TO_WHAT_CAN_BE_MADE_AGAIN: [Deed; 3] = [
    ("the clone is gone", |run| delete(&run.join("tree"))),
    ("the clone's repository is gone", |run| delete(&run.join("tree/.git"))),
    ("the logs are gone", |run| delete(&run.join("build.log"))),
];

const TO_THE_DISTRIBUTIONS: [Deed; 3] = [
    ("the distributions are gone", |run| delete(&run.join("dist"))),
    ("a distribution is gone", |run| delete(&run.join("dist/demo-1.1.0.tar.gz"))),
    ("a distribution is altered", |run| alter(&run.join("dist/demo-1.1.0.tar.gz"))),
];

fn delete(path: &Path) {
    if path.is_dir() { fs_err::remove_dir_all(path).unwrap() } else { fs_err::remove_file(path).unwrap() }
}

fn alter(path: &Path) {
    let mut bytes = fs_err::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(path, bytes).unwrap();
}

#[track_caller]
fn goes_on(phases: &[Phase], deeds: &[Deed]) {
    for (one, phase) in phases.iter().enumerate() {
        for (other, (deed, act)) in deeds.iter().enumerate() {
            let mut scene = killed(*phase);
            act(&run_folder(&scene));
            let command = ["resume --yes", "rollback --yes"][(one + other) % 2];
            let outcome = scene.calmly(command);
            let word = scene.keeps_its_word(&outcome);
            word.unwrap_or_else(|problem| panic!("{phase:?}, {deed}, {command}: {problem}"));
            go_on(&mut scene, (one + other) as u64);
        }
    }
}

#[test]
fn a_run_whose_clone_or_logs_are_gone_goes_on() {
    let phases = [Phase::Rehearsed, Phase::Landed, Phase::Pushed, Phase::HalfPublic, Phase::AllPublic];
    goes_on(&phases, &TO_WHAT_CAN_BE_MADE_AGAIN);
}

#[test]
fn a_run_whose_distributions_are_gone_or_altered_before_any_is_public_goes_on() {
    goes_on(&[Phase::Rehearsed, Phase::Landed, Phase::Pushed], &TO_THE_DISTRIBUTIONS);
}

#[test]
fn a_run_whose_distributions_are_gone_or_altered_when_all_are_public_goes_on() {
    goes_on(&[Phase::AllPublic], &TO_THE_DISTRIBUTIONS);
}

/// Missing files are downloaded from an index that has them, and never rebuilt.
#[test]
fn a_run_whose_distributions_are_gone_or_altered_half_published_goes_on() {
    goes_on(&[Phase::HalfPublic], &TO_THE_DISTRIBUTIONS);
}

/// Without its journal, a run can only be given up. Without its folder, there is no run.
#[test]
fn a_run_without_its_journal_can_be_given_up() {
    let mut seen = Transcript::named("machine/a-run-without-its-journal-can-be-given-up");
    for whole in [false, true] {
        let scene = killed(Phase::Checked);
        let folder = run_folder(&scene);
        delete(&if whole { folder.clone() } else { folder.join("journal.jsonl") });
        for command in ["resume --yes", "rollback --yes"] {
            let outcome = scene.calmly(command);
            assert_eq!(outcome.status(), if whole { 0 } else { 4 }, "{outcome}");
            if !whole {
                seen.add_error(&outcome);
            }
        }
        let given_up = scene.calmly("rollback --leave --yes");
        assert_eq!(given_up.status(), 0, "{given_up}");
        scene.project.assert_unchanged(&scene.before);
        let next = scene.calmly("run minor --yes");
        assert_eq!(next.status(), 0, "{next}");
        scene.keeps_its_word(&next).unwrap_or_else(|problem| panic!("{problem}"));
    }
    seen.assert();
}
