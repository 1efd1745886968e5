//! `pyrelease man`: the manual page, made from the command line itself.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;
use crate::error::ExitCode;
use crate::ops::Context;

/// Prints the manual page in the language of man.
pub(super) fn man(context: &Context) {
    let mut root = Cli::command().term_width(1000);
    root.build();
    context.ui.text(page(&root).trim_end());
}

fn page(root: &Command) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let about = root.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = format!(".TH PYRELEASE 1 \"\" \"pyrelease {version}\" \"User Commands\"\n.SH NAME\n");
    let _ = writeln!(page, "pyrelease \\- {}\n.SH SYNOPSIS", escaped(&about));
    let _ = writeln!(page, ".B pyrelease\n[OPTIONS] COMMAND\n.SH OPTIONS");
    options(root, false, &mut page);
    page.push_str(".SH COMMANDS\n");
    root.get_subcommands().for_each(|command| section(command, &mut page));
    page.push_str(".SH EXIT STATUS\n");
    for code in ExitCode::ALL {
        let _ = writeln!(page, ".TP\n.B {}\n{}", code as u8, escaped(code.meaning()));
    }
    page.push_str(
        ".SH FILES\n.TP\n.B release.toml\nThe configuration; or pyrelease.toml, or [tool.pyrelease] in pyproject.toml. \
         `pyrelease help stage NAME` describes its settings.\n.TP\n.B ~/.pypirc\nCredentials for indexes.\n",
    );
    page
}

fn section(command: &Command, page: &mut String) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).replace('\n', " ");
    let _ = writeln!(page, ".SS {}", escaped(&usage));
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(page, "{}", paragraphs(&about));
    options(command, true, page);
    command.get_subcommands().for_each(|command| section(command, page));
}

/// The arguments; those of every command only at the top.
fn options(command: &Command, without_global: bool, page: &mut String) {
    let is_shown = |argument: &&Arg| {
        !argument.is_hide_set()
            && !(without_global && (argument.is_global_set() || argument.get_id() == "help"))
    };
    for argument in command.get_arguments().filter(is_shown) {
        let value = argument.get_value_names().and_then(<[_]>::first).map(|name| name.as_str());
        let value = value.filter(|_| argument.get_action().takes_values());
        let name = match (argument.get_short(), argument.get_long()) {
            (Some(short), Some(long)) => format!("-{short}, --{long}"),
            (None, Some(long)) => format!("--{long}"),
            (Some(short), None) => format!("-{short}"),
            (None, None) => String::new(),
        };
        let name = [Some(name).filter(|name| !name.is_empty()), value.map(str::to_owned)];
        let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let about =
            argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, ".TP\n.B {}\n{}", escaped(&name), paragraphs(&about));
    }
}

fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(escaped).collect::<Vec<_>>().join("\n.IP\n")
}

/// A text on one line, in which nothing is a request or a hyphenation.
fn escaped(text: &str) -> String {
    let line = text.replace('\\', "\\e").replace('-', "\\-").replace('\n', " ");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}
