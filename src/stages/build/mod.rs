//! Builds the sdist and the wheels from the run's clone, and records their digests.

mod age;
mod conditions;
mod from;
mod kept;
mod options;
mod python;
mod reproducible;
mod task;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;

use age::MaxAge;
use python::Python;
use task::Task;

use crate::config::Config;
use crate::engine::checkout::Checkout;
use crate::engine::event::Event;
use crate::engine::prelude::*;
use crate::engine::release::BuildRequest;
use crate::python::distribution::{Distribution, Kind};
use crate::python::project::Backend;
use crate::world::process::Process;
use crate::world::{size, sync_to_disk};

pub(super) use python::virtual_environments;
pub use task::{BuildHost, Built, build_project};

/// The build frontend
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Frontend {
    /// `python -m build`
    #[default]
    Build,
    /// `uv build`
    Uv,
}

/// The environment of the build backend
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Isolated {
    /// Made once and used again
    #[default]
    Kept,
    /// Made for each distribution by the frontend
    Fresh,
}

/// Whether to build twice and compare
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Reproducible {
    /// Build once
    #[default]
    Off,
    /// Warn of a difference
    Warn,
    /// Refuse a difference
    Require,
}

/// The wheels to build
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Wheels {
    /// Those that the build backend makes here
    #[default]
    Build,
    /// None
    None,
}

/// Build the source distribution and the wheel
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Build {
    /// The build frontend: `build` (`python -m build`) or `uv` (`uv build`)
    frontend: Frontend,
    /// The Python to build with; by default the active virtual environment's, the project's `.venv` or `python3`
    python: Option<String>,
    /// Whether to build in an isolated environment; if not, the build requirements must be installed
    isolation: bool,
    /// The isolated environment: `kept` is made once and used again, `fresh` is made by the frontend for each distribution
    environment: Isolated,
    /// The age from which on the build requirements are resolved again, such as `12h`
    max_age: MaxAge,
    /// Whether to build a second time, elsewhere and under other conditions, and compare the bytes: `off`, `warn` of a
    /// difference or `require` that there is none
    reproducible: Reproducible,
    /// More options for the frontend, such as `["--config-setting", "key=value"]`
    options: Vec<String>,
    /// The wheels: `build` builds them here, `none` builds only the sdist, for a release without wheels or with wheels
    /// that another stage adds
    wheels: Wheels,
    /// A cache of [`Self::find_frontend`], which runs Python; whichever of preflight and run comes first fills it
    #[serde(skip)]
    found: OnceLock<(PathBuf, bool)>,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            frontend: Frontend::Build,
            python: None,
            isolation: true,
            environment: Isolated::Kept,
            max_age: MaxAge::default(),
            reproducible: Reproducible::Off,
            options: Vec::new(),
            wheels: Wheels::Build,
            found: OnceLock::new(),
        }
    }
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    Ok(Box::new(config.settings::<Build>(name)?))
}

impl Build {
    /// The wheels to build for this request.
    fn wheels(&self, request: &BuildRequest) -> Wheels {
        if request.sdist_only { Wheels::None } else { self.wheels }
    }

    /// The kinds of distribution that it builds, by its settings, the frontend's options and the request.
    pub(super) fn kinds(&self, request: &BuildRequest) -> &'static [Kind] {
        let selects = |names: [&str; 2]| self.options.iter().any(|option| names.contains(&option.as_str()));
        match (self.wheels(request), selects(["--sdist", "-s"]), selects(["--wheel", "-w"])) {
            (Wheels::None, ..) | (Wheels::Build, true, false) => &[Kind::Sdist],
            (Wheels::Build, false, true) => &[Kind::Wheel],
            (Wheels::Build, ..) => &[Kind::Wheel, Kind::Sdist],
        }
    }

    /// What builds: in a kept environment the backend's hooks are called directly.
    fn shown_frontend(&self, backend: Option<&Backend>) -> String {
        match (self.frontend, backend) {
            (Frontend::Build, Some(backend)) if self.keeps().is_ok() => backend.to_string(),
            (Frontend::Build, _) => "python -m build".to_owned(),
            (Frontend::Uv, _) => "uv build".to_owned(),
        }
    }

    /// The action of building, with what.
    pub(super) fn action(&self, frontend: String, request: &BuildRequest) -> Action {
        Action::Build { frontend, sdist_only: self.kinds(request) == [Kind::Sdist] }
    }

    /// A command that runs a Python script with the Python that has `build`.
    pub(super) fn script(&self, checkout: &Checkout, script: &Path, say: &dyn Fn(&str)) -> Result<Process> {
        let (python, _) = self.frontend(checkout, say)?;
        Ok(Process::new(python).arg(script))
    }

    /// The word with which a script is told the environment of the backend.
    pub(super) fn isolation(&self) -> &'static str {
        if self.isolation { "isolated" } else { "shared" }
    }

    /// Builds the project of a run as `task` says; returns the recorded distributions, wheels first.
    pub(super) fn build_in_run(
        &self,
        release: &Release,
        bench: &Workbench<'_>,
        (root, dist): (&Path, &Path),
        variables: &[(String, String)],
    ) -> Result<Built> {
        let commit = release.outputs.commit.as_ref().unwrap_or(&release.checkout.head.commit);
        let task = Task {
            root,
            dist,
            scratch: &bench.scratch(),
            epoch: Some(commit_time(bench, commit)?),
            variables,
            conditions: None,
            host: bench,
        };
        let built = self.build(&release.checkout, &release.building, &task)?;
        // After a power failure one of them may be public, and the others cannot be rebuilt with the same bytes.
        built.distributions.iter().try_for_each(|distribution| sync_to_disk(&distribution.path))?;
        sync_to_disk(dist)?;
        Ok(built)
    }
}

impl Build {
    /// Builds the kinds of distribution that were not found; never rebuilds one that was.
    fn build_missing(
        &self,
        release: &Release,
        bench: &Workbench<'_>,
        found: &[Distribution],
    ) -> Result<Built> {
        let dist = bench.scratch().join("dist");
        if dist.is_dir() {
            fs_err::remove_dir_all(&dist)?;
        }
        let mut all = found.to_vec();
        let Built { distributions, environments } =
            self.build_in_run(release, bench, (&release.root(), &dist), &[])?;
        for built in distributions {
            if found.iter().all(|found| found.kind != built.kind) {
                let path = bench.dist().join(&built.filename);
                fs_err::copy(&built.path, &path)?;
                all.push(release.checkout.hashes.record_digest(&path)?);
            }
        }
        all.sort_by(|one, other| (one.kind, &one.filename).cmp(&(other.kind, &other.filename)));
        Ok(Built { distributions: all, environments })
    }

    /// Refuses distributions that lack a kind which it builds.
    fn complete(&self, distributions: &[Distribution], request: &BuildRequest) -> Result<()> {
        let is_missing = |kind: &&Kind| distributions.iter().all(|distribution| distribution.kind != **kind);
        let Some(kind) = self.kinds(request).iter().rev().find(is_missing) else { return Ok(()) };
        let error = Error::failed(format!("the build produced no {kind}"))
            .help("check the build backend and the options in [stage.build]");
        Err(match kind {
            Kind::Wheel => error.help("to release only the sdist, set wheels = \"none\" in [stage.build]"),
            Kind::Sdist => error,
        })
    }
}

impl Stage for Build {
    fn name(&self) -> &str {
        "build"
    }

    fn reach(&self) -> Reach {
        Reach::Private
    }

    fn flow(&self) -> Flow {
        Flow {
            uses: vec![Product::Version, Product::Commit, Product::Tag],
            gives: vec![Product::Distributions],
            ..Flow::default()
        }
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        if let Some(folder) = &release.building.from {
            return from::those_of(folder, release).map(|_| Vec::new());
        }
        let mut findings = Vec::new();
        if release.building.like.is_some()
            && let Err(why) = self.keeps()
        {
            findings.push(not_like(&why).into());
        }
        match self.frontend {
            Frontend::Uv if !release.checkout.environment.has_program("uv", &release.checkout.root()) => {
                findings.push(
                    Finding::error("`uv` is not on PATH")
                        .help("install it, or set frontend = \"build\" in [stage.build]"),
                );
            }
            Frontend::Uv => {}
            Frontend::Build => match self.python(&release.checkout) {
                Some(Python::Untrusted(python)) => {
                    let message = format!(
                        "`{}`, the Python that the repository names, is not run before you confirm a release",
                        python.display()
                    );
                    findings.push(
                        Finding::note(message).help("whether it can build the project is checked then"),
                    );
                }
                _ if self.keeps().is_ok() => findings.extend(self.environment_findings(release)),
                _ => match self.frontend(&release.checkout, &|_| {}) {
                    Ok((python, _)) => {
                        findings
                            .push(Finding::detail(format!("`python -m build` with {}", python.display())));
                    }
                    Err(error) => findings.push(error.into()),
                },
            },
        }
        let repository = &release.checkout.repository;
        let unused = virtual_environments(&release.checkout)
            .into_iter()
            .filter(|_| self.python.is_none())
            .find(|folder| folder.exists() && repository.tracks_any_of(folder));
        if let Some(folder) = unused {
            let shown = folder.strip_prefix(repository.top()).unwrap_or(&folder).display().to_string();
            let message = format!("`{shown}` is tracked by git, so its Python is not used");
            findings.push(
                Finding::warning(message)
                    .help(format!("run `git rm -r --cached {shown}` and add it to .gitignore")),
            );
        }
        Ok(findings)
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        if let Some(folder) = &release.building.from {
            let taken = effects.private(taking(folder), |bench| self.take_all(folder, release, bench))?;
            return Ok(outputs(taken.unwrap_or_default(), &|note| effects.note(note)));
        }
        let action =
            self.action(self.shown_frontend(Some(&release.target.project.backend)), &release.building);
        let found = &release.outputs.distributions;
        if release.is_rebuilt() && self.complete(found, &release.building).is_ok() {
            effects.skip(FOUND)?;
            return Ok(Outputs::default());
        }
        let built = effects.private(action, |bench| {
            refuse_changes(bench)?;
            self.build_all(release, bench)
        })?;
        Ok(outputs(built.unwrap_or_default(), &|note| effects.note(note)))
    }

    fn works_beside(&self) -> bool {
        true
    }

    fn before_work(&self, bench: &Workbench<'_>) -> Result<()> {
        refuse_changes(bench)
    }

    fn work(&self, release: &Release, bench: &Workbench<'_>) -> Result<Outputs> {
        let frontend = self.shown_frontend(Some(&release.target.project.backend));
        let found = &release.outputs.distributions;
        let action = match &release.building.from {
            Some(folder) => taking(folder),
            None if release.is_rebuilt() && self.complete(found, &release.building).is_ok() => {
                Action::Skip { reason: FOUND.to_owned() }
            }
            None => self.action(frontend, &release.building),
        };
        bench.listener().on_event(&Event::Action { stage: bench.stage(), action: &action });
        let built = match (&release.building.from, action) {
            (_, Action::Skip { .. }) => return Ok(Outputs::default()),
            (Some(folder), _) => self.take_all(folder, release, bench)?,
            (None, _) => self.build_all(release, bench)?,
        };
        Ok(outputs(built, &|note| bench.say(note)))
    }
}

impl Build {
    /// Builds what is missing from the release commit.
    fn build_all(&self, release: &Release, bench: &Workbench<'_>) -> Result<Built> {
        match release.outputs.distributions.as_slice() {
            [] => {
                refuse_leftovers(&bench.dist())?;
                self.build_in_run(release, bench, (&release.root(), &bench.dist()), &[])
            }
            found => self.build_missing(release, bench, found),
        }
    }

    /// Takes the distributions in a folder.
    fn take_all(&self, folder: &Path, release: &Release, bench: &Workbench<'_>) -> Result<Built> {
        refuse_leftovers(&bench.dist())?;
        self.take(folder, release, bench)
    }
}

/// Why nothing is built
const FOUND: &str = "the distributions were found, and are never rebuilt";

/// The action of taking the distributions in a folder.
fn taking(folder: &Path) -> Action {
    Action::Check { what: format!("the distributions in {}, in place of a build", folder.display()) }
}

/// The stage's outputs; names each distribution.
fn outputs(built: Built, note: &dyn Fn(&str)) -> Outputs {
    let Built { distributions, environments } = built;
    for built in &distributions {
        note(&described(built));
    }
    Outputs { distributions, environments, ..Outputs::default() }
}

/// The error of `--like` where the environments are not kept.
fn not_like(why: &str) -> Error {
    Error::refused(format!("`--like` needs a kept build environment, and {why}"))
        .help("release without `--like`")
}

/// A distribution with its size and digest, for a note.
pub(super) fn described(file: &Distribution) -> String {
    format!("{} ({}, sha256 {})", file.filename, size(file.size), file.sha256)
}

fn commit_time(bench: &Workbench<'_>, commit: &str) -> Result<String> {
    bench.clone.commit_time(commit)
}

/// Refuses to build anything but the release commit, so that the published files match the tag.
fn refuse_changes(bench: &Workbench<'_>) -> Result<()> {
    let changed =
        bench.clone.git(["status", "--porcelain", "--untracked-files=all", "--ignore-submodules"]).read()?;
    if changed.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = changed.lines().take(5).collect();
    Err(Error::failed(format!(
        "a stage before `build` left changes that are not in the release commit:\n  {}",
        shown.join("\n  ")
    ))
    .help(
        "make changes for the release before `tag` (with `git add` for new files); add other files \
             to .gitignore",
    ))
}

/// Refuses distributions that an earlier stage left and did not give.
fn refuse_leftovers(dist: &Path) -> Result<()> {
    let Some(left) = listed(dist)?.pop() else { return Ok(()) };
    let name = left.file_name().unwrap_or_default().display();
    Err(Error::failed(format!("a stage before `build` left `{name}` in the folder of the distributions"))
        .help("put that stage between `build` and `check`, or set gives = [\"distributions\"] for it: then `build` adds the kinds that are missing"))
}

/// The paths of the distributions in a directory.
fn listed(dist: &Path) -> Result<Vec<PathBuf>> {
    let mut built = Vec::new();
    for entry in fs_err::read_dir(dist)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".whl") || name.ends_with(".tar.gz") || name.ends_with(".zip") {
            built.push(path);
        }
    }
    Ok(built)
}
