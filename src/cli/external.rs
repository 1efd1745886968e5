//! `pyrelease NAME`: runs `pyrelease-NAME` from PATH, as cargo does. Built-in commands cannot be replaced.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::CommandFactory;

use super::objects::CommandHelp;
use super::{Cli, Context, synonyms};
use crate::error::{Error, Result};
use crate::plugin::find::PREFIX as STAGE_PREFIX;
use crate::text::safe;
use crate::ui::{Format, Table, data, object};
use crate::world::process::{quoted, why_not_started};
use crate::world::{Environment, without_relative_folders};

const PREFIX: &str = "pyrelease-";
/// The variable with the path of the calling program
const VARIABLE: &str = "PYRELEASE";

/// Runs the command, and exits with its status.
pub(super) fn run(context: &Context, words: &[OsString]) -> Result<()> {
    let Some((name, arguments)) = words.split_first() else { return Err(Error::usage("no command")) };
    let commands = on_path(&context.environment);
    let Some(program) = name.to_str().and_then(|name| commands.get(name)) else {
        return Err(unknown(name, &commands, &context.environment));
    };
    let command = duct::cmd(program, arguments).dir(&context.folder).unchecked();
    let command = match std::env::current_exe() {
        Ok(own) => command.env(VARIABLE, own),
        Err(_) => command,
    };
    let command = match context.environment.path("PATH") {
        Some(path) => command.env("PATH", without_relative_folders(path.as_os_str())),
        None => command,
    };
    let ended = command.run().map_err(|error| {
        let failed = Error::failed(format!("failed to start `{}`", program.display()));
        let failed = why_not_started(&error).into_iter().fold(failed, Error::help);
        failed.because(error)
    })?;
    match ended.status.code() {
        Some(0) => Ok(()),
        // pyrelease has nothing to clean up, and the status is the command's own.
        Some(code) => std::process::exit(code),
        None => {
            Err(Error::failed(format!("`{}` was killed by a signal ({})", program.display(), ended.status)))
        }
    }
}

fn unknown(name: &OsStr, commands: &BTreeMap<String, PathBuf>, environment: &Environment) -> Error {
    let name = name.to_string_lossy();
    let is_plain = !name.contains(std::path::is_separator);
    if let Some(why) = is_plain.then(|| why_not_runnable(&name, environment)).flatten() {
        return Error::usage(format!("there is no command `{name}`")).help(why);
    }
    let own = own();
    let known = own.iter().map(|(name, _)| name.as_str()).chain(commands.keys().map(String::as_str));
    let error = Error::usage(format!("there is no command `{name}`"));
    if let Some(help) = synonyms::help(&name, &Cli::command(), known) {
        return error.help(help);
    }
    match is_plain {
        true => error
            .help(format!("`pyrelease --list` lists all commands; to add one, put `{PREFIX}{name}` on PATH")),
        false => {
            error.help("pass the name of a command, not its path; `pyrelease --list` lists all commands")
        }
    }
}

/// Why the file on PATH with the command's name cannot be run, if there is one.
fn why_not_runnable(name: &str, environment: &Environment) -> Option<String> {
    let ending = std::env::consts::EXE_SUFFIX;
    let files =
        environment.search_path().into_iter().map(|folder| folder.join(format!("{PREFIX}{name}{ending}")));
    let file = files.into_iter().find(|file| file.symlink_metadata().is_ok())?;
    let shown = file.display().to_string();
    match fs_err::metadata(&file) {
        Err(_) => Some(format!("`{shown}` is a broken symbolic link")),
        Ok(known) if known.is_file() && !is_executable(&file) => {
            let word = quoted(&shown).into_owned();
            Some(format!("`{shown}` is not executable: run `chmod +x {word}`"))
        }
        Ok(_) => None,
    }
}

/// Lists all commands.
pub(super) fn list(context: &Context) {
    let own = own();
    let others = on_path(&context.environment);
    if context.format == Format::Json {
        let root = Cli::command();
        for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
            object("command", &CommandHelp::of(command.get_name(), command));
        }
        others.iter().for_each(|(name, path)| object("command", &CommandHelp::on_path(name, path)));
        return;
    }
    let mut table = Table::default().indented(2);
    table.text("commands of pyrelease:");
    own.iter().for_each(|(name, about)| table.row([name, about]));
    if !others.is_empty() {
        table.text("commands on PATH:");
        for (name, path) in &others {
            let hidden = if own.iter().any(|(own, _)| own == name) {
                " (never run: pyrelease has its own command)"
            } else {
                ""
            };
            table.row([name, &format!("{}{hidden}", path.display())]);
        }
    }
    data(&safe(&table.to_string()));
}

/// The built-in commands and their descriptions.
pub(super) fn own() -> Vec<(String, String)> {
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    Cli::command()
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| (command.get_name().to_owned(), about(command)))
        .collect()
}

/// The commands on PATH by name; of two with the same name, the first.
fn on_path(environment: &Environment) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in environment.search_path() {
        for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
            let (file, path) = (entry.file_name(), entry.path());
            let name = file.to_str().filter(|file| !file.starts_with(STAGE_PREFIX));
            let name = name.and_then(|file| file.strip_prefix(PREFIX));
            let name = name.map(|name| name.strip_suffix(std::env::consts::EXE_SUFFIX).unwrap_or(name));
            if let Some(name) = name.filter(|name| !name.is_empty() && is_executable(&path)) {
                found.entry(name.to_owned()).or_insert(path);
            }
        }
    }
    found
}

#[cfg(unix)]
fn is_executable(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs_err::metadata(path).is_ok_and(|known| known.is_file() && known.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &std::path::Path) -> bool {
    path.is_file()
}
