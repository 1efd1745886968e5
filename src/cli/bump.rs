//! `pyrelease bump`.

use super::WantedRelease;
use crate::error::Result;
use crate::ops::{self, BumpOptions, Context};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: WantedRelease,

    /// Do not ask before commands of the project are run
    #[arg(short, long)]
    yes: bool,

    /// Show the edits, without changing anything
    #[arg(long)]
    dry_run: bool,

    /// Write a version that is lower than one that is released already
    #[arg(long)]
    force: bool,
}

pub(super) fn bump(context: &Context, arguments: &Arguments) -> Result<()> {
    ops::bump(
        context,
        &BumpOptions {
            wanted: arguments.wanted.of("bump", arguments.force),
            yes: arguments.yes,
            dry_run: arguments.dry_run,
        },
    )
}
