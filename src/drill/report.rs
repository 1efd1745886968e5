//! What a drill found, as data and as a table.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use super::configuration::ForReal;
use super::judge::{Outcome, Recovery};
use super::points::{KillPoint, Phase};
use crate::engine::model::Reach;

/// Who does the work of a stage in a drill
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doer {
    Pyrelease,
    /// The user's own command
    Command,
    /// The plugin itself
    Plugin,
    /// Somebody else in the place of a command or a plugin
    StandIn,
}

/// A stage of the release that was drilled
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    pub name: String,
    pub reach: Reach,
    pub doer: Doer,
}

/// A point at which a run was killed, and where both ways on came out
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    pub point: KillPoint,
    pub rollback: Recovery,
    pub resume: Recovery,
    pub seconds: f64,
}

impl Judged {
    /// Whether both ways came out where they should.
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

/// A drill and what it found
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub name: String,
    pub version: String,
    pub bump: Option<String>,
    pub at: Option<String>,
    pub for_real: ForReal,
    pub stages: Vec<Stage>,
    /// What was not done for real
    pub left_out: Vec<String>,
    pub results: Vec<Judged>,
    pub seconds: f64,
    /// The folder with the worlds that did not converge
    pub kept: Option<PathBuf>,
}

impl Report {
    /// What reaches further than the run's folder and was done for real.
    pub fn for_real(&self) -> Vec<String> {
        let outside = self.stages.iter().filter(|stage| stage.reach > Reach::Private);
        let said = outside.filter_map(|stage| {
            let who = match stage.doer {
                Doer::Plugin => "plugin",
                Doer::Command => "command",
                Doer::Pyrelease | Doer::StandIn => return None,
            };
            Some(format!("the {who} of `{}` runs itself, with whatever it reaches", stage.name))
        });
        said.collect()
    }

    pub fn converges(&self) -> bool {
        self.results.iter().all(Judged::converges)
    }

    /// The points that do not converge.
    pub fn diverged(&self) -> impl Iterator<Item = &Judged> {
        self.results.iter().filter(|judged| !judged.converges())
    }

    /// The command that tries a point again.
    pub fn again(&self, judged: &Judged) -> String {
        let bump = self.bump.as_ref().map_or(String::new(), |bump| format!(" {bump}"));
        let at = self.at.as_ref().map_or(String::new(), |at| format!(" --at {at}"));
        let commands = if self.for_real.commands { " --commands" } else { "" };
        let install = if self.for_real.install { " --install" } else { "" };
        format!("pyrelease drill{bump}{at}{commands}{install} --points {} --keep", judged.point.id)
    }

    /// The figures in a line.
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

    /// A row for each point.
    pub fn table(&self) -> String {
        let rows: Vec<[String; 6]> = self
            .results
            .iter()
            .map(|judged| {
                let [rollback, resume] = judged.outcomes().map(str::to_owned);
                let stage = judged.point.stage.clone().unwrap_or_default();
                let seconds = format!("{:.1}", judged.seconds);
                [judged.point.id.to_string(), stage, judged.point.what.clone(), rollback, resume, seconds]
            })
            .collect();
        let head = ["point", "stage", "killed", "rollback", "resume", "seconds"].map(str::to_owned);
        let width = |column: usize| {
            rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        let mut text = String::new();
        let mut public = false;
        for row in [&head].into_iter().chain(&rows) {
            if let Some(judged) = self.results.iter().find(|judged| judged.point.id.to_string() == row[0])
                && judged.point.phase == Phase::Public
                && !std::mem::replace(&mut public, true)
            {
                let _ =
                    writeln!(text, "{:-^1$}", " the point of no return ", widths.iter().sum::<usize>() + 10);
            }
            let [point, stage, what, rollback, resume, seconds] = row;
            let _ = writeln!(
                text,
                "{point:<0$}  {stage:<1$}  {what:<2$}  {rollback:<3$}  {resume:<4$}  {seconds:>5$}",
                widths[0], widths[1], widths[2], widths[3], widths[4], widths[5]
            );
        }
        text.trim_end().to_owned()
    }
}
