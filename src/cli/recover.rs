//! `pyrelease resume` and `pyrelease rollback`.

use crate::error::Result;
use crate::ops::{self, Context, ResumeOptions, RollbackOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Resume {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// The command of this stage, which was cut short, has done its work
    #[arg(long, value_name = "STAGE")]
    done: Vec<String>,

    /// The command of this stage, which was cut short, has not done its work: run it again
    #[arg(long, value_name = "STAGE", conflicts_with = "done")]
    again: Vec<String>,

    /// Go on where only advice speaks against it
    #[arg(long)]
    force: bool,

    /// Finish the run that `pyrelease status --export` packed into this file, in another clone of the repository
    #[arg(long, value_name = "FILE")]
    import: Option<std::path::PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Leave what cannot be undone as it is, and give the run up
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
            import: arguments.import.as_deref(),
        },
    )
}

pub(super) fn rollback(context: &Context, arguments: &Rollback) -> Result<()> {
    ops::rollback(context, &RollbackOptions { yes: arguments.yes, leave: arguments.leave })
}
