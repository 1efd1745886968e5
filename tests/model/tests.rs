//! What holds under the rules, and what goes wrong without each.

use std::time::Instant;

use super::explore::{Explored, Scope, explore};
use super::process::Fault;
use super::rules::Rules;
use super::system::{Fencing, Task, Wrong};

const REHEARSED: &[Task] = &[Task::Build, Task::Rehearse, Task::Push, Task::Publish];
const UNREHEARSED: &[Task] = &[Task::Build, Task::Push, Task::Publish];

const EVERYTHING: &[Fault] = &[
    Fault::Kill,
    Fault::PowerCut,
    Fault::TornMark,
    Fault::Cut,
    Fault::SlowCut,
    Fault::Refused,
    Fault::Closed,
    Fault::Truncated,
    Fault::Unreachable,
    Fault::JournalCut,
    Fault::JournalLost,
    Fault::MarkLost,
    Fault::DistLost,
    Fault::Pushes,
    Fault::Commits,
    Fault::Locks,
    Fault::Edits,
    Fault::AddsFile,
    Fault::DropsTag,
];

/// One file, no rehearsal, one machine, a remote elsewhere, these faults
fn scope(faults: &'static [Fault], most: u8) -> Scope {
    Scope {
        rules: Rules::now(),
        tasks: UNREHEARSED,
        files: 1,
        fencing: Fencing::Takes,
        faults,
        most,
        commands: 3,
        two: false,
    }
}

fn explored(name: &str, scope: &Scope, sought: &[Wrong]) -> Explored {
    let began = Instant::now();
    let explored = explore(scope, sought);
    let (states, executions) = (explored.states, explored.executions);
    println!("{name}: {states} states, {executions} executions, {:.1} s", began.elapsed().as_secs_f64());
    explored
}

#[track_caller]
fn holds(name: &str, scope: &Scope) {
    let wrong: Vec<String> = explored(name, scope, &[]).wrong.into_values().collect();
    assert!(wrong.is_empty(), "{name}\n\n{}", wrong.join("\n\n"));
}

/// Under these rules, this is found: the shortest histories that come to it are printed.
#[track_caller]
fn fails(name: &str, rules: Rules, scope: &Scope, wrong: &[Wrong]) {
    let found = explored(name, &Scope { rules, ..scope.clone() }, wrong).wrong;
    for wrong in wrong {
        let kinds: Vec<&Wrong> = found.keys().collect();
        let trace = found.get(wrong).unwrap_or_else(|| panic!("{name}: not {wrong:?}, but {kinds:?}"));
        println!("{trace}\n");
    }
}

/// How often something happens: more is tried with `PYRELEASE_TEST_FAULTS=3`.
#[expect(clippy::disallowed_methods, reason = "how much is tested is for whoever starts the tests to say")]
fn most() -> u8 {
    std::env::var("PYRELEASE_TEST_FAULTS").map_or(2, |most| most.parse().expect("a number of faults"))
}

/// A defect of before the model: it is found under the rules of then, and where only this rule is as it was then.
#[track_caller]
fn failed(name: &str, rules: Rules, scope: &Scope, wrong: &[Wrong]) {
    fails(&format!("{name}, before"), Rules::before(), scope, wrong);
    fails(name, rules, scope, wrong);
}

#[test]
fn whatever_happens() {
    holds("everything", &scope(EVERYTHING, most()));
}

#[test]
fn a_remote_that_takes_no_refs_of_ours() {
    holds("no fences", &Scope { fencing: Fencing::Refuses, ..scope(EVERYTHING, 1) });
    let faults =
        &[Fault::Kill, Fault::Cut, Fault::SlowCut, Fault::Refused, Fault::Unreachable, Fault::Pushes];
    holds("no fences, twice", &Scope { fencing: Fencing::Refuses, ..scope(faults, 2) });
}

#[test]
fn a_remote_on_this_machine() {
    let faults =
        &[Fault::Kill, Fault::Cut, Fault::SlowCut, Fault::Refused, Fault::Unreachable, Fault::Pushes];
    holds("a local remote, twice", &Scope { fencing: Fencing::Local, ..scope(faults, 2) });
}

#[test]
fn a_rehearsal_and_two_files() {
    holds("rehearsed", &Scope { tasks: REHEARSED, files: 2, ..scope(EVERYTHING, 1) });
}

/// What no rule covers yet: one machine takes back what another has just sent, and was killed.
#[test]
fn two_machines_at_almost_the_same_time() {
    let scope = Scope { two: true, ..scope(&[Fault::Kill], 2) };
    fails("two machines, two kills", Rules::now(), &scope, &[Wrong::CameLater]);
}

#[test]
fn two_machines() {
    holds("two machines", &Scope { two: true, commands: 4, ..scope(EVERYTHING, 1) });
}

/// Issue 12, 4
#[test]
fn a_push_arrives_after_the_rollback() {
    let rules = Rules { fence: false, ..Rules::now() };
    failed("no fence", rules, &scope(&[Fault::Cut], 1), &[Wrong::CameLater, Wrong::CalledUndone]);
    failed("no fence, killed", rules, &scope(&[Fault::Kill], 1), &[Wrong::CameLater]);
}

/// Issue 12, 5
#[test]
fn locks_that_a_power_cut_leaves_stop_both_ways() {
    let rules = Rules { locks: false, ..Rules::now() };
    failed("locks stay", rules, &scope(&[Fault::PowerCut], 1), &[Wrong::DeadEnd]);
}

/// Issue 12, 7
#[test]
fn a_journal_that_lost_its_end_is_believed() {
    let rules = Rules { mark: false, ask_always: false, ..Rules::now() };
    let wrong = [Wrong::CalledUndone, Wrong::PublicCalledUndone];
    failed("no mark", rules, &scope(&[Fault::Kill, Fault::JournalCut], 2), &wrong);
}

/// Issue 12, 8
#[test]
fn a_rehearsal_index_injects_a_file() {
    let faults = &[Fault::Kill, Fault::JournalLost, Fault::AddsFile];
    let scope = Scope { tasks: REHEARSED, commands: 2, ..scope(faults, 3) };
    holds("proof", &scope);
    failed("no proof", Rules { proof: false, ..Rules::now() }, &scope, &[Wrong::Unchecked]);
}

/// Issue 12, 9
#[test]
fn half_a_file_is_called_released() {
    let rules = Rules { compare: false, ..Rules::now() };
    failed("not compared", rules, &scope(&[Fault::Truncated], 1), &[Wrong::Unchecked]);
}

/// Issue 13, 2
#[test]
fn a_final_refusal_is_tried_for_ever() {
    let scope = Scope { files: 2, ..scope(&[Fault::Closed], 1) };
    failed("not final", Rules { finals: false, ..Rules::now() }, &scope, &[Wrong::DeadEnd]);
}

/// Without these rules, others' work would be gone: the model can see that.
#[test]
fn what_others_do_is_left_alone() {
    let rules = Rules { lease: false, ..Rules::now() };
    fails("no lease", rules, &scope(&[Fault::Refused, Fault::Pushes], 2), &[Wrong::Overwritten]);
    let rules = Rules { own_locks: false, ..Rules::now() };
    fails("anybody's locks", rules, &scope(&[Fault::Refused, Fault::Locks], 2), &[Wrong::Overwritten]);
}

/// What the model has found
mod found {
    use super::*;

    #[test]
    fn an_upload_that_takes_long_arrives_after_the_rollback() {
        let rules = Rules { last_sign: false, ..Rules::now() };
        let wrong = [Wrong::CameLater, Wrong::PublicCalledUndone];
        fails("from the intent", rules, &scope(&[Fault::SlowCut], 1), &wrong);
    }

    #[test]
    fn what_takes_a_push_back_arrives_after_the_release() {
        let rules = Rules { fence_back: false, ..Rules::now() };
        let wrong = [Wrong::Vanished, Wrong::NotReleased];
        fails("no fence back", rules, &scope(&[Fault::Refused, Fault::Cut], 2), &wrong);
    }

    #[test]
    fn a_push_in_doubt_counts_as_taken_back() {
        let rules = Rules { doubt_stops: false, ..Rules::now() };
        fails("in doubt", rules, &scope(&[Fault::Kill, Fault::Unreachable], 2), &[Wrong::CameLater]);
    }

    #[test]
    fn a_run_is_rolled_back_that_was_finished_elsewhere() {
        let rules = Rules { ask_always: false, ..Rules::now() };
        let scope = Scope { two: true, commands: 3, ..scope(&[Fault::Kill], 1) };
        fails("not asked", rules, &scope, &[Wrong::PublicCalledUndone]);
    }

    #[test]
    fn what_a_journal_has_lost_arrives_later() {
        let rules = Rules { lost_waits: false, ..Rules::now() };
        let scope = scope(&[Fault::Kill, Fault::JournalCut], 2);
        fails("not waited for", rules, &scope, &[Wrong::CameLater]);
    }

    #[test]
    fn a_journal_that_lost_its_end_looks_whole_again() {
        let rules = Rules { remember: false, ask_always: false, ..Rules::now() };
        let scope = scope(&[Fault::Kill, Fault::JournalCut], 2);
        fails("forgotten", rules, &scope, &[Wrong::PublicCalledUndone]);
    }

    #[test]
    fn a_run_goes_on_without_the_push_that_was_taken_back_elsewhere() {
        let rules = Rules { ask_again: false, ..Rules::now() };
        let scope = scope(&[Fault::Kill, Fault::DropsTag], 2);
        fails("not asked again", rules, &scope, &[Wrong::Early]);
    }

    #[test]
    fn a_public_file_that_is_not_ours_is_called_released() {
        let rules = Rules { contradiction: false, ..Rules::now() };
        let scope = scope(&[Fault::Truncated, Fault::JournalLost], 2);
        fails("contradiction", rules, &scope, &[Wrong::Unchecked]);
    }

    #[test]
    fn a_run_that_was_being_given_up_is_rolled_back() {
        let rules = Rules { kept: false, ..Rules::now() };
        let scope = scope(&[Fault::Kill], 2);
        fails("kept", rules, &scope, &[Wrong::PublicCalledUndone]);
    }

    #[test]
    fn a_working_tree_that_did_not_follow_is_called_undone() {
        let rules = Rules { tree: false, ..Rules::now() };
        let scope = scope(&[Fault::Refused, Fault::Locks], 2);
        fails("tree", rules, &scope, &[Wrong::CalledUndone]);
    }
}
