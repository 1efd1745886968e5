//! `status`: the state of the last run.

use super::session::{destinations, locate};
use super::{Context, open};
use crate::engine::status::{JournalState, StatusCollector, StatusReport};
use crate::error::Result;
use crate::stages::rebuild::is_public;

/// The state of the last run; none if the repository has no run. `offline` queries neither remotes nor indexes.
///
/// # Errors
/// The repository or the runs cannot be read.
pub fn status(context: &Context, offline: bool) -> Result<Option<StatusReport>> {
    let (checkout, store) = open(context)?;
    let collector = StatusCollector {
        repository: &checkout.repository,
        environment: &checkout.environment,
        store: &store,
        online: !offline,
    };
    Ok(collector.collect(destinations)?.map(|report| {
        let is_lost = report.journal == JournalState::Lost && report.outcome.is_none();
        let is_queried = is_lost && !offline && !report.under_way;
        match is_queried
            .then(|| locate(context).ok())
            .flatten()
            .map(|found| is_public(&found.config, &checkout))
        {
            Some(Some(false)) => report.with_nothing_public(),
            _ => report,
        }
    }))
}
