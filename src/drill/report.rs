//! The result of a drill, as data.

use std::path::PathBuf;

use serde::Serialize;

use super::configuration::{Executor, ForReal};
use super::points::KillPoint;
use crate::engine::model::Reach;

/// The outcome of a recovery
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "RecoveryOutcome"))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything is as before the release
    RolledBack,
    /// The release is complete
    Released,
    /// Rolling back was refused because something is or may be public; nothing changed, and the release could be
    /// completed
    Refused,
    /// There was nothing to do, and nothing changed
    Nothing,
    /// The outcome is wrong
    Diverged,
}

/// A recovery and its outcome
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Recovery {
    pub outcome: Outcome,
    /// The differences from the expected state
    pub differences: Vec<String>,
    pub seconds: f64,
}

/// A stage of the drilled release
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "DrilledStage"))]
pub struct Stage {
    pub name: String,
    pub reach: Reach,
    #[serde(rename = "doer")]
    pub executor: Executor,
}

/// A kill point, and the outcome of both recoveries
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PointResult {
    pub point: KillPoint,
    pub rollback: Recovery,
    pub resume: Recovery,
    pub seconds: f64,
}

impl PointResult {
    /// Whether both recoveries had the right outcome.
    pub fn converges(&self) -> bool {
        [&self.rollback, &self.resume].iter().all(|recovery| recovery.outcome != Outcome::Diverged)
    }

    /// Both outcomes in a few words.
    pub fn outcomes(&self) -> [&'static str; 2] {
        [&self.rollback, &self.resume].map(|recovery| match recovery.outcome {
            Outcome::RolledBack => "undone",
            Outcome::Released => "released",
            Outcome::Refused => "refused",
            Outcome::Nothing => "nothing to do",
            Outcome::Diverged => "DIVERGED",
        })
    }
}

/// The result of a drill
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "DrillReport"))]
pub struct Report {
    pub name: String,
    pub version: String,
    pub bump: Option<String>,
    pub at: Option<String>,
    pub for_real: ForReal,
    pub stages: Vec<Stage>,
    /// What was not run for real
    pub left_out: Vec<String>,
    pub results: Vec<PointResult>,
    pub seconds: f64,
    /// The folder with the sandboxes that did not converge
    pub kept: Option<PathBuf>,
}

impl Report {
    /// The stages that ran for real and reach further than the run's folder.
    pub fn for_real(&self) -> Vec<String> {
        let outside = self.stages.iter().filter(|stage| stage.reach > Reach::Private);
        let said = outside.filter_map(|stage| {
            let who = match stage.executor {
                Executor::Plugin => "plugin",
                Executor::Command => "command",
                Executor::Pyrelease | Executor::StandIn => return None,
            };
            Some(format!("the {who} of `{}` runs for real, with all its effects", stage.name))
        });
        said.collect()
    }

    pub fn converges(&self) -> bool {
        self.results.iter().all(PointResult::converges)
    }

    /// The points that do not converge.
    pub fn diverged(&self) -> impl Iterator<Item = &PointResult> {
        self.results.iter().filter(|judged| !judged.converges())
    }

    /// The command that tests a point again.
    pub fn again(&self, judged: &PointResult) -> String {
        let bump = self.bump.as_ref().map_or(String::new(), |bump| format!(" {bump}"));
        let at = self.at.as_ref().map_or(String::new(), |at| format!(" --at {at}"));
        let commands = if self.for_real.commands { " --commands" } else { "" };
        let install = if self.for_real.install { " --install" } else { "" };
        format!("pyrelease drill{bump}{at}{commands}{install} --points {} --keep", judged.point.id)
    }

    /// The figures in one line.
    pub fn summary(&self) -> String {
        let points = self.results.len();
        let diverged = self.diverged().count();
        let outcome = match diverged {
            0 => "all converge".to_owned(),
            1 => "1 does not converge".to_owned(),
            several => format!("{several} do not converge"),
        };
        let points = if points == 1 { "1 kill point".to_owned() } else { format!("{points} kill points") };
        format!("{points}, {} recoveries, {outcome} ({:.0} s)", self.results.len() * 2, self.seconds)
    }
}
