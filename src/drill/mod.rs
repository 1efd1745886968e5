//! Drills: kills a project's own release before, during and after every journal record and inside every effect, and
//! checks each time that the release can be rolled back and completed.
//!
//! The release is real: this program in a process of its own, git, the build and the uploads. It runs in a sandbox: a
//! copy of the repository, bare copies of its remotes, and local indexes ([`template`], [`configuration`],
//! [`sandbox`]). One uninterrupted run finds all kill points ([`baseline`], [`points`]). For each point, a run is then
//! killed there by a real `SIGKILL`. Points after the private stages are reached by resuming a run that was killed at
//! their end, which only saves time. The outcome is judged file by file and ref by ref ([`judge`], [`facts`]).

mod baseline;
mod configuration;
mod copies;
mod facts;
mod judge;
mod plugins;
mod points;
mod rehearsal;
mod report;
mod sandbox;
mod stand_in;
mod template;
mod workflow;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use baseline::{Baseline, Start, Task};
use configuration::{Command, Configuration, Purpose};
use judge::Judge;
use sandbox::{Sandbox, SandboxBase};
use template::{Signing, Template};

use crate::config::Location;
use crate::engine::checkout::Checkout;
use crate::engine::model::Reach;
use crate::error::{Error, Result};
use crate::world::Environment;
use crate::world::failpoints::Failpoint;

pub use configuration::{Executor, ForReal};
pub use points::{Id, KillPoint, Phase, RecoveryCommand, Selection};
pub use rehearsal::{Copy, RehearsalSource, in_copy};
pub use report::{Outcome, Recovery};
pub use report::{PointResult, Report};
pub use stand_in::PluginStage;

/// The options of a drill
#[derive(Debug, Clone)]
pub struct Options {
    /// The version bump, as for `run`
    pub bump: Option<String>,
    /// The commit to release, if not the current one
    pub at: Option<String>,
    pub for_real: ForReal,
    /// The stages that plugins run
    pub plugins: Vec<PluginStage>,
    /// Only these points
    pub points: Option<Selection>,
    /// Only points in these stages, if any are given
    pub stages: Vec<String>,
    /// Only each nth of those points
    pub every: usize,
    /// The number of parallel runs
    pub jobs: usize,
    /// Whether to keep the temporary folder
    pub keep: bool,
}

/// Receives the progress of a drill
pub trait Watcher {
    /// The points are known: how many exist, and how many are tested.
    fn on_baseline(&self, report: &Report, points: usize, tried: usize);
    /// A point was judged.
    fn on_result(&self, judged: &PointResult);
}

/// Drills the project's release.
///
/// # Errors
/// The release fails without being killed, the drill was interrupted, or it cannot continue, such as on a full disk.
/// Points that do not converge are in the report, not errors.
pub fn drill(
    location: &Location,
    environment: &Environment,
    options: &Options,
    interrupted: &AtomicBool,
    watcher: &dyn Watcher,
) -> Result<Report> {
    let began = Instant::now();
    let scratch = tempfile::Builder::new().prefix("pyrelease-drill-").tempdir()?;
    let folder = fs_err::canonicalize(scratch.path())?;
    let checkout = Checkout::open(&location.root, environment.clone())?;
    let template = Template::make(
        &checkout,
        options.at.as_deref(),
        location.config.carry(),
        (&folder.join("template"), Signing::Off),
    )?;
    let configuration =
        Configuration::read(&location.config, Purpose::Drill(options.for_real), &options.plugins)?;
    template.bring_plugins(&checkout, configuration.run_for_real())?;
    let base = SandboxBase {
        template: &template,
        configuration: &configuration,
        environment,
        original: &location.root,
        temporary: None,
    };
    let make = |number: usize| Sandbox::make(base, &folder.join(format!("sandbox-{number}")));

    let mut first = make(0)?;
    let in_stages = |stage: Option<&String>| {
        options.stages.is_empty() || stage.is_some_and(|stage| options.stages.contains(stage))
    };
    let deeper = options.points.as_ref().map_or(options.stages.is_empty(), Selection::includes_recovery);
    let baseline = Baseline::make(&mut first, &configuration, options.bump.as_deref(), deeper)?;
    let tasks: Vec<&Task> = baseline
        .tasks()
        .iter()
        .filter(|task| options.points.as_ref().is_none_or(|wanted| wanted.has(task.point.id)))
        .filter(|task| in_stages(task.point.stage.as_ref()))
        .step_by(options.every.max(1))
        .collect();
    if tasks.is_empty() {
        return Err(Error::usage("no such point exists").help(format!(
            "the points of this release are 1 to {}",
            baseline.tasks().iter().map(|task| task.point.id.number).max().unwrap_or_default()
        )));
    }
    let mut report = baseline.report(&configuration, options.at.as_deref());
    watcher.on_baseline(&report, baseline.tasks().len(), tasks.len());

    let drill =
        Drill { baseline: &baseline, failures: folder.join("diverged"), tasks, next: AtomicUsize::new(0) };
    let first = Mutex::new(Some(first));
    let work = |number: usize, tell: &Sender<Result<PointResult>>| -> Result<()> {
        // One worker continues with the sandbox of the baseline.
        let taken = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut sandbox = taken.map_or_else(|| make(number + 1), Ok)?;
        sandbox.restore(sandbox::PRISTINE)?;
        let (pristine, complete) = (sandbox.facts()?, &baseline.complete);
        let effects = &baseline.effects;
        let judge = Judge { pristine, complete, effects, configuration: &configuration };
        while let Some(task) = drill.next_task().filter(|_| !interrupted.load(Ordering::Relaxed)) {
            // The receiver may be gone after an error.
            let _ = tell.send(drill.judge(&mut sandbox, &judge, task));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let (tell, told) = channel();
        for number in 0..options.jobs.clamp(1, drill.tasks.len()) {
            let (work, tell) = (&work, tell.clone());
            scope.spawn(move || {
                if let Err(error) = work(number, &tell) {
                    let _ = tell.send(Err(error));
                }
            });
        }
        drop(tell);
        for judged in told {
            let judged = judged.inspect_err(|_| drill.give_up())?;
            watcher.on_result(&judged);
            report.results.push(judged);
        }
        Ok::<_, Error>(())
    })?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(Error::interrupted());
    }
    drop(first);
    report.results.sort_by_key(|judged| judged.point.id);
    report.seconds = began.elapsed().as_secs_f64();
    if options.keep || !report.converges() {
        report.kept = Some(scratch.keep());
    }
    Ok(report)
}

/// The remaining points, and the folder for those that do not converge
struct Drill<'a> {
    baseline: &'a Baseline,
    failures: PathBuf,
    tasks: Vec<&'a Task>,
    next: AtomicUsize,
}

impl<'a> Drill<'a> {
    fn next_task(&self) -> Option<&'a Task> {
        self.tasks.get(self.next.fetch_add(1, Ordering::SeqCst)).copied()
    }

    /// Starts no more points.
    fn give_up(&self) {
        self.next.store(usize::MAX / 2, Ordering::SeqCst);
    }

    /// Kills a run at a point, then recovers from there in both ways.
    fn judge(&self, sandbox: &mut Sandbox<'_>, judge: &Judge<'_>, task: &Task) -> Result<PointResult> {
        let began = Instant::now();
        let shown = self.failures.join(task.point.id.to_string().replace('/', "-"));
        // The killed run's children may still be running: an immediate recovery meets them.
        let at_work = task.point.moment == Failpoint::ProcessStarted;
        let mut recoveries = Vec::new();
        let mut before = None;
        for command in [RecoveryCommand::Rollback, RecoveryCommand::Resume] {
            let mut differences = Vec::new();
            if at_work || before.is_none() {
                differences.extend(self.kill(sandbox, task)?);
                if !at_work {
                    differences.extend(
                        sandbox
                            .wait_for_processes()
                            .into_iter()
                            .map(|line| format!("`{line}` is still running after the run was killed")),
                    );
                    sandbox.save("killed")?;
                    before = Some(sandbox.facts()?);
                }
            } else {
                sandbox.restore("killed")?;
            }
            differences.extend(
                before.as_ref().and_then(|before| published_too_early(judge, task.point.phase, before)),
            );
            let mut recovery = judge.recover(sandbox, command, &task.point, before.as_ref())?;
            if !differences.is_empty() {
                recovery.outcome = Outcome::Diverged;
                recovery.differences.splice(0..0, differences);
            }
            if recovery.outcome == Outcome::Diverged {
                sandbox.show(&shown.join(format!("after-{}", command.name())))?;
            }
            recoveries.push(recovery);
        }
        if recoveries.iter().any(|recovery| recovery.outcome == Outcome::Diverged) && before.is_some() {
            sandbox.restore("killed")?;
            sandbox.show(&shown.join("killed"))?;
        }
        let [rollback, resume] = <[Recovery; 2]>::try_from(recoveries).expect("there are two recoveries");
        let seconds = began.elapsed().as_secs_f64();
        Ok(PointResult { point: task.point.clone(), rollback, resume, seconds })
    }

    /// Kills a run at a point; returns what is wrong if it was not killed.
    fn kill(&self, sandbox: &mut Sandbox<'_>, task: &Task) -> Result<Option<String>> {
        self.reach(sandbox, task.start)?;
        let arguments = self.baseline.arguments(task.start);
        let ended = sandbox.pyrelease(&arguments, Some(&format!("kill:{}", task.at)))?;
        Ok(ended.code.map(|_| format!("the run was not killed: {}", ended.said())))
    }

    /// Restores the state from which a kill starts.
    fn reach(&self, sandbox: &mut Sandbox<'_>, start: Start) -> Result<()> {
        let state = start.state();
        if !sandbox.has(&state)
            && let Some(before) = self.baseline.kill_before(start)
        {
            self.reach(sandbox, before.start)?;
            let arguments = self.baseline.arguments(before.start);
            sandbox.pyrelease(&arguments, Some(&format!("kill:{}", before.at)))?;
            sandbox.save(&state)?;
        }
        sandbox.restore(&state)
    }
}

/// What is public too early.
fn published_too_early(judge: &Judge<'_>, phase: Phase, before: &facts::Facts) -> Option<String> {
    let early = matches!(phase, Phase::NotBegun | Phase::Reversible | Phase::RolledBack);
    let public = |name: &str| {
        judge
            .configuration
            .indexes
            .iter()
            .any(|index| index.name == name && index.kind == crate::config::IndexKind::Public)
    };
    if !early {
        return None;
    }
    let stays = judge.configuration.stand_ins().filter(|command| command.reach >= Reach::Public);
    let mut marks = stays.flat_map(Command::marks).filter(|(_, is_undone)| !is_undone);
    if let Some((mark, _)) = marks.find(|(mark, _)| before.commands.contains(mark)) {
        return Some(format!("`{mark}` was done before the point of no return"));
    }
    let (index, files) = before.indexes.iter().find(|(name, files)| public(name) && !files.is_empty())?;
    let file = files.keys().next().map_or("", |name| name);
    Some(format!("{file} was on {index} before the point of no return"))
}
