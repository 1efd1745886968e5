//! Lock files that record the project's own version: only that entry is changed.

use std::collections::BTreeMap;
use std::ops::Range;

use super::bump::edited;
use super::{Edit, Files, Project, VersionLocation, VersionSyntax, json, text_of};
use crate::python::filename::normalize;
use crate::python::version::Version;

/// npm's lock file
const PACKAGE_LOCK: &str = "package-lock.json";

/// The lock files that record the version that `places` state, with the new version; all other bytes are unchanged.
///
/// uv.lock records it for a project with a static version (`source = { editable = "." }`). poetry.lock and pdm.lock do not record the root project, and their content hash does not cover its
/// version: a release never makes them stale. `others` are further lock files that may record it, such as those of
/// sibling packages, and each package-lock.json that earlier releases changed.
///
/// An entry with another version than `old` is left: nobody keeps it up to date.
pub fn lock_all(
    files: &dyn Files,
    project: &Project,
    (places, others): (&[VersionLocation], &[String]),
    old: &Version,
    new: &Version,
) -> BTreeMap<String, Vec<u8>> {
    let mut changed = BTreeMap::new();
    for path in others.iter().filter(|path| path.rsplit('/').next() == Some(PACKAGE_LOCK)) {
        let Ok(text) = text_of(files, path) else { continue };
        // As package.json beside it has the version
        let package = path.replace(PACKAGE_LOCK, "package.json");
        let is_semantic =
            places.iter().any(|place| place.path == package && place.how == VersionSyntax::PackageJson);
        let Some(version) = (if is_semantic { new.to_semver() } else { Some(new.spelled()) }) else {
            continue;
        };
        let is_old = |span: &Range<usize>| text[span.clone()].parse::<Version>().is_ok_and(|one| one == *old);
        let spans = json::locked_versions(&text).into_iter().filter(is_old);
        let edits: Vec<Edit> = spans.map(|span| Edit { span, text: version.clone() }).collect();
        if !edits.is_empty() {
            changed.insert(path.clone(), edited(&text, edits).into_bytes());
        }
    }
    let name = project.normalized_name();
    let in_pyproject = |place: &VersionLocation| {
        matches!(place.how, VersionSyntax::PyprojectProject | VersionSyntax::PyprojectPoetry)
    };
    let own = places.iter().any(in_pyproject).then(|| "uv.lock".to_owned());
    for path in own.iter().chain(others).filter(|path| path.rsplit('/').next() == Some("uv.lock")) {
        let Ok(text) = text_of(files, path) else { continue };
        let entries = lock_entries(&text).into_iter().filter(|entry| {
            let stated = text[entry.version.clone()].parse::<Version>();
            normalize(&text[entry.name.clone()]) == name
                && !entry.is_fetched
                && stated.is_ok_and(|stated| stated == *old)
        });
        let edits: Vec<Edit> =
            entries.map(|entry| Edit { span: entry.version, text: new.to_string() }).collect();
        if !edits.is_empty() {
            changed.insert(path.clone(), edited(&text, edits).into_bytes());
        }
    }
    changed
}

/// A package in a lock file
pub(in crate::python) struct LockEntry {
    pub(in crate::python) name: Range<usize>,
    pub(in crate::python) version: Range<usize>,
    /// Whether it comes from an index or a repository, not from this one
    pub(in crate::python) is_fetched: bool,
    /// Whether poetry.lock has it from a folder
    pub(in crate::python) is_directory: bool,
}

impl LockEntry {
    /// The lines of the entry from its name on: each with the header of its table, and its offset.
    pub(in crate::python) fn lines<'t>(
        &self,
        text: &'t str,
    ) -> impl Iterator<Item = (&'t str, usize, &'t str)> + use<'t> {
        let mut table = "[[package]]";
        let mut at = self.name.start;
        text[at..].split_inclusive('\n').map_while(move |line| {
            let start = at;
            at += line.len();
            if line.starts_with('[') {
                table = line.trim_end();
            }
            let is_within =
                table == "[[package]]" && !line.starts_with('[') || table.starts_with("[package.");
            is_within.then_some((table, start, line))
        })
    }
}

/// The packages of a uv.lock, poetry.lock or Cargo.lock, which their tools write line by line.
pub(in crate::python) fn lock_entries(text: &str) -> Vec<LockEntry> {
    let mut entries = Vec::new();
    let (mut name, mut version, mut is_fetched, mut is_directory) = (None, None, false, false);
    let mut table = "";
    let mut at = 0;
    for line in text.split_inclusive('\n').chain(["[end]"]) {
        let start = at;
        at += line.len();
        let trimmed = line.trim_end();
        if trimmed.starts_with('[') {
            table = trimmed;
            if trimmed.starts_with("[package.") {
                continue;
            }
            if let (Some(name), Some(version)) = (name.take(), version.take()) {
                entries.push(LockEntry { name, version, is_fetched, is_directory });
            }
            (name, version, is_fetched, is_directory) = (None, None, false, false);
        }
        is_directory |= table == "[package.source]" && trimmed == "type = \"directory\"";
        if table != "[[package]]" {
            continue;
        }
        let value = |key: &str| {
            let inner = trimmed.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?;
            let begin = start + key.len() + " = \"".len();
            Some(begin..begin + inner.len())
        };
        name = value("name").or(name);
        version = value("version").or(version);
        if let Some(source) = trimmed.strip_prefix("source = ") {
            is_fetched = source.starts_with('"') || source.contains("registry =") || source.contains("git =");
        }
    }
    entries
}
