//! What only the build backend can tell about a project.

use serde::Deserialize;

use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::error::{Error, Result};
use crate::python::version::Version;
use crate::stages::build::Build;
use crate::world::git::PrivateClone;

/// Writes the name and the version of the project in the first argument to the file in the second; the third tells
/// whether to build in an isolated environment.
const SCRIPT: &str = include_str!("../../../templates/tools/metadata.py");

/// The fewest digits that tell a commit
const SHORTEST_HASH: usize = 6;

/// The name and version in the metadata that the backend makes
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BackendMetadata {
    pub name: String,
    pub version: Version,
}

impl BackendMetadata {
    /// Whether the version names the commit, as in `1.2.1.dev3+g0123abc`: then the project's code makes it from tags.
    pub(super) fn names_commit(&self, commit: &str) -> bool {
        let version = self.version.to_string();
        let local = version.split_once('+').map_or("", |(_, local)| local);
        let is_commit = |hash: &str| hash.len() >= SHORTEST_HASH && commit.starts_with(hash);
        local.split(['.', '-', '_']).any(|part| part.strip_prefix('g').is_some_and(is_commit))
    }
}

/// Asks the build backend for the metadata of the commit at HEAD (`prepare_metadata_for_build_wheel`, PEP 517), in a
/// private clone and with the Python of `build`. This runs the project's code.
///
/// # Errors
/// There is no Python, the backend fails, or what it makes has no valid version.
pub fn ask_backend(config: &Config, checkout: &Checkout, say: &dyn Fn(&str)) -> Result<BackendMetadata> {
    let build: Build = config.settings("build")?;
    let folder = tempfile::tempdir()?;
    let clone = PrivateClone::make(&checkout.repository, &checkout.head, &folder.path().join("tree"))?;
    let answer = folder.path().join("metadata.json");
    let script = folder.path().join("metadata.py");
    fs_err::write(&script, SCRIPT)?;
    let process = build.script(checkout, &script, say)?;
    let process = process.arg(clone.top().join(&checkout.prefix)).arg(&answer).arg(build.isolation());
    // Not in the project, where a module named `build` would be run instead.
    process.folder(folder.path()).read().map_err(|error| {
        Error::failed("the build backend did not make the project's metadata")
            .because(error)
            .help("`python -m build` shows the same problem; correct the project, or set `files` in [stage.version]")
    })?;
    let text = fs_err::read(&answer)?;
    serde_json::from_slice(&text).map_err(|error| {
        Error::failed("the metadata that the build backend made has no valid version").because(error)
    })
}
