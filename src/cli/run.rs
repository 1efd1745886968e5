//! `pyrelease run`.

use crate::error::Result;
use crate::ops::{self, Context, RunOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How to raise the version: major minor patch, a b rc, post, dev, release (drop the pre-release), or a version.
    /// Without it, the present version if it has no tag yet, else what the changelog's Unreleased part calls for
    #[arg(value_name = "BUMP")]
    bump: Option<String>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Show the plan and run every preflight; change nothing
    #[arg(long)]
    dry_run: bool,

    /// When everything is built, send something that is no distribution under each file's name: the indexes refuse it,
    /// and by how they do it is known whether they would take the file. A new project counts towards PyPI's limit of
    /// those in an hour
    #[arg(long)]
    probe: bool,

    /// Go on although a token says itself that it is for another index or project or has expired, or the index has put
    /// the project into quarantine
    #[arg(long)]
    force: bool,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    ops::run(
        context,
        &RunOptions {
            bump: arguments.bump.as_deref(),
            yes: arguments.yes,
            dry_run: arguments.dry_run,
            probe: arguments.probe,
            force: arguments.force,
        },
    )
}
