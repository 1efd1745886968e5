//! The schema of the whole configuration, from the types that read it and their documentation.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{BUILT_IN, command, plugin, upload};
use crate::config::{self, Config};

const ID: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/schema");
/// What editors and `validate-pyproject` understand
const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of a type.
pub(super) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn generator() -> SchemaGenerator {
    // What the settings use of it is the same in draft 7.
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator()
}

/// What a stage does and its settings, each with its schema
#[derive(Debug)]
pub struct StageHelp {
    /// The stage's name; for a stage of the user's own, what it stands for
    pub name: String,
    pub about: String,
    pub settings: Vec<(String, Value)>,
}

/// Every stage: the built-in ones, those that upload, and those of the user's own.
pub fn stage_helps() -> Vec<StageHelp> {
    stages().into_iter().map(|(name, schema)| help(name, &schema)).collect()
}

fn help(name: &str, schema: &Value) -> StageHelp {
    let settings = schema["properties"].as_object().into_iter().flatten();
    StageHelp {
        name: name.to_owned(),
        about: schema["description"].as_str().unwrap_or_default().to_owned(),
        settings: settings.map(|(name, schema)| (name.clone(), schema.clone())).collect(),
    }
}

/// The settings of an index, in the same form.
pub fn index_help() -> StageHelp {
    help("index", &cleaned(config::index_schema(&mut generator()).to_value()))
}

/// The settings of a workspace, in the same form.
pub fn workspace_help() -> StageHelp {
    help("workspace", &workspace())
}

/// What a member of a workspace may have for itself, in the same form.
pub fn member_help() -> StageHelp {
    help("member", &member(json!({ "type": "object" })))
}

fn workspace() -> Value {
    cleaned(config::workspace_schema(&mut generator()).to_value())
}

/// The schema of `[member.NAME]`; `stages` is that of `[member.NAME.stage]`.
fn member(stages: Value) -> Value {
    let own = config::MEMBER_KEYS.into_iter().map(|(name, about)| {
        let shape = if name == "stage" { stages.clone() } else { json!({ "type": "boolean" }) };
        (name.to_owned(), described(about, shape))
    });
    json!({
        "description": "What differs for a member of the workspace",
        "type": "object",
        "properties": own.collect::<Map<_, _>>(),
        "additionalProperties": false,
    })
}

/// A schema with its description.
fn described(about: &str, shape: Value) -> Value {
    let mut schema = json!({ "description": about });
    if let (Some(schema), Value::Object(shape)) = (schema.as_object_mut(), shape) {
        schema.extend(shape.into_iter().filter(|(key, _)| key != "description"));
    }
    schema
}

/// The stages by name; `upload`, `command` and `plugin` are those whose name the user chooses.
fn stages() -> Vec<(&'static str, Value)> {
    let mut generator = generator();
    let mut stages: Vec<(&str, Schema)> =
        BUILT_IN.iter().map(|row| (row.name, (row.schema)(&mut generator))).collect();
    stages.push(("upload", of::<upload::Settings>(&mut generator)));
    stages.push(("command", of::<command::Settings>(&mut generator)));
    stages.push(("plugin", of::<plugin::Settings>(&mut generator)));
    stages.into_iter().map(|(name, schema)| (name, cleaned(schema.to_value()))).collect()
}

/// The schema of `release.toml`, or of `[tool.pyrelease]` in `pyproject.toml`, which has the same keys.
pub fn settings_schema(is_pyproject: bool) -> Value {
    let all = stages();
    let of_stage = |wanted: &str| {
        let found = all.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, schema)| schema.clone()).unwrap_or_default()
    };
    let mut stages: Map<String, Value> =
        BUILT_IN.iter().map(|row| (row.name.to_owned(), of_stage(row.name))).collect();
    let predefined = Config::default_pipeline();
    stages.extend(predefined.indexes().keys().map(|name| (name.clone(), of_stage("upload"))));
    let own = json!({ "anyOf": [of_stage("command"), of_stage("plugin"), of_stage("upload")] });
    let index = cleaned(config::index_schema(&mut generator()).to_value());
    let stages = json!({ "type": "object", "properties": stages, "additionalProperties": own });
    let mut properties = Map::new();
    for (name, about) in config::ROOT_KEYS {
        let shape = match name {
            "name" => json!({ "type": "string" }),
            "stage" => stages.clone(),
            "workspace" => workspace(),
            "member" => json!({ "type": "object", "additionalProperties": member(stages.clone()) }),
            "index" => json!({ "type": "object", "additionalProperties": index }),
            _ => json!({ "type": "array", "items": { "type": "string" } }),
        };
        properties.insert(name.to_owned(), described(about, shape));
    }
    let (file, what) = match is_pyproject {
        true => ("pyproject.json", "[tool.pyrelease] in pyproject.toml"),
        false => ("release.json", "release.toml"),
    };
    json!({
        "$schema": DIALECT,
        "$id": format!("{ID}/{file}"),
        "title": what,
        "description": format!("How pyrelease releases the project ({what})"),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Leaves out what TOML cannot express (null), and formats that only Rust has. Line breaks of the source are blanks.
fn cleaned(schema: Value) -> Value {
    let entries = match schema {
        Value::Object(entries) => entries,
        Value::Array(values) => return values.into_iter().map(cleaned).collect::<Vec<_>>().into(),
        other => return other,
    };
    let mut kept = Map::new();
    for (key, value) in entries {
        let value = match (key.as_str(), value) {
            ("$schema" | "title", _) | ("default", Value::Null) => continue,
            ("format", Value::String(format)) if format.starts_with("uint") => continue,
            ("type", Value::Array(types)) => only(types.into_iter().filter(|name| name != "null").collect()),
            ("enum", Value::Array(values)) => values.into_iter().filter(|value| !value.is_null()).collect(),
            ("description", Value::String(text)) => text.replace('\n', " ").into(),
            ("anyOf", Value::Array(schemas)) => {
                let schemas = schemas.into_iter().filter(|schema| schema["type"] != "null").map(cleaned);
                only(schemas.collect())
            }
            // Settings may be named like keywords.
            ("properties", Value::Object(settings)) => settings
                .into_iter()
                .map(|(name, schema)| (name, cleaned(schema)))
                .collect::<Map<_, _>>()
                .into(),
            (_, value) => cleaned(value),
        };
        match (key.as_str(), value) {
            // The only alternative is the schema itself; the setting's own description comes first.
            ("anyOf", Value::Object(schema)) => {
                for (key, value) in schema {
                    kept.entry(key).or_insert(value);
                }
            }
            ("description", value) => drop(kept.insert(key, value)),
            (_, value) => drop(kept.entry(key).or_insert(value)),
        }
    }
    kept.into()
}

/// The only value of a list, or the list.
fn only(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.remove(0) } else { values.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_description() {
        let mut settings = 0;
        for stage in stage_helps() {
            assert!(!stage.about.is_empty(), "{}", stage.name);
            for (name, schema) in &stage.settings {
                settings += 1;
                assert!(schema["description"].is_string(), "`{name}` of `{}`", stage.name);
            }
        }
        assert!(settings > 50, "{settings}");
    }

    /// Editors show the schema of a stage of its own name before that of any other.
    #[test]
    fn the_default_stages_are_known_by_name() {
        let schema = settings_schema(false);
        let workspace = &schema["properties"]["workspace"]["properties"];
        assert!(
            workspace["pins"]["oneOf"].is_array() && workspace["groups"]["type"] == "object",
            "{workspace}"
        );
        let member = &schema["properties"]["member"]["additionalProperties"]["properties"];
        assert_eq!(member["publish"]["type"], "boolean");
        assert_eq!(member["stage"]["properties"], schema["properties"]["stage"]["properties"]);
        for name in config::DEFAULT_STAGES {
            assert!(schema["properties"]["stage"]["properties"][name].is_object(), "{name}");
        }
        assert!(!schema.to_string().contains("null") && !schema.to_string().contains("$ref"), "{schema}");
    }
}
