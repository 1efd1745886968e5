//! What a word that is no command was meant to be: other tools have other names for what a command does.

use clap::Command;

use crate::config::nearest;
use crate::python::version::Bump;
use crate::stages;

/// Commands, and the words that other tools and habits have for them
const SYNONYMS: [(&str, &[&str]); 23] = [
    ("init", &["config", "configure", "convert", "import", "migrate", "new", "setup"]),
    ("run", &["deploy", "fullrelease", "make", "release", "ship"]),
    ("run --dry-run", &["dry-run", "dryrun", "simulate"]),
    ("rehearse", &["rehearsal", "trial"]),
    ("plan", &["diff", "next-version"]),
    ("bump", &["bump-my-version", "bump-version", "bump2version", "bumpversion", "increment", "version"]),
    ("propose", &["merge-request", "pr", "pull-request", "suggest"]),
    ("resume", &["continue", "finish", "restart", "retry"]),
    ("rollback", &["abort", "cancel", "revert", "undo", "unpublish", "yank"]),
    ("status", &["info", "show", "state"]),
    ("log", &["history", "journal", "logs", "runs"]),
    ("notes", &["changes", "release-notes"]),
    ("build", &["dist", "pack", "package", "sdist", "wheel"]),
    ("check", &["inspect", "lint", "test", "validate", "verify"]),
    ("preview", &["page", "readme", "render"]),
    ("doctor", &["diagnose"]),
    ("token show", &["auth", "credentials", "keyring", "login", "pypirc", "tokens", "whoami"]),
    ("upload", &["send", "twine"]),
    ("demo", &["example", "try", "tutorial"]),
    ("index serve", &["pypiserver", "serve", "server"]),
    ("plugin list", &["extensions", "plugins"]),
    ("help stage", &["settings", "stage", "stages"]),
    ("completions", &["autocomplete", "completion"]),
];

/// The help for a word that is no command; `commands` are those that there are. None if nothing is known about it.
pub(super) fn help<'a>(
    word: &str,
    root: &Command,
    commands: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let word = word.to_lowercase();
    if let Some(command) = command_of(&word) {
        return Some(advice(command, root));
    }
    if let Some(nearest) = nearest(&word, commands) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    if word.parse::<Bump>().is_ok() {
        return Some(format!("to release with this bump, run `pyrelease run {word}`"));
    }
    if stages::taken(&word).is_some() {
        return Some(format!(
            "`{word}` is a stage: `pyrelease run` runs all stages, `pyrelease help stage {word}` describes this one"
        ));
    }
    // These words are many, and some are short: only one slip counts.
    let is_near = |known: &&str| strsim::damerau_levenshtein(&word, known) == 1;
    let mut words = SYNONYMS.iter().flat_map(|(_, words)| words.iter().copied());
    words.find(is_near).and_then(command_of).map(|command| advice(command, root))
}

fn command_of(word: &str) -> Option<&'static str> {
    SYNONYMS.iter().find(|(_, words)| words.contains(&word)).map(|(command, _)| *command)
}

/// The command, and what it does by its own help.
fn advice(command: &str, root: &Command) -> String {
    let about = find(command, root).and_then(Command::get_about).map(ToString::to_string).unwrap_or_default();
    let mut letters = about.chars();
    let about = letters.next().map(|first| first.to_lowercase().to_string() + letters.as_str());
    match about.filter(|_| !command.contains("--") && !command.starts_with("help")) {
        Some(about) => format!("to {about}, run `pyrelease {command}`"),
        None => format!("run `pyrelease {command}`"),
    }
}

/// The command with these words; options are left out.
fn find<'a>(command: &str, root: &'a Command) -> Option<&'a Command> {
    let mut names = command.split(' ').take_while(|name| !name.starts_with('-'));
    if names.clone().next() == Some("help") {
        return root.find_subcommand("help");
    }
    names.try_fold(root, |at, name| at.find_subcommand(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn a_word_leads_to_a_command_that_exists_and_is_none_itself() {
        let root = Cli::command();
        let mut seen = Vec::new();
        for (command, words) in SYNONYMS {
            let found = find(command, &root).unwrap_or_else(|| panic!("there is no `{command}`"));
            let has =
                |option: &str| found.get_arguments().any(|argument| argument.get_long() == Some(option));
            assert!(command.split(' ').filter_map(|word| word.strip_prefix("--")).all(has), "{command}");
            for word in words {
                assert!(root.find_subcommand(word).is_none(), "`{word}` is a command");
                assert!(word.parse::<Bump>().is_err() || *word == "release", "`{word}` is a bump");
                assert!(stages::taken(word).is_none() || *word == "version", "`{word}` is a stage");
                assert!(!seen.contains(word), "`{word}` is listed twice");
                assert!(help(word, &root, []).unwrap().contains(&format!("`pyrelease {command}`")), "{word}");
                seen.push(word);
            }
        }
    }

    #[test]
    fn bumps_stages_and_slips_are_explained() {
        let help = |word: &str| help(word, &Cli::command(), ["run", "status"]).unwrap_or_default();
        assert_eq!(help("release"), "to release the project, run `pyrelease run`");
        assert_eq!(help("Deploy"), help("release"));
        assert_eq!(help("depoly"), help("release"));
        assert_eq!(help("minor"), "to release with this bump, run `pyrelease run minor`");
        assert_eq!(help("1.2.0"), "to release with this bump, run `pyrelease run 1.2.0`");
        assert!(help("testpypi").starts_with("`testpypi` is a stage: "), "{}", help("testpypi"));
        assert_eq!(help("stauts"), "did you mean `status`?");
        assert_eq!(help("sideways"), "");
    }
}
