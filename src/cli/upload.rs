//! `pyrelease upload`.

use std::path::PathBuf;

use crate::error::Result;
use crate::ops::{self, Context, Target, UploadOptions};
use crate::stages::CONNECTIONS;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true))]
pub(super) struct Arguments {
    /// The distributions of one release, or folders with them; attestations beside them are uploaded too
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The index: `pypi`, `testpypi`, or one from the configuration
    #[arg(long, value_name = "NAME", group = "where")]
    index: Option<String>,

    /// The upload URL of an index
    #[arg(long, value_name = "URL", group = "where")]
    url: Option<String>,

    /// The URL at which the index of `--url` lists its files (simple API)
    #[arg(long, value_name = "URL", requires = "url")]
    simple: Option<String>,

    /// How many wheels to upload in parallel; the first file goes alone, the sdist last
    #[arg(long, value_name = "NUMBER", default_value_t = CONNECTIONS)]
    connections: usize,

    /// First ask the index whether it would take the files (by uploads made to be refused). A new project counts towards
    /// PyPI's hourly limit of new projects
    #[arg(long)]
    probe: bool,

    /// Wait until the index lists every file with its hash, then download one and compare it
    #[arg(long)]
    verify: bool,

    /// Verify, then install the release from the index into a new environment; pip gets the dependencies as usual
    #[arg(long)]
    install: bool,

    /// A command that tests the installed release, such as `python -c 'import demo'`
    #[arg(long, value_name = "COMMAND", requires = "install")]
    smoke: Option<String>,

    /// Continue despite errors marked as overridable: a token for another index or project, an expired token, a
    /// quarantined project
    #[arg(long)]
    force: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn upload(context: &Context, arguments: &Arguments) -> Result<()> {
    let target = match (&arguments.index, &arguments.url) {
        (Some(name), _) => Target::Index(name),
        (None, url) => {
            Target::Url { url: url.as_deref().unwrap_or_default(), simple: arguments.simple.as_deref() }
        }
    };
    ops::upload(
        context,
        &UploadOptions {
            files: &arguments.files,
            target,
            connections: arguments.connections,
            probe: arguments.probe,
            verify: arguments.verify,
            install: arguments.install,
            smoke: arguments.smoke.as_deref(),
            force: arguments.force,
            yes: arguments.yes,
        },
    )
}
