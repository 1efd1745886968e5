//! Compares the effects in the journal of an imported run with those that its stages have. Recovery acts on what the
//! journal says: it runs the commands there, and moves refs back.

use super::ImportedRun;
use crate::engine::journal::{Entry, Journal, entries};
use crate::engine::model::{Action, Effect, Plan, PlannedStage, Reach, State};
use crate::engine::pipeline::Pipeline;
use crate::engine::release::Release;
use crate::engine::run::Store;
use crate::engine::stage::Stage;
use crate::error::{Error, Result};
use crate::text::visible;
use crate::world::git::{Landing, RefUpdate, is_fence};

/// The run and what its stages do, by the plan that they make for the commit at which it began
struct Comparison<'a> {
    imported: &'a ImportedRun,
    pipeline: &'a Pipeline,
    plan: &'a Plan,
    release: &'a Release,
}

/// Refuses a journal with an effect that no stage of the release has: another command, or another ref, remote, index or forge.
///
/// # Errors
/// There is such an effect, which the error names.
pub fn expect_planned_effects(
    imported: &ImportedRun,
    (pipeline, plan): (&Pipeline, &Plan),
    release: &Release,
) -> Result<()> {
    let comparison = Comparison { imported, pipeline, plan, release };
    let entries = entries(&imported.records);
    let Some(other) = entries.iter().find(|entry| !comparison.is_own(&entry.stage, &entry.effect)) else {
        return Ok(());
    };
    let effect = other.effect.to_string().escape_debug().to_string();
    Err(Error::refused(format!("the journal in the file has {effect}, which no stage of the release does"))
        .help("the file is not what pyrelease wrote for this release: get it from where the release began"))
}

/// The effects of plugins in the journal that this repository's own run does not have, each with the data that verifying
/// and undoing it would pass to the plugin: nobody can compare them with anything.
///
/// # Errors
/// The journal of the run here is damaged.
pub fn data_of_plugins(imported: &ImportedRun, store: &Store) -> Result<Vec<(String, String)>> {
    let own = store.run(&imported.header.run).journal();
    let own = if own.is_file() { entries(&Journal::read(&own)?) } else { Vec::new() };
    let is_own = |entry: &Entry| own.iter().any(|own| own.id == entry.id && own.effect == entry.effect);
    let foreign = entries(&imported.records).into_iter().filter(|entry| !is_own(entry));
    let shown = |entry: Entry| match &entry.effect {
        Effect::Plugin(effect) if matches!(entry.state, State::Done | State::InDoubt) => {
            Some((visible(&entry.effect.to_string()), visible(&effect.undo.to_string())))
        }
        _ => None,
    };
    Ok(foreign.filter_map(shown).collect())
}

impl Comparison<'_> {
    fn is_own(&self, stage: &str, effect: &Effect) -> bool {
        let known = self.pipeline.stages().find(|known| known.name() == stage);
        if let Effect::Land { landing } = effect {
            return self.is_own_landing(known, landing);
        }
        let Some(known) = known else { return false };
        match effect {
            Effect::Land { .. } => false,
            Effect::Push { remote, updates, fence, .. } => {
                let planned = self.actions(stage).find_map(|action| match action {
                    Action::Push { remote: planned, refs, .. } if planned == remote => Some(refs),
                    _ => None,
                });
                fence.as_deref().is_none_or(is_fence)
                    && planned.is_some_and(|refs| {
                        updates
                            .iter()
                            .all(|update| refs.contains(&update.name) && self.is_own_update(known, update))
                    })
            }
            Effect::Upload { index, url, simple, reach, project, .. } => {
                let releases = self.imported.header.releases();
                *reach == known.reach()
                    && releases.iter().any(|(name, _)| name == project)
                    && self.actions(stage).any(|action| match action {
                        Action::Upload { index: planned, url: to, simple: from, .. } => {
                            (planned, to, from) == (index, url, simple)
                        }
                        _ => false,
                    })
            }
            // It is never undone, and recovery only looks for it.
            Effect::Attest { .. } => known.destination().is_some(),
            Effect::Command { .. } => known.commands(self.release).contains(effect),
            Effect::Plugin(effect) => {
                let plugin = known.plugin();
                plugin.is_some_and(|(own, _)| own.plugin.name == effect.assignment.plugin.name)
            }
            Effect::Forge(effect) => {
                let forge = effect.forge.to_string();
                self.actions(stage).any(|action| matches!(action, Action::Forge { at, .. } if *at == forge))
            }
        }
    }

    fn actions(&self, stage: &str) -> impl Iterator<Item = &Action> {
        let planned = self.plan.stages.iter().filter(move |planned| planned.name == stage);
        planned.flat_map(PlannedStage::all_actions)
    }

    /// The release commit; the commit that the run began at, if its stages changed no file.
    fn commit(&self) -> &str {
        self.imported.outputs.commit.as_deref().unwrap_or(&self.imported.header.head)
    }

    /// Whether a stage after the release may move a branch from here: from the release commit, or one after it.
    fn follows(&self, stage: &dyn Stage, from: &str) -> bool {
        let repository = &self.release.checkout.repository;
        stage.reach() == Reach::FollowUp && repository.contains(from, self.commit())
    }

    /// The landing of the release may belong to no stage.
    fn is_own_landing(&self, stage: Option<&dyn Stage>, landing: &Landing) -> bool {
        let header = &self.imported.header;
        let tags = self.imported.outputs.tags();
        let is_of_release = landing.old == header.head && landing.new == self.commit();
        let is_after_it =
            landing.tags.is_empty() && stage.is_some_and(|stage| self.follows(stage, &landing.old));
        landing.branch == header.branch
            && landing.head.as_ref().is_none_or(|head| landing.branch.is_none() && head.ends_with("HEAD"))
            && landing.tags.iter().all(|tag| tags.contains(tag))
            && (is_of_release || is_after_it)
    }

    fn is_own_update(&self, stage: &dyn Stage, update: &RefUpdate) -> bool {
        if let Some(name) = update.name.strip_prefix("refs/tags/") {
            let tags = self.imported.outputs.tags();
            let own = tags.iter().find(|tag| tag.name == name).map(|tag| &tag.object);
            return own.is_some() && update.new.as_ref() == own && update.old.is_none();
        }
        let began = &self.imported.header.head;
        let repository = &self.release.checkout.repository;
        let before = update.old.as_deref();
        let is_of_release = update.new.as_deref() == Some(self.commit())
            && before.is_none_or(|before| repository.contains(began, before));
        is_of_release || before.is_some_and(|before| self.follows(stage, before))
    }
}
