//! Takes distributions that exist already, in place of a build (`run --from DIR`).

use std::path::Path;

use super::{Build, Built};
use crate::engine::prelude::*;
use crate::python::distribution::Kind;
use crate::stages::elsewhere::{Measure, distributions_below};
use crate::world::sync_to_disk;

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
        for file in measure.joining(&[], &distributions_below(folder)?)? {
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
