//! `pyrelease run`.

use super::WantedRelease;
use crate::error::Result;
use crate::ops::{self, Context, RunOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: WantedRelease,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Show the plan and run all preflight checks, without changing anything
    #[arg(long)]
    dry_run: bool,

    /// Resolve the build requirements again, even if the kept build environment is recent
    #[arg(long)]
    fresh: bool,

    /// Build with exactly the packages that this run was built with: its id, or its first characters
    #[arg(long, value_name = "RUN", conflicts_with = "fresh")]
    like: Option<String>,

    /// Release the distributions in this folder instead of building: each must be of the release (name, version, core
    /// metadata), and what `check` demands
    #[arg(long, value_name = "DIR", conflicts_with_all = ["fresh", "like"])]
    from: Option<std::path::PathBuf>,

    /// Ask the index, after the build and before anything leaves, whether it would take the files (by uploads made to be
    /// refused). A new project counts towards PyPI's hourly limit of new projects
    #[arg(long)]
    probe: bool,

    /// Continue despite errors marked as overridable: a version lower than one that is released, a token for another index
    /// or project, an expired token, a quarantined project
    #[arg(long)]
    force: bool,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    ops::run(
        context,
        &RunOptions {
            wanted: arguments.wanted.of("run", arguments.force),
            yes: arguments.yes,
            dry_run: arguments.dry_run,
            fresh: arguments.fresh,
            like: arguments.like.as_deref(),
            probe: arguments.probe,
            from: arguments.from.as_deref(),
            prepare: None,
        },
    )
}
