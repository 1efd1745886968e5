//! A person at a terminal: asked once, and able to stop at any time.

use super::demo;
use super::failures::Attempt;

const QUESTION: &str = "Release demo 1.1.0? [y/N]";

#[test]
fn a_yes_releases() {
    let attempt = Attempt::at(demo());
    let outcome = attempt.project.pyrelease("run minor").on_a_terminal(&[(QUESTION, "y\n")]).code(0);
    outcome.stdout_contains("land in your repository").stdout_contains("Released");
    assert_eq!(attempt.public.files("demo").len(), 2);
}

#[test]
fn a_no_and_an_interrupt_at_the_question_change_nothing() {
    // An interrupt before anything was done ends the program as it ends any other: SIGINT is 2.
    for (answer, code) in [("n\n", 3), ("\n", 3), ("\u{3}", 130)] {
        let attempt = Attempt::at(demo());
        let before = attempt.project.snapshot();
        attempt.project.pyrelease("run minor").on_a_terminal(&[(QUESTION, answer)]).code(code);
        attempt.project.assert_unchanged(&before);
        attempt.left_nothing();
        attempt.was_not_rehearsed();
    }
}

#[test]
fn an_interrupt_while_it_works_undoes_everything() {
    let all = "\"changelog\", \"version\", \"tag\", \"build\", \"check\"";
    let config = format!(
        "stages = [{all}, \"testpypi\", \"push\", \"wait\", \"pypi\"]\n\n[stage.wait]\nrun = [\"sleep\", \"60\"]\nreach = \"repository\"\n"
    );
    let attempt = Attempt::configured(demo(), &config);
    let before = attempt.project.snapshot();
    let dialogue = [(QUESTION, "y\n"), ("Running `sleep 60`", "\u{3}")];
    let outcome = attempt.project.pyrelease("run minor").on_a_terminal(&dialogue).code(130);
    outcome.stdout_contains("interrupted").stdout_contains("Rolled back");
    attempt.project.assert_unchanged(&before);
    attempt.left_nothing();
    attempt.was_rehearsed();
}
