//! The distributions of a run: in its folder, and on every index that it uploads to.

use serde::Serialize;

use super::JournalSummary;
use super::remote_facts::RemoteFacts;
use crate::engine::journal::{Header, Record};
use crate::engine::model::{Destination, Effect, Reach};
use crate::index::Listing;
use crate::python::distribution::Distribution;
use crate::python::filename::Filename;

/// A distribution and where it is
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DistributionStatus {
    pub filename: String,
    /// As it was built
    pub sha256: String,
    /// Whether it was made for a rehearsal only
    pub rehearsal: bool,
    /// In the run's folder
    pub here: Here,
    pub indexes: Vec<AtIndex>,
}

/// What lies in the run's folder
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Here {
    Present,
    Changed { sha256: String },
    Gone,
}

/// A distribution on an index
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AtIndex {
    pub index: String,
    pub reach: Reach,
    pub state: FileState,
    /// What the index has, where that is another
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why it is not known
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    Same,
    Different,
    Absent,
    Unknown,
}

/// How long an index takes further files of the release: PyPI, 14 days from the first one
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    pub index: String,
    /// When the first file of the release came there; RFC 3339
    pub opened: String,
    pub closes: String,
    /// Not negative; a part of a day counts
    pub days_left: f64,
}

pub(super) fn files(
    summary: &JournalSummary,
    header: &Header,
    facts: &RemoteFacts,
) -> Vec<DistributionStatus> {
    let mut reports: Vec<DistributionStatus> = Vec::new();
    let all = distributions(summary, &header.version);
    // Where the rehearsal went on under a version of its own, the release's own files never went.
    let takes_own = |place: &Destination| {
        place.exact && all.iter().all(|(_, at)| at.as_ref().is_none_or(|index| *index != place.index))
    };
    for (distribution, at) in all.iter().cloned() {
        if reports.iter().any(|known| known.filename == distribution.filename) {
            continue;
        }
        let indexes = facts
            .indexes()
            .iter()
            .filter(|(place, _)| at.as_ref().map_or_else(|| takes_own(place), |index| *index == place.index))
            .map(|(place, listing)| {
                let (state, sha256, reason) = compare(listing, &distribution);
                AtIndex { index: place.index.clone(), reach: place.reach, state, sha256, reason }
            })
            .collect();
        reports.push(DistributionStatus {
            rehearsal: at.is_some(),
            here: here(&distribution),
            filename: distribution.filename,
            sha256: distribution.sha256,
            indexes,
        });
    }
    reports
}

/// The release's own distributions, and those made for a rehearsal with the index they are for.
fn distributions(summary: &JournalSummary, version: &str) -> Vec<(Distribution, Option<String>)> {
    let mut own: Vec<Distribution> = release_files(&summary.records);
    // Where the journal does not tell any more what was built, what went to an index under the release's version was.
    for entry in &summary.entries {
        if let Effect::Upload { distribution, .. } = &entry.effect
            && own.iter().all(|file| file.filename != distribution.filename)
            && distribution
                .filename
                .parse::<Filename>()
                .is_ok_and(|name| name.version().to_string() == version)
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

/// The distributions that the stages have handed on last.
pub(super) fn release_files(records: &[Record]) -> Vec<Distribution> {
    let handed_on = records.iter().rev().find_map(|record| match record {
        Record::StageDone { outputs, .. } | Record::Found { outputs, .. } => {
            (!outputs.distributions.is_empty()).then(|| outputs.distributions.clone())
        }
        _ => None,
    });
    handed_on.unwrap_or_default()
}

fn here(distribution: &Distribution) -> Here {
    match crate::world::sha256(&distribution.path) {
        Ok((sha256, _)) if sha256 == distribution.sha256 => Here::Present,
        Ok((sha256, _)) => Here::Changed { sha256 },
        Err(_) => Here::Gone,
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

pub(super) fn windows(summary: &JournalSummary, header: &Header, facts: &RemoteFacts) -> Vec<Window> {
    if summary.outcome.is_some() {
        return Vec::new();
    }
    let public = facts.indexes().iter().filter(|(place, _)| place.reach == Reach::Public);
    let now = jiff::Timestamp::now();
    public
        .filter_map(|(place, listing)| {
            let window = listing.as_ref().ok()?.as_ref()?.window(&header.version)?;
            let days_left = window.closes.duration_since(now).as_secs_f64().max(0.0) / 86_400.0;
            Some(Window {
                index: place.index.clone(),
                opened: window.opened.to_string(),
                closes: window.closes.to_string(),
                days_left: (days_left * 10.0).floor() / 10.0,
            })
        })
        .collect()
}
