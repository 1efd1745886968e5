//! `pyrelease completions`: a script that lets a shell complete commands, options and values. Every script calls the
//! hidden command `complete`, which knows them from the command line itself.

use clap::{Arg, Command, CommandFactory as _, ValueEnum};

use super::Cli;
use crate::engine::checkout::Checkout;
use crate::error::Result;
use crate::ops::{Context, locate};
use crate::python::version::Bump;
use crate::stages::members::Workspace;
use crate::ui::data;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// The words before the one that is completed
#[derive(Debug, clap::Args)]
pub(super) struct Words {
    /// The word to complete
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    word: String,

    #[arg(last = true)]
    words: Vec<String>,
}

/// Prints the script of a shell.
pub(super) fn completions(context: &Context, arguments: &Arguments) {
    context.ui.text(match arguments.shell {
        Shell::Bash => include_str!("../../templates/completions/pyrelease.bash").trim_end(),
        Shell::Elvish => include_str!("../../templates/completions/pyrelease.elv").trim_end(),
        Shell::Fish => include_str!("../../templates/completions/pyrelease.fish").trim_end(),
        Shell::Powershell => include_str!("../../templates/completions/pyrelease.ps1").trim_end(),
        Shell::Zsh => include_str!("../../templates/completions/pyrelease.zsh").trim_end(),
    });
}

/// Prints the candidates for a word, one a line, each with a tab and its description. Without any, shells complete files.
pub(super) fn complete(context: &Context, arguments: &Words) -> Result<()> {
    let mut root = Cli::command();
    root.build();
    // bash splits `--format=json` at the sign.
    let words: Vec<&str> = arguments.words.iter().map(String::as_str).filter(|word| *word != "=").collect();
    let current = if arguments.word == "=" { "" } else { &arguments.word };
    let (option, wanted) = match current.split_once('=') {
        Some((option, wanted)) if option.starts_with("--") => (Some(option), wanted),
        _ => (None, current),
    };
    let place = Place::of(&root, words.iter().copied().chain(option));
    let prefix = option.map(|option| format!("{option}=")).unwrap_or_default();
    for (value, about) in place.candidates(context, wanted) {
        if value.starts_with(wanted) {
            data(&format!("{prefix}{value}\t{}", about.lines().next().unwrap_or_default()));
        }
    }
    Ok(())
}

/// Where the word is that is completed
struct Place<'a> {
    command: &'a Command,
    /// The option whose value it is
    option: Option<&'a Arg>,
    /// How many positional arguments come before it
    positionals: usize,
    /// Whether options are over
    is_after_dashes: bool,
}

impl<'a> Place<'a> {
    fn of<'w>(root: &'a Command, words: impl Iterator<Item = &'w str>) -> Self {
        let mut place = Self { command: root, option: None, positionals: 0, is_after_dashes: false };
        for word in words {
            if place.option.take().is_some() {
                continue;
            }
            match place.command.find_subcommand(word) {
                _ if place.is_after_dashes => place.positionals += 1,
                _ if word == "--" => place.is_after_dashes = true,
                _ if word.starts_with('-') && word.len() > 1 => place.option = place.awaiting(word),
                Some(command) if place.positionals == 0 => place.command = command,
                _ => place.positionals += 1,
            }
        }
        place
    }

    /// The option that takes the next word as its value.
    fn awaiting(&self, word: &str) -> Option<&'a Arg> {
        let mut options =
            self.command.get_arguments().filter(|argument| argument.get_action().takes_values());
        match word.strip_prefix("--") {
            Some(long) => options.find(|argument| argument.get_long() == Some(long)),
            None => options.find(|argument| argument.get_short().is_some_and(|short| word.ends_with(short))),
        }
    }

    fn candidates(&self, context: &Context, current: &str) -> Vec<(String, String)> {
        if let Some(option) = self.option {
            return values(context, option, 0);
        }
        if current.starts_with('-') && !self.is_after_dashes {
            let shown = self.command.get_arguments().filter(|argument| !argument.is_hide_set());
            return shown
                .filter_map(|argument| Some((format!("--{}", argument.get_long()?), help(argument))))
                .collect();
        }
        let commands =
            self.command.get_subcommands().filter(|command| self.positionals == 0 && !command.is_hide_set());
        let about = |command: &Command| command.get_about().map(ToString::to_string).unwrap_or_default();
        let commands = commands.map(|command| (command.get_name().to_owned(), about(command)));
        let mut positionals = self.command.get_positionals();
        let last = self.command.get_positionals().last();
        let positional = positionals
            .nth(self.positionals)
            .or(last.filter(|last| last.get_num_args().is_some_and(|number| number.max_values() > 1)));
        let values = positional.map(|positional| values(context, positional, self.positionals));
        commands.chain(values.into_iter().flatten()).collect()
    }
}

fn help(argument: &Arg) -> String {
    argument.get_help().map(ToString::to_string).unwrap_or_default()
}

/// The bumps, and in a workspace its members.
fn bumps(context: &Context, position: usize) -> Vec<(String, String)> {
    let named = |name: String| (name, String::new());
    let words = Bump::words().map(|word| named(word.to_owned())).filter(|_| position == 0);
    let members = || {
        let location = locate(context).ok().filter(|location| location.config.workspace().is_some())?;
        let checkout = Checkout::open(&location.root, context.environment.clone()).ok()?;
        Workspace::of(&location.config, &checkout).ok()
    };
    let members = members().into_iter().flat_map(|workspace| workspace.members);
    words.chain(members.map(|member| named(format!("{}=", member.name)))).collect()
}

/// The values of an argument that are known; `position` is how many values were given before.
fn values(context: &Context, argument: &Arg, position: usize) -> Vec<(String, String)> {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        let about = |value: &clap::builder::PossibleValue| {
            value.get_help().map(ToString::to_string).unwrap_or_default()
        };
        return possible.iter().map(|value| (value.get_name().to_owned(), about(value))).collect();
    }
    let name = argument.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str());
    let configured = || locate(context).ok().map(|location| location.config);
    match (argument.get_id().as_str(), name) {
        (_, "BUMP") => bumps(context, position),
        (_, "INDEX") | ("index", _) => configured()
            .map(|config| config.indexes().keys().map(|name| (name.clone(), String::new())).collect())
            .unwrap_or_default(),
        (_, "STAGE") | ("stage", _) => configured()
            .map(|config| config.stages().iter().map(|stage| (stage.value.clone(), String::new())).collect())
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}
