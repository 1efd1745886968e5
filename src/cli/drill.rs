//! `pyrelease drill`: kills the project's release at every point, and checks that it can be undone and completed.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::drill::{self, ForReal, Options, PluginStage, PointResult, Report, Selection, Watcher};
use crate::engine::event::{Event, Listener};
use crate::error::{Error, Result};
use crate::ops::Context;
use crate::ops::locate;
use crate::stages::{self, Plugins};
use crate::ui::{Counter, Format, data, drill_text, object, page, print_now};
use crate::world::{expect_page, write_page};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How to bump the version, as for `run`
    #[arg(value_name = "BUMP")]
    bump: Option<String>,

    /// Drill the release of this commit, ignoring later commits and tags: `HEAD~1` repeats the last release
    #[arg(long, value_name = "COMMIT")]
    at: Option<String>,

    /// Write an HTML page with the pipeline and the outcome at every point
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Drill only these points: `7`, `10-20`, `64/rollback/3`, or a comma-separated list
    #[arg(long, value_name = "POINTS")]
    points: Option<String>,

    /// Drill only the points in this stage (repeatable)
    #[arg(long = "stage", value_name = "STAGE")]
    stages: Vec<String>,

    /// Drill only every Nth point, for projects with slow builds
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    every: usize,

    /// How many runs to kill in parallel
    #[arg(long, value_name = "NUMBER", default_value = "2")]
    jobs: usize,

    /// Run the project's own commands and plugins for real, hundreds of times and with their effects, instead of a
    /// stand-in
    #[arg(long)]
    commands: bool,

    /// Also install the uploads of stages with `install = true`
    #[arg(long)]
    install: bool,

    /// Keep the temporary folder
    #[arg(long)]
    keep: bool,
}

impl Arguments {
    /// A drill of every so many points, and nothing else.
    pub(super) fn sample(every: usize) -> Self {
        Self {
            bump: None,
            at: None,
            html: None,
            points: None,
            stages: Vec::new(),
            every,
            jobs: 2,
            commands: false,
            install: false,
            keep: false,
        }
    }
}

pub(super) fn drill(context: &Context, arguments: &Arguments) -> Result<()> {
    let location = locate(context)?;
    let points =
        arguments.points.as_deref().map(str::parse::<Selection>).transpose().map_err(Error::usage)?;
    let plugins = Plugins { root: &location.root, environment: &context.environment, known: None };
    let pipeline = stages::pipeline(&location.config, &plugins)?;
    if let Some(unknown) =
        arguments.stages.iter().find(|name| !pipeline.stages().any(|stage| stage.name() == **name))
    {
        let known: Vec<&str> = pipeline.stages().map(|stage| stage.name()).collect();
        let error = Error::usage(format!("there is no stage `{unknown}`"));
        return Err(error.help(format!("the stages are {}", known.join(", "))));
    }
    let plugins = pipeline.stages().filter_map(|stage| {
        let (assignment, classes) = stage.plugin()?;
        let (stage, reach) = (stage.name().to_owned(), stage.reach());
        Some(PluginStage { stage, reach, classes, source: assignment.plugin.source.clone() })
    });
    let options = Options {
        plugins: plugins.collect(),
        bump: arguments.bump.clone(),
        at: arguments.at.clone(),
        for_real: ForReal { commands: arguments.commands, install: arguments.install },
        points,
        stages: arguments.stages.clone(),
        every: arguments.every,
        jobs: arguments.jobs,
        keep: arguments.keep,
    };
    let html = arguments.html.as_ref().map(|file| context.folder.join(file));
    html.as_deref().map_or(Ok(()), expect_page)?;
    let interrupted = Arc::clone(&context.interrupted);
    ctrlc::set_handler(move || {
        interrupted.store(true, Ordering::SeqCst);
        print_now("interrupted: finishing the current points; your project was not touched");
    })
    .map_err(|error| Error::failed("failed to install the signal handler").because(error))?;

    let say = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    say("the release is drilled in a copy of the repository, with remotes and indexes of its own");
    let progress = Progress { context, counter: OnceCell::new() };
    let report = drill::drill(&location, &context.environment, &options, &context.interrupted, &progress)?;
    drop(progress);
    if let Some(file) = &html {
        write_page(file, &page(&report))?;
    }
    match context.format {
        Format::Human => data(&format!("{}\n\n{}", drill_text(&report), report.summary())),
        Format::Json => object("drill", &report),
    }
    if let (true, Some(folder)) = (report.converges(), &report.kept) {
        say(&format!("the temporary folder is {}", folder.display()));
    }
    if report.converges() { Ok(()) } else { Err(diverged(&report)) }
}

/// The error for the points that did not converge, with the differences, the files left and the command to repeat.
fn diverged(report: &Report) -> Error {
    let mut message = report.summary();
    for judged in report.diverged() {
        message.push_str(&format!("\n  {} {}", judged.point.id, judged.point.what));
        for (way, recovery) in [("rollback", &judged.rollback), ("resume", &judged.resume)] {
            for difference in &recovery.differences {
                message.push_str(&format!("\n    {way}: {difference}"));
            }
        }
    }
    let mut error = Error::failed(message);
    if let Some(folder) = &report.kept {
        error = error.help(format!("the remaining files are in {}", folder.join("diverged").display()));
    }
    let again = report.diverged().next().map(|judged| report.again(judged));
    again.into_iter().fold(error, |error, command| error.help(format!("to repeat it: `{command}`")))
}

/// Shows the progress of the drill.
struct Progress<'a> {
    context: &'a Context,
    counter: OnceCell<Counter>,
}

impl Watcher for Progress<'_> {
    fn on_baseline(&self, report: &Report, points: usize, tried: usize) {
        let say = |message: &str| self.context.ui.on_event(&Event::Note { stage: None, message });
        for note in report.left_out.iter().chain(&report.for_real()) {
            say(note);
        }
        let selected = if tried < points { format!("; {tried} of them are tried") } else { String::new() };
        say(&format!("{} {} can be killed at {points} points{selected}", report.name, report.version));
        self.counter.get_or_init(|| self.context.ui.counter("Killing", tried));
    }

    fn on_result(&self, judged: &PointResult) {
        let Some(counter) = self.counter.get() else { return };
        if !judged.converges() {
            counter.status("Diverged", &format!("{} {}", judged.point.id, judged.point.what));
        }
        counter.advance(&judged.point.what);
    }
}
