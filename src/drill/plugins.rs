//! What the plugins of a drilled release report after a recovery.

use std::collections::BTreeSet;

use super::sandbox::Sandbox;
use crate::engine::event::{Event, Listener};
use crate::engine::journal::{Entry, Journal, entries};
use crate::engine::model::{Effect, Reach, State};
use crate::engine::recover::{Presence, RecoveryContext};
use crate::engine::run::Store;
use crate::error::Result;
use crate::plugin::protocol::Class;
use crate::world::git::Repository;

/// Effects by stage and key
pub(super) type Named = BTreeSet<(String, String)>;

/// The plugin effects that the newest run has done.
///
/// # Errors
/// The journal cannot be read.
pub(super) fn done(sandbox: &Sandbox<'_>) -> Result<Named> {
    let Some((_, _, entries)) = newest(sandbox)? else { return Ok(Named::new()) };
    Ok(entries.iter().filter(|entry| entry.state == State::Done).filter_map(name).collect())
}

/// The differences from the expected plugin effects, by the journal and by asking each plugin: after a release all
/// effects of a `complete` run, else none.
///
/// # Errors
/// The journal cannot be read.
pub(super) fn differences(sandbox: &Sandbox<'_>, complete: Option<&Named>) -> Result<Vec<String>> {
    let Some((repository, run, entries)) = newest(sandbox)? else { return Ok(Vec::new()) };
    let environment = sandbox.environment();
    let context = RecoveryContext {
        repository: &repository,
        environment: &environment,
        run: &run,
        listener: &SilentObserver,
    };
    let mut lines = Vec::new();
    let mut present = Named::new();
    let permanent = |entry: &Entry| match &entry.effect {
        Effect::Plugin(effect) => effect.class == Class::Irreversible,
        _ => false,
    };
    for entry in &entries {
        let Effect::Plugin(effect) = &entry.effect else { continue };
        let stays = effect.class == Class::Irreversible;
        let is_done = match (entry.state, complete.is_some()) {
            (State::Done, true) => true,
            // Some effects only the user can verify.
            (State::InDoubt, true) if stays => {
                present.extend(name(entry));
                continue;
            }
            (State::Undone | State::NotDone, _) => false,
            // Irreversible rehearsal effects stay.
            (State::Kept, false) if stays && effect.reach < Reach::Repository => true,
            (state, _) => {
                lines.push(format!("the journal records {effect} as {state}"));
                continue;
            }
        };
        if is_done {
            present.extend(name(entry));
        } else if entries.iter().any(|later| later.id > entry.id && name(later) == name(entry)) {
            // The effect was done again later, and is verified then.
            continue;
        }
        // A later effect may have changed it, such as publishing a draft.
        let is_superseded = entries.iter().any(|later| {
            later.id > entry.id
                && later.stage == entry.stage
                && permanent(later)
                && later.state == State::Done
        });
        match context.probe(&entry.effect) {
            Presence::Present if is_done => {}
            Presence::Absent if !is_done || is_superseded => {}
            Presence::Unknown(_) if stays => {}
            Presence::Present => lines.push(format!("the plugin reports that {effect} is still present")),
            Presence::Absent => lines.push(format!("the plugin reports that {effect} is missing")),
            Presence::Unknown(why) => lines.push(format!("the plugin cannot verify {effect}: {why}")),
        }
    }
    let missing = complete.into_iter().flat_map(|complete| complete.difference(&present));
    lines.extend(missing.map(|(stage, key)| format!("the effect `{key}` of `{stage}` was not done")));
    Ok(lines)
}

fn name(entry: &Entry) -> Option<(String, String)> {
    match &entry.effect {
        Effect::Plugin(effect) => Some((entry.stage.clone(), effect.key.clone())),
        _ => None,
    }
}

type Newest = (Repository, crate::engine::run::RunFolder, Vec<Entry>);

fn newest(sandbox: &Sandbox<'_>) -> Result<Option<Newest>> {
    let repository = Repository::discover(&sandbox.project())?;
    let Some(run) = Store::of(&repository)?.runs()?.pop() else { return Ok(None) };
    if !run.journal().is_file() {
        return Ok(None);
    }
    let entries = entries(&Journal::read(&run.journal())?);
    Ok(Some((repository, run, entries)))
}

/// Ignores all events
struct SilentObserver;

impl Listener for SilentObserver {
    fn on_event(&self, _: &Event<'_>) {}
}
