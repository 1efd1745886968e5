//! `pyrelease build`.

use std::path::PathBuf;

use crate::error::Result;
use crate::ops::{self, BuildOptions, Context};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder for the distributions [default: `dist` in the project]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Build the working tree with its edits, not the last commit
    #[arg(long)]
    working_tree: bool,

    /// Resolve the build requirements again, even if the kept build environment is recent
    #[arg(long)]
    fresh: bool,
}

pub(super) fn build(context: &Context, arguments: &Arguments) -> Result<()> {
    let Arguments { out, working_tree, fresh } = arguments;
    ops::build(context, &BuildOptions { out: out.as_deref(), working_tree: *working_tree, fresh: *fresh })
}
