//! What others have written reaches a terminal as letters only: nothing that moves its cursor or reverses its text.

use pyrelease_test_support::{Config, Outcome};

use crate::release::quick;

/// A control of eight bits, one that reverses what follows, and one that goes back to the beginning of the line
const TRICKS: [char; 3] = ['\u{9b}', '\u{202e}', '\r'];

#[track_caller]
fn is_plain(outcome: &Outcome) {
    for text in [outcome.stdout(), outcome.stderr()] {
        assert!(!text.contains(TRICKS) && !text.contains('\u{1b}'), "{outcome:?}");
    }
}

#[test]
fn nothing_that_others_write_moves_a_cursor() {
    let printf = r"printf 'a\302\2332Jb\342\200\256c\rd\033[2Je\n'; exit 1";
    let run = ["sh", "-c", printf, "x\u{9b}y\u{202e}z\r"];
    let config = Config::stages("version tag evil").stage("evil").set("run", run);
    let project = quick().config(&config).build();
    let plan = project.pyrelease("plan minor").code(0);
    is_plain(&plan);
    assert!(plan.stdout().contains("x\\u{9b}y\\u{202e}z\\r"), "{plan}");
    let json = project.pyrelease("plan minor --format json").code(0);
    assert!(json.events()[0].to_string().contains("x\u{9b}y\u{202e}z"), "it is data, and as it was");
    let run = project.pyrelease("run minor --yes -v").code(1);
    is_plain(&run);
    assert!(run.stderr().contains("| a\\u{9b}2Jb\\u{202e}c\\rd\\u{1b}[2Je"), "{run}");
    for command in ["status", "log", "log --last", "doctor minor", "run minor --dry-run -v"] {
        let shown = project.pyrelease(command).run();
        is_plain(&shown);
    }
    let log = project.pyrelease("log --last").code(0);
    assert!(log.stdout().contains("a\\u{9b}2Jb\\u{202e}c\\rd"), "{log}");
}

/// Nor does it change a colour where there are some.
#[test]
fn the_name_of_a_file_changes_no_colour() {
    let project = quick().without_remote().build();
    let name = "dist/\u{1b}[31m\u{1b}[2Jdemo-1.0-py3-none-any.whl";
    project.write(name, "no archive");
    let checked = project.pyrelease("check").run();
    assert_ne!(checked.status(), 0, "{checked}");
    for told in [checked.stdout(), checked.stderr()] {
        assert!(!told.contains('\u{1b}'), "{told:?}");
    }
    let told = format!("{}{}", checked.stdout(), checked.stderr());
    assert!(told.contains("\\u{1b}[31m") && told.contains("demo-1.0-py3-none-any.whl"), "{told:?}");
    // With colours of its own on, as on a terminal.
    let refused = project.pyrelease("--color always upload --url http://127.0.0.1:1/ --yes").arg(name).run();
    assert!(!refused.stderr().contains("\u{1b}[2J") && refused.stderr().contains("\\u{1b}[2J"), "{refused}");
}
