//! What a stage is: how far it reaches, what would make it fail, what it does.

use super::effects::Effects;
use super::model::{Destination, Finding, Flow, Outputs, Reach};
use super::release::Release;
use crate::error::Result;
use crate::plugin::Assignment;
use crate::plugin::protocol::Classes;

/// One step of a release
pub trait Stage {
    /// The name in `stages = [...]`.
    fn name(&self) -> &str;

    fn reach(&self) -> Reach;

    /// What it needs of the stages before it, and what it gives to those after it.
    fn flow(&self) -> Flow {
        Flow::default()
    }

    /// Where the stage uploads to, for whoever looks what is where.
    fn destination(&self) -> Option<Destination> {
        None
    }

    /// The plugin that does its work, if one does, with the effects that it declared: a run goes on with the one it began
    /// with.
    fn plugin(&self) -> Option<(&Assignment, Classes)> {
        None
    }

    /// Begins what [`Self::preflight`] will wait for, so that the stages' waiting overlaps.
    fn begin_preflight(&self, _release: &Release) {}

    /// What would make this stage fail, found without changing anything. All stages are asked before any runs.
    ///
    /// # Errors
    /// What the stage could not even look at; it counts as a finding.
    fn preflight(&self, release: &Release) -> Result<Vec<Finding>>;

    /// What speaks against what the stage would sign in with, by its own word: read before a run goes on.
    ///
    /// # Errors
    /// It cannot be read; that counts as a finding.
    fn sign_in(&self, _: &Release) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    /// Asks the world whether it would let the stage do its work, by an attempt that is sure to come to nothing: only where
    /// the user wants it, and when everything private is done.
    ///
    /// # Errors
    /// What the stage could not even ask; it counts as a finding.
    fn probe(&self, _: &Release) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    /// Does the stage's work through `effects`, which do nothing when only a plan is made.
    ///
    /// # Errors
    /// The stage failed: what the run has done so far is undone.
    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs>;
}
