//! `pyrelease help`: the help of a command, a stage or a setting.

mod text;

use clap::{Command, CommandFactory as _};

use super::objects::{CommandHelp, SettingData, StageData};
use super::{Cli, synonyms};
use crate::config::nearest;
use crate::error::{Error, Result};
use crate::ops::{Context, locate};
use crate::stages::{StageHelp, index_help, member_help, stage_helps, workspace_help};
use crate::ui::{Format, data, object};
use text::{setting_text, stage_text, stages_text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A command; or `stage NAME`, or `setting NAME`
    #[arg(value_name = "WORD")]
    words: Vec<String>,
}

pub(super) fn help(context: &Context, arguments: &Arguments) -> Result<()> {
    let words: Vec<&str> = arguments.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["stage" | "stages"] => stages(context),
        ["stage" | "stages", name] => stage(context, name),
        ["setting" | "settings"] => settings(context),
        ["setting" | "settings", name] => setting(context, name),
        words => command(context, words),
    }
}

fn command(context: &Context, words: &[&str]) -> Result<()> {
    let mut root = Cli::command();
    root.build();
    let mut found: &Command = &root;
    for word in words {
        found = match found.find_subcommand(word) {
            Some(command) => command,
            None => {
                let known = found.get_subcommands().map(Command::get_name);
                let help = synonyms::help(word, &root, known);
                let error = Error::usage(format!("there is no command `{word}`"));
                return Err(
                    error.help(help.unwrap_or_else(|| "`pyrelease help` lists all commands".to_owned()))
                );
            }
        };
    }
    match context.format {
        Format::Human => drop(found.clone().print_long_help()),
        Format::Json => object("command", &CommandHelp::of(&words.join(" "), found)),
    }
    Ok(())
}

fn stages(context: &Context) -> Result<()> {
    let helps = stage_helps();
    match context.format {
        Format::Human => data(&stages_text(&helps)),
        Format::Json => {
            helps.iter().for_each(|help| object("stage", &of(help)));
        }
    }
    Ok(())
}

fn stage(context: &Context, name: &str) -> Result<()> {
    let helps = stage_helps();
    let config = locate(context).map(|location| location.config);
    // A stage of the configuration, whose name the user has chosen
    let kind = match &config {
        Ok(config) if config.indexes().contains_key(name) => "upload",
        Ok(config) if config.stage_key(name, "run").is_some() => "command",
        Ok(config) if config.configured_stages().any(|(stage, _)| stage == name) => "plugin",
        Err(_) if ["testpypi", "pypi"].contains(&name) => "upload",
        _ => name,
    };
    let own = helps.iter().find(|help| help.name == name);
    let Some(help) = own.or_else(|| helps.iter().find(|help| help.name == kind)) else {
        let error = Error::usage(format!("there is no stage `{name}`"));
        return Err(match nearest(name, helps.iter().map(|help| help.name.as_str())) {
            Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
            None => error.help("`pyrelease help stage` lists the stages"),
        });
    };
    match context.format {
        Format::Human => data(&stage_text(help, name)),
        Format::Json => object("stage", &of(help)),
    }
    Ok(())
}

fn of(help: &StageHelp) -> StageData<'_> {
    StageData { name: &help.name, about: &help.about, settings: help.settings.iter().cloned().collect() }
}

fn all() -> Vec<StageHelp> {
    stage_helps().into_iter().chain([index_help(), workspace_help(), member_help()]).collect()
}

fn settings(context: &Context) -> Result<()> {
    match context.format {
        Format::Human => {
            data(&all().iter().map(|help| stage_text(help, &help.name)).collect::<Vec<_>>().join("\n\n"));
        }
        Format::Json => all().iter().for_each(|help| object("stage", &of(help))),
    }
    Ok(())
}

/// A setting by its name, or by `STAGE.NAME`, in every table that has it.
fn setting(context: &Context, name: &str) -> Result<()> {
    let plain: String = name.chars().filter(|letter| !"[]`".contains(*letter)).collect();
    let plain = plain.trim_start_matches("stage.").replace('_', "-");
    let (table, key) =
        plain.rsplit_once('.').map_or((None, plain.as_str()), |(table, key)| (Some(table), key));
    let all = all();
    let of_table = |help: &&StageHelp| table.is_none_or(|table| help.name == table);
    let found: Vec<_> = all
        .iter()
        .filter(of_table)
        .filter_map(|help| Some((help, help.settings.iter().find(|(name, _)| name == key)?)))
        .collect();
    if found.is_empty() {
        let known =
            all.iter().filter(of_table).flat_map(|help| help.settings.iter().map(|(name, _)| name.as_str()));
        let error = Error::usage(format!("there is no setting `{name}`"));
        return Err(match nearest(key, known) {
            Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
            None => error.help("`pyrelease help setting` lists all settings"),
        });
    }
    match context.format {
        Format::Human => {
            let shown: Vec<String> =
                found.iter().map(|(help, (name, schema))| setting_text(&help.name, name, schema)).collect();
            data(&shown.join("\n\n"));
        }
        Format::Json => {
            for (help, (name, schema)) in found {
                object("setting", &SettingData { table: &help.name, name, schema });
            }
        }
    }
    Ok(())
}
