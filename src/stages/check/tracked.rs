//! The project's files in git, to compare source distributions with.

use std::path::{Path, PathBuf};

use crate::python::distribution::Kind;
use crate::python::filename::{Filename, normalize};
use crate::python::project::{Files, Project, VersionSource, current_version};
use crate::python::verdict::Tracked;
use crate::python::version::ExactVersion;
use crate::world::Folder;
use crate::world::git::Repository;

/// The files of the project that git tracks below `prefix`; `files` reads their contents.
pub fn tracked_by(
    repository: &Repository,
    prefix: &str,
    files: &dyn Files,
    project: &Project,
    version: Option<ExactVersion>,
) -> Tracked {
    let text = |path: &str| {
        let content = files.read(path).unwrap_or_default();
        String::from_utf8_lossy(&content).into_owned()
    };
    Tracked::new(&project.name, version, repository.exported(prefix))
        .without_manifest(&text("MANIFEST.in"))
        .without_settings(&text("pyproject.toml"))
}

/// The files that git tracks of the project at `root`; none if that is not a project in a repository, or if the
/// distributions have no source distribution of it.
///
/// Ignores errors: without the tracked files the distributions are still checked.
pub fn tracked_at(root: &Path, distributions: &[PathBuf]) -> Option<Tracked> {
    let named = |path: &PathBuf| path.file_name()?.to_str()?.parse::<Filename>().ok();
    let mut sdists =
        distributions.iter().filter_map(named).filter(|name| name.kind() == Kind::Sdist).peekable();
    sdists.peek()?;
    let files = Folder(root.to_owned());
    let project = Project::read(&files).ok()?;
    // Opening a repository takes longer than checking most files.
    sdists.find(|name| name.normalized_name() == normalize(&project.name))?;
    let version = match &project.version {
        VersionSource::Static(places) => Some(current_version(&files, places).ok()?),
        _ => None,
    };
    let repository = Repository::discover(root).ok()?;
    let top = fs_err::canonicalize(repository.top()).ok()?;
    let inside = fs_err::canonicalize(root).ok()?;
    let inside = inside.strip_prefix(top).ok()?.to_str()?.replace('\\', "/");
    let prefix = if inside.is_empty() { inside } else { format!("{inside}/") };
    Some(tracked_by(&repository, &prefix, &files, &project, version.as_ref().map(ExactVersion::from)))
}
