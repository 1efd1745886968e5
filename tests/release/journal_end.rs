//! Incomplete journals: the end is lost, or the run continued elsewhere. Public files are never reported as undone, and
//! distributions are not deleted while an index may have them.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use pyrelease_test_support::Transcript;
use std::path::PathBuf;

use serde_json::json;

use super::drilled::{Local, text};

const WHEEL_IS_PUBLIC: &str = "done: demo-1.1.0-py3-none-any.whl on pypi";
const ALL_IS_PUBLIC: &str = "done: demo-1.1.0.tar.gz on pypi";
const REHEARSED: &str = "done: demo-1.1.0.tar.gz on testpypi";
const PUSHED: &str = "done: main and v1.1.0 at origin";
const TAG: &str = "refs/tags/v1.1.0";

/// Truncates the newest run's journal to its first lines.
fn cut(local: &Local, lines: usize) {
    let journal = local.run_folder().join("journal.jsonl");
    let whole = fs_err::read_to_string(&journal).unwrap();
    assert!(whole.lines().count() > lines, "{whole}");
    fs_err::write(&journal, whole.split_inclusive('\n').take(lines).collect::<String>()).unwrap();
}

fn a_quarter_of_an_hour_later(local: &Local) {
    let earlier = std::time::SystemTime::now() - std::time::Duration::from_secs(901);
    for file in ["journal.jsonl", "journal.tail"] {
        let file = fs_err::OpenOptions::new().append(true).open(local.run_folder().join(file)).unwrap();
        file.file().set_modified(earlier).unwrap();
    }
}

/// The number of lines of the newest run's journal up to the one with this text.
fn lines_until(local: &Local, what: &str) -> usize {
    let journal = fs_err::read_to_string(local.run_folder().join("journal.jsonl")).unwrap();
    journal.lines().position(|line| line.contains(what)).unwrap_or_else(|| panic!("no {what} in {journal}"))
}

#[test]
fn public_files_are_not_reported_as_undone_with_a_cut_journal() {
    let mut seen =
        Transcript::named("journal-end/what-is-public-is-not-called-undone-on-the-word-of-a-cut-journal");
    for note_is_there in [true, false] {
        let local = Local::new();
        local.killed(ALL_IS_PUBLIC);
        let (remote, refs, built) = (local.project.remote_refs(), local.project.refs(), local.built());
        cut(&local, 11);
        if !note_is_there {
            fs_err::remove_file(local.run_folder().join("journal.tail")).unwrap();
        }
        let refused = local.pyrelease("rollback --yes").code(4);
        seen.add_error(&refused);
        assert_eq!(local.project.remote_refs(), remote);
        assert_eq!(local.project.refs(), refs);
        assert_eq!(local.built(), built);
        if note_is_there {
            let status = local.pyrelease("status").code(0);
            seen.add(&status);
            assert_eq!(local.status()["next"], json!(["pyrelease resume", "pyrelease rollback --leave"]));
            seen.add_error(&local.pyrelease("status --export x.tar.gz").code(4));
        }
        local.pyrelease("resume --yes").code(0);
        local.is_released(local.project.folder());
        assert_eq!(local.status()["next"], json!([]));
    }
    seen.assert();
}

#[test]
fn a_release_that_is_half_public_is_finished_without_the_end_of_its_journal() {
    let local = Local::new();
    local.killed(WHEEL_IS_PUBLIC);
    cut(&local, lines_until(&local, "\"stage-begun\",\"stage\":\"testpypi\""));
    local.pyrelease("rollback --yes").code(4).assert_error_shown(
        "journal-end/a-release-that-is-half-public-is-finished-without-the-end-of-its-journal",
    );
    let built = local.built();
    let resumed = local.pyrelease("resume --yes --format json").code(0);
    assert!(!resumed.actions().contains(&"build".to_owned()), "{resumed}");
    assert_eq!(local.public.files(), built);
    local.is_released(local.project.folder());
    assert_eq!(local.project.debris(), [""; 0].map(PathBuf::from));
}

#[test]
fn a_cut_journal_of_which_nothing_is_public_is_rolled_back() {
    let mut seen = Transcript::named("journal-end/a-cut-journal-of-which-nothing-is-public-is-rolled-back");
    let local = Local::new();
    let before = local.project.snapshot();
    local.killed(REHEARSED);
    let built = local.built();
    cut(&local, lines_until(&local, "\"stage-begun\",\"stage\":\"testpypi\""));
    assert_eq!(local.status()["next"], json!(["pyrelease rollback", "pyrelease rollback --leave"]));
    // Effects of the lost records may still arrive,
    seen.add_error(&local.pyrelease("rollback --yes").code(4));
    // but not after a quarter of an hour.
    a_quarter_of_an_hour_later(&local);
    local.pyrelease("rollback --yes").code(0);
    local.project.assert_unchanged(&before);
    assert_eq!(local.rehearsal.files(), built);
    assert_eq!(local.built(), built);
    seen.assert();
}

#[test]
fn a_tag_that_a_cut_journal_does_not_tell_of_is_not_passed_over() {
    for note_is_there in [true, false] {
        let local = Local::new();
        local.killed(PUSHED);
        cut(&local, lines_until(&local, "\"kind\":\"land\""));
        a_quarter_of_an_hour_later(&local);
        if !note_is_there {
            fs_err::remove_file(local.run_folder().join("journal.tail")).unwrap();
        }
        assert_eq!(local.status()["next"], json!(["pyrelease resume", "pyrelease rollback --leave"]));
        let refused = local.pyrelease("rollback --yes").code(4);
        refused
            .assert_error_shown("journal-end/a-tag-that-a-cut-journal-does-not-tell-of-is-not-passed-over");
        local.pyrelease("resume --yes").code(0);
        local.is_released(local.project.folder());
    }
}

#[test]
fn if_an_index_cannot_be_asked_nothing_is_undone() {
    let mut seen = Transcript::named("journal-end/where-an-index-cannot-be-asked-nothing-is-called-undone");
    let mut local = Local::new();
    local.killed(ALL_IS_PUBLIC);
    let remote = local.project.remote_refs();
    cut(&local, 11);
    local.public.stop();
    for command in ["rollback --yes", "resume --yes"] {
        let refused = local.pyrelease(command).code(4);
        seen.add_error(&refused);
    }
    assert_eq!(local.project.remote_refs(), remote);
    // Giving it up changes nothing.
    local.pyrelease("rollback --leave --yes").code(0);
    assert_eq!(local.project.remote_refs(), remote);
    seen.assert();
}

/// A run that was killed after its push, a clone on another machine, and the export of the run.
fn exported() -> (Local, PathBuf, PathBuf) {
    let local = Local::new();
    local.killed(PUSHED);
    local.pyrelease("status --export run.tar.gz").code(0);
    let clone = local.project.sandbox().root().join("another machine");
    let remote = local.project.remote().path().to_owned();
    local.project.git(&["clone", "--quiet", text(&remote), text(&clone)]);
    fs_err::copy(local.project.folder().join("release.toml"), clone.join("release.toml")).unwrap();
    let file = local.project.folder().join("run.tar.gz");
    (local, clone, file)
}

#[test]
fn a_run_completed_on_another_machine_is_not_undone_here() {
    let (local, clone, file) = exported();
    local.pyrelease("resume --yes --import").arg(&file).from(&clone).code(0);

    let refused = local.pyrelease("rollback --yes").code(4);
    refused.assert_error_shown("journal-end/what-another-machine-has-finished-is-not-undone-here");
    assert!(local.project.remote_refs().contains_key(TAG));
    local.pyrelease("resume --yes").code(0);
    local.is_released(local.project.folder());
}

/// The reverse: rolled back here, and then completed there.
#[test]
fn a_push_that_was_undone_elsewhere_is_repeated() {
    let (local, clone, file) = exported();
    local.pyrelease("rollback --yes").code(0);
    assert!(!local.project.remote_refs().contains_key(TAG));

    local.pyrelease("resume --yes --import").arg(&file).from(&clone).code(0);
    local.is_released(&clone);
}

#[test]
fn a_run_that_is_being_given_up_is_never_undone() {
    let listed = {
        let local = Local::new();
        local.killed(ALL_IS_PUBLIC);
        let list = local.project.sandbox().root().join("points");
        let drill = format!("list:{}", list.display());
        local.pyrelease("rollback --leave --yes").env("PYRELEASE_DRILL", drill).code(0);
        fs_err::read_to_string(list).unwrap()
    };
    let points: Vec<(usize, &str)> = (1..).zip(listed.lines()).collect();
    let is_kept = |point: &&(usize, &str)| point.1.contains("after-record") && point.1.contains("kept");
    let kept: Vec<usize> = points.iter().filter(is_kept).map(|point| point.0).collect();
    assert!(kept.len() >= 4, "{listed}");
    for number in [kept[0], kept[1], kept[kept.len() - 1]] {
        let local = Local::new();
        local.killed(ALL_IS_PUBLIC);
        let (remote, refs) = (local.project.remote_refs(), local.project.refs());
        let drill = format!("kill:{number}");
        let left = local.pyrelease("rollback --leave --yes").env("PYRELEASE_DRILL", drill).run();
        let back = local.pyrelease("rollback --yes --format json").run();
        assert_eq!(local.project.remote_refs(), remote, "killed at {number}: {left}\n{back}");
        assert_eq!(local.project.refs(), refs, "killed at {number}: {left}\n{back}");
        assert!(back.events().iter().all(|event| event["event"] != "rolled-back"), "{back}");
        assert_eq!(left.status(), -1, "{left}");
    }
}
