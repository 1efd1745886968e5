//! The projects below a folder that is none itself.

use toml_edit::Item;

use super::members::PROJECT_FILES;
use super::{path_in, statements};
use crate::python::project::{Files, Toml, ini};

/// Folders whose projects are seldom released
const ASIDE: [&str; 8] = ["test", "tests", "testing", "doc", "docs", "example", "examples", "vendor"];
/// How deep below the root projects are looked for
const LEVELS: usize = 3;

/// Whether a folder has a project that can be built: not only settings of tools, and not switched off
/// (`[tool.poetry] package-mode = false`, `[tool.uv] package = false`).
pub fn is_project(files: &dyn Files, folder: &str) -> bool {
    PROJECT_FILES.iter().any(|name| makes_project(files, &path_in(folder, name)))
}

/// The folders below the root with a project that is not in another one, sorted. Those for tests, documentation and examples
/// are left out, and hidden ones.
pub fn projects_below(files: &dyn Files) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    for path in files.list_near("", LEVELS) {
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        let is_aside = |part: &str| part.starts_with('.') || ASIDE.contains(&part);
        if PROJECT_FILES.contains(&name) && !folder.split('/').any(is_aside) && makes_project(files, &path) {
            folders.push(folder.to_owned());
        }
    }
    // With the final `/`, a folder comes right before those in it.
    folders.sort_by_cached_key(|folder| format!("{folder}/"));
    let mut outer: Vec<String> = Vec::new();
    for folder in folders {
        let rest = outer.last().and_then(|last| folder.strip_prefix(last.as_str()));
        if rest.is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/')) {
            outer.push(folder);
        }
    }
    outer.sort();
    outer
}

/// Whether a file makes a project. One that cannot be read makes none.
fn makes_project(files: &dyn Files, path: &str) -> bool {
    let Some(text) = statements::text(files, path).ok().flatten() else { return false };
    match path.rsplit('/').next() {
        Some("setup.py") => true,
        Some("setup.cfg") => ini::find(&ini::entries(&text), "metadata", "name").is_some(),
        _ => Toml::parse(path, &text).is_ok_and(|toml| {
            let tables = [&["project"][..], &["build-system"], &["tool", "poetry", "name"]];
            let says = |keys: &[&str]| toml.get(keys).and_then(Item::as_bool);
            let is_off = says(&["tool", "poetry", "package-mode"]) == Some(false)
                || says(&["tool", "uv", "package"]) == Some(false);
            !is_off && tables.iter().any(|keys| toml.has(keys))
        }),
    }
}
