//! The trait of a stage: its reach, its preflight checks and its work.

use std::collections::BTreeMap;
use std::thread::JoinHandle;

use super::effects::{Effects, Workbench};
use super::model::{Destination, Effect, Flow, Outputs, Product, Reach};
use super::release::Release;
use crate::error::Result;
use crate::finding::Finding;
use crate::plugin::Assignment;
use crate::plugin::protocol::Classes;

/// What the plugin of a stage says before a run
#[derive(Debug, Default)]
pub struct PluginPreflight {
    /// What would make it fail
    pub findings: Vec<Finding>,
    /// What it would do, for the plan
    pub steps: Vec<String>,
    /// What it would do for each member of a workspace
    pub members: BTreeMap<String, Vec<String>>,
}

/// One step of a release
pub trait Stage: Sync {
    /// The name in `stages = [...]`.
    fn name(&self) -> &str;

    fn reach(&self) -> Reach;

    /// Whether another stage adds it to the pipeline, so that `stages = [...]` does not have it.
    fn is_added(&self) -> bool {
        false
    }

    /// How far it reaches in this release, if that is further: a push may start a workflow that publishes.
    fn reach_in(&self, _: &Release) -> Reach {
        self.reach()
    }

    /// What the stage needs from earlier stages, and what it gives to later ones.
    fn flow(&self) -> Flow {
        Flow::default()
    }

    /// Whether nothing is left for it in a release whose tag was pushed before.
    fn is_over_once_tagged(&self) -> bool {
        let gives = self.flow().gives;
        gives.contains(&Product::Commit) || gives.contains(&Product::Tag)
    }

    /// The index that the stage uploads to. Status reports and recovery ask it.
    fn destination(&self) -> Option<Destination> {
        None
    }

    /// The commands that the stage runs outside the run's folder, as the journal has them: for a workspace, one for each
    /// member. A journal from elsewhere may have no others.
    fn commands(&self, _: &Release) -> Vec<Effect> {
        Vec::new()
    }

    /// The plugin that does the stage's work, if any, and the effect classes that it declared. A resumed run uses the
    /// plugin that it began with.
    fn plugin(&self) -> Option<(&Assignment, Classes)> {
        None
    }

    /// Asks the stage's plugin, if it has one that answers, in a thread of its own: stages wait at the same time.
    fn ask_plugin(&self, _: &Release) -> Option<JoinHandle<Result<PluginPreflight>>> {
        None
    }

    /// Finds what would make this stage fail, without changing anything. All stages are checked before any runs.
    ///
    /// # Errors
    /// Something could not be checked; this counts as a finding.
    fn preflight(&self, release: &Release) -> Result<Vec<Finding>>;

    /// Checks the stage's credentials by what they say of themselves. Called before a run is resumed.
    ///
    /// # Errors
    /// The credentials cannot be read; this counts as a finding.
    fn check_credentials(&self, _: &Release) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    /// Finds what would make the stage fail in a release that was prepared elsewhere: its commit, tag and distributions exist,
    /// and an earlier attempt may have done the stage's work, which is no obstacle. Called before anything leaves.
    ///
    /// # Errors
    /// Something could not be checked; this counts as a finding.
    fn preflight_of_prepared(&self, release: &Release) -> Result<Vec<Finding>> {
        self.check_credentials(release)
    }

    /// Whether to ask the user before the next stage, once this one is done (`pause = true`).
    fn pauses(&self) -> bool {
        false
    }

    /// Asks the index or service whether it would accept the stage's work, by a request that is made to be refused. Called
    /// only with `--probe`, after all private stages.
    ///
    /// # Errors
    /// The question could not be asked; this counts as a finding.
    fn probe(&self, _: &Release) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    /// Whether [`Stage::work`] can be done for several members of a workspace at once.
    fn works_beside(&self) -> bool {
        false
    }

    /// What must hold before [`Stage::work`] begins for the first member.
    ///
    /// # Errors
    /// It does not hold; the run then ends.
    fn before_work(&self, _: &Workbench<'_>) -> Result<()> {
        Ok(())
    }

    /// Does the stage's private work for a member of a workspace, beside that for others, and says what it does.
    ///
    /// # Errors
    /// The work failed; the run then ends.
    fn work(&self, _: &Release, _: &Workbench<'_>) -> Result<Outputs> {
        Ok(Outputs::default())
    }

    /// The rest of the stage's work, after [`Stage::run`]: for a workspace, after that was done for all members.
    ///
    /// # Errors
    /// As [`Stage::run`].
    fn conclude(&self, _: &Release, _: &mut Effects<'_>) -> Result<Outputs> {
        Ok(Outputs::default())
    }

    /// Does the stage's work through `effects`, which do nothing while a plan is made.
    ///
    /// # Errors
    /// The stage failed; the run then undoes its effects.
    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs>;
}
