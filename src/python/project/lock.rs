//! Lock files that record the project's own version, and the command that updates only that.

use super::toml::Toml;
use super::{Files, Project, VersionLocation, VersionSyntax, text_of};
use crate::python::filename::normalize;

/// A lock file that a new version makes stale
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    /// Relative to the project's root
    pub path: String,
    /// The program that writes it
    pub tool: &'static str,
    /// Runs in the lock file's directory
    pub command: Vec<String>,
}

/// The lock files that record the version that `places` state.
///
/// uv.lock records it for a project with a static version (`source = { editable = "." }`); `uv lock` keeps all other
/// versions that still satisfy. Cargo.lock records each crate's version; `cargo update --workspace` changes no other
/// package. poetry.lock and pdm.lock do not record the root project, and their content hash does not cover its
/// version: a release never makes them stale.
///
/// A lock file that cannot be read is listed, and its tool decides.
pub fn lock_files(files: &dyn Files, project: &Project, places: &[VersionLocation]) -> Vec<LockFile> {
    let mut found = Vec::new();
    let in_pyproject = |place: &VersionLocation| {
        matches!(place.how, VersionSyntax::PyprojectProject | VersionSyntax::PyprojectPoetry)
    };
    if places.iter().any(in_pyproject) && records(files, "uv.lock", &project.normalized_name(), normalize) {
        found.push(lock("uv.lock", "uv", &["uv", "lock"]));
    }
    for place in places
        .iter()
        .filter(|place| matches!(place.how, VersionSyntax::Cargo | VersionSyntax::CargoWorkspace))
    {
        let Some(path) = cargo_lock(files, &place.path) else { continue };
        let named = match place.how {
            // Members of the workspace inherit it, whatever their names.
            VersionSyntax::CargoWorkspace => true,
            _ => {
                crate_name(files, &place.path).is_none_or(|name| records(files, &path, &name, str::to_owned))
            }
        };
        let file = lock(&path, "cargo", &["cargo", "update", "--workspace"]);
        if named && !found.contains(&file) {
            found.push(file);
        }
    }
    found
}

fn lock(path: &str, tool: &'static str, command: &[&str]) -> LockFile {
    LockFile { path: path.to_owned(), tool, command: command.iter().map(|word| (*word).to_owned()).collect() }
}

/// Whether the lock file has a version of the package from this directory, and not from an index.
fn records(files: &dyn Files, path: &str, name: &str, spelled: fn(&str) -> String) -> bool {
    let Ok(text) = text_of(files, path) else { return files.read(path).is_some() };
    let Ok(toml) = Toml::parse(path, &text) else { return true };
    let packages = toml.get(&["package"]).and_then(|item| item.as_array_of_tables());
    packages.into_iter().flatten().any(|package| {
        let own =
            package.get("name").and_then(|item| item.as_str()).is_some_and(|found| spelled(found) == name);
        let fetched = package.get("source").is_some_and(|source| {
            source.is_str() || source.as_table_like().is_some_and(|table| table.get("registry").is_some())
        });
        own && !fetched && package.get("version").is_some()
    })
}

fn crate_name(files: &dyn Files, manifest: &str) -> Option<String> {
    let toml = Toml::parse(manifest, &text_of(files, manifest).ok()?).ok()?;
    Some(toml.get(&["package", "name"])?.as_str()?.to_owned())
}

/// The Cargo.lock beside the workspace's manifest: in this directory or in one above.
fn cargo_lock(files: &dyn Files, manifest: &str) -> Option<String> {
    let mut folder = manifest;
    while let Some((above, _)) = folder.rsplit_once('/') {
        let path = format!("{above}/Cargo.lock");
        if files.read(&path).is_some() {
            return Some(path);
        }
        folder = above;
    }
    files.read("Cargo.lock").map(|_| "Cargo.lock".to_owned())
}
