//! The settings of generate-changelog (callowayproject.github.io/generate-changelog, "Configuration").

use serde_json::Value;

use super::{Generated, Generator, string, yaml_table};
use crate::python::project::Files;

/// The first that exists counts
const FILES: [&str; 3] = [".changelog-config.yaml", ".changelog-config.yml", ".changelog-config"];

pub(super) fn find(files: &dyn Files) -> Option<Generated> {
    let generator = Generator::GenerateChangelog;
    FILES.iter().find_map(|path| {
        let table = match yaml_table(files, path) {
            Ok(table) => table?,
            Err(reason) => return Some(Generated::unreadable(generator, path, reason)),
        };
        let mut generated = Generated::new(generator, path);
        generated.unreleased = Some(string(&table, "unreleased_label").unwrap_or("Unreleased").to_owned());
        generated.rules = Err("its `release_hint_rules` depend on groups, paths and branch".to_owned());
        let variables = table.get("variables").and_then(Value::as_object);
        let rendered = |text: &str| {
            let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
            let own = variables.and_then(|variables| string(variables, name));
            own.or_else(|| (name == "changelog_filename").then_some("CHANGELOG.md")).map(str::to_owned)
        };
        generated.changelog = match table.get("output_pipeline").and_then(Value::as_array) {
            None => rendered("{{ changelog_filename }}"),
            Some(steps) => {
                let named = |step: &Value| step.get("kwargs")?.get("filename")?.as_str().map(str::to_owned);
                let named = steps.iter().rev().find_map(named);
                named.and_then(|text| if text.contains("{{") { rendered(&text) } else { Some(text) })
            }
        };
        match &generated.changelog {
            None => generated.problem("`output_pipeline` names no file to write"),
            Some(text) if text.contains("{{") || text.contains("{%") => {
                let reason = format!("pyrelease cannot tell which file `{text}` in `output_pipeline` is");
                generated.problem(&reason);
            }
            Some(_) => {}
        }
        Some(generated)
    })
}
