//! Adopts distributions that were built elsewhere into a run, before anything has left it.

use super::journal::{Journal, Record, entries};
use super::run::RunFolder;
use crate::engine::model::State;
use crate::error::{Error, Result};
use crate::python::distribution::Distribution;
use crate::world::{sync_to_disk, verify};

/// Copies verified distributions into the run's folder, and records them with their sha256. With none, the run goes on
/// without the wheels that it waited for.
///
/// # Errors
/// Something has left the run already, so its files are fixed; a file has changed, or cannot be copied.
pub fn adopt(run: &RunFolder, journal: &mut Journal, files: &[Distribution]) -> Result<()> {
    let has_left = entries(journal.records()).iter().any(|entry| entry.state != State::NotDone);
    if let (true, [file, ..]) = (has_left, files) {
        return Err(Error::left(format!(
            "`{}` cannot join run {}: it has begun to publish, and its files are fixed since",
            file.filename,
            run.id()
        ))
        .help("publish the files that it has, or `pyrelease rollback` it if nothing is public"));
    }
    fs_err::create_dir_all(run.dist())?;
    let mut distributions = Vec::new();
    for file in files {
        let own = Distribution { path: run.dist().join(&file.filename), ..file.clone() };
        fs_err::copy(&file.path, &own.path)?;
        // The file may have changed since it was checked.
        verify(&own)?;
        sync_to_disk(&own.path)?;
        if file.attestation().is_file() {
            fs_err::copy(file.attestation(), own.attestation())?;
        }
        distributions.push(own);
    }
    sync_to_disk(&run.dist())?;
    journal.write(Record::Adopted { distributions })
}
