//! `pyrelease rehearse`: the release in a copy, with remotes and indexes of its own.

use super::WantedRelease;
use crate::error::Result;
use crate::ops::{self, Context, RehearseOptions};
use crate::ui::Format;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: WantedRelease,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Resolve the build requirements again, even if the kept build environment is recent
    #[arg(long)]
    fresh: bool,

    /// Open the project page and the report in the browser
    #[arg(long)]
    open: bool,
}

pub(super) fn rehearse(context: &Context, arguments: &Arguments) -> Result<()> {
    let options = RehearseOptions {
        wanted: arguments.wanted.of("rehearse", false),
        yes: arguments.yes,
        fresh: arguments.fresh,
    };
    let rehearsed = ops::rehearse(context, &options)?;
    let can_look = !arguments.yes && context.format == Format::Human && ops::can_ask();
    let opens =
        arguments.open || (can_look && context.ui.confirm("Open the project page and the report?")?);
    if opens {
        let pages = rehearsed.page.iter().chain([&rehearsed.report]);
        pages.into_iter().try_for_each(|page| ops::open_in_browser(context, page))?;
    }
    Ok(())
}
