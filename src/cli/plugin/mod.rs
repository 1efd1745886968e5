//! `pyrelease plugin`: lists, trusts, creates and tests plugins.

pub(super) mod list;
mod new;
mod test;
mod trust;

use crate::config::{Config, Location};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Context;
use crate::ops::locate;
use crate::stages::{Named, named};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// List plugins: where each was found, whether it may run, and what it may do
    List,
    /// Pin a plugin in `release.lock` and agree to run it
    Trust(trust::Arguments),
    /// Create a plugin from a template
    New(new::Arguments),
    /// Test a plugin: every method, cancellation, a kill at each point, repeated undo, its schema and secrets
    Test(test::Arguments),
}

pub(super) fn plugin(context: &Context, arguments: &Arguments) -> Result<()> {
    match arguments {
        Arguments::List => list::list(context),
        Arguments::Trust(arguments) => trust::trust(context, arguments),
        Arguments::New(arguments) => new::new(context, arguments),
        Arguments::Test(arguments) => test::test(context, arguments),
    }
}

/// The plugins of a configuration's stages.
fn of_stages(config: &Config) -> Result<Vec<Named>> {
    let named = config.stages().iter().map(|stage| named(config, &stage.value));
    named.filter_map(Result::transpose).collect()
}

fn project(context: &Context) -> Result<Location> {
    locate(context).map_err(|error| {
        if error.kind() == ErrorKind::NoProject {
            Error::usage(error.to_string()).help("plugins need a project")
        } else {
            error
        }
    })
}
