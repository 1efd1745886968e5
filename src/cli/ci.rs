//! `pyrelease ci`.

use crate::error::Result;
use crate::ops::{self, CiOptions, Context, Flow, Forge};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The forge that runs the workflow
    #[arg(value_name = "FORGE")]
    forge: Forge,

    /// What starts a release; if not given, as in the workflow on disk, else `dispatch`
    #[arg(long, value_name = "FLOW")]
    flow: Option<Flow>,

    /// Only say whether the files on disk are those that would be written
    #[arg(long, conflicts_with_all = ["yes", "update"])]
    check: bool,

    /// Ask PyPI for the hashes of this version of pyrelease, and pin them
    #[arg(long)]
    update: bool,

    /// Write the files without asking
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn ci(context: &Context, arguments: &Arguments) -> Result<()> {
    let Arguments { forge, flow, check, update, yes } = *arguments;
    ops::ci(context, &CiOptions { forge, flow, check, update, yes })
}
