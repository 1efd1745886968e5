//! The runs of a repository, from their journals.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::journal::{self, Outcome, ReadLine, Record};
use super::run::{RunFolder, Store};
use super::status::{JournalState, journal_state, outcome};
use crate::error::{Error, Result};
use crate::world::kept_environment::ResolvedEnvironment;

/// The summary of a run
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "RunSummary"))]
pub struct Summary {
    pub run: String,
    pub name: String,
    pub version: String,
    /// RFC 3339
    pub began: Option<String>,
    /// How it ended; none for a run that is under way or was interrupted
    pub outcome: Option<Outcome>,
    /// From the first record to the last
    pub seconds: Option<f64>,
    pub journal: JournalState,
    pub folder: String,
}

/// The summaries of all runs, the newest first.
///
/// # Errors
/// A folder or a journal cannot be read.
pub fn summaries(store: &Store) -> Result<Vec<Summary>> {
    store.runs()?.iter().rev().map(summary).collect()
}

fn summary(run: &RunFolder) -> Result<Summary> {
    let lines = read(run)?;
    let records = journal::records(&lines);
    let header = journal::header(&records);
    let mut times = lines.iter().filter_map(|line| line.time);
    let first = times.next();
    let last = times.next_back().or(first);
    Ok(Summary {
        run: run.id().to_owned(),
        name: header.map(|header| header.name.clone()).unwrap_or_default(),
        version: header.map(|header| header.version.clone()).unwrap_or_default(),
        began: first.map(|time| time.to_string()),
        outcome: outcome(&records).or_else(|| run.is_given_up().then_some(Outcome::GivenUp)),
        // The clock may have been set back in between.
        seconds: first.zip(last).map(|(first, last)| last.duration_since(first).as_secs_f64().max(0.0)),
        journal: journal_state(run, &lines),
        folder: run.folder().display().to_string(),
    })
}

/// The name and the sha256 of every distribution that the runs have built, from the journals that can be read. Runs that
/// were rolled back do not count.
///
/// # Errors
/// A folder or a journal cannot be read.
pub fn built(store: &Store) -> Result<BTreeSet<(String, String)>> {
    let mut built = BTreeSet::new();
    for run in store.runs()? {
        let records = journal::records(&read(&run)?);
        if outcome(&records) == Some(Outcome::RolledBack) {
            continue;
        }
        for record in records {
            if !matches!(record, Record::Found { .. }) {
                let files = record.distributions().into_iter();
                built.extend(files.map(|file| (file.filename.clone(), file.sha256.clone())));
            }
        }
    }
    Ok(built)
}

/// The kept environments that a run built its distributions in.
///
/// # Errors
/// The journal cannot be read.
pub fn environments(run: &RunFolder) -> Result<Vec<ResolvedEnvironment>> {
    let mut outputs = journal::records(&read(run)?).into_iter().filter_map(|record| match record {
        Record::StageDone { outputs, .. } if !outputs.environments.is_empty() => Some(outputs.environments),
        _ => None,
    });
    Ok(outputs.next_back().unwrap_or_default())
}

/// The run with this id or a unique prefix of it, or the newest run.
///
/// # Errors
/// No run matches, or several do.
pub fn find(store: &Store, id: Option<&str>) -> Result<RunFolder> {
    let mut runs = store.runs()?;
    let Some(id) = id else {
        return runs.pop().ok_or_else(|| Error::usage("no release has been run in this repository"));
    };
    let exact = runs.iter().position(|run| run.id() == id);
    if let Some(at) = exact {
        return Ok(runs.swap_remove(at));
    }
    let listed = "`pyrelease log` lists the runs";
    let mut matching = runs.into_iter().filter(|run| run.id().starts_with(id));
    match (matching.next(), matching.next()) {
        (Some(run), None) => Ok(run),
        (None, _) => Err(Error::usage(format!("there is no run `{id}`")).help(listed)),
        (Some(_), Some(_)) => Err(Error::usage(format!("several runs start with `{id}`")).help(listed)),
    }
}

/// Every line of a run's journal; none if it has no journal.
///
/// # Errors
/// The journal cannot be read.
pub fn read(run: &RunFolder) -> Result<Vec<ReadLine>> {
    if run.journal().is_file() { journal::lines(&run.journal()) } else { Ok(Vec::new()) }
}

/// The log files of the stages' commands.
///
/// # Errors
/// The folder cannot be read.
pub fn outputs(run: &RunFolder) -> Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for entry in fs_err::read_dir(run.folder())? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "log") {
            logs.push(path);
        }
    }
    logs.sort();
    Ok(logs)
}
