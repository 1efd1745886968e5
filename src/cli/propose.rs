//! `pyrelease propose`.

use super::WantedRelease;
use crate::error::Result;
use crate::ops::{self, Context, ProposeOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: WantedRelease,

    /// Where git has no identity, commit as the bot of the forge whose job this is (GitHub, GitLab)
    #[arg(long)]
    author_from_forge: bool,

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
            wanted: arguments.wanted.of("propose", arguments.force),
            author_from_forge: arguments.author_from_forge,
            yes: arguments.yes,
            dry_run: arguments.dry_run,
        },
    )
}
