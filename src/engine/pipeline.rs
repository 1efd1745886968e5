//! The pipeline: the stages of a release in order, and the plan of what they would do.

use std::collections::BTreeMap;

use super::effects::Effects;
use super::event::Listener;
use super::model::{Action, Outputs, Plan, PlannedStage, Product, Reach};
use super::order::{self, OrderError};
use super::release::Release;
use super::stage::Stage;
use crate::error::{Error, Result};

/// What the plugins of stages would do, by stage
pub type PluginSteps = BTreeMap<String, Vec<String>>;

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
        mut plugin_steps: PluginSteps,
        listener: &dyn Listener,
    ) -> Result<Plan> {
        let mut stages = Vec::new();
        let mut uncommitted: Option<(String, String)> = None;
        let mut is_changed = false;
        let mut landing: Option<PlannedLanding> = None;
        for (stage, reach) in self.reaching(release) {
            let mut effects = Effects::inert(stage.name(), reach, listener)
                .after_changes(is_changed)
                .with_plugin_steps(plugin_steps.remove(stage.name()).unwrap_or_default());
            let outputs = stage
                .run(release, &mut effects)
                .map_err(|error| error.with_kind(crate::error::ErrorKind::Refused))?;
            release.outputs.merge(outputs);
            let actions = effects.into_actions();
            for action in &actions {
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
            for action in actions.iter().filter(|_| reach < Reach::Repository) {
                match action {
                    Action::Commit { .. } => drop(landing.get_or_insert_default()),
                    Action::Tag { name, .. } => landing.get_or_insert_default().tag = Some(name.clone()),
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
                landing.get_or_insert_default().tag = Some(release.names().tag.clone());
            }
            stages.push(PlannedStage { name: stage.name().to_owned(), reach, actions });
        }
        stages.extend(landing.map(|landing| landing.planned(release)));
        release.outputs = Outputs::default();
        if let Some((stage, path)) = uncommitted {
            return Err(Error::usage(format!(
                "`{stage}` changes `{path}` and no stage after it commits the change"
            ))
            .help("put `tag` after the stages that change files"));
        }
        let target = &release.target;
        Ok(Plan {
            name: target.project.name.clone(),
            version: target.version.to_string(),
            previous_version: target.previous.to_string(),
            tag: target.names.tag.clone(),
            branch: release.checkout.head.branch.clone(),
            commit: release.checkout.head.commit.clone(),
            reason: target.reason.clone(),
            conventions: target.conventions.planned(self.stages().map(|stage| stage.name())),
            stages,
        })
    }
}

/// The landing, which the engine does between the stages
#[derive(Default)]
struct PlannedLanding {
    tag: Option<String>,
}

impl PlannedLanding {
    fn planned(self, release: &Release) -> PlannedStage {
        let branch = release.checkout.head.branch.clone();
        let action = Action::Land { branch, tag: self.tag };
        PlannedStage { name: "land".to_owned(), reach: Reach::Repository, actions: vec![action] }
    }
}
