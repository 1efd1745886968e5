//! Plays the workflow that publishes a release: when the tag is at a remote, the index gets the files that were built.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::facts::{files_of_index, refs};
use super::template::remote;
use crate::engine::journal::{Journal, Record};
use crate::engine::model::{Effect, Reach};
use crate::engine::run::Store;
use crate::error::Result;
use crate::world::git::Repository;

/// The files of the newest run that an index lacks, once its tag is at a remote.
///
/// # Errors
/// The sandbox cannot be read.
pub(super) fn to_publish(world: &Path, project: &Path, index: &str) -> Result<Vec<PathBuf>> {
    let Some(run) = Store::of(&Repository::discover(project)?)?.runs()?.pop() else { return Ok(Vec::new()) };
    // The run is writing its journal, or was killed before it began one.
    let Ok(records) = Journal::read(&run.journal()) else { return Ok(Vec::new()) };
    let mut is_pushed = false;
    let mut files = Vec::new();
    for record in &records {
        match record {
            Record::Intent {
                effect: Effect::Push { remote: name, updates, reach: Reach::Public, .. },
                ..
            } => {
                let there = refs(&remote(world, name))?;
                is_pushed |= updates.iter().all(|update| there.get(&update.name) == update.new.as_ref());
            }
            Record::StageDone { outputs, .. } if outputs.files().next().is_some() => {
                files = outputs.files().map(|file| file.path.clone()).collect();
            }
            _ => {}
        }
    }
    if !is_pushed {
        return Ok(Vec::new());
    }
    let there: BTreeSet<String> = files_of_index(&world.join("indexes").join(index))?.into_keys().collect();
    let is_there =
        |file: &PathBuf| file.file_name().is_some_and(|name| there.contains(name.to_string_lossy().as_ref()));
    files.retain(|file| !is_there(file));
    Ok(files)
}
