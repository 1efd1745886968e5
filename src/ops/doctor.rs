//! `doctor`: what a release would work with, and everything that would make it fail; changes nothing.

use std::cell::Cell;

use super::Context;
use super::run::refuse_unfinished;
use super::session::{environment_of, locate};
use crate::config::Config;
use crate::engine::event::{Event, Listener};
use crate::engine::model::{Finding, Leave, Severity};
use crate::engine::pipeline::Pipeline;
use crate::engine::preflight::examine;
use crate::engine::release::{Release, Target, Workspace};
use crate::engine::run::Store;
use crate::engine::stage::Stage;
use crate::error::{Error, ExitCode, Result};
use crate::python::version::Bump;
use crate::stages::{self, Bumping, Plugins};
use crate::world::git::{Remote, short};
use crate::world::process::Process;

/// Examines the machine and the project, and tells every finding.
///
/// # Errors
/// Something would make a release fail.
pub fn doctor(context: &Context, bump: Option<&str>) -> Result<()> {
    let bump = bump.map(str::parse::<Bump>).transpose()?;
    let examination = Examination { context, errors: Cell::new(0) };
    examination.machine();
    if let Some((config, pipeline, workspace)) = examination.project() {
        examination.repository(&workspace);
        if let Some((target, reserve)) = examination.target(&config, &workspace, bump) {
            let release = Release::new(workspace, target);
            examine(&pipeline, &release, config.carry(), &mut |stage, finding| {
                examination.found(stage, finding);
            });
            // A preflight that has the same to say says more of it.
            if let Some(finding) = reserve.filter(|_| examination.errors.get() == 0) {
                examination.found(None, finding);
            }
        }
    }
    match examination.errors.get() {
        0 => {
            let message = "nothing was found that would make a release fail";
            context.ui.on_event(&Event::Note { stage: None, message });
            Ok(())
        }
        1 => Err(Error::refused("this would make a release fail")),
        several => Err(Error::refused(format!("these {several} things would make a release fail"))),
    }
}

/// What has been found so far. An error does not end it: what does not depend on its subject is looked at all the same.
struct Examination<'a> {
    context: &'a Context,
    errors: Cell<usize>,
}

impl Examination<'_> {
    fn fact(&self, subject: &str, value: &str) {
        self.context.ui.on_event(&Event::Fact { subject, value });
    }

    /// Tells a finding; a detail, which a run keeps to itself, is one of the facts here.
    fn found(&self, stage: Option<&str>, finding: Finding) {
        let finding = finding.under(Leave { can_ask: super::can_ask(), ..Leave::default() });
        match finding.severity {
            Severity::Detail => self.fact(stage.unwrap_or_default(), &finding.message),
            severity => {
                self.errors.update(|errors| errors + usize::from(severity == Severity::Error));
                self.context.ui.on_event(&Event::Finding { stage, finding: &finding });
            }
        }
    }

    /// What came out well, or the error told.
    fn well<T>(&self, result: Result<T>) -> Option<T> {
        result
            .map_err(|error| {
                self.errors.update(|errors| errors + 1);
                self.context.ui.error(&error);
            })
            .ok()
    }

    fn machine(&self) {
        let (version, system) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS);
        self.fact("pyrelease", &format!("{version}, {system} on {}", std::env::consts::ARCH));
        let git = Process::new("git").arg("--version").read().map_err(|error| {
            Error::refused("git does not run").because(error).help("install git, and see that it is on PATH")
        });
        if let Some(said) = self.well(git) {
            self.fact("git", said.strip_prefix("git version ").unwrap_or(&said));
        }
    }

    /// The configuration and the repository; each is told of although the other is broken.
    fn project(&self) -> Option<(Config, Pipeline, Workspace)> {
        let context = self.context;
        let location = self.well(locate(context))?;
        let (root, config) = (&location.root, location.config);
        let source = config.source();
        let without = source.text().is_empty() && !source.path().is_file();
        let path = source.path().display().to_string();
        self.fact("config", if without { "the default ones: there is no release.toml" } else { &path });
        let plugins = Plugins { root, environment: &context.environment, known: None };
        let pipeline = self.well(stages::pipeline(&config, &plugins));
        if let Some(pipeline) = &pipeline {
            let names: Vec<&str> = pipeline.stages().map(Stage::name).collect();
            self.fact("stages", &names.join(", "));
        }
        stages::unused_indexes(&config).into_iter().for_each(|finding| self.found(None, finding));
        let environment = environment_of(&config, root, context.environment.clone());
        let workspace = self.well(Workspace::open(root, environment));
        Some((config, pipeline?, workspace?))
    }

    fn repository(&self, workspace: &Workspace) {
        let (repository, head) = (&workspace.repository, &workspace.head);
        let place = format!("{}, {} at {}", repository.top().display(), head.shown(), short(&head.commit));
        self.fact("repository", &place);
        if let Ok(Some(remote)) = Remote::of(repository, head, None) {
            self.fact("remote", &remote.name);
        }
        let Some(store) = self.well(Store::of(repository)) else { return };
        if store.is_locked() {
            let message = "another pyrelease works in this repository at the moment";
            self.found(None, Finding::warning(message).help("`pyrelease status` shows how far it is"));
        } else {
            self.well(refuse_unfinished(&store));
        }
    }

    /// What a release would be; where nothing calls for one, the smallest for the preflights' sake, and what is to be said
    /// of that.
    fn target(
        &self,
        config: &Config,
        workspace: &Workspace,
        bump: Option<Bump>,
    ) -> Option<(Target, Option<Finding>)> {
        let date = jiff::ZonedDateTime::now().strftime("%Y-%m-%d").to_string();
        let target =
            |bump| stages::target(config, workspace, &Bumping { bump, date: date.clone(), force: false });
        let (target, reserve) = match target(bump.clone()) {
            Err(error) if bump.is_none() && error.code() == ExitCode::Refused => {
                let finding = Finding { severity: Severity::Warning, ..Finding::from(error) };
                (self.well(target(Some(Bump::Patch)))?, Some(finding))
            }
            other => (self.well(other)?, None),
        };
        let reason = target.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        self.fact("project", &format!("{} {}", target.project.name, target.previous));
        self.fact("release", &format!("{}{reason}", target.version));
        Some((target, reserve))
    }
}
