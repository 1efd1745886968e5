//! A rehearsal under a version of its own: the release built once more as X.Y.Z.devN. The configuration asks for it, or the
//! index has other bytes under the names of the release, as after an attempt that failed later.

use std::path::Path;

use super::{Batch, RehearsalVersion, Upload, look};
use crate::config::Config;
use crate::engine::prelude::*;
use crate::index::{IndexClient, Listing};
use crate::python::distribution::Distribution;
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
        Ok(Self { version: config.settings("version")?, build: config.settings::<Build>("build")?.once() })
    }

    /// Builds the release under the first development version of it that the index has not.
    pub(super) fn prepare(
        &self,
        client: &IndexClient,
        release: &Release,
        effects: &mut Effects<'_>,
    ) -> Result<Batch> {
        let target = &release.target;
        let listing = client.listing(&target.project.name);
        let listing = listing.map_err(|error| error.of_index(&client.address().name))?.unwrap_or_default();
        let version = look::free_version(&listing, &target.version);
        let action = self.build.action(format!("the rehearsal as {version}"), &release.building);
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
            let root = tree.join(&release.checkout.prefix);
            self.rewrite(release, &root, &version)?;
            let pretended = PRETENDED.map(|name| (name.to_owned(), version.to_string()));
            let from_tag = matches!(release.target.project.version, VersionSource::Vcs { .. });
            let variables = if from_tag { &pretended[..] } else { &[] };
            Ok(self.build.build_in_run(release, bench, (&root, &dist), variables)?.distributions)
        })?;
        Ok(Batch { version: version.to_string(), distributions: distributions.unwrap_or_default() })
    }

    fn rewrite(&self, release: &Release, root: &Path, version: &ProjectVersion) -> Result<()> {
        let target = &release.target;
        let files = Folder(root.to_owned());
        for (path, bytes) in self.version.rewritten(&files, target, version)? {
            fs_err::write(root.join(path), bytes)?;
        }
        Ok(())
    }
}

impl Upload {
    /// How to rehearse under a version of its own, where that is to be: with why, where the index is the reason.
    pub(super) fn own_rehearsal(
        &self,
        client: &IndexClient,
        release: &Release,
    ) -> Option<(&Rehearsal, Option<String>)> {
        let rehearsal = self.rehearsal.as_ref()?;
        if self.settings.version == RehearsalVersion::Dev {
            return Some((rehearsal, None));
        }
        // An index that cannot be asked says by itself what is wrong, when something is sent to it.
        let listing = client.listing(&release.target.project.name).ok().flatten()?;
        let why = in_the_way(client, &listing, release)?;
        Some((rehearsal, Some(format!("{why}: the release is rehearsed under a version of its own"))))
    }
}

/// Why an index cannot take the release's own files, or have the same already.
fn in_the_way(client: &IndexClient, listing: &Listing, release: &Release) -> Option<String> {
    let index = &client.address().name;
    let built = &release.outputs.distributions;
    let theirs = |name: &str| listing.files.iter().find(|file| file.filename == name);
    let is_other = |file: &&Distribution| {
        theirs(&file.filename).is_some_and(|theirs| {
            let sha256 = theirs.sha256.clone().or_else(|| client.sha256(theirs).ok());
            sha256.is_none_or(|sha256| !sha256.eq_ignore_ascii_case(&file.sha256))
        })
    };
    let others: Vec<&str> = built.iter().filter(is_other).map(|file| file.filename.as_str()).collect();
    if !others.is_empty() {
        return Some(format!("`{index}` has other bytes under {}", others.join(" and ")));
    }
    let lacks_some = built.iter().any(|file| theirs(&file.filename).is_none());
    let closed = look::closed(client, listing, &release.names().version).filter(|_| lacks_some)?;
    Some(format!("`{index}` takes no further files of {} since {closed}", release.names().version))
}
