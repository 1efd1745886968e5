//! Somebody has deleted or changed a part of the run's folder.

use std::path::Path;

use super::{Phase, killed, points, run_folder};
use crate::faults::go_on;

/// What is done to the folder of a run
type Deed = (&'static str, fn(&Path));

const DEEDS: [Deed; 6] = [
    ("the clone is gone", |run| delete(&run.join("tree"))),
    ("the clone's repository is gone", |run| delete(&run.join("tree/.git"))),
    ("the distributions are gone", |run| delete(&run.join("dist"))),
    ("a distribution is gone", |run| delete(&run.join("dist/demo-1.1.0.tar.gz"))),
    ("a distribution is altered", |run| alter(&run.join("dist/demo-1.1.0.tar.gz"))),
    ("the logs are gone", |run| delete(&run.join("build.log"))),
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
fn goes_on(phases: &[Phase]) {
    let points = points();
    for phase in phases {
        for (number, (deed, act)) in DEEDS.iter().enumerate() {
            for command in ["resume --yes", "rollback --yes"] {
                let mut scene = killed(*phase, &points);
                act(&run_folder(&scene));
                let outcome = scene.calmly(command);
                let word = scene.keeps_its_word(&outcome);
                word.unwrap_or_else(|problem| panic!("{phase:?}, {deed}, {command}: {problem}"));
                go_on(&mut scene, number as u64);
            }
        }
    }
}

#[test]
fn a_run_whose_folder_lost_a_part_before_the_landing_goes_on() {
    goes_on(&[Phase::Checked, Phase::Rehearsed]);
}

#[test]
fn a_run_whose_folder_lost_a_part_before_the_first_public_file_goes_on() {
    goes_on(&[Phase::Landed, Phase::Pushed]);
}

#[test]
fn a_run_whose_folder_lost_a_part_after_the_first_public_file_goes_on() {
    goes_on(&[Phase::HalfPublic, Phase::AllPublic]);
}

/// Without its journal nothing is known of a run; as long as it has changed nothing outside its folder, that is all.
#[test]
fn a_run_without_its_journal_that_changed_nothing_is_no_run() {
    let points = points();
    for whole in [false, true] {
        let scene = killed(Phase::Checked, &points);
        let folder = run_folder(&scene);
        delete(&if whole { folder.clone() } else { folder.join("journal.jsonl") });
        for command in ["resume --yes", "rollback --yes"] {
            let outcome = scene.calmly(command);
            assert_eq!(outcome.status(), 0, "{outcome}");
            scene.keeps_its_word(&outcome).unwrap_or_else(|problem| panic!("{problem}"));
        }
        let next = scene.calmly("run minor --yes");
        assert_eq!(next.status(), 0, "{next}");
        scene.keeps_its_word(&next).unwrap_or_else(|problem| panic!("{problem}"));
    }
}
