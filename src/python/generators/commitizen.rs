//! The settings of commitizen (commitizen-tools.github.io, "Configuration") for changelogs.

use regex::Regex;
use serde_json::Value;

use super::rules::{Commitizen, Rules};
use super::{Generated, Generator, Settings, Table, flag, regex, string, table, yaml_table};
use crate::python::fragments::Problem;
use crate::python::project::Files;
use crate::python::version::Bump;

/// The first with settings of the tool counts
const FILES: [&str; 7] =
    [".cz.toml", "cz.toml", ".cz.json", "cz.json", ".cz.yaml", "cz.yaml", "pyproject.toml"];

/// The rules that come with the tool
const CONVENTIONAL: &str = "cz_conventional_commits";
const CUSTOMIZED: &str = "cz_customize";
const JIRA: &str = "cz_jira";

const PATTERN: &str = r"^((BREAKING[\-\ ]CHANGE|\w+)(\(.+\))?!?):";
const MAP: [(&str, &str); 6] = [
    ("^.+!$", "MAJOR"),
    (r"^BREAKING[\-\ ]CHANGE", "MAJOR"),
    ("^feat", "MINOR"),
    ("^fix", "PATCH"),
    ("^refactor", "PATCH"),
    ("^perf", "PATCH"),
];

/// The templates that come with the tool
const TEMPLATES: [&str; 4] =
    ["CHANGELOG.md.j2", "CHANGELOG.rst.j2", "CHANGELOG.adoc.j2", "CHANGELOG.textile.j2"];

pub(super) fn find(files: &dyn Files) -> Option<Generated> {
    FILES.iter().find_map(|path| match read(files, path) {
        Ok(None) => None,
        Ok(Some(table)) => Some(settings(files, path, &table)),
        Err(reason) => Some(Generated::unreadable(Generator::Commitizen, path, reason)),
    })
}

fn read(files: &dyn Files, path: &str) -> Settings {
    match path.rsplit('.').next() {
        Some("toml") => table(files, path, &["tool", "commitizen"]),
        Some("json") => table(files, path, &["commitizen"]),
        _ => {
            let whole = yaml_table(files, path)?;
            Ok(whole.and_then(|whole| whole.get("commitizen")?.as_object().cloned()))
        }
    }
}

fn settings(files: &dyn Files, path: &str, table: &Table) -> Generated {
    let mut generated = Generated::new(Generator::Commitizen, path);
    generated.changelog = Some(string(table, "changelog_file").unwrap_or("CHANGELOG.md").to_owned());
    generated.is_of_releases = flag(table, "update_changelog_on_bump").unwrap_or(false);
    if let Some(template) = string(table, "template")
        && !TEMPLATES.contains(&template)
        && files.read(template.trim_start_matches("./")).is_none()
    {
        generated.problems.push(Problem::NoTemplate { path: template.to_owned(), settings: path.to_owned() });
    }
    let name = string(table, "name").unwrap_or(CONVENTIONAL);
    let customized = table.get("customize").and_then(Value::as_object);
    generated.rules = match name {
        CONVENTIONAL => rules(&Table::new(), table),
        CUSTOMIZED => match customized {
            Some(customized) => rules(customized, table),
            None => {
                generated.problem(&format!("`name` is `{CUSTOMIZED}`, but there is no table `customize`"));
                Err("its rules are missing".to_owned())
            }
        },
        JIRA => {
            generated.problem(&format!("`name` is `{JIRA}`, which makes no changelog"));
            Err(format!("`{JIRA}` has no rules for it"))
        }
        plugin => {
            generated.plugin = Some(plugin.to_owned());
            Err(format!("its plugin `{plugin}` decides"))
        }
    };
    generated
}

/// The rules of the bump, or why only commitizen knows it.
fn rules(customized: &Table, table: &Table) -> Result<Rules, String> {
    let before_one = flag(table, "major_version_zero").unwrap_or(false);
    let usual = || MAP.map(|(pattern, bump)| (pattern.to_owned(), Value::from(bump))).into_iter().collect();
    let map = |key: &str| customized.get(key).and_then(Value::as_object).filter(|map| !map.is_empty());
    // Without a map of its own, a version before 1.0.0 has that of others with smaller steps.
    let (entries, is_smaller): (Table, bool) = match (before_one, map("bump_map_major_version_zero")) {
        (true, Some(own)) => (own.clone(), false),
        (is_smaller, _) => (map("bump_map").cloned().unwrap_or_else(usual), is_smaller),
    };
    let of_entry = |(pattern, bump): (&String, &Value)| {
        let bump = match bump.as_str() {
            Some("MAJOR") if is_smaller => Some(Bump::Minor),
            Some("MAJOR") => Some(Bump::Major),
            Some("MINOR") => Some(Bump::Minor),
            Some("PATCH") => Some(Bump::Patch),
            None if bump.is_null() => None,
            _ => return Err(format!("`bump_map` has `{bump}`, which is not `MAJOR`, `MINOR` or `PATCH`")),
        };
        Ok((regex("bump_map", &format!("^(?:{pattern})")).map_err(only_python)?, bump))
    };
    let pattern = regex("bump_pattern", string(customized, "bump_pattern").unwrap_or(PATTERN));
    let map = entries.iter().map(of_entry).collect::<Result<Vec<(Regex, Option<Bump>)>, String>>()?;
    Ok(Rules::Commitizen(Commitizen { pattern: pattern.map_err(only_python)?, map }))
}

/// A regular expression of Python may be of no other kind.
fn only_python(_: String) -> String {
    "its patterns are regular expressions of Python only".to_owned()
}
