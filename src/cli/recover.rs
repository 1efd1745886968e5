//! `pyrelease resume` and `pyrelease rollback`.

use crate::error::Result;
use crate::ops::{self, Context, ResumeOptions, RollbackOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Resume {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// The interrupted command of this stage did its work
    #[arg(long, value_name = "STAGE")]
    done: Vec<String>,

    /// The interrupted command of this stage did not do its work: run it again
    #[arg(long, value_name = "STAGE", conflicts_with = "done")]
    again: Vec<String>,

    /// Continue despite errors marked as overridable
    #[arg(long)]
    force: bool,

    /// Resolve the build requirements again, if the build is still to come
    #[arg(long)]
    fresh: bool,

    /// Complete the run in this file, which `pyrelease status --export` wrote in another clone
    #[arg(long, value_name = "FILE")]
    import: Option<std::path::PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Keep what cannot be undone, and end the run
    #[arg(long)]
    leave: bool,
}

pub(super) fn resume(context: &Context, arguments: &Resume) -> Result<()> {
    ops::resume(
        context,
        &ResumeOptions {
            yes: arguments.yes,
            done: &arguments.done,
            again: &arguments.again,
            force: arguments.force,
            fresh: arguments.fresh,
            import: arguments.import.as_deref(),
            author: None,
        },
    )
}

pub(super) fn rollback(context: &Context, arguments: &Rollback) -> Result<()> {
    ops::rollback(context, &RollbackOptions { yes: arguments.yes, leave: arguments.leave })
}
