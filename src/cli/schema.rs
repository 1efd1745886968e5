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
    let schema = settings_schema(arguments.pyproject);
    data(&serde_json::to_string_pretty(&schema).expect("a schema has string keys only"));
}
