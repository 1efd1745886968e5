//! Deserializes one table of the configuration.

use schemars::{JsonSchema, Schema};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde_json::{Map, Value};
use toml_edit::{Item, Table};

use super::report::{self, Source};
use crate::error::{Error, Result};

/// Reads `table` as `T`. Checks its keys against `T`'s schema first, so that the error for an unknown key underlines
/// the key and suggests the nearest known one.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(
    source: &Source,
    name: &str,
    table: &Table,
) -> Result<T> {
    // Each `T` has a copy of this function: what does not depend on it is in others.
    let settings = Settings { source, name, table, schema: schemars::schema_for!(T) };
    settings.refuse_unknown()?;
    let value = toml_edit::Value::InlineTable(table.clone().into_inline_table());
    T::deserialize(value.into_deserializer()).map_err(|error| settings.wrong(&error))
}

/// A table of the configuration and the schema of its settings
struct Settings<'a> {
    source: &'a Source,
    name: &'a str,
    table: &'a Table,
    schema: Schema,
}

impl Settings<'_> {
    fn properties(&self) -> Option<&Map<String, Value>> {
        self.schema.get("properties").and_then(Value::as_object)
    }

    fn refuse_unknown(&self) -> Result<()> {
        let name = self.name;
        let properties = self.properties();
        let known: Vec<&str> =
            properties.map(|properties| properties.keys().map(String::as_str).collect()).unwrap_or_default();
        let Some((key, _)) = self.table.iter().find(|(key, _)| !known.contains(key)) else { return Ok(()) };
        let span = self.table.key(key).and_then(toml_edit::Key::span);
        let help = match report::nearest(key, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if known.is_empty() => format!("[{name}] has no settings"),
            None => format!("the keys of [{name}] are {}", report::list(known.iter().copied())),
        };
        Err(self.source.error(&format!("unknown key `{key}` in [{name}]"), span, Some(&help)))
    }

    /// The error of a value that cannot be read.
    fn wrong(&self, error: &toml_edit::de::Error) -> Error {
        // Replace serde's terms by those of TOML. A second line is advice.
        let (said, advice) = error.message().trim_end().split_once('\n').unwrap_or((error.message(), ""));
        let said = said
            .trim_end()
            .replace("a sequence", "an array")
            .replace("invalid type: sequence", "invalid type: array")
            .replace("unknown variant", "unknown value");
        let message = format!("{said} in [{}]", self.name);
        let has_it = |item: &Item| {
            let (whole, place) = (item.span()?, error.span()?);
            (whole.start <= place.start && place.end <= whole.end).then_some(())
        };
        let wrong = self.table.iter().find(|(_, item)| has_it(item).is_some());
        let help = wrong.and_then(|(key, item)| {
            let expected = self.properties()?.get(key)?;
            corrected(item, expected).map(|value| format!("write it as {key} = {value}"))
        });
        let help = help.or_else(|| (!advice.is_empty()).then(|| advice.to_owned()));
        self.source.error(&message, error.span().or(self.table.span()), help.as_deref())
    }
}

/// The value as its setting expects it: the words of a text as an array, and the other way round.
fn corrected(item: &Item, expected: &Value) -> Option<String> {
    let expects = |wanted: &str| match expected.get("type") {
        Some(Value::Array(types)) => types.iter().any(|name| name == wanted),
        Some(name) => name == wanted,
        None => false,
    };
    match (item.as_str(), item.as_array()) {
        (Some(text), _) if expects("array") => report::as_array(text),
        (None, Some(words)) if expects("string") => {
            let words: Option<Vec<&str>> = words.iter().map(toml_edit::Value::as_str).collect();
            let line = shlex::try_join(words?).ok()?;
            Some(toml_edit::Value::from(line).to_string())
        }
        _ => None,
    }
}
