//! `pyrelease publish`: completes a prepared release.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::ops::{self, Context, PublishOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file that `pyrelease prepare` or `pyrelease status --export` wrote
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Add the wheels in this folder, which other machines built from the prepared sdist. Each must be of the release: name,
    /// version, core metadata as in the sdist (PEP 643), and what `check` demands
    #[arg(long, value_name = "DIR")]
    adopt: Option<PathBuf>,

    /// Release the sdist alone, though the release was prepared with `--sdist-only` and waits for wheels
    #[arg(long, conflicts_with = "adopt")]
    sdist_only: bool,

    /// Where git has no identity, later stages (such as `reopen`) commit as the bot of the forge whose job this is (GitHub,
    /// GitLab)
    #[arg(long)]
    author_from_forge: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Continue despite errors marked as overridable
    #[arg(long)]
    force: bool,
}

pub(super) fn publish(context: &Context, arguments: &Arguments) -> Result<()> {
    // Other tools release with a command of this name.
    let file = arguments.file.as_deref().ok_or_else(|| {
        Error::usage("`publish` completes a release that was prepared, from its FILE")
            .help("to release the project, run `pyrelease run`")
            .help("in two steps: `pyrelease prepare --out FILE`, then `pyrelease publish FILE`")
    })?;
    ops::publish(
        context,
        &PublishOptions {
            file,
            adopt: arguments.adopt.as_deref(),
            sdist_only: arguments.sdist_only,
            author_from_forge: arguments.author_from_forge,
            yes: arguments.yes,
            force: arguments.force,
        },
    )
}
