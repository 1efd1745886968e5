//! `doctor`: shows what a release would use, and finds everything that would make it fail.

mod fix;

use std::cell::{Cell, RefCell};

use self::fix::Fix;
use super::Context;
use super::ci;
use super::run::refuse_unfinished;
use super::session::{environment_of, locate};
use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::engine::event::{Event, Listener};
use crate::engine::pipeline::Pipeline;
use crate::engine::preflight::examine;
use crate::engine::release::{Release, Target};
use crate::engine::run::Store;
use crate::engine::stage::Stage;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, Leave, Severity};
use crate::python::version::Bump;
use crate::stages::members::{self, Request};
use crate::stages::{self, Bumping, Plugins};
use crate::world::clock;
use crate::world::git::{Remote, short};
use crate::world::process::Process;

/// Examines the machine and the project, and reports all findings. With `fixes`, corrects first what is safe to correct.
///
/// # Errors
/// A finding would make a release fail.
pub fn doctor(context: &Context, bumps: &[String], fixes: bool) -> Result<()> {
    examined(context, bumps, (fixes, false))
}

/// The same for a project that was just set up, perhaps without a network: the hosts that did not answer are one line.
///
/// # Errors
/// A finding would make a release fail, or a host did not answer.
pub(super) fn first_look(context: &Context) -> Result<()> {
    examined(context, &[], (false, true))
}

fn examined(context: &Context, bumps: &[String], (fixes, is_first): (bool, bool)) -> Result<()> {
    let is_workspace = locate(context).is_ok_and(|location| location.config.workspace().is_some());
    let wanted = if is_workspace { None } else { only_bump(bumps)? };
    let examination = Examination {
        context,
        fixes,
        is_first,
        unreached: RefCell::default(),
        has_workflow: Cell::new(false),
        errors: Cell::new(0),
        problems: RefCell::default(),
        offers: RefCell::default(),
    };
    examination.machine();
    let mut run = bumps.iter().fold("pyrelease run".to_owned(), |run, bump| format!("{run} {bump}"));
    if let Some((config, pipeline, checkout)) = examination.project() {
        examination.repository(&checkout);
        examination.has_workflow.set(ci::has_workflow(&checkout));
        for (subject, value) in ci::facts(&config, &pipeline, &checkout) {
            examination.fact(&subject, &value);
        }
        if config.workspace().is_some() {
            examination.members(&config, checkout, bumps);
        } else if let Some((target, reserve)) = examination.target(&config, &checkout, wanted) {
            if let Some(finding) = stages::advice(&config, &target) {
                examination.found(None, finding);
            }
            let release = Release::new(checkout, target);
            examination.offer(fix::unreleased(&config, &release));
            examine(&pipeline, &release, config.carry(), &mut |stage, finding| {
                examination.found(stage, finding);
            });
            // The preflights report the same problem in more detail.
            if let Some(finding) = reserve.filter(|_| examination.errors.get() == 0) {
                examination.found(None, finding);
                run.push_str(" patch");
            }
        }
    }
    examination.report();
    let next = examination.next(&run);
    let unreached = examination.unreached.borrow().join(", ");
    let message =
        format!("not reached: the hosts of {unreached}; run `pyrelease doctor` once there is a network");
    if !unreached.is_empty() && examination.errors.get() > 0 {
        context.ui.on_event(&Event::Note { stage: None, message: &message });
    }
    match examination.errors.get() {
        0 if !unreached.is_empty() => Err(Error::refused(message)),
        0 => {
            for message in ["found nothing that would make a release fail", &format!("next: {next}")] {
                context.ui.on_event(&Event::Note { stage: None, message });
            }
            Ok(())
        }
        1 => Err(Error::refused("1 problem would make a release fail").help(format!("next: {next}"))),
        several => Err(Error::refused(format!("{several} problems would make a release fail"))
            .help(format!("next: {next}"))),
    }
}

/// Something that was found
enum Problem {
    Finding { stage: Option<String>, finding: Finding },
    Error(Error),
}

impl Problem {
    fn is_error(&self) -> bool {
        match self {
            Self::Finding { finding, .. } => finding.severity == Severity::Error,
            Self::Error(_) => true,
        }
    }

    /// The first command in its help.
    fn command(&self) -> Option<String> {
        const PROGRAMS: [&str; 6] = ["git ", "pyrelease ", "chmod ", "rm ", "pip ", "uv "];
        let help = match self {
            Self::Finding { finding, .. } => finding.help.clone().unwrap_or_default(),
            Self::Error(error) => error.hints().join(" "),
        };
        let quoted = help.split('`').skip(1).step_by(2);
        quoted
            .filter(|text| PROGRAMS.iter().any(|program| text.starts_with(program)))
            .map(str::to_owned)
            .next()
    }
}

/// What was found so far. An error does not end the examination: all that does not depend on it is still examined.
struct Examination<'a> {
    context: &'a Context,
    /// Whether to correct what is safe to correct
    fixes: bool,
    /// Whether hosts that do not answer are one line
    is_first: bool,
    /// The stages whose host did not answer
    unreached: RefCell<Vec<String>>,
    /// Whether a workflow of `ci` releases the project, which has rights of its own
    has_workflow: Cell<bool>,
    errors: Cell<usize>,
    problems: RefCell<Vec<Problem>>,
    /// What could be corrected
    offers: RefCell<Vec<String>>,
}

impl Examination<'_> {
    fn fact(&self, subject: &str, value: &str) {
        self.context.ui.on_event(&Event::Fact { subject, value });
    }

    /// Reports a finding. A detail, which a run does not print, is a fact here.
    fn found(&self, stage: Option<&str>, finding: Finding) {
        if let Some(stage) = stage.filter(|_| self.is_first && finding.is_unreachable) {
            self.unreached.borrow_mut().push(format!("`{stage}`"));
            return;
        }
        let prepares = self.has_workflow.get();
        let finding = finding.under(Leave { can_ask: super::can_ask(), prepares, ..Leave::default() });
        match finding.severity {
            Severity::Detail => self.fact(stage.unwrap_or_default(), &finding.message),
            severity => {
                self.errors.update(|errors| errors + usize::from(severity == Severity::Error));
                let stage = stage.map(str::to_owned);
                self.problems.borrow_mut().push(Problem::Finding { stage, finding });
            }
        }
    }

    /// Corrects something, or remembers that it could be.
    fn offer(&self, fix: Option<Fix>) {
        let Some(fix) = fix else { return };
        if !self.fixes {
            self.offers.borrow_mut().push(fix.what);
        } else if self.ok_or_report((fix.apply)()).is_some() {
            self.fact("fixed", &fix.done);
        }
    }

    /// Shows the findings: first what would make a release fail.
    fn report(&self) {
        let problems = self.problems.borrow();
        for (title, errors) in [("would stop the release", true), ("worth knowing", false)] {
            let mut listed = problems.iter().filter(|problem| problem.is_error() == errors).peekable();
            if listed.peek().is_some() {
                self.context.ui.on_event(&Event::Group { title });
            }
            for problem in listed {
                match problem {
                    Problem::Finding { stage, finding } => {
                        self.context.ui.on_event(&Event::Finding { stage: stage.as_deref(), finding });
                    }
                    Problem::Error(error) => self.context.ui.error(error),
                }
            }
        }
        let offers = self.offers.borrow();
        if !offers.is_empty() {
            self.context.ui.on_event(&Event::Group { title: "`--fix` would correct" });
            for message in offers.iter() {
                self.context.ui.on_event(&Event::Note { stage: None, message });
            }
        }
    }

    /// What to do next; `run` is the command that releases.
    fn next(&self, run: &str) -> String {
        let problems = self.problems.borrow();
        let first = problems.iter().find(|problem| problem.is_error());
        match (first, first.and_then(Problem::command)) {
            _ if !self.offers.borrow().is_empty() => "`pyrelease doctor --fix`".to_owned(),
            (Some(_), Some(command)) => format!("`{command}`"),
            (Some(_), None) => "correct the first problem, then `pyrelease doctor` again".to_owned(),
            (None, _) => {
                let rehearse = run.replacen("run", "rehearse", 1);
                format!("`{run}`; `{rehearse}` shows all of it beforehand, and releases nothing")
            }
        }
    }

    /// Reports an error and continues.
    fn ok_or_report<T>(&self, result: Result<T>) -> Option<T> {
        result
            .map_err(|error| {
                self.errors.update(|errors| errors + 1);
                self.problems.borrow_mut().push(Problem::Error(error));
            })
            .ok()
    }

    fn machine(&self) {
        let (version, system) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS);
        self.fact("pyrelease", &format!("{version}, {system} on {}", std::env::consts::ARCH));
        let git = Process::new("git").arg("--version").read().map_err(|error| {
            Error::refused("failed to run git")
                .because(error)
                .help("install git, and make sure that it is on PATH")
        });
        if let Some(version) = self.ok_or_report(git) {
            self.fact("git", version.strip_prefix("git version ").unwrap_or(&version));
        }
        self.offer(fix::pypirc(&self.context.environment));
    }

    /// The configuration and the repository; each is reported even if the other is broken.
    fn project(&self) -> Option<(Config, Pipeline, Checkout)> {
        let context = self.context;
        let location = self.ok_or_report(locate(context))?;
        let (root, config) = (&location.root, location.config);
        let source = config.source();
        let without = source.text().is_empty() && !source.path().is_file();
        let path = source.path().display().to_string();
        self.fact("config", if without { "the default (no release.toml)" } else { &path });
        let plugins = Plugins { root, environment: &context.environment, known: None };
        let pipeline = self.ok_or_report(stages::pipeline(&config, &plugins));
        if let Some(pipeline) = &pipeline {
            let names: Vec<&str> = pipeline.stages().map(Stage::name).collect();
            self.fact("stages", &names.join(", "));
        }
        stages::unused_indexes(&config).into_iter().for_each(|finding| self.found(None, finding));
        let environment = environment_of(&config, root, context.environment.clone());
        let checkout = self.ok_or_report(Checkout::open(root, environment));
        Some((config, pipeline?, checkout?))
    }

    fn repository(&self, checkout: &Checkout) {
        let (repository, head) = (&checkout.repository, &checkout.head);
        let location = format!("{}, {} at {}", repository.top().display(), head.shown(), short(&head.commit));
        self.fact("repository", &location);
        if let Ok(Some(remote)) = Remote::of(repository, head, None) {
            self.fact("remote", &remote.name);
            self.offer(fix::tags(repository, &remote));
        }
        let Some(store) = self.ok_or_report(Store::of(repository)) else { return };
        if store.is_locked() {
            let message = "another pyrelease is running in this repository";
            self.found(None, Finding::warning(message).help("`pyrelease status` shows its progress"));
        } else {
            self.ok_or_report(refuse_unfinished(&store));
        }
    }

    /// The release of a workspace that `run` would make, and what its preflights find. If there is nothing to release, a patch
    /// release of all members, so that the preflights have versions.
    fn members(&self, config: &Config, checkout: Checkout, words: &[String]) {
        let date = clock::today();
        let bumping = Bumping { bump: None, date, force: false, asked: None, notes: None, is_tagged: false };
        let (root, environment) = (checkout.root(), checkout.environment.clone());
        let plugins = Plugins { root: &root, environment: &environment, known: None };
        let begin = |checkout: Checkout, all: bool| {
            let request = Request { words, all, only_committed: false, bumping: bumping.clone() };
            members::begin(config, checkout, &request, &plugins)
        };
        let again = checkout.in_folder(&checkout.prefix, Vec::new());
        let begun = match begin(checkout, false) {
            Err(error) if error.kind() == ErrorKind::NoEntries => {
                self.found(None, Finding::from(error));
                again.and_then(|checkout| begin(checkout, true))
            }
            other => other,
        };
        let Some((pipeline, release, findings)) = self.ok_or_report(begun) else { return };
        findings.into_iter().for_each(|finding| self.found(None, finding));
        for member in &release.members {
            let names = member.names();
            let reason =
                member.target.reason.as_ref().map(|reason| format!(", because {reason}")).unwrap_or_default();
            let value = format!("{} {} to {}{reason}", names.name, names.previous_version, names.version);
            self.fact("member", &value);
        }
        examine(&pipeline, &release, config.carry(), &mut |stage, finding| self.found(stage, finding));
    }

    /// The release that `run` would make. If there is nothing to release, a patch release, so that the preflights have a
    /// version, and the finding to report.
    fn target(
        &self,
        config: &Config,
        checkout: &Checkout,
        bump: Option<Bump>,
    ) -> Option<(Target, Option<Finding>)> {
        let date = clock::today();
        let bumping = Bumping { bump, date, force: false, asked: None, notes: None, is_tagged: false };
        let kinds = [ErrorKind::NoBump, ErrorKind::NoEntries, ErrorKind::Refused];
        let found = stages::target_or_patch(config, checkout, bumping.clone(), &kinds);
        let is_certain = found.is_ok();
        let (target, reserve) =
            self.ok_or_report(found).or_else(|| Some((stand_in(config, checkout, &bumping)?, None)))?;
        let reason = match (is_certain, target.reason.as_deref()) {
            (false, _) => ", only to check the rest".to_owned(),
            (true, Some(reason)) => format!(", because {reason}"),
            (true, None) => String::new(),
        };
        self.fact("project", &format!("{} {}", target.project.name, target.previous));
        self.fact("release", &format!("{}{reason}", target.version));
        Some((target, reserve))
    }
}

/// The only bump of a single project.
fn only_bump(words: &[String]) -> Result<Option<Bump>> {
    match words {
        [] => Ok(None),
        [bump] => Ok(Some(bump.parse()?)),
        [_, other, ..] => Err(Error::usage(format!("unexpected argument `{other}`")).help("pass one bump")),
    }
}

/// A release to check the rest with, if the one that `run` would make cannot be determined: a patch, or the first one.
fn stand_in(config: &Config, checkout: &Checkout, bumping: &Bumping) -> Option<Target> {
    let first = Bump::Explicit("0.1.0".parse().expect("a version"));
    [Bump::Patch, first].into_iter().find_map(|bump| {
        let bumping = Bumping { bump: Some(bump), force: true, ..bumping.clone() };
        stages::target(config, checkout, &bumping).ok()
    })
}
