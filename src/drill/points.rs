//! The points at which a run can be killed.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::engine::execute::LANDING;
use crate::engine::journal::{Outcome, Record};
use crate::engine::model::{Effect, Reach};
use crate::world::failpoints::{Failpoint, Point};

/// A command that recovers an interrupted run
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryCommand {
    Rollback,
    Resume,
}

impl RecoveryCommand {
    /// The name of the command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Resume => "resume",
        }
    }
}

/// The id of a kill point: its number in the run and, if the recovery command was killed too, the number of its own
/// point
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub number: u64,
    pub then: Option<(RecoveryCommand, u64)>,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)?;
        self.then.map_or(Ok(()), |(command, number)| write!(f, "/{}/{number}", command.name()))
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A selection of points, such as `7`, `10-20`, `64/rollback/3`, and lists of these
#[derive(Debug, Clone)]
pub struct Selection(Vec<(Id, Option<u64>)>);

impl Selection {
    /// Whether it includes points of recovery commands.
    pub(super) fn includes_recovery(&self) -> bool {
        self.0.iter().any(|(first, _)| first.then.is_some())
    }

    pub(super) fn has(&self, id: Id) -> bool {
        self.0.iter().any(|(first, last)| match last {
            Some(last) => id.then.is_none() && (first.number..=*last).contains(&id.number),
            None => *first == id,
        })
    }
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            let wrong = || format!("`{part}` is not a valid point: pass `7`, `10-20` or `64/rollback/3`");
            let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
            if let Some((first, last)) = part.split_once('-') {
                return Ok((Id { number: number(first)?, then: None }, Some(number(last)?)));
            }
            let then = match part.split('/').collect::<Vec<_>>()[..] {
                [_] => None,
                [_, "rollback", then] => Some((RecoveryCommand::Rollback, number(then)?)),
                [_, "resume", then] => Some((RecoveryCommand::Resume, number(then)?)),
                _ => return Err(wrong()),
            };
            Ok((Id { number: number(part.split('/').next().unwrap_or_default())?, then }, None))
        };
        text.split(',').map(part).collect::<Result<_, _>>().map(Self)
    }
}

/// How far a run has come when it is killed
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The journal does not have the run yet
    NotBegun,
    /// Nothing is or may be public
    Reversible,
    /// Something is or may be public: the release can only be completed
    Public,
    /// Everything is done
    Released,
    /// Everything is undone
    RolledBack,
}

/// A point at which a run is killed
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KillPoint {
    #[cfg_attr(test, schemars(with = "String"))]
    pub id: Id,
    pub moment: Failpoint,
    /// The stage that it belongs to; `None` between stages
    pub stage: Option<String>,
    /// What happens there, for display
    pub what: String,
    pub phase: Phase,
    /// Whether a push that publishes is under way, so that it may not have arrived
    #[serde(skip)]
    pub is_pushing: bool,
    /// Whether the end of a stage has just been recorded
    #[serde(skip)]
    pub ends_stage: bool,
}

/// Derives the kill points from a command's failpoints and the records that it wrote, after the `before` records.
pub(super) fn kill_points(
    points: &[Point],
    before: &[Record],
    written: &[Record],
    id: impl Fn(u64) -> Id,
) -> Vec<KillPoint> {
    let mut known = Known::default();
    before.iter().for_each(|record| known.learn(record));
    let mut records = written.iter();
    let mut next = records.next();
    let mut found = Vec::new();
    for point in points {
        let what = match (point.moment, next) {
            (Failpoint::BeforeRecord, Some(record)) => format!("before {}", known.name(record)),
            (Failpoint::TornRecord, Some(record)) => format!("during {}", known.name(record)),
            (Failpoint::AfterRecord, Some(record)) => format!("after {}", known.name(record)),
            (Failpoint::ProcessStarted, _) => format!("{} is running", known.process(&point.what)),
            (Failpoint::ProcessEnded, _) => format!("{} has ended", known.process(&point.what)),
            (Failpoint::Acknowledged, _) => format!("allowed to act: {}", known.effect()),
            (Failpoint::HalfSent, _) => format!("half sent: {}", known.effect()),
            (Failpoint::AllSent, _) => format!("all sent, no reply: {}", known.effect()),
            (Failpoint::Replied, _) => format!("replied: {}", known.effect()),
            (Failpoint::FileWritten, _) => format!("written: {}", point.what),
            // If the journal has fewer records than points, the comparison finds out.
            (_, None) => point.what.clone(),
        };
        // A stage's first record belongs to the stage, on both sides.
        let begins = next.and_then(|record| match record {
            Record::StageBegun { stage } => Some(stage.clone()),
            Record::Intent { stage, .. } if known.stage.is_none() => Some(stage.clone()),
            _ => None,
        });
        let stage = begins.or_else(|| known.stage.clone());
        let is_recorded = point.moment == Failpoint::AfterRecord;
        let ends_stage = is_recorded && matches!(next, Some(Record::StageDone { .. }));
        if is_recorded && let Some(record) = next {
            known.learn(record);
            next = records.next();
        }
        found.push(KillPoint {
            id: id(point.number),
            moment: point.moment,
            stage,
            what,
            phase: known.phase.unwrap_or(Phase::NotBegun),
            is_pushing: known.pushing.is_some(),
            ends_stage,
        });
    }
    found
}

/// The state of the journal so far
#[derive(Default)]
struct Known {
    phase: Option<Phase>,
    stage: Option<String>,
    effects: Vec<Effect>,
    /// The effect that is being done or undone
    current: Option<Effect>,
    /// The id of a push that publishes and is under way
    pushing: Option<u64>,
}

impl Known {
    fn learn(&mut self, record: &Record) {
        match record {
            Record::Run(_) => self.phase = Some(Phase::Reversible),
            Record::StageBegun { stage } => self.stage = Some(stage.clone()),
            Record::StageDone { .. } => self.stage = None,
            Record::Intent { id, stage, effect, .. } => {
                self.pushing = matches!(effect, Effect::Push { reach: Reach::Public, .. }).then_some(*id);
                self.stage.get_or_insert_with(|| stage.clone());
                self.effects.push(effect.clone());
                self.current = Some(effect.clone());
                if effect.reach() >= Reach::Public {
                    self.phase = Some(Phase::Public);
                }
            }
            Record::Done { id, .. } | Record::NotDone { id, .. } if self.pushing == Some(*id) => {
                self.pushing = None;
            }
            // The release lands between stages; another landing belongs to its stage.
            Record::Done { id, .. }
                if matches!(self.effect_of(*id), Some(Effect::Land { .. }))
                    && self.stage.as_deref() == Some(LANDING) =>
            {
                self.stage = None
            }
            Record::Undo { id, .. } => self.current = self.effect_of(*id).cloned(),
            Record::End { outcome: Outcome::Released } => self.phase = Some(Phase::Released),
            Record::End { outcome: Outcome::RolledBack } => self.phase = Some(Phase::RolledBack),
            _ => {}
        }
    }

    fn effect_of(&self, id: u64) -> Option<&Effect> {
        self.effects.get(usize::try_from(id).ok()?)
    }

    /// The current effect.
    fn effect(&self) -> String {
        self.current.as_ref().map_or_else(String::new, ToString::to_string)
    }

    /// A process of the current effect.
    fn process(&self, command: &str) -> String {
        match &self.current {
            Some(Effect::Command { .. }) => "its command".to_owned(),
            _ => format!("`{}`", short_command(command)),
        }
    }

    fn name(&self, record: &Record) -> String {
        let of = |what: &str, id: &u64| match self.effect_of(*id) {
            Some(effect) => format!("{what}: {effect}"),
            None => format!("{what} {id}"),
        };
        match record {
            Record::Run(_) => "the start of the run".to_owned(),
            Record::StageBegun { stage } => format!("the start of `{stage}`"),
            Record::StageDone { stage, .. } => format!("the end of `{stage}`"),
            Record::Intent { effect, .. } => format!("the intent: {effect}"),
            Record::Done { id, .. } => of("done", id),
            Record::NotDone { id, .. } => of("not done", id),
            Record::Undo { id, .. } => of("undo", id),
            Record::Undone { id, .. } => of("undone", id),
            Record::Kept { id, .. } => of("kept", id),
            Record::End { .. } => "the end of the run".to_owned(),
            other => other.shown(),
        }
    }
}

/// The program of a command line and its subcommand, without options.
fn short_command(command: &str) -> String {
    let mut words = command.split(' ');
    let mut kept: Vec<&str> = words.next().into_iter().collect();
    while let Some(word) = words.next().filter(|_| kept.len() < 2) {
        match word {
            "-c" | "-C" => drop(words.next()),
            option if option.starts_with('-') => {}
            word => kept.push(word),
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_selected_by_number_range_and_name() {
        let selection: Selection = "3,10-12,64/rollback/3".parse().unwrap();
        let id = |number, then| Id { number, then };
        let wanted = [id(3, None), id(10, None), id(12, None), id(64, Some((RecoveryCommand::Rollback, 3)))];
        assert!(wanted.iter().all(|id| selection.has(*id)));
        let others = [id(4, None), id(13, None), id(64, None), id(64, Some((RecoveryCommand::Resume, 3)))];
        assert!(!others.iter().any(|id| selection.has(*id)));
        assert_eq!(wanted[3].to_string(), "64/rollback/3");
        assert!(
            "64/undo/3".parse::<Selection>().unwrap_err().starts_with("`64/undo/3` is not a valid point")
        );
    }

    #[test]
    fn a_command_is_shortened_to_its_subcommand() {
        assert_eq!(short_command("git -c gc.auto=0 fetch --quiet /tmp/somewhere HEAD"), "git fetch");
        assert_eq!(short_command("mkdocs gh-deploy --force"), "mkdocs gh-deploy");
    }
}
