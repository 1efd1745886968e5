//! The state in which a run is resumed, by its journal: the completed stages, and the clone.

use std::path::{Path, PathBuf};

use super::journal::{Record, header};
use super::release::Release;
use super::run::RunFolder;
use crate::engine::journal::{Entry, entries};
use crate::engine::model::{Effect, Outputs, State};
use crate::error::{Error, Result};
use crate::python::distribution::Distribution;
use crate::world::git::{Head, Landing, PrivateClone};

/// The number of leading stages whose effects all still stand, and their outputs.
pub fn completed_stages(records: &[Record], stages: &[&str]) -> (usize, Outputs) {
    let effects = entries(records);
    let stands = |id: &u64| {
        effects.iter().any(|entry| entry.id == *id && matches!(entry.state, State::Done | State::Kept))
    };
    let mut outputs = Outputs::default();
    let mut begun: Vec<u64> = Vec::new();
    let mut done: Vec<Outputs> = Vec::new();
    let mut adopted: Vec<Distribution> = Vec::new();
    for record in records {
        match record {
            Record::Found { stages, outputs: found, .. } => {
                done = vec![Outputs::default(); stages.len()];
                outputs = found.clone();
            }
            Record::StageBegun { stage } => {
                // A stage that began again invalidates itself and all later stages.
                let at = stages.iter().position(|name| name == stage).unwrap_or(stages.len());
                done.truncate(at);
                begun.clear();
            }
            Record::Intent { id, .. } => begun.push(*id),
            Record::Adopted { distributions } => adopted.extend_from_slice(distributions),
            Record::StageDone { stage, outputs } => {
                let next = stages.get(done.len()).is_some_and(|name| name == stage);
                if next && begun.iter().all(stands) {
                    done.push(outputs.clone());
                }
            }
            _ => {}
        }
    }
    let number = done.len();
    done.into_iter().for_each(|done| outputs.merge(done));
    outputs.join(adopted);
    (number, outputs)
}

/// Whether the run waits for wheels that are built elsewhere.
pub fn awaits_wheels(records: &[Record]) -> bool {
    let is_adoption = |record: &Record| matches!(record, Record::Adopted { .. });
    header(records).is_some_and(|header| header.sdist_only) && !records.iter().any(is_adoption)
}

/// The file to export the run to after its private stages, if `prepare` began it in this repository.
pub fn export_of(records: &[Record]) -> Option<PathBuf> {
    header(records)?.export.clone().filter(|_| !is_continued(records))
}

/// Whether the run continues an imported or reconstructed one: then its private stages are not repeated.
pub(super) fn is_continued(records: &[Record]) -> bool {
    is_rebuilt(records) || records.iter().any(|record| matches!(record, Record::Imported {}))
}

/// Whether the run was reconstructed after its journal was lost.
pub(super) fn is_rebuilt(records: &[Record]) -> bool {
    records.iter().any(|record| matches!(record, Record::Found { .. }))
}

/// The landing of the release in the user's repository.
pub(super) fn landing(release: &Release) -> Landing {
    let head = &release.checkout.head;
    Landing {
        branch: head.branch.clone(),
        old: head.commit.clone(),
        new: release.outputs.commit.clone().unwrap_or_else(|| head.commit.clone()),
        tags: release.outputs.tags(),
        head: head.branch.is_none().then(|| release.checkout.repository.head_name()),
    }
}

/// Whether the clone is complete and has the release commit.
pub(super) fn is_whole(tree: &Path, release: &Release) -> bool {
    if !tree.join(".git/index").is_file() {
        return false;
    }
    let clone = PrivateClone::at(tree);
    let has = |commit: &String| clone.git(["merge-base", "--is-ancestor", commit, "HEAD"]).capture();
    release.outputs.commit.as_ref().is_none_or(|commit| has(commit).is_ok_and(|asked| asked.success()))
}

/// Makes the clone again, from the imported bundle or from the release commit in the repository.
///
/// # Errors
/// The commit is nowhere, or git failed.
pub(super) fn restore(run: &RunFolder, records: &[Record], release: &Release) -> Result<()> {
    let tree = run.tree();
    if tree.is_dir() {
        fs_err::remove_dir_all(&tree)?;
    }
    let checkout = &release.checkout;
    if records.iter().any(|record| matches!(record, Record::Imported {})) {
        let bundle = run.bundle();
        let bundle = bundle.is_file().then_some(bundle.as_path());
        return landing(release).unbundle(&checkout.repository, bundle, &tree).map(drop);
    }
    let landed = |entry: &Entry| matches!(entry.effect, Effect::Land { .. }) && entry.state == State::Done;
    let safe = is_continued(records) || entries(records).iter().any(landed);
    match release.outputs.commit.clone().filter(|commit| safe && checkout.repository.has(commit)) {
        Some(commit) => {
            let head = Head { commit, branch: checkout.head.branch.clone() };
            PrivateClone::make(&checkout.repository, &head, &tree).map(drop)
        }
        None => Err(Error::failed(format!("the run's clone `{}` is gone", tree.display()))
            .help("what was built there cannot be built again with the same bytes")),
    }
}
