//! Which folders are members of a workspace.

use std::collections::BTreeSet;

use toml_edit::Item;

use super::error::WorkspaceError;
use super::{inside, path_in, statements};
use crate::python::project::{Files, ProjectError, Toml, ini, setup_strings};
use crate::python::settings::glob::{PathPattern, is_pattern};

/// The files of which a project has at least one
pub(super) const PROJECT_FILES: [&str; 3] = ["pyproject.toml", "setup.cfg", "setup.py"];

/// A classifier that begins with this word keeps a project from PyPI, which has no such classifiers
const PRIVATE: &str = "Private ::";

/// The members that `[tool.uv.workspace]` names, and the root if it is a project: folders relative to the root, the
/// root's own empty, sorted. None if there is no such table.
///
/// As for uv, a member needs a pyproject.toml, may be hidden, and is left out with `[tool.uv] managed = false`.
///
/// # Errors
/// As for [`matching`]; or the root's pyproject.toml cannot be read.
pub fn uv_members(files: &dyn Files) -> Result<Option<Vec<String>>, WorkspaceError> {
    let path = PROJECT_FILES[0];
    let Some(text) = statements::text(files, path)? else { return Ok(None) };
    let toml = Toml::parse(path, &text)?;
    let table = ["tool", "uv", "workspace"];
    match toml.get(&table) {
        None => return Ok(None),
        Some(item) if item.as_table_like().is_none() => return Err(toml.wrong(&table, "a table").into()),
        Some(_) => {}
    }
    let globs = |key: &str| -> Result<Vec<String>, ProjectError> {
        Ok(toml.string_array(&[&table[..], &[key]].concat())?.unwrap_or_default())
    };
    let (included, excluded) = (globs("members")?, globs("exclude")?);
    let included: Vec<&str> = included.iter().map(String::as_str).collect();
    let excluded: Vec<&str> = excluded.iter().map(String::as_str).collect();
    let mut members = BTreeSet::from_iter(found(files, &included, &excluded, true)?);
    members.retain(|folder| is_managed(files, folder));
    if toml.has(&["project"]) {
        members.insert(String::new());
    }
    Ok(Some(members.into_iter().collect()))
}

/// The folders that match a pattern and have a project: relative to the root, sorted.
///
/// A pattern with wildcards leaves hidden folders out. What is in an excluded folder is excluded too.
///
/// # Errors
/// A pattern is absolute, leaves the workspace with `..`, or is not valid; or there is no project where one without
/// wildcards says.
pub fn matching(files: &dyn Files, globs: &[&str], exclude: &[&str]) -> Result<Vec<String>, WorkspaceError> {
    found(files, globs, exclude, false)
}

fn found(
    files: &dyn Files,
    globs: &[&str],
    exclude: &[&str],
    is_uv: bool,
) -> Result<Vec<String>, WorkspaceError> {
    let projects = &PROJECT_FILES[..if is_uv { 1 } else { PROJECT_FILES.len() }];
    let excluded = exclude.iter().map(|glob| plain(glob)).collect::<Result<Vec<_>, _>>()?;
    let excluded = excluded.iter().map(|path| pattern(path, is_uv)).collect::<Result<Vec<_>, _>>()?;
    let is_excluded = |folder: &str| {
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        let mut folders = ends.map(|end| &folder[..end]);
        folders.any(|folder| excluded.iter().any(|pattern| pattern.matches(folder)))
    };
    let mut members = BTreeSet::new();
    for glob in globs {
        let path = plain(glob)?;
        if !is_pattern(&path) {
            if !projects.iter().any(|file| files.read(&path_in(&path, file)).is_some()) {
                return Err(WorkspaceError::NoMember { glob: shown(glob) });
            }
            members.insert(path);
            continue;
        }
        let pattern = pattern(&path, is_uv)?;
        for file in pattern.files_within(files) {
            let (folder, name) = file.rsplit_once('/').unwrap_or(("", &file));
            if projects.contains(&name) && !members.contains(folder) && pattern.matches(folder) {
                members.insert(folder.to_owned());
            }
        }
    }
    members.retain(|folder| !is_excluded(folder));
    Ok(members.into_iter().collect())
}

/// The path of a pattern in its plain form.
fn plain(glob: &str) -> Result<String, WorkspaceError> {
    inside(glob).ok_or_else(|| WorkspaceError::Outside { glob: shown(glob) })
}

/// A pattern; for uv, `*` also matches hidden folders.
fn pattern(path: &str, is_uv: bool) -> Result<PathPattern<'_>, WorkspaceError> {
    let pattern = PathPattern::new(path).ok_or_else(|| WorkspaceError::BadGlob { glob: shown(path) })?;
    Ok(if is_uv { pattern.with_hidden() } else { pattern })
}

fn shown(glob: &str) -> String {
    glob.chars().take(80).collect()
}

/// Whether uv takes care of the project.
fn is_managed(files: &dyn Files, folder: &str) -> bool {
    let path = path_in(folder, PROJECT_FILES[0]);
    let text = statements::text(files, &path).ok().flatten();
    // Seldom: not every member is parsed for it.
    let toml = text.filter(|text| text.contains("managed")).and_then(|text| Toml::parse(&path, &text).ok());
    let managed = toml.and_then(|toml| toml.get(&["tool", "uv", "managed"]).and_then(Item::as_bool));
    managed != Some(false)
}

/// Whether a project is not to be published: by a classifier such as `Private :: Do Not Upload`, or because its tool does
/// not build it (`[tool.uv] package = false`, `[tool.poetry] package-mode = false`, and the root of a uv workspace without
/// `[build-system]`).
pub fn is_private(files: &dyn Files, folder: &str) -> bool {
    let read = |name: &str| {
        let path = path_in(folder, name);
        Some((statements::text(files, &path).ok()??, path))
    };
    let is_private = |classifier: &str| classifier.trim_start().starts_with(PRIVATE);
    let in_pyproject = || {
        let (text, path) = read(PROJECT_FILES[0])?;
        let toml = Toml::parse(&path, &text).ok()?;
        let places = [&["project", "classifiers"][..], &["tool", "poetry", "classifiers"]];
        let says = |keys: &[&str]| toml.get(keys).and_then(Item::as_bool);
        let package = says(&["tool", "uv", "package"]);
        let is_virtual = toml.has(&["tool", "uv", "workspace"]) && !toml.has(&["build-system"]);
        Some(
            places.iter().any(|keys| toml.strings(keys).into_iter().any(is_private))
                || says(&["tool", "poetry", "package-mode"]) == Some(false)
                || package == Some(false)
                || (is_virtual && package.is_none()),
        )
    };
    let in_cfg = || {
        let (text, _) = read(PROJECT_FILES[1])?;
        let entries = ini::entries(&text);
        let private = ini::find(&entries, "metadata", "classifiers")?.values(&text).any(is_private);
        Some(private)
    };
    let in_script = || {
        let (text, _) = read(PROJECT_FILES[2])?;
        Some(setup_strings(&text, "classifiers").into_iter().any(|one| is_private(&text[one.span])))
    };
    in_pyproject() == Some(true) || in_cfg() == Some(true) || in_script() == Some(true)
}
