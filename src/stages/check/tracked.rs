//! The project's files as git knows them, for the source distributions judged beside it.

use std::path::{Path, PathBuf};

use crate::python::distribution::Kind;
use crate::python::filename::{Filename, normalize};
use crate::python::project::{Files, Project, VersionSource, current_version};
use crate::python::verdict::Tracked;
use crate::python::version::ExactVersion;
use crate::world::Folder;
use crate::world::git::Repository;

/// What git tracks of the project below `prefix` of the repository, of which `files` reads the rest.
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

/// What git tracks of the project at `root`; nothing where that is no project in a repository, or none of the
/// distributions is its source distribution.
///
/// Whatever keeps it from being read is no reason not to judge the distributions.
pub fn tracked_at(root: &Path, distributions: &[PathBuf]) -> Option<Tracked> {
    let named = |path: &PathBuf| path.file_name()?.to_str()?.parse::<Filename>().ok();
    let mut sdists =
        distributions.iter().filter_map(named).filter(|name| name.kind() == Kind::Sdist).peekable();
    sdists.peek()?;
    let files = Folder(root.to_owned());
    let project = Project::read(&files).ok()?;
    // To open a repository takes longer than to judge most files.
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
