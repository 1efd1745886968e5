//! Deserializes one table of the configuration.

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IntoDeserializer};
use toml_edit::Table;

use super::report::{self, Source};
use crate::error::Result;

/// Reads `table` as `T`. Checks its keys against `T`'s schema first, so that the error for an unknown key underlines
/// the key and suggests the nearest known one.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(
    source: &Source,
    name: &str,
    table: &Table,
) -> Result<T> {
    let schema = schemars::schema_for!(T);
    let known: Vec<&str> = schema
        .get("properties")
        .and_then(|properties| properties.as_object())
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    if let Some((key, _)) = table.iter().find(|(key, _)| !known.contains(key)) {
        let span = table.key(key).and_then(toml_edit::Key::span);
        let help = match report::nearest(key, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if known.is_empty() => format!("[{name}] has no settings"),
            None => format!("the keys of [{name}] are {}", report::list(known.iter().copied())),
        };
        return Err(source.error(&format!("unknown key `{key}` in [{name}]"), span, Some(&help)));
    }
    let span = table.span();
    let value = toml_edit::Value::InlineTable(table.clone().into_inline_table());
    T::deserialize(value.into_deserializer()).map_err(|error| {
        // Replace serde's terms by those of TOML.
        let said = error
            .message()
            .trim_end()
            .replace("a sequence", "an array")
            .replace("unknown variant", "unknown value");
        let message = format!("{said} in [{name}]");
        source.error(&message, error.span().or(span), None)
    })
}
