//! What the program says of itself.

use pyrelease_test_support::{Project, Transcript};

use crate::release::quick;

/// The words of every command and subcommand that the help of this one lists, and of those below them.
fn commands(project: &Project, of: &str) -> Vec<String> {
    let help = project.pyrelease(&format!("{of} --help")).code(0);
    let listed = help.stdout().split_once("\nCommands:\n").map_or("", |(_, listed)| listed);
    let listed = listed.split("\n\n").next().unwrap_or_default().lines();
    // A description that goes on in the next line is indented further.
    let names =
        listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
    let below = names.filter(|name| *name != "help").map(|name| format!("{of} {name}"));
    std::iter::once(of.to_owned()).chain(below.flat_map(|command| commands(project, &command))).collect()
}

#[test]
fn the_help_of_every_command() {
    let project = quick().build();
    let mut seen = Transcript::named("help");
    let commands = commands(&project, "");
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        seen.add(&project.pyrelease(&format!("{command} --help")).code(0));
    }
    seen.assert();
}

#[test]
fn a_command_line_that_is_wrong() {
    let project = quick().build();
    let mut seen = Transcript::named("usage");
    seen.add(&project.pyrelease("--version").code(0));
    for wrong in [
        "rnu",
        "stauts",
        "publish",
        "validate",
        "undo",
        "minor",
        "testpypi",
        "plan dve",
        "run --ye",
        "run minor patch",
        "token",
        "upload x.whl",
        "log no-such-run",
        "plan sideways",
    ] {
        seen.add(&project.pyrelease(wrong).env("PATH", "/usr/bin:/bin").code(2));
    }
    seen.add(&project.pyrelease("--list").env("PATH", "/usr/bin:/bin").code(0));
    seen.assert();
}
