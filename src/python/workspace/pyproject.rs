//! The requirements in a pyproject.toml: of the standards (PEP 621, 518, 735), and of tools that have their own.

use toml_edit::{Item, Value};

use super::error::WorkspaceError;
use super::poetry;
use super::requirement::Kind;
use super::statements::{RequirementFile, Statements};
use crate::python::project::Toml;

/// The hook whose requirements are templates for the versions
const VERSIONING: [&str; 5] = ["tool", "hatch", "metadata", "hooks", "uv-dynamic-versioning"];

const STRINGS: &str = "an array of requirements";

/// Finds the requirements on members; returns the files in which there are more.
pub(super) fn read(found: &mut Statements<'_>) -> Result<Vec<RequirementFile>, WorkspaceError> {
    let toml = Toml::parse(found.path, found.text)?;
    let versioning = |key: &'static str| [&VERSIONING[..], &[key]].concat();
    let (dependencies, extras) = (versioning("dependencies"), versioning("optional-dependencies"));
    for (keys, kind) in [
        (&["project", "dependencies"][..], Kind::Run),
        (&["build-system", "requires"], Kind::Build),
        (&["tool", "uv", "dev-dependencies"], Kind::Group("dev".to_owned())),
        (&["tool", "uv", "constraint-dependencies"], Kind::Group("constraint-dependencies".to_owned())),
        (&["tool", "uv", "override-dependencies"], Kind::Group("override-dependencies".to_owned())),
        (&["tool", "flit", "metadata", "requires"], Kind::Run),
        (&dependencies, Kind::Run),
    ] {
        if let Some(item) = toml.get(keys) {
            list(found, &toml, item, (&keys.join("."), &kind))?;
        }
    }
    for (keys, kind) in [
        (&["project", "optional-dependencies"][..], Kind::Optional as fn(String) -> Kind),
        (&["dependency-groups"], Kind::Group),
        (&["tool", "pdm", "dev-dependencies"], Kind::Group),
        (&["tool", "flit", "metadata", "requires-extra"], Kind::Optional),
        (&extras, Kind::Optional),
    ] {
        let Some(item) = toml.get(keys) else { continue };
        let Some(table) = item.as_table_like() else { return Err(toml.wrong(keys, "a table").into()) };
        for (name, item) in table.iter() {
            let key = format!("{}.{name}", keys.join("."));
            list(found, &toml, item, (&key, &kind(name.to_owned())))?;
        }
    }
    let environments = toml.get(&["tool", "hatch", "envs"]).and_then(Item::as_table_like);
    for (name, item) in environments.into_iter().flat_map(|table| table.iter()) {
        for list_name in ["dependencies", "extra-dependencies"] {
            let Some(item) = item.as_table_like().and_then(|table| table.get(list_name)) else { continue };
            let key = format!("tool.hatch.envs.{name}.{list_name}");
            list(found, &toml, item, (&key, &Kind::Group(name.to_owned())))?;
        }
    }
    poetry::read(found, &toml);
    Ok(requirement_files(&toml))
}

/// Adds the requirements of an array of strings. Tables in it include another group, which is read where it stands.
fn list(
    found: &mut Statements<'_>,
    toml: &Toml,
    item: &Item,
    (key, kind): (&str, &Kind),
) -> Result<(), WorkspaceError> {
    let array = item.as_array().ok_or_else(|| toml.wrong(&[key], STRINGS))?;
    for value in array {
        match value {
            Value::String(stated) => {
                found.requirement(stated.value(), toml.string_start(value), (key, kind))?;
            }
            Value::InlineTable(_) if matches!(kind, Kind::Group(_)) => {}
            _ => return Err(toml.wrong(&[key], STRINGS).into()),
        }
    }
    Ok(())
}

/// The requirement files that setuptools and hatch-requirements-txt read.
fn requirement_files(toml: &Toml) -> Vec<RequirementFile> {
    let mut files = Vec::new();
    let mut add = |keys: &[&str], kind: Kind| {
        let key = keys.join(".");
        files.extend(toml.strings(keys).into_iter().map(|file| (file.to_owned(), key.clone(), kind.clone())));
    };
    let dynamic = ["tool", "setuptools", "dynamic"];
    let hatch = ["tool", "hatch", "metadata", "hooks", "requirements_txt"];
    add(&[&dynamic[..], &["dependencies", "file"]].concat(), Kind::Run);
    add(&[&hatch[..], &["files"]].concat(), Kind::Run);
    for (table, file) in [(&dynamic[..], Some("file")), (&hatch, None)] {
        let table = [table, &["optional-dependencies"]].concat();
        let extras = toml.get(&table).and_then(Item::as_table_like);
        for (extra, _) in extras.into_iter().flat_map(|extras| extras.iter()) {
            let keys: Vec<&str> = table.iter().copied().chain([extra]).chain(file).collect();
            add(&keys, Kind::Optional(extra.to_owned()));
        }
    }
    files
}
