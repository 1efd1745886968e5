//! `pyrelease upload`.

use std::path::PathBuf;

use crate::error::Result;
use crate::ops::{self, Context, Target, UploadOptions};
use crate::stages::CONNECTIONS;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true))]
pub(super) struct Arguments {
    /// The distributions of one release, or the folders they lie in; an attestation beside one goes along with it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The index: `pypi`, `testpypi`, or one of the configuration
    #[arg(long, value_name = "NAME", group = "where")]
    index: Option<String>,

    /// The address of an index that takes uploads
    #[arg(long, value_name = "URL", group = "where")]
    url: Option<String>,

    /// Where the index at `--url` lists its files
    #[arg(long, value_name = "URL", requires = "url")]
    simple: Option<String>,

    /// How many wheels go at the same time; the first file goes alone, and the sdist last
    #[arg(long, value_name = "NUMBER", default_value_t = CONNECTIONS)]
    connections: usize,

    /// First send something that is no distribution under each file's name: the index refuses it, and by how it does it is
    /// known whether it would take the file. A new project counts towards PyPI's limit of those in an hour
    #[arg(long)]
    probe: bool,

    /// Wait until the index lists every file with its hash, and compare one that it gives out with what was sent
    #[arg(long)]
    verify: bool,

    /// Verify, and install what it gives out into a fresh environment; dependencies come from wherever pip takes them
    #[arg(long)]
    install: bool,

    /// A command to try the installed release with, such as `python -c 'import demo'`
    #[arg(long, value_name = "COMMAND", requires = "install")]
    smoke: Option<String>,

    /// Go on although a token says itself that it is for another index or project or has expired, or the index has put
    /// the project into quarantine
    #[arg(long)]
    force: bool,

    /// Do not ask
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
