//! A rehearsal under a version of its own: the release built once more as X.Y.Z.devN.

use std::path::Path;

use super::Batch;
use crate::config::Config;
use crate::engine::prelude::*;
use crate::index::IndexClient;
use crate::python::filename::Filename;
use crate::python::project::VersionSource;
use crate::python::version::Version as ProjectVersion;
use crate::stages::build::Build;
use crate::stages::version::Version;
use crate::world::Folder;

/// What tells the tools that take the version from tags to take another
const PRETENDED: [&str; 3] =
    ["SETUPTOOLS_SCM_PRETEND_VERSION", "PDM_BUILD_SCM_VERSION", "POETRY_DYNAMIC_VERSIONING_BYPASS"];

/// How the release is built as a development release
pub(super) struct Rehearsal {
    version: Version,
    build: Build,
}

impl Rehearsal {
    pub(super) fn new(config: &Config) -> Result<Self> {
        Ok(Self { version: config.settings("version")?, build: config.settings("build")? })
    }

    /// Builds the release under the first development version of it that the index has not.
    pub(super) fn prepare(
        &self,
        client: &IndexClient,
        release: &Release,
        effects: &mut Effects<'_>,
    ) -> Result<Batch> {
        let version = free_version(client, release)?;
        let action = Action::Build { frontend: format!("the rehearsal as {version}") };
        let distributions = effects.private(action, |bench| {
            let folder = bench.scratch();
            let (tree, dist) = (folder.join("tree"), folder.join("dist"));
            for old in [&tree, &dist] {
                if old.is_dir() {
                    fs_err::remove_dir_all(old)?;
                }
            }
            fs_err::create_dir_all(&folder)?;
            // From the release's own commit, without whatever the build has left in the clone.
            let arguments = ["clone", "--quiet", "--shared", "--no-tags", "--template=", "."];
            bench.clone.git(arguments).arg(&tree).read()?;
            let root = tree.join(&release.workspace.prefix);
            self.rewrite(release, &root, &version)?;
            let pretended = PRETENDED.map(|name| (name.to_owned(), version.to_string()));
            let from_tag = matches!(release.target.project.version, VersionSource::Vcs { .. });
            let variables = if from_tag { &pretended[..] } else { &[] };
            self.build.build(release, bench, (&root, &dist), variables)
        })?;
        Ok(Batch { version: version.to_string(), distributions: distributions.unwrap_or_default() })
    }

    fn rewrite(&self, release: &Release, root: &Path, version: &ProjectVersion) -> Result<()> {
        let target = &release.target;
        let files = Folder(root.to_owned());
        for (path, bytes) in self.version.rewritten(&files, &target.project, (&target.version, version))? {
            fs_err::write(root.join(path), bytes)?;
        }
        Ok(())
    }
}

/// The first `X.Y.Z.devN` of which the index lists no file.
fn free_version(client: &IndexClient, release: &Release) -> Result<ProjectVersion> {
    let target = &release.target;
    let index = &client.address().name;
    let listing = client.listing(&target.project.name).map_err(|error| error.of_index(index))?;
    let files = listing.map(|listing| listing.files).unwrap_or_default();
    let taken: Vec<String> = files
        .iter()
        .filter_map(|file| file.filename.parse::<Filename>().ok())
        .map(|name| name.version().to_string())
        .collect();
    let candidates = (1..).map(|number| target.version.as_dev(number));
    let mut free = candidates.filter(|version| !taken.contains(&version.to_string()));
    free.next().ok_or_else(|| Error::failed(format!("`{index}` has every development release there can be")))
}
