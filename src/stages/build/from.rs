//! Takes distributions that exist already, in place of a build (`run --from DIR`).

use std::path::{Path, PathBuf};

use super::{Build, Built};
use crate::engine::prelude::*;
use crate::python::distribution::Kind;
use crate::stages::elsewhere::{Measure, distributions_below, is_of};
use crate::world::sync_to_disk;

/// The distributions in a folder; for a member of a workspace, those with its name.
///
/// # Errors
/// There are none, or as [`distributions_below`].
pub(super) fn those_of(folder: &Path, release: &Release) -> Result<Vec<PathBuf>> {
    let mut paths = distributions_below(folder)?;
    let Some(member) = &release.member else { return Ok(paths) };
    paths.retain(|path| is_of(path, member));
    if paths.is_empty() {
        let (version, folder) = (&release.names().version, folder.display());
        return Err(Error::refused(format!("there is no distribution of {member} {version} in `{folder}`"))
            .help("the folder must have the distributions of every member that is released"));
    }
    Ok(paths)
}

impl Build {
    /// Copies the distributions in a folder into the run's, each proven to be of the release. `check` judges them later.
    pub(super) fn take(&self, folder: &Path, release: &Release, bench: &Workbench<'_>) -> Result<Built> {
        let names = release.names();
        let measure = Measure {
            project: &names.name,
            version: &names.version,
            policy: None,
            environment: &release.checkout.environment,
            on_warning: &|_| {},
            say: &|_| {},
        };
        let mut distributions = Vec::new();
        for file in measure.joining(&[], &those_of(folder, release)?)? {
            let path = bench.dist().join(&file.filename);
            fs_err::copy(&file.path, &path)?;
            sync_to_disk(&path)?;
            let own = release.checkout.hashes.record_digest(&path)?;
            if file.attestation().is_file() {
                fs_err::copy(file.attestation(), own.attestation())?;
            }
            distributions.push(own);
        }
        sync_to_disk(&bench.dist())?;
        distributions.sort_by(|one, other| (one.kind, &one.filename).cmp(&(other.kind, &other.filename)));
        if distributions.iter().all(|file| file.kind != Kind::Sdist) {
            let message = format!("there is no sdist in `{}`", folder.display());
            bench.warn(&message, Some("without one, the release cannot be built from source"));
        }
        Ok(Built { distributions, environments: Vec::new() })
    }
}
