//! The pages of the reference that are made from the program: `SNAPSHOTS=overwrite` renews them.

use std::fmt::Write as _;

use pyrelease::python::verdict::{RULES, Source};
use pyrelease_test_support::Sandbox;

fn said(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_pyrelease");
    sandbox.command(sandbox.root(), program, arguments).read().expect("the program's output")
}

#[test]
fn commands() {
    let sandbox = Sandbox::new();
    let mut page = String::from(
        "# Commands\n\nEvery command with its options, as `pyrelease help COMMAND` prints them.\n",
    );
    let listed = said(&sandbox, &["--list"]);
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    for name in names.filter(|name| *name != "help") {
        let help = said(&sandbox, &["help", name]);
        let _ = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", help.trim_end());
    }
    snapbox::assert_data_eq!(page, snapbox::file!["../docs/src/reference/commands.md"]);
}

#[test]
fn rules() {
    let mut page = String::from(
        "# Rules of `check`\n\n\
         What `pyrelease check`, and the stage `check`, demand of distributions, in PyPI's order. A rule that PyPI\n\
         enforces comes with the words that it refuses an upload with; `…` stands for what is in the file.\n\
         `[stage.check] allow = [\"RULE\"]` lets a release go on: the rule is then a warning, or silent if it is not\n\
         PyPI's. `pyrelease check --explain RULE` prints the same.\n",
    );
    for rule in RULES.iter().copied().flatten() {
        let _ = write!(page, "\n## `{}`\n\n{} ({}).\n", rule.id, capitalised(rule.summary), rule.severity);
        match rule.source {
            Source::Pypi(message) => {
                page.push_str("\nPyPI says:\n");
                for line in message.split(" | ") {
                    let _ = write!(page, "\n```text\n{line}\n```\n");
                }
            }
            Source::Stricter(reason) => {
                let _ = write!(page, "\nPyPI does not refuse it: {reason}.\n");
            }
        }
        let _ = write!(page, "\nSource: {}\n", rule.reference);
    }
    snapbox::assert_data_eq!(page, snapbox::file!["../docs/src/reference/rules.md"]);
}

fn capitalised(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}
