//! Projects of every backend, read and given a new version.

mod sources;
mod writing;

use std::collections::BTreeMap;

use super::*;
use crate::python::version::Version;

type Tree = BTreeMap<String, Vec<u8>>;

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// A pyproject.toml for the backend, with more behind it.
fn pyproject(backend: &str, more: &str) -> String {
    format!(
        "[build-system]\nbuild-backend = \"{backend}\"\n[project]\nname = \"Demo.Pkg\"\ndynamic = [\"version\"]\n{more}"
    )
}

/// The project's places, released from 1.0 to 1.1: the path and the new text of what changed.
fn released(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let files = tree(files);
    let project = Project::read(&files).unwrap();
    let VersionSource::Static(places) = project.version else { panic!("{:?}", project.version) };
    assert_eq!(current_version(&files, &places).unwrap(), version("1.0"));
    let changed = bump_all(&files, &places, &version("1.0"), &version("1.1")).unwrap();
    changed.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect()
}

fn unreadable(files: &[(&str, &str)]) -> String {
    match Project::read(&tree(files)).unwrap().version {
        VersionSource::Unreadable(error) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn vcs(files: &[(&str, &str)]) -> String {
    match Project::read(&tree(files)).unwrap().version {
        VersionSource::Vcs { tool } => tool,
        other => panic!("{other:?}"),
    }
}
