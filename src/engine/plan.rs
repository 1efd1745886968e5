//! The plan: the stages in their order, and what they would do.

use serde::Serialize;

use super::effects::{Action, Effects};
use super::event::Listener;
use super::release::Release;
use super::stage::{Outputs, Reach, Stage};
use crate::error::{Error, Result};

/// The stages of a release in their order
pub struct Pipeline {
    stages: Vec<Box<dyn Stage>>,
}

/// A stage that reaches further than one after it
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disorder {
    /// Positions in the list, the further reaching one first
    pub first: usize,
    pub second: usize,
    pub message: String,
    pub help: String,
}

impl Pipeline {
    /// Puts the stages together.
    ///
    /// # Errors
    /// The reach decreases: names the two stages and an order that works.
    pub fn new(stages: Vec<Box<dyn Stage>>) -> Result<Self, Disorder> {
        let Some(second) = (1..stages.len()).find(|&at| stages[at].reach() < stages[at - 1].reach()) else {
            return Ok(Self { stages });
        };
        let first = (0..second).find(|&at| stages[at].reach() > stages[second].reach()).unwrap_or(second - 1);
        let mut ordered: Vec<&dyn Stage> = stages.iter().map(Box::as_ref).collect();
        ordered.sort_by_key(|stage| stage.reach());
        let names: Vec<String> = ordered.iter().map(|stage| format!("\"{}\"", stage.name())).collect();
        let (far, near) = (&stages[first], &stages[second]);
        Err(Disorder {
            first,
            second,
            message: format!(
                "`{}` ({}) comes after `{}` ({}): if it fails, what `{}` did is already out",
                near.name(),
                near.reach(),
                far.name(),
                far.reach(),
                far.name(),
            ),
            help: format!("an order that works: stages = [{}]", names.join(", ")),
        })
    }

    pub fn stages(&self) -> impl ExactSizeIterator<Item = &dyn Stage> {
        self.stages.iter().map(Box::as_ref)
    }
}

/// What a run would do
#[derive(Debug, Serialize)]
pub struct Plan {
    pub name: String,
    pub version: String,
    pub previous_version: String,
    pub tag: String,
    pub branch: Option<String>,
    pub commit: String,
    /// Why this version, where it was inferred
    pub reason: Option<String>,
    pub stages: Vec<PlannedStage>,
}

/// A stage in a plan
#[derive(Debug, Serialize)]
pub struct PlannedStage {
    pub name: String,
    pub reach: Reach,
    pub actions: Vec<Action>,
}

/// What the engine itself will do between the stages
#[derive(Default)]
struct PlannedLanding {
    tag: Option<String>,
}

impl PlannedLanding {
    fn planned(self, release: &Release) -> PlannedStage {
        let branch = release.workspace.head.branch.clone();
        let action = Action::Land { branch, tag: self.tag };
        PlannedStage { name: "land".to_owned(), reach: Reach::Repository, actions: vec![action] }
    }
}

impl Plan {
    /// Runs the stages with inert effects and writes down what they would do.
    ///
    /// # Errors
    /// A stage cannot work on the project as it is; or something changes files after the last stage that commits.
    pub fn make(pipeline: &Pipeline, release: &mut Release, listener: &dyn Listener) -> Result<Self> {
        let mut stages = Vec::new();
        let mut uncommitted: Option<(String, String)> = None;
        let mut landing: Option<PlannedLanding> = None;
        pipeline.stages().for_each(|stage| stage.begin_preflight(release));
        for stage in pipeline.stages() {
            let mut effects = Effects::inert(stage, listener);
            let outputs = stage
                .run(release, &mut effects)
                .map_err(|error| error.with_code(crate::error::ExitCode::Refused))?;
            release.outputs.merge(outputs);
            let actions = effects.into_actions();
            for action in &actions {
                match action {
                    Action::Write { path } => uncommitted = Some((stage.name().to_owned(), path.clone())),
                    Action::Commit { .. } => uncommitted = None,
                    _ => {}
                }
            }
            if stage.reach() >= Reach::Repository {
                stages.extend(landing.take().map(|landing| landing.planned(release)));
            }
            for action in &actions {
                match action {
                    Action::Commit { .. } => drop(landing.get_or_insert_default()),
                    Action::Tag { name, .. } => landing.get_or_insert_default().tag = Some(name.clone()),
                    _ => {}
                }
            }
            stages.push(PlannedStage { name: stage.name().to_owned(), reach: stage.reach(), actions });
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
        Ok(Self {
            name: target.project.name.clone(),
            version: target.version.to_string(),
            previous_version: target.previous.to_string(),
            tag: target.names.tag.clone(),
            branch: release.workspace.head.branch.clone(),
            commit: release.workspace.head.commit.clone(),
            reason: target.reason.clone(),
            stages,
        })
    }
}
