//! `pyrelease prepare`: the private stages of a release, for `pyrelease publish` elsewhere.

use std::path::PathBuf;

use super::WantedRelease;
use crate::error::Result;
use crate::ops::{self, Context, PrepareOptions, Which};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: WantedRelease,

    /// The file to write, a `.tar.gz`: the run with its distributions (in `dist/`), release commit, tag and notes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Build only the sdist: other machines build the wheels from it, and `publish --adopt` adds them. In a workspace, members
    /// without extension modules are built as ever
    #[arg(long)]
    sdist_only: bool,

    /// Release the version whose tag marks HEAD: nothing is committed, tagged or pushed
    #[arg(long, conflicts_with_all = ["bumps", "untagged", "notes"])]
    tagged: bool,

    /// Release what is committed as a release: the version that the project states has no tag, and no stage would change a
    /// file. Otherwise do nothing, and write no file
    #[arg(long, conflicts_with = "bumps")]
    untagged: bool,

    /// Where git has no identity, commit and tag as the bot of the forge whose job this is (GitHub, GitLab)
    #[arg(long)]
    author_from_forge: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Resolve the build requirements again, even if the kept build environment is recent
    #[arg(long)]
    fresh: bool,

    /// Continue despite errors marked as overridable
    #[arg(long)]
    force: bool,
}

pub(super) fn prepare(context: &Context, arguments: &Arguments) -> Result<()> {
    ops::prepare(
        context,
        &PrepareOptions {
            wanted: arguments.wanted.of("prepare", arguments.force),
            out: &arguments.out,
            sdist_only: arguments.sdist_only,
            which: match (arguments.tagged, arguments.untagged) {
                (true, _) => Which::Tagged,
                (_, true) => Which::Untagged,
                _ => Which::Next,
            },
            author_from_forge: arguments.author_from_forge,
            yes: arguments.yes,
            fresh: arguments.fresh,
        },
    )
}
