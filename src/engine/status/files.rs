//! The state of a run's distributions, in its folder and on every index that it uploads to.

use serde::Serialize;

use super::JournalSummary;
use super::remote_facts::RemoteFacts;
use crate::engine::journal::{Header, Record};
use crate::engine::model::{Destination, Effect, Reach};
use crate::index::Listing;
use crate::index::SimpleFile;
use crate::python::distribution::Distribution;
use crate::python::filename::{Filename, normalize};

/// The state of a distribution
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DistributionStatus {
    pub filename: String,
    /// The sha256 of the file that was built
    pub sha256: String,
    /// Whether it was built for a rehearsal only
    pub rehearsal: bool,
    /// The state of the file in the run's folder
    #[serde(rename = "here")]
    pub local: LocalState,
    pub indexes: Vec<IndexFile>,
}

/// The state of a distribution in the run's folder
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum LocalState {
    Present,
    Changed { sha256: String },
    Gone,
}

/// The state of a distribution on an index
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IndexFile {
    pub index: String,
    pub reach: Reach,
    pub state: FileState,
    /// The sha256 of the index's file, if it differs
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether the index serves attestations of the file; none if it does not say
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attested: Option<bool>,
    /// Why the state is unknown
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether a workflow builds and uploads the file, so that its bytes may differ
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_workflow: bool,
}

/// How an index's file compares with the one that was built
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "IndexFileState"))]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    Same,
    Different,
    Absent,
    Unknown,
}

/// How long an index accepts further files of the release: PyPI does for 14 days after the first one
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "UploadWindow"))]
pub struct Window {
    pub index: String,
    /// When the first file of the release was uploaded; RFC 3339
    pub opened: String,
    pub closes: String,
    /// The remaining days, with a fraction; never negative
    pub days_left: f64,
}

pub(super) fn files(
    summary: &JournalSummary,
    header: &Header,
    facts: &RemoteFacts,
) -> Vec<DistributionStatus> {
    let mut reports: Vec<DistributionStatus> = Vec::new();
    let all = distributions(summary, &header.releases());
    // An index that was rehearsed under another version did not get the release's own files.
    let takes_own = |destination: &Destination| {
        destination.exact
            && all.iter().all(|(_, only_on)| only_on.as_ref().is_none_or(|index| *index != destination.index))
    };
    for (distribution, only_on) in all.iter().cloned() {
        if reports.iter().any(|known| known.filename == distribution.filename) {
            continue;
        }
        let indexes = facts
            .indexes()
            .iter()
            .filter(|(destination, _)| match &only_on {
                Some(index) => *index == destination.index,
                None => takes_own(destination),
            })
            .map(|(destination, listings)| {
                let listing = listings.of(&distribution.filename);
                let (state, sha256, reason) = compare(listing, &distribution);
                IndexFile {
                    index: destination.index.clone(),
                    reach: destination.reach,
                    state,
                    sha256,
                    attested: attested(listing, &distribution),
                    reason,
                    by_workflow: destination.by_workflow,
                }
            })
            .collect();
        reports.push(DistributionStatus {
            rehearsal: only_on.is_some(),
            local: local_state(&distribution),
            filename: distribution.filename,
            sha256: distribution.sha256,
            indexes,
        });
    }
    reports
}

/// Whether a file belongs to one of the releases: a project and its version.
fn is_of(name: &Filename, releases: &[(&str, &str)]) -> bool {
    let project = normalize(name.name());
    releases
        .iter()
        .any(|(known, version)| normalize(known) == project && name.version().to_string() == *version)
}

/// The release's own distributions, and those built for a rehearsal, each with its index.
fn distributions(summary: &JournalSummary, releases: &[(&str, &str)]) -> Vec<(Distribution, Option<String>)> {
    let mut own: Vec<Distribution> = release_files(&summary.records);
    // If the journal has lost the build's record, count the uploads under the release's version.
    for entry in &summary.entries {
        if let Effect::Upload { distribution, .. } = &entry.effect
            && own.iter().all(|file| file.filename != distribution.filename)
            && distribution.filename.parse::<Filename>().is_ok_and(|name| is_of(&name, releases))
        {
            own.push(distribution.clone());
        }
    }
    let mut all: Vec<(Distribution, Option<String>)> = own.iter().cloned().map(|file| (file, None)).collect();
    for entry in &summary.entries {
        if let Effect::Upload { index, distribution, .. } = &entry.effect {
            let is_own = own.iter().any(|file| file.filename == distribution.filename);
            all.extend((!is_own).then(|| (distribution.clone(), Some(index.clone()))));
        }
    }
    all
}

/// The distributions of the last stage that gave any, and those that joined the run later.
pub(super) fn release_files(records: &[Record]) -> Vec<Distribution> {
    let is_given =
        |record: &Record| !matches!(record, Record::Adopted { .. }) && !record.distributions().is_empty();
    let Some(given) = records.iter().rposition(is_given) else { return Vec::new() };
    let files = records[given..].iter().flat_map(Record::distributions);
    files.cloned().collect()
}

fn local_state(distribution: &Distribution) -> LocalState {
    match crate::world::sha256(&distribution.path) {
        Ok((sha256, _)) if sha256 == distribution.sha256 => LocalState::Present,
        Ok((sha256, _)) => LocalState::Changed { sha256 },
        Err(_) => LocalState::Gone,
    }
}

fn compare(
    listing: &Result<Option<Listing>, String>,
    distribution: &Distribution,
) -> (FileState, Option<String>, Option<String>) {
    let files = match listing {
        Err(reason) => return (FileState::Unknown, None, Some(reason.clone())),
        Ok(listing) => listing.iter().flat_map(|listing| &listing.files),
    };
    match files.into_iter().find(|file| file.filename == distribution.filename).map(|file| &file.sha256) {
        None => (FileState::Absent, None, None),
        Some(None) => (FileState::Unknown, None, Some("the index lists it without a sha256".to_owned())),
        Some(Some(sha256)) if *sha256 == distribution.sha256 => (FileState::Same, None, None),
        Some(Some(sha256)) => (FileState::Different, Some(sha256.clone()), None),
    }
}

/// Whether the index serves attestations of a file that it lists. Only an index that has some for a file is known to say
/// so of others.
fn attested(listing: &Result<Option<Listing>, String>, distribution: &Distribution) -> Option<bool> {
    let files = &listing.as_ref().ok()?.as_ref()?.files;
    let file = files.iter().find(|file| file.filename == distribution.filename)?;
    let is_attested = |file: &SimpleFile| file.provenance.is_some();
    files.iter().any(is_attested).then_some(is_attested(file))
}

pub(super) fn windows(summary: &JournalSummary, facts: &RemoteFacts) -> Vec<Window> {
    if summary.outcome.is_some() {
        return Vec::new();
    }
    let public = facts.indexes().iter().filter(|(destination, _)| destination.reach == Reach::Public);
    let now = jiff::Timestamp::now();
    public
        .filter_map(|(destination, listings)| {
            // The first file of any member opens it.
            let windows = listings.iter().filter_map(|(version, listing)| listing.window(version));
            let window = windows.min_by_key(|window| window.closes)?;
            let days_left = window.closes.duration_since(now).as_secs_f64().max(0.0) / 86_400.0;
            Some(Window {
                index: destination.index.clone(),
                opened: window.opened.to_string(),
                closes: window.closes.to_string(),
                days_left: (days_left * 10.0).floor() / 10.0,
            })
        })
        .collect()
}
