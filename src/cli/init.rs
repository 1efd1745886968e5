//! `pyrelease init`.

use super::drill;
use crate::error::Result;
use crate::ops::{self, Context};

/// How many points there are to each one that is tried
const EVERY: usize = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Write the file without asking
    #[arg(short, long)]
    yes: bool,

    /// The project's name, if its files do not tell it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn init(context: &Context, arguments: &Arguments) -> Result<()> {
    if ops::init(context, arguments.yes, arguments.name.as_deref())? {
        drill::drill(context, &drill::Arguments::sample(EVERY))?;
    }
    Ok(())
}
