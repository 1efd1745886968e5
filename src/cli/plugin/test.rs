//! `pyrelease plugin test`: tests a plugin, for its author.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::input::why_no_file;
use crate::ops::Context;
use crate::plugin::trial::{Options, TrialStep, try_out};
use crate::ui::{Format, data, object};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plugin's file; it runs for real, in a temporary project
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The plugin's configuration, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,

    /// Also test irreversible effects
    #[arg(long)]
    irreversible: bool,

    /// The time limit of a call
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    timeout: u64,
}

pub(super) fn test(context: &Context, arguments: &Arguments) -> Result<()> {
    let config = serde_json::from_str(&arguments.config).map_err(|error| {
        let error = Error::usage("`--config` is not valid JSON").because(error);
        error.help("pass it as --config '{\"key\": \"value\"}'")
    })?;
    let options = Options { config, irreversible: arguments.irreversible, seconds: arguments.timeout.max(1) };
    let file = context.folder.join(&arguments.file);
    if let Some(why) = why_no_file(&file) {
        return Err(Error::usage(format!("`{}` {why}", arguments.file.display()))
            .help("pass the plugin's own file: the script, or the built library"));
    }
    let tried = try_out(&file, &context.environment, &options)?;
    match context.format {
        Format::Json => tried.iter().for_each(|step| object("trial", step)),
        Format::Human => data(&tried.iter().map(line).collect::<Vec<_>>().join("\n")),
    }
    match tried.iter().filter(|tried| tried.problem.is_some()).count() {
        0 => Ok(()),
        1 => Err(Error::failed("the plugin has 1 problem")),
        several => Err(Error::failed(format!("the plugin has {several} problems"))),
    }
}

fn line(tried: &TrialStep) -> String {
    match (&tried.problem, &tried.left_out) {
        (Some(problem), _) => format!("failed    {}: {problem}", tried.what),
        (None, Some(why)) => format!("skipped   {}: {why}", tried.what),
        (None, None) => format!("passed    {}", tried.what),
    }
}
