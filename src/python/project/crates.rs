//! Crates beside the Python package: their version, and Cargo.lock, which records that of every crate of a workspace.

use std::collections::BTreeMap;

use super::bump::edited;
use super::toml::Toml;
use super::{Edit, Files, VersionLocation, lock_entries, text_of};
use crate::python::version::Version;

/// The versions of crates in whose Cargo.toml earlier releases changed a line, where they are `old`, as places of
/// their own: cargo refuses every other spelling than that of Semantic Versioning.
pub fn learned_crates(files: &dyn Files, learned: &[VersionLocation], old: &Version) -> Vec<VersionLocation> {
    let mut paths: Vec<&str> = learned.iter().map(|line| line.path.as_str()).collect();
    paths.retain(|path| is_manifest(path));
    paths.sort_unstable();
    paths.dedup();
    let places =
        paths.into_iter().flat_map(|path| VersionLocation::for_file(path, files).unwrap_or_default());
    let is_old = |place: &VersionLocation| {
        let stated = text_of(files, &place.path).and_then(|text| place.read(&text));
        stated.is_ok_and(|stated| stated.as_ref() == Some(old))
    };
    places.filter(is_old).collect()
}

fn is_manifest(path: &str) -> bool {
    path.rsplit('/').next() == Some("Cargo.toml")
}

/// What a release does to the version of crates
struct CrateBump {
    /// The crate; none for all that inherit the version of their workspace, whatever their names
    name: Option<String>,
    old: String,
    new: String,
}

/// The Cargo.lock files that record a version which a release changes in a Cargo.toml, as `cargo update --workspace`
/// would write them. `written` is what the release writes, by path.
///
/// Nothing for a Cargo.lock that `written` has, that is not there, or that records another version than Cargo.toml had:
/// nobody keeps it up to date.
pub fn lock_crates(files: &dyn Files, written: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut bumps: BTreeMap<String, Vec<CrateBump>> = BTreeMap::new();
    for (path, bytes) in written.iter().filter(|(path, _)| is_manifest(path)) {
        if let Some(lock) = cargo_lock(files, path)
            && !written.iter().any(|(path, _)| *path == lock)
        {
            bumps.entry(lock).or_default().extend(bumped(files, path, bytes));
        }
    }
    let mut changed = Vec::new();
    for (path, bumps) in bumps {
        let Ok(text) = text_of(files, &path) else { continue };
        let edits = edits(&text, &bumps);
        if !edits.is_empty() {
            changed.push((path, edited(&text, edits).into_bytes()));
        }
    }
    changed
}

/// The versions that a manifest states differently once it is written.
fn bumped(files: &dyn Files, path: &str, written: &[u8]) -> Vec<CrateBump> {
    let before = text_of(files, path).ok().and_then(|text| Toml::parse(path, &text).ok());
    let after = std::str::from_utf8(written).ok().and_then(|text| Toml::parse(path, text).ok());
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let name = before.get(&["package", "name"]).and_then(|name| name.as_str());
    let own = name.map(|name| (Some(name.to_owned()), ["package", "version"].as_slice()));
    let inherited = (None, ["workspace", "package", "version"].as_slice());
    let stated = own.into_iter().chain([inherited]).filter_map(|(name, keys)| {
        let (old, new) = (before.get(keys)?.as_str()?, after.get(keys)?.as_str()?);
        (old != new).then(|| CrateBump { name, old: old.to_owned(), new: new.to_owned() })
    });
    stated.collect()
}

/// The changes of a Cargo.lock, in its order: the versions of crates without a source, and where dependencies name them
/// with the version, because there is another crate of that name.
fn edits(text: &str, bumps: &[CrateBump]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut named = Vec::new();
    for entry in lock_entries(text).into_iter().filter(|entry| !entry.is_fetched) {
        let (name, version) = (&text[entry.name], &text[entry.version.clone()]);
        let is_meant =
            |bump: &&CrateBump| bump.name.as_deref().is_none_or(|meant| meant == name) && bump.old == version;
        if let Some(bump) = bumps.iter().find(is_meant) {
            named.push((format!("\"{name} {version}\""), format!("\"{name} {}\"", bump.new)));
            edits.push(Edit { span: entry.version, text: bump.new.clone() });
        }
    }
    let mut at = 0;
    for line in text.split_inclusive('\n').filter(|_| !named.is_empty()) {
        let dependency = line.trim().trim_end_matches(',');
        if let Some((_, new)) = named.iter().find(|(old, _)| old == dependency) {
            let start = at + line.find('"').unwrap_or(0);
            edits.push(Edit { span: start..start + dependency.len(), text: new.clone() });
        }
        at += line.len();
    }
    edits.sort_by_key(|edit| edit.span.start);
    edits
}

/// The Cargo.lock beside the workspace's manifest: in this folder or in one above.
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
