//! The objects that commands print with `--format json`, where nothing but the command line knows them.

use std::path::Path;

use clap::Command;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::finding::Severity;
use crate::python::page::Loss;
use crate::python::verdict::{Rule, Source};

/// No release has been run in the repository
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct NoRun {}

/// A command, of pyrelease or on PATH
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CommandHelp<'a> {
    /// As it is typed: `plugin trust`
    pub(super) name: &'a str,
    pub(super) about: String,
    /// The file of a command on PATH
    pub(super) path: Option<&'a Path>,
    arguments: Vec<Argument>,
    /// The names of its own commands
    commands: Vec<String>,
}

/// An argument of a command
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Argument {
    /// `-y` and `--yes`; none for one that is passed without
    flags: Vec<String>,
    /// The name of its value, if it takes one
    value: Option<String>,
    about: String,
    /// The only values that it takes, if there are such
    values: Vec<String>,
    default: Option<String>,
    /// Whether every command has it
    global: bool,
}

impl<'a> CommandHelp<'a> {
    /// A command of pyrelease.
    pub(super) fn of(name: &'a str, command: &Command) -> Self {
        let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
        let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
        Self {
            name,
            about: command.get_about().map(ToString::to_string).unwrap_or_default(),
            path: None,
            arguments: arguments.map(Argument::of).collect(),
            commands: commands.map(|command| command.get_name().to_owned()).collect(),
        }
    }

    /// A command on PATH, of which nothing else is known.
    pub(super) fn on_path(name: &'a str, path: &'a Path) -> Self {
        Self { name, about: String::new(), path: Some(path), arguments: Vec::new(), commands: Vec::new() }
    }
}

impl Argument {
    fn of(argument: &clap::Arg) -> Self {
        let takes_values = argument.get_action().takes_values();
        let value = argument.get_value_names().and_then(<[_]>::first).filter(|_| takes_values);
        let short = argument.get_short().map(|short| format!("-{short}"));
        let long = argument.get_long().map(|long| format!("--{long}"));
        let values = argument.get_possible_values().into_iter().filter(|_| takes_values);
        let default = argument.get_default_values().first().filter(|_| takes_values);
        Self {
            flags: short.into_iter().chain(long).collect(),
            value: value.map(ToString::to_string),
            about: argument.get_help().map(ToString::to_string).unwrap_or_default(),
            values: values.map(|value| value.get_name().to_owned()).collect(),
            default: default.map(|value| value.to_string_lossy().into_owned()),
            global: argument.is_global_set(),
        }
    }
}

/// A stage, or `index` for `[index.NAME]`; the names `upload`, `command` and `plugin` stand for those that users choose
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StageData<'a> {
    pub(super) name: &'a str,
    pub(super) about: &'a str,
    /// The settings by name, each with its JSON schema
    pub(super) settings: Map<String, Value>,
}

/// A setting of a stage or an index
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SettingData<'a> {
    /// The stage, or `index`
    pub(super) table: &'a str,
    pub(super) name: &'a str,
    /// Its JSON schema
    #[cfg_attr(test, schemars(with = "Map<String, Value>"))]
    pub(super) schema: &'a Value,
}

/// A rule of `check`
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RuleData {
    rule: &'static str,
    severity: Severity,
    /// What must hold
    summary: &'static str,
    /// What PyPI refuses an upload with; `…` stands for values of the file. Empty if PyPI does not refuse it
    pypi: Vec<&'static str>,
    /// Why pyrelease demands what PyPI does not
    reason: Option<&'static str>,
    /// The specification, or the part of PyPI's code that enforces it
    reference: &'static str,
}

impl RuleData {
    pub(super) fn of(rule: &Rule) -> Self {
        let (pypi, reason) = match rule.source {
            Source::Pypi(says) => (says.split(" | ").collect(), None),
            Source::Stricter(why) => (Vec::new(), Some(why)),
        };
        let Rule { id, severity, summary, reference, .. } = *rule;
        Self { rule: id, severity, summary, pypi, reason, reference }
    }
}

/// A project page
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Page<'a> {
    /// The file with the page
    pub(super) page: &'a Path,
    /// What it was made from
    pub(super) origin: &'a str,
    pub(super) name: &'a str,
    /// None if only the build backend knows it
    pub(super) version: Option<&'a str>,
    /// What breaks or gets lost on it
    pub(super) findings: &'a [Loss],
    /// How many more there are
    pub(super) more: usize,
}

/// An index that is being served
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ServedIndex<'a> {
    pub(super) url: &'a str,
    /// The URL for uploads
    pub(super) upload: &'a str,
    /// The URL at which it lists its files
    pub(super) simple: &'a str,
    pub(super) port: u16,
    pub(super) folder: &'a Path,
    /// `strict` or `lenient`
    pub(super) rules: &'static str,
    /// The file with the token for uploads, if they need one
    pub(super) token_file: Option<&'a Path>,
}

/// A plugin that was made from a template
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct NewPlugin<'a> {
    pub(super) plugin: &'a str,
    pub(super) folder: &'a Path,
    /// The command that tests it
    pub(super) next: &'a str,
}

/// A plugin that is pinned and trusted
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct TrustedPlugin<'a> {
    pub(super) plugin: &'a str,
    pub(super) file: &'a Path,
    /// The platform that it is pinned for; `any` for a script
    pub(super) target: &'a str,
    pub(super) sha256: &'a str,
    /// Whether it was pinned and trusted before
    pub(super) already: bool,
}
