//! A drill: a project's own release is killed before, amid and after every record of its journal and inside every
//! effect, and each time it has to be possible to undo it and to finish it.
//!
//! The release is real: this program as a process of its own, git, the build, uploads. Where it takes place is not the
//! user's: a copy of the repository, bare copies of its remotes, indexes of our own ([`template`], [`configuration`],
//! [`sandbox`]). One run is gone through to learn its points ([`points`]). For each of them a run is then killed there by
//! a real `SIGKILL`; where that is after the private part, it is a `resume` that is killed, of a run that was killed
//! when its private part was done: only the way to the point is shorter. What is left is judged by what is there, file
//! by file and ref by ref ([`judge`], [`facts`]).

mod baseline;
mod configuration;
mod copies;
mod facts;
mod judge;
mod page;
mod plugins;
mod points;
mod report;
mod sandbox;
mod template;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use baseline::{Baseline, Start, Task};
use configuration::{Command, Configuration};
use judge::Judge;
use sandbox::{Sandbox, SandboxBase};
use template::Template;

use crate::config::Location;
use crate::engine::model::Reach;
use crate::engine::release::Workspace;
use crate::error::{Error, Result};
use crate::world::Environment;
use crate::world::failpoints::Failpoint;

pub use configuration::ForReal;
pub use judge::{Outcome, Recovery};
pub use page::page;
pub use plugins::PluginStage;
pub use points::{Id, KillPoint, Phase, Selection, Way};
pub use report::{Judged, Report};

/// How to drill
#[derive(Debug, Clone)]
pub struct Options {
    /// How the version is raised, as `run` takes it
    pub bump: Option<String>,
    /// The commit that is released, where it is not the present one
    pub at: Option<String>,
    pub for_real: ForReal,
    /// The stages that plugins do
    pub plugins: Vec<PluginStage>,
    /// Only these points
    pub points: Option<Selection>,
    /// Only those in these stages, if there are any
    pub stages: Vec<String>,
    /// Of those, each of this many
    pub every: usize,
    /// How many runs are killed at a time
    pub jobs: usize,
    /// Whether to leave the throwaway folder
    pub keep: bool,
}

/// Who watches a drill
pub trait Watcher {
    /// The points are known: how many there are, and how many of them are tried.
    fn surveyed(&self, report: &Report, points: usize, tried: usize);
    /// A point has been judged.
    fn judged(&self, judged: &Judged);
}

/// Drills the project's release.
///
/// # Errors
/// The release itself fails where it is not killed; the drill was interrupted; or it cannot go on, as on a full disk.
/// That a point does not converge is in the report.
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
    let workspace = Workspace::open(&location.root, environment.clone())?;
    let template =
        Template::make(&workspace, options.at.as_deref(), location.config.carry(), &folder.join("template"))?;
    let configuration = Configuration::read(&location.config, options.for_real, &options.plugins)?;
    template.bring_plugins(&workspace, configuration.themselves())?;
    let base = SandboxBase {
        template: &template,
        configuration: &configuration,
        environment,
        original: &location.root,
    };
    let make = |number: usize| Sandbox::make(base, &folder.join(format!("sandbox-{number}")));

    let mut first = make(0)?;
    let in_stages = |stage: Option<&String>| {
        options.stages.is_empty() || stage.is_some_and(|stage| options.stages.contains(stage))
    };
    let deeper = options.points.as_ref().map_or(options.stages.is_empty(), Selection::goes_deeper);
    let baseline = Baseline::make(&mut first, &configuration, options.bump.as_deref(), deeper)?;
    let tasks: Vec<&Task> = baseline
        .tasks()
        .iter()
        .filter(|task| options.points.as_ref().is_none_or(|wanted| wanted.has(task.point.id)))
        .filter(|task| in_stages(task.point.stage.as_ref()))
        .step_by(options.every.max(1))
        .collect();
    if tasks.is_empty() {
        return Err(Error::usage("there is no such point").help(format!(
            "the points of this release are 1 to {}",
            baseline.tasks().iter().map(|task| task.point.id.number).max().unwrap_or_default()
        )));
    }
    let mut report = baseline.report(&configuration, options.at.as_deref());
    watcher.surveyed(&report, baseline.tasks().len(), tasks.len());

    let drill =
        Drill { baseline: &baseline, failures: folder.join("diverged"), tasks, next: AtomicUsize::new(0) };
    let first = Mutex::new(Some(first));
    let work = |number: usize, tell: &Sender<Result<Judged>>| -> Result<()> {
        // The sandbox of the baseline serves on, whoever comes first.
        let surveyed = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut sandbox = surveyed.map_or_else(|| make(number + 1), Ok)?;
        sandbox.restore(sandbox::PRISTINE)?;
        let (pristine, complete) = (sandbox.facts()?, &baseline.complete);
        let effects = &baseline.effects;
        let judge = Judge { pristine, complete, effects, configuration: &configuration };
        while let Some(task) = drill.next_task().filter(|_| !interrupted.load(Ordering::Relaxed)) {
            // Who is told may have given up.
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
            watcher.judged(&judged);
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

/// The points that are left to try, and where to put what does not converge
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

    /// Nothing more is begun.
    fn give_up(&self) {
        self.next.store(usize::MAX / 2, Ordering::SeqCst);
    }

    /// Kills a run at a point and goes both ways from there.
    fn judge(&self, sandbox: &mut Sandbox<'_>, judge: &Judge<'_>, task: &Task) -> Result<Judged> {
        let began = Instant::now();
        let shown = self.failures.join(task.point.id.to_string().replace('/', "-"));
        // What the killed run had started may be at work yet: whoever recovers at once meets it.
        let at_work = task.point.moment == Failpoint::ProcessStarted;
        let mut recoveries = Vec::new();
        let mut before = None;
        for way in [Way::Rollback, Way::Resume] {
            let mut differences = Vec::new();
            if at_work || before.is_none() {
                differences.extend(self.kill(sandbox, task)?);
                if !at_work {
                    differences.extend(
                        sandbox.rest().into_iter().map(|line| format!("`{line}` outlived the killed run")),
                    );
                    sandbox.save("killed")?;
                    before = Some(sandbox.facts()?);
                }
            } else {
                sandbox.restore("killed")?;
            }
            differences.extend(before.as_ref().and_then(|before| too_early(judge, task.point.phase, before)));
            let mut recovery = judge.recover(sandbox, way, &task.point, before.as_ref())?;
            if !differences.is_empty() {
                recovery.outcome = Outcome::Diverged;
                recovery.differences.splice(0..0, differences);
            }
            if recovery.outcome == Outcome::Diverged {
                sandbox.show(&shown.join(format!("after-{}", way.command())))?;
            }
            recoveries.push(recovery);
        }
        if recoveries.iter().any(|recovery| recovery.outcome == Outcome::Diverged) && before.is_some() {
            sandbox.restore("killed")?;
            sandbox.show(&shown.join("killed"))?;
        }
        let [rollback, resume] = <[Recovery; 2]>::try_from(recoveries).expect("there are two ways");
        let seconds = began.elapsed().as_secs_f64();
        Ok(Judged { point: task.point.clone(), rollback, resume, seconds })
    }

    /// Kills a run at a point; says what is wrong if it was not.
    fn kill(&self, sandbox: &mut Sandbox<'_>, task: &Task) -> Result<Option<String>> {
        self.reach(sandbox, task.start)?;
        let arguments = self.baseline.arguments(task.start);
        let ended = sandbox.pyrelease(&arguments, Some(&format!("kill:{}", task.at)))?;
        Ok(ended.code.map(|_| format!("the run was not killed: {}", ended.said())))
    }

    /// Puts up the world that a kill starts from.
    fn reach(&self, sandbox: &mut Sandbox<'_>, start: Start) -> Result<()> {
        let state = start.state();
        if !sandbox.has(&state)
            && let Some(before) = self.baseline.way_to(start)
        {
            self.reach(sandbox, before.start)?;
            let arguments = self.baseline.arguments(before.start);
            sandbox.pyrelease(&arguments, Some(&format!("kill:{}", before.at)))?;
            sandbox.save(&state)?;
        }
        sandbox.restore(&state)
    }
}

/// What is public although nothing should be.
fn too_early(judge: &Judge<'_>, phase: Phase, before: &facts::Facts) -> Option<String> {
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
