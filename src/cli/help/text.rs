//! The help of stages and settings as styled text, from the schema of the configuration.

use serde_json::Value;

use crate::stages::StageHelp;
use crate::ui::Table;
use crate::ui::style::{DIM, INFO};

/// The longest line of a description
const WIDTH: usize = 76;

/// The stages and what they do.
pub(super) fn stages_text(stages: &[StageHelp]) -> String {
    let mut table = Table::default().indented(2);
    let of_ones_own = ["upload", "command", "plugin"];
    table.text("stages of pyrelease:");
    for stage in stages.iter().filter(|stage| !of_ones_own.contains(&stage.name.as_str())) {
        table.row([format!("{INFO}{}{INFO:#}", stage.name), stage.about.clone()]);
    }
    table.text("stages with a name of your own:");
    for stage in stages.iter().filter(|stage| of_ones_own.contains(&stage.name.as_str())) {
        table.row([format!("{INFO}{}{INFO:#}", stage.name), stage.about.clone()]);
    }
    table.text(format!("{DIM}`pyrelease help stage NAME` describes the settings of one{DIM:#}"));
    table.to_string()
}

/// A stage and its settings; `name` is how the user calls it.
pub(super) fn stage_text(stage: &StageHelp, name: &str) -> String {
    let mut text = format!("{}\n\n{INFO}{}{INFO:#}", stage.about, heading(&stage.name, name));
    for (name, schema) in &stage.settings {
        text.push_str(&format!("\n{}", described(name, schema)));
    }
    text
}

/// One setting of a table.
pub(super) fn setting_text(table: &str, name: &str, schema: &Value) -> String {
    format!("{INFO}{}{INFO:#}\n{}", heading(table, table), described(name, schema))
}

fn heading(kind: &str, name: &str) -> String {
    match kind {
        "index" => "[index.NAME]".to_owned(),
        "workspace" => "[workspace]".to_owned(),
        "member" => "[member.NAME]".to_owned(),
        "upload" if kind == name => "[stage.NAME], named like an index".to_owned(),
        "command" if kind == name => "[stage.NAME], with a command".to_owned(),
        "plugin" if kind == name => "[stage.NAME], with a plugin".to_owned(),
        _ => format!("[stage.{name}]"),
    }
}

fn described(name: &str, schema: &Value) -> String {
    let mut text = format!("  {INFO}{name}{INFO:#} {DIM}({}){DIM:#}", kind(schema));
    for line in wrapped(schema["description"].as_str().unwrap_or_default(), WIDTH) {
        text.push_str(&format!("\n      {line}"));
    }
    if let Some(default) = schema.get("default") {
        text.push_str(&format!("\n      {DIM}default: {}{DIM:#}", toml(default)));
    }
    text
}

/// The values of a setting in the terms of TOML.
fn kind(schema: &Value) -> String {
    let values = |schemas: &Vec<Value>| {
        let each: Vec<String> = schemas.iter().map(kind).collect();
        each.join(" or ")
    };
    if let Some(value) = schema.get("const") {
        return toml(value);
    }
    if let Some(known) = schema.get("enum").and_then(Value::as_array) {
        return known.iter().map(toml).collect::<Vec<_>>().join(" or ");
    }
    if let Some(schemas) = schema.get("oneOf").or(schema.get("anyOf")).and_then(Value::as_array) {
        return values(schemas);
    }
    match schema["type"].as_str() {
        Some("boolean") => "true or false".to_owned(),
        Some("array") => match schema.get("items") {
            Some(items) => format!("array of {}", kind(items)),
            None => "array".to_owned(),
        },
        Some("object") => "table".to_owned(),
        Some(other) => other.to_owned(),
        None => "any value".to_owned(),
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::Object(entries) if entries.is_empty() => "none".to_owned(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        other => other.to_string(),
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
