//! The plugins of a drilled release: which of them do their work themselves, who stands in for the others, and what they
//! say of the world when a run has been undone or finished.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml_edit::{Array, TableLike, value};

use super::sandbox::Sandbox;
use crate::engine::event::{Event, Listener};
use crate::engine::journal::{Entry, Journal, entries};
use crate::engine::model::{Effect, Reach, State};
use crate::engine::recover::{Presence, RecoveryContext};
use crate::engine::run::Store;
use crate::error::Result;
use crate::plugin::protocol::{Class, Classes};
use crate::plugin::{Plugin, store, trust};
use crate::world::Environment;
use crate::world::git::Repository;

/// What stands in for the plugins: a plugin, too
const STAND_IN: &str = include_str!("../../templates/drill/stand-in.sh");
/// The name that it has in a drilled project
const FILE: &str = "pyrelease-drill-stand-in";
/// The effect of the stand-in that can be undone, and the one that cannot
const EFFECTS: [(&str, Class); 2] = [("first", Class::Reversible), ("last", Class::Irreversible)];

/// A stage that a plugin does
#[derive(Debug, Clone)]
pub struct PluginStage {
    pub stage: String,
    pub reach: Reach,
    /// The effects that the plugin declared
    pub classes: Classes,
    /// Its file
    pub source: PathBuf,
}

/// What a stand-in leaves, and whether that is undone: a file for each of its effects.
pub(super) fn marks(stage: &str, classes: Classes) -> Vec<(String, bool)> {
    let had = EFFECTS.into_iter().filter(|(_, class)| classes.allow(*class));
    had.map(|(key, class)| (format!("{stage}.{key}"), class == Class::Reversible)).collect()
}

/// Puts the stand-in into a stage, in the place of the plugin and all that is said to it.
pub(super) fn put_in(stage: &mut dyn TableLike, classes: Classes, reach: Reach, mark: &str) {
    let keys: Vec<String> = stage.iter().map(|(key, _)| key.to_owned()).collect();
    keys.iter().for_each(|key| drop(stage.remove(key)));
    let words = words(classes, reach, mark);
    stage.insert("plugin", value("stand-in"));
    stage.insert("command", value(std::iter::once(FILE.to_owned()).chain(words).collect::<Array>()));
}

/// What a stand-in is told.
fn words(classes: Classes, reach: Reach, mark: &str) -> Vec<String> {
    // In a shape that no file of a project's has.
    vec![format!("--effects={}", classes.name()), format!("--reach={reach}"), mark.to_owned()]
}

/// Writes the stand-in where [`put_in`] names it.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(project: &Path) -> Result<&'static str> {
    fs_err::write(project.join(FILE), STAND_IN)?;
    Ok(FILE)
}

/// The variable that says that these stand-ins may run, beside what the user has said there.
pub(super) fn consent(
    environment: &Environment,
    stand_ins: impl Iterator<Item = (Classes, Reach, String)>,
) -> (&'static str, String) {
    let identities = stand_ins.map(|(classes, reach, mark)| {
        let (before, files) = (Vec::new(), Vec::new());
        let (sha256, after) = (store::sha256(STAND_IN.as_bytes()), words(classes, reach, &mark));
        Plugin { name: FILE.to_owned(), sha256, source: FILE.into(), before, after, files }.identity()
    });
    let said = environment.get(trust::VARIABLE).map(str::to_owned);
    (trust::VARIABLE, said.into_iter().chain(identities).collect::<Vec<_>>().join(","))
}

/// An effect by its stage and its key
pub(super) type Named = BTreeSet<(String, String)>;

/// The effects of plugins that the newest run has had.
///
/// # Errors
/// The journal cannot be read.
pub(super) fn done(sandbox: &Sandbox<'_>) -> Result<Named> {
    let Some((_, _, entries)) = newest(sandbox)? else { return Ok(Named::new()) };
    Ok(entries.iter().filter(|entry| entry.state == State::Done).filter_map(name).collect())
}

/// What is otherwise than it should be, as the journal has it and as the plugins themselves say, asked about each effect:
/// all of a `complete` run where it is released, else none.
///
/// # Errors
/// The journal cannot be read.
pub(super) fn differences(sandbox: &Sandbox<'_>, complete: Option<&Named>) -> Result<Vec<String>> {
    let Some((repository, run, entries)) = newest(sandbox)? else { return Ok(Vec::new()) };
    let environment = sandbox.environment();
    let context =
        RecoveryContext { repository: &repository, environment: &environment, run: &run, listener: &Nobody };
    let mut lines = Vec::new();
    let mut there = Named::new();
    let permanent = |entry: &Entry| matches!(&entry.effect, Effect::Plugin(effect) if effect.class == Class::Irreversible);
    for entry in &entries {
        let Effect::Plugin(effect) = &entry.effect else { continue };
        let stays = effect.class == Class::Irreversible;
        let is_done = match (entry.state, complete.is_some()) {
            (State::Done, true) => true,
            // Nobody but the user can say of some whether they were done.
            (State::InDoubt, true) if stays => {
                there.extend(name(entry));
                continue;
            }
            (State::Undone | State::NotDone, _) => false,
            // What was for trial stays where it cannot be undone.
            (State::Kept, false) if stays && effect.reach < Reach::Repository => true,
            (state, _) => {
                lines.push(format!("in the journal, {effect} is {state}"));
                continue;
            }
        };
        if is_done {
            there.extend(name(entry));
        } else if entries.iter().any(|later| later.id > entry.id && name(later) == name(entry)) {
            // It was done again since: the plugin is asked about that.
            continue;
        }
        // What comes after it may have made something else of it, as who publishes a draft does.
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
            Presence::Present => lines.push(format!("the plugin says that {effect} is still there")),
            Presence::Absent => lines.push(format!("the plugin says that {effect} is not there")),
            Presence::Unknown(why) => lines.push(format!("the plugin cannot say of {effect}: {why}")),
        }
    }
    let missing = complete.into_iter().flat_map(|complete| complete.difference(&there));
    lines.extend(missing.map(|(stage, key)| format!("the effect `{key}` of `{stage}` was not had")));
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

/// Hears nothing
struct Nobody;

impl Listener for Nobody {
    fn on_event(&self, _: &Event<'_>) {}
}
