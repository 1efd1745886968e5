//! The pages of the reference that are made from the program: `SNAPSHOTS=overwrite` renews them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pyrelease::python::verdict::{RULES, Source};
use pyrelease_test_support::Sandbox;
use serde_json::{Map, Value};

use crate::verdict::examples::EXAMPLES;

fn said(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_pyrelease");
    sandbox.command(sandbox.root(), program, arguments).read().expect("the program's output")
}

#[test]
fn commands() {
    let sandbox = Sandbox::new();
    let mut page = String::from(
        "# Commands\n\nEvery command with its options, as `pyrelease help COMMAND` prints them.\n",
    );
    let listed = said(&sandbox, &["--list"]);
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    for name in names.filter(|name| *name != "help") {
        let help = said(&sandbox, &["help", name]);
        let _ = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", help.trim_end());
    }
    snapbox::assert_data_eq!(page, snapbox::file!["../docs/src/reference/commands.md"]);
}

#[test]
fn rules() {
    let mut page = String::from(
        "# Rules of `check`\n\n\
         What `pyrelease check`, and the stage `check`, demand of distributions, in PyPI's order. A rule that PyPI\n\
         enforces comes with the words that it refuses an upload with; `…` stands for what is in the file.\n\
         `[stage.check] allow = [\"RULE\"]` lets a release go on: the rule is then a warning, or silent if it is not\n\
         PyPI's. `pyrelease check --explain RULE` prints the same. The tests make the examples, and judge them.\n",
    );
    for rule in RULES.iter().copied().flatten() {
        let _ = write!(page, "\n## `{}`\n\n{} ({}).\n", rule.id, capitalised(rule.summary), rule.severity);
        match rule.source {
            Source::Pypi(message) => {
                page.push_str("\nPyPI says:\n");
                for line in message.split(" | ") {
                    let _ = write!(page, "\n```text\n{line}\n```\n");
                }
            }
            Source::Stricter(reason) => {
                let _ = write!(page, "\nPyPI does not refuse it: {reason}.\n");
            }
        }
        let example = EXAMPLES.iter().find(|(id, ..)| *id == rule.id);
        let (_, wrong, right) = example.expect("a rule has its examples");
        let _ = write!(page, "\nWrong:\n\n{}\n\nRight:\n\n{}\n", wrong.shown(), right.shown());
        let _ = write!(page, "\nSource: {}\n", rule.reference);
    }
    snapbox::assert_data_eq!(page, snapbox::file!["../docs/src/reference/rules.md"]);
}

fn capitalised(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}

/// Every setting of every table, as `pyrelease help setting` has it.
#[test]
fn settings() {
    let mut page = String::from(
        "# Settings\n\nEvery setting of `release.toml`, as `pyrelease help setting` describes them; the pages of the stages \
         say how they\nwork together. `[stage.upload]`, `[stage.command]` and `[stage.plugin]` stand for stages whose \
         names you choose.\n",
    );
    let listed = said(&Sandbox::new(), &["help", "setting", "--format", "json"]);
    for line in listed.lines() {
        let table: Value = serde_json::from_str(line).expect("a line is JSON");
        let (name, about) = (plain(&table["name"]), plain(&table["about"]));
        let heading = match name.as_str() {
            "workspace" => name,
            "index" | "member" => format!("{name}.NAME"),
            _ => format!("stage.{name}"),
        };
        let _ = write!(page, "\n## `[{heading}]`\n\n{about}.\n");
        for (name, schema) in table["settings"].as_object().expect("settings") {
            let about = plain(&schema["description"]);
            let default =
                schema.get("default").map(|value| format!(" Default: `{value}`.")).unwrap_or_default();
            let _ = write!(page, "\n### `{name}`\n\n{about} ({}).{default}\n", kind(schema));
        }
    }
    snapbox::assert_data_eq!(page, snapbox::file!["../docs/src/reference/settings.md"]);
}

/// The objects of `--format json`, from their schemas.
#[test]
fn json_output() {
    let sandbox = Sandbox::new();
    let schema = |command: &str| -> Value {
        serde_json::from_str(&said(&sandbox, &["schema", command])).expect("a schema is JSON")
    };
    let objects_of = |schema: &Value| -> BTreeSet<String> {
        let lines = schema["anyOf"].as_array().expect("alternatives").iter();
        lines.map(|line| name_of(line).expect("a reference").to_owned()).collect()
    };
    let listed = said(&sandbox, &["--list", "--format", "json"]);
    let commands: Vec<String> = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"))
        .filter_map(|command| command["name"].as_str().map(str::to_owned))
        .filter(|name| name != "schema")
        .collect();
    // What `doctor` prints, any command may print.
    let any = objects_of(&schema("doctor"));
    let mut page = String::from(JSON);
    let (mut objects, mut types) = (any.clone(), Map::new());
    let shown = |names: &mut dyn Iterator<Item = &String>| {
        names.map(|name| format!("[`{name}`](#{name})")).collect::<Vec<_>>().join(", ")
    };
    let _ = writeln!(page, "| command | objects |\n| --- | --- |\n| any | {} |", shown(&mut any.iter()));
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for command in commands {
        let schema = schema(&command);
        let own = objects_of(&schema);
        let row = shown(&mut own.difference(&any));
        match rows.iter_mut().find(|(known, _)| *known == row) {
            Some((_, commands)) => commands.push(format!("`{command}`")),
            None => rows.push((row, vec![format!("`{command}`")])),
        }
        objects.extend(own);
        types.extend(schema["$defs"].as_object().expect("definitions").clone());
    }
    for (row, commands) in rows.iter().filter(|(row, _)| !row.is_empty()) {
        let _ = writeln!(page, "| {} | {row} |", commands.join(", "));
    }
    page.push_str("\n## Objects\n");
    for name in &objects {
        section("", name, &types.remove(name).expect("an object has its schema"), &mut page);
    }
    page.push_str("\n## Types of fields\n");
    types.iter().for_each(|(name, schema)| section("Type ", name, schema, &mut page));
    snapbox::assert_data_eq!(page, snapbox::file!["../docs/src/reference/json.md"]);
}

const JSON: &str = "# JSON output\n\n\
    With `--format json`, every command writes one object a line to standard output, and nothing for people. `event` is\n\
    the object's name, and `format` is the version of all of them: 1. New objects and new fields keep the version, so a\n\
    program must ignore those that it does not know. A field that is renamed, removed or gets another meaning raises it.\n\
    The text of messages is for people, and may change at any time.\n\n\
    `pyrelease schema COMMAND` prints the JSON schema of a command's lines, which this page is made from. A field without\n\
    a value is `null`, or left out where it says \"may be left out\". A time is as in RFC 3339, a hash in lower-case\n\
    hexadecimal digits. `pyrelease schema` alone prints that of `release.toml`, and needs no `--format`. What\n\
    `pyrelease NAME` of your own prints is its own affair.\n\n";

/// The name that a schema refers to.
fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn section(kind: &str, name: &str, schema: &Value, page: &mut String) {
    let about = schema["description"].as_str().unwrap_or_default();
    let _ = write!(page, "\n### {kind}`{name}`\n\n{about}.\n");
    let own = fields(schema);
    if !own.is_empty() {
        page.push_str("\n| field | value | meaning |\n| --- | --- | --- |\n");
    }
    for (name, kind, about) in own {
        let _ = writeln!(page, "| `{name}` | {kind} | {about} |");
    }
    let values = schema["enum"].as_array().into_iter().flatten();
    let alternatives = schema["oneOf"].as_array().into_iter().flatten();
    let alternatives: Vec<String> =
        values.map(|value| format!("- `{}`\n", plain(value))).chain(alternatives.map(alternative)).collect();
    if !alternatives.is_empty() {
        page.push('\n');
        page.push_str(&alternatives.concat());
    }
}

/// The fields of an object: the name, the value and the meaning. Every object has the same head.
fn fields(schema: &Value) -> Vec<(&str, String, String)> {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields = schema["properties"].as_object().into_iter().flatten();
    let fields = fields
        .filter(|(name, schema)| !["format", "event"].contains(&name.as_str()) || schema["const"].is_null());
    fields
        .map(|(name, schema)| {
            let about = schema["description"].as_str().unwrap_or_default().replace('|', "\\|");
            let may = if required.iter().any(|known| known == name) { "" } else { "; may be left out" };
            (name.as_str(), format!("{}{may}", kind(schema)), about)
        })
        .collect()
}

/// One of several values, or of several forms of an object.
fn alternative(schema: &Value) -> String {
    let about = schema["description"].as_str().map(|about| format!(": {about}")).unwrap_or_default();
    let mut text = String::new();
    for value in schema["enum"].as_array().into_iter().flatten().chain(schema.get("const")) {
        let _ = writeln!(text, "- `{}`{about}", plain(value));
    }
    let own = fields(schema);
    if !own.is_empty() {
        let own: Vec<String> = own.into_iter().map(|(name, kind, _)| format!("`{name}` ({kind})")).collect();
        let _ = writeln!(text, "- {}{about}", own.join(", "));
    }
    text
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a value is, in words.
fn kind(schema: &Value) -> String {
    if let Some(name) = name_of(schema) {
        return format!("[`{name}`](#type-{})", name.to_lowercase());
    }
    if let Some(value) = schema.get("const") {
        return format!("`{}`", plain(value));
    }
    if let Some(known) = schema["enum"].as_array() {
        return known.iter().map(|value| format!("`{}`", plain(value))).collect::<Vec<_>>().join(" or ");
    }
    if let Some(several) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return several.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let of_type = |name: &str| match name {
        "array" if schema["prefixItems"].is_array() => "list of two texts".to_owned(),
        "array" => format!("list of {}", kind(&schema["items"])),
        "string" => "text".to_owned(),
        "integer" | "number" => "number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => of_type(name),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).map(of_type).collect::<Vec<_>>().join(" or ")
        }
        _ => "any value".to_owned(),
    }
}
