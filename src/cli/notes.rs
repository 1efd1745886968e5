//! `pyrelease notes`: prints the notes of a released version.

use crate::engine::checkout::Checkout;
use crate::error::{Error, Result};
use crate::ops::{Context, environment_of, locate};
use crate::python::version::Version;
use crate::stages::members::Workspace;
use crate::stages::release_notes;
use crate::text::safe;
use crate::ui::{Format, data, object};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The version; by default the last one that was released. In a workspace after the name of the member
    #[arg(value_name = "VERSION", num_args = 0..=2)]
    words: Vec<String>,
}

pub(super) fn notes(context: &Context, arguments: &Arguments) -> Result<()> {
    let location = locate(context)?;
    let environment = environment_of(&location.config, &location.root, context.environment.clone());
    let checkout = Checkout::open(&location.root, environment)?;
    let version_of = |word: Option<&String>| word.map(|word| word.parse::<Version>()).transpose();
    let notes = match (location.config.workspace(), arguments.words.as_slice()) {
        (None, [_, other, ..]) => {
            return Err(Error::usage(format!("unexpected argument `{other}`")).help("pass one version"));
        }
        (None, words) => release_notes(&location.config, &checkout, version_of(words.first())?.as_ref())?,
        (Some(_), []) => {
            return Err(Error::usage("each member of the workspace has notes of its own")
                .help("name one: `pyrelease notes MEMBER [VERSION]`"));
        }
        (Some(_), [member, rest @ ..]) => {
            let workspace = Workspace::of(&location.config, &checkout)?;
            let (config, checkout) = workspace.project(member, &checkout)?;
            release_notes(config, &checkout, version_of(rest.first())?.as_ref())?
        }
    };
    match context.format {
        Format::Human => data(&safe(&notes.notes)),
        Format::Json => object("notes", &notes),
    }
    Ok(())
}
