//! Waits until an index lists a release that a workflow publishes file by file.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::engine::prelude::*;
use crate::index::{IndexClient, SimpleFile};
use crate::python::filename::Filename;
use crate::stages::upload::verify::PollSchedule;

/// How long to wait
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// For the release
    pub(super) limit: Duration,
    /// For a further file, if some that were built here are missing
    pub(super) settle: Duration,
}

/// What came of the wait
pub(super) enum Awaiting {
    /// The files of the release
    Settled(Vec<SimpleFile>),
    /// It is not complete, and why not
    OutOfTime(String),
}

/// The listed files of a version.
pub(super) fn of_version(files: &[SimpleFile], version: &str) -> Vec<SimpleFile> {
    let is_of_version = |file: &&SimpleFile| {
        let is_plain = !file.filename.contains(['/', '\\']);
        let parsed = file.filename.parse::<Filename>();
        is_plain && parsed.is_ok_and(|name| name.version().to_string() == version)
    };
    files.iter().filter(is_of_version).cloned().collect()
}

/// Waits until the index lists every file that was built here twice in a row; or until it lists some, and no further one
/// for a time: a workflow may build others.
///
/// # Errors
/// The user interrupted.
pub(super) fn wait(
    client: &IndexClient,
    release: &Release,
    times: Times,
    effects: &Effects<'_>,
) -> Result<Awaiting> {
    let (index, names) = (&client.address().name, release.names());
    let built: BTreeSet<&str> =
        release.outputs.distributions.iter().map(|file| file.filename.as_str()).collect();
    let began = Instant::now();
    let mut pauses = PollSchedule::with(client).pauses();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut changed = began;
    loop {
        let why = match client.listing(&names.name) {
            Ok(listing) => {
                let files =
                    of_version(&listing.map(|listing| listing.files).unwrap_or_default(), &names.version);
                let now: BTreeSet<String> = files.iter().map(|file| file.filename.clone()).collect();
                let missing: Vec<&str> = built.iter().copied().filter(|name| !now.contains(*name)).collect();
                let is_same = now == known;
                let is_settled = changed.elapsed() >= times.settle || missing.is_empty();
                if is_same && !now.is_empty() && is_settled {
                    return Ok(Awaiting::Settled(files));
                }
                let new: Vec<&str> = now.difference(&known).map(String::as_str).collect();
                if !new.is_empty() {
                    effects.note(&format!("`{index}` lists {}", new.join(", ")));
                }
                if !is_same {
                    changed = Instant::now();
                    pauses = PollSchedule::with(client).pauses();
                }
                known = now;
                match known.is_empty() {
                    true => "it lists no file of this version".to_owned(),
                    false => format!("it does not list {}", missing.join(", ")),
                }
            }
            Err(error) => Error::failed("its listing cannot be read").because(error).chain(),
        };
        let left = times.limit.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Ok(Awaiting::OutOfTime(why));
        }
        effects.wait(pauses.next().unwrap_or(left).min(left))?;
    }
}
