//! A run's folder can move, with its repository or to another one: the paths that its journal names move with it.

use std::path::{Path, PathBuf};

use super::Record;
use crate::engine::model::Effect;
use crate::python::distribution::Distribution;

/// Makes every path below the run's folder, as it was when the record was written, one below the folder that the
/// journal at `journal` lies in now.
pub(super) fn relocate<'a>(records: impl IntoIterator<Item = &'a mut Record>, journal: &Path) {
    let Some(folder) = journal.parent() else { return };
    let mut run = String::new();
    for record in records {
        match record {
            Record::Run(header) => run.clone_from(&header.run),
            Record::StageDone { outputs, .. } | Record::Found { outputs, .. } => {
                outputs.files_mut().for_each(|file| moved(file, &run, folder));
            }
            Record::Adopted { distributions } => {
                distributions.iter_mut().for_each(|file| moved(file, &run, folder));
            }
            Record::Intent { effect: Effect::Upload { distribution, .. }, .. } => {
                moved(distribution, &run, folder);
            }
            Record::Intent { effect: Effect::Attest { distributions }, .. } => {
                distributions.iter_mut().for_each(|file| moved(file, &run, folder));
            }
            _ => {}
        }
    }
}

fn moved(distribution: &mut Distribution, run: &str, folder: &Path) {
    let text = distribution.path.to_string_lossy();
    // The journal may come from a system that separates folders otherwise.
    let mut parts = text.split(['/', '\\']);
    if run.is_empty() || !parts.by_ref().any(|part| part == run) {
        return;
    }
    let inside: PathBuf = parts.collect();
    if inside.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
        distribution.path = folder.join(inside);
    }
}
