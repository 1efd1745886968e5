//! Compares a configuration that is there with what `init` would write.

use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::Proposal;
use crate::config::{Config, Source};
use crate::error::Result;
use crate::world::git::unified_diff;

/// What would change in a configuration that is there
#[derive(Debug)]
pub struct Comparison {
    /// The settings that would be added or changed, as a diff; none if there are none
    pub diff: Option<String>,
}

/// Compares the configuration with a proposal. What the user has added stays.
///
/// # Errors
/// The configuration is not valid.
pub fn compare(source: &Source, proposal: &Proposal) -> Result<Comparison> {
    Config::parse(source.clone())?;
    let unreadable = |error: toml_edit::TomlError| source.error(error.message(), error.span(), None);
    let mut document: DocumentMut = source.text().parse().map_err(unreadable)?;
    let proposed: DocumentMut = proposal.text.parse().map_err(unreadable)?;
    let stages = Config::parse(source.clone())?;
    let own: Vec<&str> = stages.stages().iter().map(|stage| stage.value.as_str()).collect();
    let before = document.to_string();
    merge(document.as_table_mut(), proposed.as_table(), &own);
    let after = document.to_string();
    Ok(Comparison {
        diff: (before != after)
            .then(|| unified_diff(&proposal.file, Some(before.as_bytes()), Some(after.as_bytes()))),
    })
}

/// Adds what differs; `stages` are those that the configuration has.
fn merge(into: &mut dyn TableLike, from: &dyn TableLike, stages: &[&str]) {
    for (key, item) in from.iter() {
        match (into.get_mut(key), item) {
            (Some(own), Item::Table(table)) if own.is_table_like() => {
                if let Some(own) = own.as_table_like_mut() {
                    merge(own, table, stages);
                }
            }
            (Some(own), item) if is_same(own, item) => {}
            (Some(own), Item::Value(value)) => {
                let mut value = value.clone();
                if let Some(old) = own.as_value() {
                    *value.decor_mut() = old.decor().clone();
                }
                *own = Item::Value(value);
            }
            (Some(_), _) => {}
            // The default stages need not be listed.
            (None, item) if key == "stages" && names(item) == stages => {}
            (None, item) => {
                into.insert(key, item.clone());
            }
        }
    }
}

fn is_same(own: &Item, proposed: &Item) -> bool {
    match (own.as_value(), proposed.as_value()) {
        (Some(own), Some(proposed)) => plain(own) == plain(proposed),
        _ => false,
    }
}

/// A value without its layout and comments.
fn plain(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
        Value::InlineTable(table) => {
            let mut entries: Vec<String> =
                table.iter().map(|(key, value)| format!("{key} = {}", plain(value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        Value::String(text) => format!("{:?}", text.value()),
        other => other.to_string().trim().to_owned(),
    }
}

fn names(item: &Item) -> Vec<&str> {
    item.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
