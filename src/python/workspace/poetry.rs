//! The requirements in `[tool.poetry]`.

use std::collections::HashMap;

use toml_edit::{Item, TableLike, Value};

use super::requirement::{Grammar, Kind};
use super::statements::Statements;
use crate::python::filename::normalize;
use crate::python::project::Toml;

/// What a dependency has instead of a version
const DIRECT: [&str; 4] = ["path", "git", "url", "file"];

/// Finds the requirements on members.
pub(super) fn read(found: &mut Statements<'_>, toml: &Toml) {
    let table = |keys: &[&str]| toml.get(keys).and_then(Item::as_table_like);
    let extras = extras(toml);
    let main = ["tool", "poetry", "dependencies"];
    if let Some(dependencies) = table(&main) {
        requirements(found, toml, dependencies, &main.join("."), &|name, is_optional| match extras
            .get(&normalize(name))
        {
            Some(extra) if is_optional => Kind::Optional(extra.clone()),
            _ => Kind::Run,
        });
    }
    let old = ["tool", "poetry", "dev-dependencies"];
    if let Some(dependencies) = table(&old) {
        let kind = |_: &str, _| Kind::Group("dev".to_owned());
        requirements(found, toml, dependencies, &old.join("."), &kind);
    }
    let groups = table(&["tool", "poetry", "group"]);
    for (group, item) in groups.into_iter().flat_map(|groups| groups.iter()) {
        let dependencies = item.as_table_like().and_then(|item| item.get("dependencies")?.as_table_like());
        if let Some(dependencies) = dependencies {
            let key = format!("tool.poetry.group.{group}.dependencies");
            requirements(found, toml, dependencies, &key, &|_, _| Kind::Group(group.to_owned()));
        }
    }
}

/// The first extra that needs each optional dependency.
fn extras(toml: &Toml) -> HashMap<String, String> {
    let mut extras = HashMap::new();
    let table = toml.get(&["tool", "poetry", "extras"]).and_then(Item::as_table_like);
    for (extra, item) in table.into_iter().flat_map(|table| table.iter()) {
        let names = item.as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in names {
            extras.entry(normalize(name)).or_insert_with(|| extra.to_owned());
        }
    }
    extras
}

/// Adds the requirements of a table: a constraint, a table with one, or several of either.
fn requirements(
    found: &mut Statements<'_>,
    toml: &Toml,
    dependencies: &dyn TableLike,
    key: &str,
    kind: &dyn Fn(&str, bool) -> Kind,
) {
    for (name, item) in dependencies.iter() {
        let Some(on) = found.member(name) else { continue };
        let mut add = |constraint: Option<&Value>, table: Option<&dyn TableLike>| {
            let get = |key: &str| table.and_then(|table| table.get(key));
            let constraint = constraint.or_else(|| get("version")?.as_value());
            let is_optional = get("optional").and_then(Item::as_bool) == Some(true);
            let kind = kind(name, is_optional);
            match constraint.and_then(|value| Some((value.as_str()?, toml.string_start(value)))) {
                Some((constraint, at)) => {
                    found.poetry((on, Grammar::Poetry), constraint, at, (key, &kind));
                }
                None if DIRECT.iter().any(|key| get(key).is_some()) => {
                    let at = item.span().map_or(0, |span| span.start);
                    found.poetry((on, Grammar::Direct), "", at, (key, &kind));
                }
                None => {}
            }
        };
        match item {
            Item::Value(Value::Array(several)) => {
                for value in several {
                    let table = value.as_inline_table().map(|table| table as &dyn TableLike);
                    add(Some(value).filter(|_| table.is_none()), table);
                }
            }
            Item::ArrayOfTables(several) => several.iter().for_each(|table| add(None, Some(table))),
            item => {
                let table = item.as_table_like();
                add(item.as_value().filter(|_| table.is_none()), table);
            }
        }
    }
}
