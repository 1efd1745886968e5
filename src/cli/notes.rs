//! `pyrelease notes`: prints the notes of a released version.

use crate::engine::release::Checkout;
use crate::error::Result;
use crate::ops::{Context, environment_of, locate};
use crate::python::version::Version;
use crate::stages::release_notes;
use crate::text::safe;
use crate::ui::{Format, data, object};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The version; by default the last one that was released
    #[arg(value_name = "VERSION")]
    version: Option<String>,
}

pub(super) fn notes(context: &Context, arguments: &Arguments) -> Result<()> {
    let version = arguments.version.as_deref().map(str::parse::<Version>).transpose()?;
    let location = locate(context)?;
    let environment = environment_of(&location.config, &location.root, context.environment.clone());
    let checkout = Checkout::open(&location.root, environment)?;
    let notes = release_notes(&location.config, &checkout, version.as_ref())?;
    match context.format {
        Format::Human => data(&safe(&notes.notes)),
        Format::Json => object("notes", &notes),
    }
    Ok(())
}
