//! The refs that a run changes, here and at the remotes, compared with its journal.

use serde::Serialize;

use super::JournalSummary;
use super::remote_facts::RemoteFacts;
use crate::engine::model::{Effect, State};
use crate::world::git::Repository;

/// A ref that the run changes
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RefStatus {
    /// `here`, or the remote's name
    pub at: String,
    pub name: String,
    pub before: Option<String>,
    /// The object that the run sets it to
    pub made: Option<String>,
    pub now: Option<String>,
    pub state: RefState,
    /// Whether a moved ref has the run's commit in its history
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub contains: bool,
    /// Why the state is unknown
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a ref compares with what the run makes of it
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RefState {
    AsMade,
    AsBefore,
    /// Somebody else has moved it
    Moved,
    Unknown,
}

pub(super) fn refs(repository: &Repository, summary: &JournalSummary, facts: &RemoteFacts) -> Vec<RefStatus> {
    let mut reports: Vec<RefStatus> = Vec::new();
    let mut add = |at: &str, name: &str, before, made, now| {
        let report = report(repository, (at, name), before, made, now);
        match reports.iter_mut().find(|known| known.at == report.at && known.name == report.name) {
            Some(known) => *known = report,
            None => reports.push(report),
        }
    };
    for entry in summary.entries.iter().filter(|entry| entry.state != State::NotDone) {
        match &entry.effect {
            Effect::Land { landing } => {
                let branch = landing.branch.as_deref().unwrap_or("HEAD");
                let now = match &landing.branch {
                    Some(branch) => repository.reference(branch),
                    None => repository.head().ok().map(|head| head.commit),
                };
                add("here", branch, Some(landing.old.clone()), Some(landing.new.clone()), Ok(now));
                for tag in &landing.tags {
                    let name = format!("refs/tags/{}", tag.name);
                    let now = repository.reference(&name);
                    add("here", &name, None, Some(tag.object.clone()), Ok(now));
                }
            }
            Effect::Push { remote, updates, .. } => {
                for update in updates {
                    let now = facts.remote(remote, &update.name);
                    add(remote, &update.name, update.old.clone(), update.new.clone(), now);
                }
            }
            Effect::Upload { .. }
            | Effect::Attest { .. }
            | Effect::Command { .. }
            | Effect::Plugin(_)
            | Effect::Forge(_) => {}
        }
    }
    reports
}

fn report(
    repository: &Repository,
    (at, name): (&str, &str),
    before: Option<String>,
    made: Option<String>,
    now: Result<Option<String>, String>,
) -> RefStatus {
    let (now, state, reason) = match now {
        Err(reason) => (None, RefState::Unknown, Some(reason)),
        Ok(now) if now == made => (now, RefState::AsMade, None),
        Ok(now) if now == before => (now, RefState::AsBefore, None),
        Ok(now) => (now, RefState::Moved, None),
    };
    let contains = match (&now, &made) {
        (Some(now), Some(made)) if state == RefState::Moved => repository.contains(now, made),
        _ => false,
    };
    RefStatus { at: at.to_owned(), name: name.to_owned(), before, made, now, state, contains, reason }
}
