//! The pipeline: the stages of a release in order, and the plan of what they would do.

use super::effects::Effects;
use super::event::Listener;
use super::model::{Action, Outputs, Plan, PlannedMember, PlannedStage, PluginSteps, Product, Reach};
use super::order::{self, OrderError};
use super::release::{Release, Target};
use super::stage::Stage;
use crate::error::{Error, Result};

/// The stages of a release in their order
pub struct Pipeline {
    stages: Vec<Box<dyn Stage>>,
}

impl Pipeline {
    /// Creates a pipeline of these stages.
    ///
    /// # Errors
    /// The stages cannot run in this order.
    pub fn new(stages: Vec<Box<dyn Stage>>) -> Result<Self, OrderError> {
        order::check(&stages).map(|()| Self { stages })
    }

    pub fn stages(&self) -> impl ExactSizeIterator<Item = &dyn Stage> {
        self.stages.iter().map(Box::as_ref)
    }

    /// The stages that are left of a release whose tag was pushed before: none that commits, tags or pushes.
    pub fn of_tagged(mut self) -> Self {
        self.stages.retain(|stage| !stage.is_over_once_tagged());
        self
    }

    /// The stages, and how far each reaches in this release. A stage after one that reaches further than usual reaches as
    /// far: nothing before it can be undone.
    pub fn reaching(&self, release: &Release) -> Vec<(&dyn Stage, Reach)> {
        let mut furthest = Reach::Private;
        self.stages()
            .map(|stage| {
                furthest = furthest.max(stage.reach_in(release));
                (stage, furthest)
            })
            .collect()
    }

    /// Runs the stages with inert effects, and collects the actions that they would perform. Those of plugins are known
    /// from their preflight.
    ///
    /// # Errors
    /// A stage cannot work on the project, or a stage changes files after the last stage that commits.
    pub fn plan(
        &self,
        release: &mut Release,
        plugin_steps: PluginSteps,
        listener: &dyn Listener,
    ) -> Result<Plan> {
        let mut stages = Vec::new();
        let mut uncommitted: Option<(String, String)> = None;
        let mut is_changed = false;
        let mut landing: Option<PlannedLanding> = None;
        for (stage, reach) in self.reaching(release) {
            let mut effects = Effects::inert(stage.name(), reach, listener)
                .after_changes(is_changed)
                .with_plugin_steps(&plugin_steps);
            let refused = |error: Error| error.with_kind(crate::error::ErrorKind::Refused);
            let mut outputs = stage.run(release, &mut effects).map_err(refused)?;
            outputs.merge(stage.conclude(release, &mut effects).map_err(refused)?);
            release.take(outputs);
            let (actions, members) = effects.into_actions();
            for action in actions.iter().chain(members.iter().flat_map(|member| &member.actions)) {
                is_changed |= action.may_change_files();
                match action {
                    Action::Write { path } => uncommitted = Some((stage.name().to_owned(), path.clone())),
                    Action::Commit { .. } => {
                        uncommitted = None;
                        is_changed = false;
                    }
                    _ => {}
                }
            }
            if reach >= Reach::Repository {
                stages.extend(landing.take().map(|landing| landing.planned(release)));
            }
            // A later stage lands its own commits.
            let all = actions.iter().chain(members.iter().flat_map(|member| &member.actions));
            for action in all.filter(|_| reach < Reach::Repository) {
                match action {
                    Action::Commit { .. } => drop(landing.get_or_insert_default()),
                    Action::Tag { name, .. } => landing.get_or_insert_default().add(name),
                    _ => {}
                }
            }
            let gives = stage.flow().gives;
            if gives.contains(&Product::Commit) {
                uncommitted = None;
                is_changed = false;
                landing.get_or_insert_default();
            }
            if gives.contains(&Product::Tag) {
                let landing = landing.get_or_insert_default();
                release.tag_names().for_each(|name| landing.add(name));
            }
            stages.push(PlannedStage { name: stage.name().to_owned(), reach, actions, members });
        }
        stages.extend(landing.map(|landing| landing.planned(release)));
        release.set_outputs(Outputs::default());
        if let Some((stage, path)) = uncommitted {
            return Err(Error::usage(format!(
                "`{stage}` changes `{path}` and no stage after it commits the change"
            ))
            .help("put `tag` after the stages that change files"));
        }
        let target = &release.target;
        Ok(Plan {
            name: target.names.name.clone(),
            version: target.names.version.clone(),
            previous_version: target.names.previous_version.clone(),
            tag: target.names.tag.clone(),
            branch: release.checkout.head.branch.clone(),
            commit: release.checkout.head.commit.clone(),
            reason: target.reason.clone(),
            conventions: target.conventions.planned(self.stages().map(|stage| stage.name())),
            stages,
            members: release.members.iter().map(planned_member).collect(),
        })
    }
}

fn planned_member(release: &Release) -> PlannedMember {
    let Target { names, previous_tag, reason, .. } = &release.target;
    PlannedMember {
        name: names.name.clone(),
        version: names.version.clone(),
        previous_version: names.previous_version.clone(),
        tag: names.tag.clone(),
        folder: release.checkout.prefix.trim_end_matches('/').to_owned(),
        previous_tag: previous_tag.clone(),
        is_private: release.is_private,
        reason: reason.clone(),
    }
}

/// The landing, which the engine does between the stages
#[derive(Default)]
struct PlannedLanding {
    tags: Vec<String>,
}

impl PlannedLanding {
    fn add(&mut self, tag: &str) {
        if self.tags.iter().all(|known| known != tag) {
            self.tags.push(tag.to_owned());
        }
    }

    fn planned(self, release: &Release) -> PlannedStage {
        let branch = release.checkout.head.branch.clone();
        let action = Action::land(branch, self.tags);
        PlannedStage {
            name: "land".to_owned(),
            reach: Reach::Repository,
            actions: vec![action],
            members: Vec::new(),
        }
    }
}
