//! Reconstruction: a new run in place of one whose journal is lost, which begins with what was proven.

use std::path::Path;

use super::execute::header;
use super::journal::{Journal, Record};
use super::release::Release;
use super::run::{RunFolder, Store};
use crate::config::Source;
use crate::engine::model::{Destination, Effect, Outputs};
use crate::engine::pipeline::Pipeline;
use crate::error::Result;
use crate::python::distribution::Distribution;

/// What was proven of a release
#[derive(Debug)]
pub struct Reconstruction {
    /// The leading stages that need not run
    pub stages: Vec<String>,
    /// Their outputs; its distributions are not built again
    pub outputs: Outputs,
    /// The evidence, for readers of the journal
    pub evidence: Vec<String>,
    /// The files on indexes: stage, destination, file, and the URL where it was found
    pub uploaded: Vec<(String, Destination, Distribution, String)>,
}

/// Begins the run. `gather` puts the proven distributions into an empty folder. The run is created completely or not at
/// all.
///
/// # Errors
/// `gather` failed, or the folder cannot be written.
pub fn begin(
    store: &Store,
    pipeline: &Pipeline,
    release: &Release,
    source: &Source,
    gather: impl FnOnce(&Path) -> Result<Reconstruction>,
) -> Result<RunFolder> {
    let folder = store.scratch("rebuilding")?;
    let run = store.run(&store.new_id()?);
    let dist = folder.join("dist");
    fs_err::create_dir_all(&dist)?;
    let mut proven = gather(&dist)?;
    let set_path = |file: &mut Distribution| file.path = run.dist().join(&file.filename);
    proven.outputs.files_mut().for_each(set_path);

    let header = header(run.id().to_owned(), pipeline, release, source);
    let project = header.name.clone();
    let mut journal = Journal::create(&folder.join("journal.jsonl"), header)?;
    let Reconstruction { stages, outputs, evidence, uploaded } = proven;
    journal.write(Record::Found { stages, outputs, evidence })?;
    for (stage, place, mut distribution, address) in uploaded {
        set_path(&mut distribution);
        let Destination { index, url, simple, reach, .. } = place;
        let project = project.clone();
        let effect = Effect::Upload { index, url, simple, reach, project, distribution };
        let id = journal.intend(&stage, effect, None)?;
        journal.write(Record::Done { id, evidence: format!("found at {address}, by its sha256") })?;
    }
    drop(journal);
    fs_err::create_dir_all(run.folder().parent().unwrap_or(Path::new(".")))?;
    fs_err::rename(&folder, run.folder())?;
    store.sync_to_disk(&run)?;
    Ok(run)
}
