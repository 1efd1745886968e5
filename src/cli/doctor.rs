//! `pyrelease doctor`.

use crate::error::Result;
use crate::ops::{self, Context};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How to bump the version, as for `run`
    #[arg(value_name = "BUMP")]
    bumps: Vec<String>,

    /// Correct what is safe to correct: the permissions of `.pypirc`, missing tags, a missing Unreleased section
    #[arg(long)]
    fix: bool,
}

pub(super) fn doctor(context: &Context, arguments: &Arguments) -> Result<()> {
    ops::doctor(context, &arguments.bumps, arguments.fix)
}
