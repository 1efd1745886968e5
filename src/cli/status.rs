//! `pyrelease status`.

use std::path::PathBuf;

use super::objects::NoRun;
use crate::error::Result;
use crate::ops::{self, Context};
use crate::ui::{Format, data, object, status_text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Do not contact remotes and indexes
    #[arg(long)]
    offline: bool,

    /// Export the unfinished run to this file, for `pyrelease resume --import FILE` in another clone
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

pub(super) fn status(context: &Context, arguments: &Arguments) -> Result<()> {
    if let Some(file) = &arguments.export {
        return ops::export(context, file);
    }
    match (context.format, ops::status(context, arguments.offline)?) {
        (Format::Json, Some(report)) => object("status", &report),
        (Format::Json, None) => object("no-run", &NoRun {}),
        (Format::Human, Some(report)) => context.ui.data(&status_text(&report, context.verbosity)),
        (Format::Human, None) => data("no release has been run in this repository"),
    }
    Ok(())
}
