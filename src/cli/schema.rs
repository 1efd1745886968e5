//! `pyrelease schema`.

use crate::stages::settings_schema;
use crate::ui::data;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The schema of [tool.pyrelease] in pyproject.toml, as validate-pyproject and taplo take it
    #[arg(long)]
    pyproject: bool,
}

pub(super) fn schema(arguments: &Arguments) {
    data(&format!("{:#}", settings_schema(arguments.pyproject)));
}
