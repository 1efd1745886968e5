//! The refs that a run changes, here and at the remotes, against what its journal says of them.

use serde::Serialize;

use super::JournalSummary;
use super::remote_facts::RemoteFacts;
use crate::engine::model::{Effect, State};
use crate::world::git::Repository;

/// A ref that the run changes
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefStatus {
    /// `here`, or the remote's name
    pub at: String,
    pub name: String,
    pub before: Option<String>,
    /// What the run makes of it
    pub made: Option<String>,
    pub now: Option<String>,
    pub state: RefState,
    /// Whether what is there now, where somebody moved it, has what the run made in its history
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub contains: bool,
    /// Why it is not known
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefState {
    AsMade,
    AsBefore,
    /// By somebody else
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
                if let Some(tag) = &landing.tag {
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
            Effect::Upload { .. } | Effect::Command { .. } | Effect::Plugin(_) => {}
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
