//! `pyrelease propose`.

use super::WantedRelease;
use crate::error::Result;
use crate::ops::{self, Context, ProposeOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: WantedRelease,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Say what would be proposed, without changing anything
    #[arg(long)]
    dry_run: bool,

    /// Propose a version that is lower than one that is released already
    #[arg(long)]
    force: bool,
}

pub(super) fn propose(context: &Context, arguments: &Arguments) -> Result<()> {
    ops::propose(
        context,
        &ProposeOptions {
            bump: arguments.wanted.bump.as_deref(),
            notes: arguments.wanted.notes.as_deref(),
            yes: arguments.yes,
            dry_run: arguments.dry_run,
            force: arguments.force,
        },
    )
}
