//! `pyrelease schema`: the JSON schema of the configuration, and of what each command prints with `--format json`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::config::nearest;
use crate::error::{Error, Result};
use crate::stages::settings_schema;
use crate::ui::{FORMAT, data};

/// The schemas of all objects by the name that is their `event`, and of the types of their fields. A test makes the file
/// from the types themselves: the program has what comes of them, which is smaller than the code for it.
const OBJECTS: &str = include_str!("../../templates/objects.json");
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Where a reference to a schema of the same document begins
const REFERENCE: &str = "#/$defs/";

/// What any command may print
const ANY: &[&str] =
    &["error", "warning", "note", "finding", "fact", "group", "action", "output", "build-environment"];

/// What a command prints besides that takes a release, or a part of one, through its stages
const RUN: &[&str] = &[
    "plan",
    "run-started",
    "rehearsal-started",
    "stage-started",
    "stage-finished",
    "progress",
    "uploads-started",
    "file",
    "point-of-no-return",
    "undoing",
    "undone",
    "kept",
    "released",
    "published",
    "prepared",
    "rehearsed",
    "given-up",
    "rolled-back",
];

/// Every command, and the objects of its own
const COMMANDS: &[(&str, &[&str])] = &[
    ("init", &["init", "drill"]),
    ("run", RUN),
    ("plan", &["plan"]),
    ("rehearse", RUN),
    ("prepare", RUN),
    ("publish", RUN),
    ("bump", &["bumped"]),
    ("propose", &["proposed"]),
    ("resume", RUN),
    ("rollback", RUN),
    ("ci", &["ci"]),
    ("status", &["status", "no-run"]),
    ("log", &["run", "record", "report"]),
    ("notes", &["notes"]),
    ("build", &["built"]),
    ("check", &["check", "rule"]),
    ("preview", &["page"]),
    ("doctor", &[]),
    ("token show", &["credentials"]),
    ("upload", RUN),
    ("demo", RUN),
    ("drill", &["drill"]),
    ("index serve", &["index"]),
    ("plugin list", &["plugin"]),
    ("plugin trust", &["trusted-plugin"]),
    ("plugin new", &["new-plugin"]),
    ("plugin test", &["trial"]),
    ("completions", &["text"]),
    ("man", &["text"]),
    ("help", &["command", "stage", "setting"]),
];

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The command whose output with `--format json` the schema is of, each line by itself [default: the schema of release.toml]
    #[arg(value_name = "COMMAND", conflicts_with = "pyproject")]
    command: Vec<String>,

    /// The schema of [tool.pyrelease] in pyproject.toml, as validate-pyproject and taplo take it
    #[arg(long)]
    pyproject: bool,
}

pub(super) fn schema(arguments: &Arguments) -> Result<()> {
    let schema = match arguments.command.join(" ").as_str() {
        "" => settings_schema(arguments.pyproject),
        command => output_schema(command)?,
    };
    data(&format!("{schema:#}"));
    Ok(())
}

/// The schema of a line of a command's output, or of any of its commands'.
fn output_schema(command: &str) -> Result<Value> {
    let within = |name: &str| name.strip_prefix(command).is_some_and(|rest| rest.starts_with(' '));
    let own: Vec<_> = COMMANDS.iter().filter(|(name, _)| *name == command || within(name)).collect();
    if own.is_empty() {
        let error = Error::usage(format!("`{command}` prints no JSON objects"));
        return Err(match nearest(command, COMMANDS.iter().map(|(name, _)| *name)) {
            Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
            None => error.help("`pyrelease --list` lists the commands"),
        });
    }
    let own = own.iter().flat_map(|(_, objects)| objects.iter());
    let roots: BTreeSet<&str> = ANY.iter().chain(own).copied().collect();
    let all: Map<String, Value> = serde_json::from_str(OBJECTS).expect("a test has made it");
    let mut used = Map::new();
    roots.iter().for_each(|root| collect(root, &all, &mut used));
    let lines: Vec<Value> =
        roots.iter().map(|root| json!({ "$ref": format!("{REFERENCE}{root}") })).collect();
    let file = format!("{}-{FORMAT}.json", command.replace(' ', "-"));
    Ok(json!({
        "$schema": DIALECT,
        "$id": format!("{}/schema/{file}", env!("CARGO_PKG_REPOSITORY")),
        "title": format!("pyrelease {command} --format json"),
        "description": "One line of the output; `event` tells which object it is",
        "anyOf": lines,
        "$defs": used,
    }))
}

/// Adds a schema and those that it refers to.
fn collect(name: &str, all: &Map<String, Value>, used: &mut Map<String, Value>) {
    if let Some(schema) = all.get(name)
        && !used.contains_key(name)
    {
        used.insert(name.to_owned(), schema.clone());
        references(schema, &mut |name| collect(name, all, used));
    }
}

fn references(schema: &Value, found: &mut dyn FnMut(&str)) {
    match schema {
        Value::Object(entries) => entries.values().for_each(|schema| references(schema, found)),
        Value::Array(schemas) => schemas.iter().for_each(|schema| references(schema, found)),
        Value::String(text) => text.strip_prefix(REFERENCE).into_iter().for_each(found),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use schemars::generate::SchemaSettings;
    use schemars::{JsonSchema, SchemaGenerator};

    use super::*;
    use crate::cli::{external, log, objects, plugin, token};
    use crate::engine::event::Event;
    use crate::{drill, engine, ops, plugin as plugins, python, stages, ui};

    fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
        T::json_schema(generator).to_value()
    }

    type Make = fn(&mut SchemaGenerator) -> Value;

    /// The objects that are not events of a run
    const OWN: &[(&str, Make)] = &[
        ("error", of::<ui::Failure>),
        ("text", of::<ui::Text>),
        ("init", of::<ops::InitReport>),
        ("ci", of::<ops::CiReport>),
        ("status", of::<engine::status::StatusReport>),
        ("no-run", of::<objects::NoRun>),
        ("run", of::<engine::log::Summary>),
        ("record", of::<log::LineData>),
        ("report", of::<log::ReportData>),
        ("notes", of::<stages::ReleaseNotes>),
        ("check", of::<python::verdict::Report>),
        ("rule", of::<objects::RuleData>),
        ("page", of::<objects::Page>),
        ("credentials", of::<token::Entry>),
        ("drill", of::<drill::Report>),
        ("index", of::<objects::ServedIndex>),
        ("plugin", of::<plugin::list::Entry>),
        ("trusted-plugin", of::<objects::TrustedPlugin>),
        ("new-plugin", of::<objects::NewPlugin>),
        ("trial", of::<plugins::trial::TrialStep>),
        ("command", of::<objects::CommandHelp>),
        ("stage", of::<objects::StageData>),
        ("setting", of::<objects::SettingData>),
    ];

    /// The schema of an object with its head: the format and its name.
    fn headed(name: &str, mut schema: Value) -> Value {
        let mut properties = Map::new();
        properties.insert("format".to_owned(), json!({ "const": FORMAT }));
        properties.insert("event".to_owned(), json!({ "const": name }));
        let own = schema["properties"].take();
        properties.extend(
            own.as_object()
                .into_iter()
                .flatten()
                .filter(|(key, _)| *key != "event")
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        let own = schema["required"].take();
        let own = own.as_array().into_iter().flatten().filter(|key| *key != "event");
        let required: Vec<Value> =
            ["format", "event"].map(Value::from).into_iter().chain(own.cloned()).collect();
        schema["properties"] = properties.into();
        schema["required"] = required.into();
        schema
    }

    /// Line breaks of the source are blanks, and formats that only Rust has are left out.
    fn cleaned(schema: &mut Value) {
        match schema {
            Value::Object(entries) => {
                entries.retain(|key, value| key != "format" || !value.is_string());
                for (key, value) in entries {
                    match value {
                        Value::String(text) if key == "description" => *text = text.replace('\n', " "),
                        value => cleaned(value),
                    }
                }
            }
            Value::Array(schemas) => schemas.iter_mut().for_each(cleaned),
            _ => {}
        }
    }

    #[test]
    fn the_objects_are_those_of_the_types() {
        let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut all = Map::new();
        for variant in of::<Event>(&mut generator)["oneOf"].as_array().unwrap() {
            let name = variant["properties"]["event"]["const"].as_str().unwrap();
            let mut schema = headed(name, variant.clone());
            // Events of a member of a workspace name it.
            let member =
                json!({ "type": "string", "description": "The member of a workspace that it is about" });
            assert!(schema["properties"]["member"].is_null(), "{name}");
            schema["properties"]["member"] = member;
            assert!(all.insert(name.to_owned(), schema).is_none(), "{name}");
        }
        for (name, make) in OWN {
            let schema = headed(name, make(&mut generator));
            assert!(all.insert((*name).to_owned(), schema).is_none(), "{name}");
        }
        let names: Vec<String> = all.keys().cloned().collect();
        for (name, schema) in generator.take_definitions(true) {
            assert!(all.insert(name.clone(), schema).is_none(), "{name}");
        }
        let mut text = String::from("{\n");
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by(|(name, _), (other, _)| name.cmp(other));
        for (at, (name, schema)) in all.iter_mut().enumerate() {
            cleaned(schema);
            let begin = if at == 0 { "" } else { ",\n" };
            let _ = write!(text, "{begin}\"{name}\": {schema}");
        }
        text.push_str("\n}\n");
        let without = all.iter().filter(|(_, schema)| !schema["description"].is_string());
        let without: Vec<&str> = without.map(|(name, _)| name.as_str()).collect();
        snapbox::assert_data_eq!(text, snapbox::file!["../../templates/objects.json": Text].raw());
        assert!(without.is_empty(), "no description of {without:?}");

        // Each object is printed by a command.
        let printed: BTreeSet<&str> =
            COMMANDS.iter().flat_map(|(_, objects)| objects.iter()).chain(ANY).copied().collect();
        assert_eq!(printed, names.iter().map(String::as_str).collect());
        // Each command is there.
        let listed: BTreeSet<&str> = COMMANDS.iter().filter_map(|(name, _)| name.split(' ').next()).collect();
        let known = external::own().into_iter().map(|(name, _)| name).filter(|name| name != "schema");
        assert_eq!(listed.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), known.collect());
    }

    #[test]
    fn a_schema_is_of_a_command_or_of_all_its_commands() {
        let whole = output_schema("status").unwrap();
        assert!(whole["$defs"]["IndexFile"].is_object() && whole["$defs"]["drill"].is_null(), "{whole}");
        let plugins = output_schema("plugin").unwrap();
        assert!(plugins["$defs"]["plugin"].is_object() && plugins["$defs"]["trial"].is_object());
        let error = output_schema("stauts").unwrap_err();
        assert_eq!(error.hints(), ["did you mean `status`?"]);
    }
}
