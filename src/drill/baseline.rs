//! Runs the release once without killing it, to find all kill points and how to reach each.

use super::configuration::Configuration;
use super::facts::Facts;
use super::plugins;
use super::points::{Id, KillPoint, Phase, RecoveryCommand, kill_points};
use super::report::{Report, Stage};
use super::sandbox::{Ended, PRISTINE, Sandbox};
use crate::engine::journal::{Header, Journal, Record, header};
use crate::engine::model::Reach;
use crate::engine::run::Store;
use crate::error::{Error, ExitCode, Result};
use crate::world::failpoints::{Failpoint, Point};
use crate::world::git::Repository;

/// The state in which a command starts
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Before the release
    Pristine,
    /// A run was killed at the end of its private stages
    Prepared,
    /// A run was killed at this point; the recovery command is killed next
    Killed(Id, RecoveryCommand),
}

impl Start {
    /// The name of the saved state.
    pub(super) fn state(self) -> String {
        match self {
            Self::Pristine => PRISTINE.to_owned(),
            Self::Prepared => "prepared".to_owned(),
            Self::Killed(id, _) => format!("killed-{}", id.number),
        }
    }
}

/// A kill point and how to reach it: the `at`th point of the command that starts in `start`
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) point: KillPoint,
    pub(super) start: Start,
    pub(super) at: u64,
}

/// What the uninterrupted release showed
pub(super) struct Baseline {
    header: Header,
    bump: Option<String>,
    /// Whether the run must be told that a workflow publishes: in a drill, no file shows it
    is_forced: bool,
    /// The number of the point at the end of the private stages; `None` if every run starts from the beginning
    prepared: Option<u64>,
    tasks: Vec<Task>,
    /// The state after an uninterrupted release
    pub(super) complete: Facts,
    /// The effects of plugins after it
    pub(super) effects: plugins::Named,
}

impl Baseline {
    /// Runs the release and, if asked for, finds the kill points of its recovery too.
    ///
    /// # Errors
    /// The release fails, so there is nothing to drill.
    pub(super) fn make(
        sandbox: &mut Sandbox<'_>,
        configuration: &Configuration,
        bump: Option<&str>,
        deeper: bool,
    ) -> Result<Self> {
        let mut baseline = Self::of_run(sandbox, bump)?;
        if configuration.changes_outside() {
            // The first run may warm caches outside; all later runs find them.
            sandbox.restore(PRISTINE)?;
            baseline = Self::of_run(sandbox, bump)?;
        }
        baseline.shorten(sandbox)?;
        if deeper {
            baseline.add_recovery_points(sandbox)?;
        }
        baseline.tasks.sort_by_key(|task| task.point.id);
        Ok(baseline)
    }

    pub(super) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The command that starts in this state.
    pub(super) fn arguments(&self, start: Start) -> Vec<&str> {
        match start {
            Start::Pristine => run_arguments(self.bump.as_deref(), self.is_forced),
            Start::Prepared => vec![RecoveryCommand::Resume.name(), "--yes"],
            Start::Killed(_, command) => vec![command.name(), "--yes"],
        }
    }

    /// The kill that leads to this state; `None` for the beginning.
    pub(super) fn kill_before(&self, start: Start) -> Option<&Task> {
        let number = match start {
            Start::Pristine => return None,
            Start::Prepared => self.prepared?,
            Start::Killed(id, _) => id.number,
        };
        self.tasks.iter().find(|task| task.point.id == Id { number, then: None })
    }

    pub(super) fn report(&self, configuration: &Configuration, at: Option<&str>) -> Report {
        let stages = self.header.stages.iter();
        Report {
            name: self.header.name.clone(),
            version: self.header.version.clone(),
            bump: self.bump.clone(),
            at: at.map(str::to_owned),
            for_real: configuration.for_real(),
            stages: stages
                .map(|(name, reach)| Stage {
                    name: name.clone(),
                    reach: *reach,
                    executor: configuration.executor(name),
                })
                .collect(),
            left_out: configuration.left_out.clone(),
            results: Vec::new(),
            seconds: 0.0,
            kept: None,
        }
    }

    /// Runs the whole release.
    fn of_run(sandbox: &mut Sandbox<'_>, bump: Option<&str>) -> Result<Self> {
        let is_forced = sandbox.has_workflows();
        let (ended, points) = listed(sandbox, &run_arguments(bump, is_forced))?;
        if ended.exit_code() != Some(ExitCode::Done) {
            return Err(failed(&ended));
        }
        let records = records(sandbox)?;
        let header = header(&records).cloned().ok_or_else(|| Error::failed("the run left no journal"))?;
        let private = header.stages.iter().filter(|(_, reach)| *reach == Reach::Private).count();
        let found = kill_points(&points, &[], &records, |number| Id { number, then: None });
        let mut ends = found.iter().filter(|point| point.ends_stage);
        let prepared = ends.nth(private.wrapping_sub(1)).map(|point| point.id.number);
        let tasks =
            found.into_iter().map(|point| Task { at: point.id.number, start: Start::Pristine, point });
        let (bump, complete) = (bump.map(str::to_owned), sandbox.facts()?);
        let effects = plugins::done(sandbox)?;
        Ok(Self { header, bump, is_forced, prepared, tasks: tasks.collect(), complete, effects })
    }

    /// Checks whether a run resumed after its private stages passes the same points; if so, later kills start from
    /// there.
    fn shorten(&mut self, sandbox: &mut Sandbox<'_>) -> Result<()> {
        let Some(prepared) = self.prepared else { return Ok(()) };
        sandbox.restore(PRISTINE)?;
        sandbox.pyrelease(&self.arguments(Start::Pristine), Some(&format!("kill:{prepared}")))?;
        sandbox.save(&Start::Prepared.state())?;
        let before = records(sandbox)?;
        let (ended, points) = listed(sandbox, &self.arguments(Start::Prepared))?;
        let written = records(sandbox)?.split_off(before.len());
        let found =
            kill_points(&points, &before, &written, |number| Id { number: prepared + number, then: None });
        let same = |(task, point): (&Task, &KillPoint)| {
            (task.point.moment, &task.point.what, task.point.phase)
                == (point.moment, &point.what, point.phase)
        };
        let rest = self.tasks.iter_mut().filter(|task| task.point.id.number > prepared);
        let rest: Vec<&mut Task> = rest.collect();
        let as_in_the_run =
            rest.len() == found.len() && rest.iter().map(|task| &**task).zip(&found).all(same);
        if ended.exit_code() == Some(ExitCode::Done) && as_in_the_run {
            for task in rest {
                task.start = Start::Prepared;
                task.at = task.point.id.number - prepared;
            }
        } else {
            self.prepared = None;
        }
        Ok(())
    }

    /// Finds kill points in recovery: all points of a rollback where it has the most to undo, and the first points of a
    /// `resume`, where it reconciles uncertain effects.
    fn add_recovery_points(&mut self, sandbox: &mut Sandbox<'_>) -> Result<()> {
        let reversible = |task: &&Task| task.point.phase == Phase::Reversible;
        let deepest = self.tasks.iter().rfind(reversible).map(|task| task.point.id);
        let doubtful = |task: &&Task| reversible(task) && task.point.moment == Failpoint::ProcessEnded;
        let in_doubt = self.tasks.iter().rfind(doubtful).map(|task| task.point.id);
        let branches = [
            (deepest, RecoveryCommand::Rollback, u64::MAX),
            (in_doubt, RecoveryCommand::Rollback, u64::MAX),
            (in_doubt, RecoveryCommand::Resume, RECONCILING_POINTS),
        ];
        for (id, command, most) in branches {
            let Some(id) = id else { continue };
            let start = Start::Killed(id, command);
            self.instantiate(sandbox, start)?;
            let before = records(sandbox)?;
            let (_, points) = listed(sandbox, &self.arguments(start))?;
            let written = records(sandbox)?.split_off(before.len());
            let name = |number| Id { number: id.number, then: Some((command, number)) };
            let found = kill_points(&points, &before, &written, name)
                .into_iter()
                .filter(|point| point.id.then.is_some_and(|(_, number)| number <= most));
            let tasks: Vec<Task> = found
                .map(|mut point| {
                    let at = point.id.then.map_or(0, |(_, number)| number);
                    point.stage = point.stage.or_else(|| self.stage_of(id));
                    Task { point, start, at }
                })
                .collect();
            self.tasks.extend(tasks);
        }
        Ok(())
    }

    fn stage_of(&self, id: Id) -> Option<String> {
        self.tasks.iter().find(|task| task.point.id == id)?.point.stage.clone()
    }

    fn instantiate(&self, sandbox: &mut Sandbox<'_>, start: Start) -> Result<()> {
        let Some(task) = self.kill_before(start) else { return Ok(()) };
        sandbox.restore(&task.start.state())?;
        sandbox.pyrelease(&self.arguments(task.start), Some(&format!("kill:{}", task.at)))?;
        sandbox.save(&start.state())
    }
}

fn run_arguments(bump: Option<&str>, is_forced: bool) -> Vec<&str> {
    ["run", "--yes"].into_iter().chain(is_forced.then_some("--force")).chain(bump).collect()
}

/// The first points of a `resume`, at which it reconciles uncertain effects
const RECONCILING_POINTS: u64 = 9;

/// Runs a command and lists its failpoints.
fn listed(sandbox: &mut Sandbox<'_>, arguments: &[&str]) -> Result<(Ended, Vec<Point>)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("points");
    let ended = sandbox.pyrelease(arguments, Some(&format!("list:{}", file.display())))?;
    sandbox.wait_for_processes();
    let text = fs_err::read_to_string(&file).unwrap_or_default();
    let points = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    let points =
        points.map_err(|error| Error::failed("failed to read the list of failpoints").because(error))?;
    Ok((ended, points))
}

/// The records of the newest run.
fn records(sandbox: &Sandbox<'_>) -> Result<Vec<Record>> {
    let runs = Store::of(&Repository::discover(&sandbox.project())?)?.runs()?;
    runs.last().map_or(Ok(Vec::new()), |run| Journal::read(&run.journal()))
}

/// The error for a release that fails without being killed.
fn failed(ended: &Ended) -> Error {
    let said = ended.stderr.trim_end();
    let message = format!("the release fails even without being killed:\n{said}");
    let error = match ended.exit_code() {
        Some(ExitCode::Usage) => Error::usage(message),
        Some(ExitCode::Refused) => Error::refused(message),
        Some(ExitCode::Interrupted) => Error::interrupted(),
        _ => Error::failed(message),
    };
    error
        .help("the drill uses a copy of the committed files; try it here with `pyrelease run --dry-run`")
        .help(
            "if there is nothing to release, drill the last release again with `pyrelease drill --at HEAD~1`",
        )
}
