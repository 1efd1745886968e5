//! Builds a project in one place, within a run or without one.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::conditions::Conditions;
use super::python::Python;
use super::{Build, Frontend, Wheels, listed, not_like};
use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::engine::event::{Event, Listener};
use crate::engine::prelude::*;
use crate::engine::release::BuildRequest;
use crate::python::distribution::Distribution;
use crate::python::project::Backend;
use crate::world::kept_environment::ResolvedEnvironment;
use crate::world::process::Process;

/// What a build needs from where it happens
pub trait BuildHost {
    /// Runs a command and shows its output.
    ///
    /// # Errors
    /// It could not be started or failed.
    fn command(&self, process: &Process) -> Result<()>;

    /// The stage that builds; none outside a run.
    fn stage(&self) -> Option<&str>;

    fn listener(&self) -> &dyn Listener;

    /// Says something about what the build does.
    fn say(&self, message: &str) {
        self.listener().on_event(&Event::Note { stage: self.stage(), message });
    }

    /// Warns of something that does not make the build fail.
    fn warn(&self, message: &str, help: Option<&str>) {
        self.listener().on_event(&Event::Warning { stage: self.stage(), message, help });
    }
}

impl BuildHost for Workbench<'_> {
    fn command(&self, process: &Process) -> Result<()> {
        Workbench::command(self, process)
    }

    fn stage(&self) -> Option<&str> {
        Some(Workbench::stage(self))
    }

    fn listener(&self) -> &dyn Listener {
        Workbench::listener(self)
    }
}

/// Where and how a project is built
pub(super) struct Task<'a> {
    /// The project's folder
    pub(super) root: &'a Path,
    /// An empty folder for the distributions, which need not exist
    pub(super) dist: &'a Path,
    /// A folder for everything else
    pub(super) scratch: &'a Path,
    /// `SOURCE_DATE_EPOCH`
    pub(super) epoch: Option<String>,
    /// More variables for the backend
    pub(super) variables: &'a [(String, String)],
    /// Conditions that a build must not depend on; none for the user's own
    pub(super) conditions: Option<&'a Conditions>,
    pub(super) host: &'a dyn BuildHost,
}

/// Builds the project in `root` outside a run, by the settings of [stage.build], into the folder `dist`.
///
/// # Errors
/// The settings are wrong, or the build fails.
pub fn build_project(
    config: &Config,
    checkout: &Checkout,
    backend: Option<&Backend>,
    request: &BuildRequest,
    (root, dist, scratch): (&Path, &Path, &Path),
    epoch: Option<String>,
    host: &dyn BuildHost,
) -> Result<Built> {
    let build: Build = config.settings("build")?;
    let stage = host.stage().unwrap_or_default();
    let action = build.action(build.shown_frontend(backend), request);
    host.listener().on_event(&Event::Action { stage, action: &action });
    let task = Task { root, dist, scratch, epoch, variables: &[], conditions: None, host };
    build.build(checkout, request, &task)
}

/// What was built
#[derive(Debug, Default)]
pub struct Built {
    /// Wheels first
    pub distributions: Vec<Distribution>,
    /// The kept environments that it was built in
    pub environments: Vec<ResolvedEnvironment>,
}

impl Task<'_> {
    /// Adds the variables that every build gets.
    pub(super) fn with_variables(&self, process: Process) -> Process {
        let process = process.env("PYTHONUNBUFFERED", "1");
        let process =
            self.epoch.iter().fold(process, |process, epoch| process.env("SOURCE_DATE_EPOCH", epoch));
        let process = self.variables.iter().fold(process, |process, (name, value)| process.env(name, value));
        match self.conditions {
            Some(conditions) => conditions.apply(process),
            None => process,
        }
    }
}

impl Build {
    /// Builds the project as `task` says; returns the recorded distributions, wheels first.
    pub(super) fn build(
        &self,
        checkout: &Checkout,
        request: &BuildRequest,
        task: &Task<'_>,
    ) -> Result<Built> {
        let rebuild = self.prepare_rebuild(task)?;
        let built = self.build_once(checkout, request, task)?;
        if let Some(rebuild) = rebuild {
            self.rebuild(checkout, request, task, &rebuild, &built.distributions)?;
        }
        Ok(built)
    }

    pub(super) fn build_once(
        &self,
        checkout: &Checkout,
        request: &BuildRequest,
        task: &Task<'_>,
    ) -> Result<Built> {
        fs_err::create_dir_all(task.scratch)?;
        fs_err::create_dir_all(task.dist)?;
        let (files, environments) = match self.keeps() {
            Ok(options) => self.build_kept(checkout, request, task, &options)?,
            Err(why) if request.like.is_some() => return Err(not_like(&why)),
            Err(_) => (self.build_fresh(checkout, request, task)?, Vec::new()),
        };
        let digest = |path: &PathBuf| checkout.hashes.record_digest(path);
        let mut distributions = files.iter().map(digest).collect::<Result<Vec<_>>>()?;
        distributions.sort_by(|one, other| (one.kind, &one.filename).cmp(&(other.kind, &other.filename)));
        self.complete(&distributions, request)?;
        Ok(Built { distributions, environments })
    }

    /// Has the frontend build in environments that it makes itself; returns the paths of the files.
    fn build_fresh(
        &self,
        checkout: &Checkout,
        request: &BuildRequest,
        task: &Task<'_>,
    ) -> Result<Vec<PathBuf>> {
        let Task { root, dist, scratch, host, .. } = task;
        let report = scratch.join("report.json");
        let (process, reports) = match self.frontend {
            Frontend::Uv => {
                let mut process = Process::new("uv").args(["build", "--no-progress", "--out-dir"]).arg(*dist);
                if let Some(Python::Trusted(python) | Python::Untrusted(python)) = self.python(checkout) {
                    process = process.arg("--python").arg(python);
                }
                if !self.isolation {
                    process = process.arg("--no-build-isolation");
                }
                (process, false)
            }
            Frontend::Build => {
                let (python, reports) = self.frontend(checkout, &|message| host.say(message))?;
                let mut process = Process::new(python).args(["-m", "build", "--outdir"]).arg(*dist);
                if reports {
                    process = process.arg("--report").arg(&report);
                }
                if !self.isolation {
                    process = process.arg("--no-isolation");
                }
                (process, reports)
            }
        };
        let process = match self.wheels(request) {
            Wheels::None if !self.options.iter().any(|option| option == "--sdist") => process.arg("--sdist"),
            Wheels::Build | Wheels::None => process,
        };
        // Not in the project, where a module named `build` would be run instead.
        let process = task.with_variables(process.args(&self.options).arg(*root).folder(scratch));
        host.command(&process)?;
        if reports { reported(&report) } else { listed(dist) }
    }
}

/// The files named in the report of `python -m build --report`.
fn reported(report: &Path) -> Result<Vec<PathBuf>> {
    #[derive(Deserialize)]
    struct Report {
        artifacts: Vec<Artifact>,
    }
    #[derive(Deserialize)]
    struct Artifact {
        path: PathBuf,
    }
    let text = fs_err::read(report)?;
    let report: Report = serde_json::from_slice(&text).map_err(|error| {
        Error::failed(format!("the report of `python -m build` in `{}` cannot be read", report.display()))
            .because(error)
    })?;
    Ok(report.artifacts.into_iter().map(|artifact| artifact.path).collect())
}
