//! Builds the sdist and the wheels from the run's clone, and records their digests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Config;
use crate::engine::prelude::*;
use crate::engine::release::Workspace;
use crate::python::distribution::{Distribution, Kind};
use crate::world::hashes::Hashes;
use crate::world::process::Process;
use crate::world::tools::ToolEnvironment;
use crate::world::{size, sync_to_disk};

/// The first version of `build` that can write a report
const REPORTS: semver::Version = semver::Version::new(1, 6, 0);

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
            options: Vec::new(),
            wheels: Wheels::Build,
            found: OnceLock::new(),
        }
    }
}

pub(super) fn make(config: &Config, name: &str) -> Result<Box<dyn Stage>> {
    Ok(Box::new(config.settings::<Build>(name)?))
}

/// The Python to build a project with, before it has been run
enum Python {
    /// The user's own
    Trusted(PathBuf),
    /// One that the repository contains or names, and that is not a system Python: it runs only after the user has
    /// confirmed the release
    Untrusted(PathBuf),
}

impl Build {
    /// The kinds of distribution that it builds, by its settings and the frontend's options.
    pub(super) fn kinds(&self) -> &'static [Kind] {
        let selects = |names: [&str; 2]| self.options.iter().any(|option| names.contains(&option.as_str()));
        match (self.wheels, selects(["--sdist", "-s"]), selects(["--wheel", "-w"])) {
            (Wheels::None, ..) | (Wheels::Build, true, false) => &[Kind::Sdist],
            (Wheels::Build, false, true) => &[Kind::Wheel],
            (Wheels::Build, ..) => &[Kind::Wheel, Kind::Sdist],
        }
    }

    /// The action of building, with what.
    pub(super) fn action(&self, frontend: String) -> Action {
        Action::Build { frontend, sdist_only: self.kinds() == [Kind::Sdist] }
    }

    /// A command that runs a Python script with the Python that has `build`.
    pub(super) fn script(&self, workspace: &Workspace, script: &Path, say: &dyn Fn(&str)) -> Result<Process> {
        let (python, _) = self.frontend(workspace, say)?;
        Ok(Process::new(python).arg(script))
    }

    /// The word with which a script is told the environment of the backend.
    pub(super) fn isolation(&self) -> &'static str {
        if self.isolation { "isolated" } else { "shared" }
    }

    /// The Python to build the project with.
    fn python(&self, workspace: &Workspace) -> Option<Python> {
        let environment = &workspace.environment;
        let repository = &workspace.repository;
        let root = workspace.root();
        if let Some(named) = &self.python {
            let python =
                if Path::new(named).components().count() > 1 { root.join(named) } else { named.into() };
            let found = environment.program(named, &root);
            let is_trusted =
                found.as_ref().is_none_or(|found| has_python_name(found) && !repository.has_path(found));
            return Some(if is_trusted { Python::Trusted(python) } else { Python::Untrusted(python) });
        }
        virtual_environments(workspace)
            .into_iter()
            .map(|folder| {
                (folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }), folder)
            })
            .find(|(python, folder)| python.is_file() && !repository.tracks_any_of(folder))
            .map(|(python, _)| python)
            .or_else(|| environment.path("PYRELEASE_PYTHON"))
            .or_else(|| {
                let programs = ["python3", "python"].iter().filter(|name| {
                    environment.program(name, &root).is_some_and(|found| !repository.tracks_any_of(&found))
                });
                programs.map(PathBuf::from).next()
            })
            .map(Python::Trusted)
    }

    /// The Python that has `build`, and whether that version can write a report: the project's own, else the tool
    /// environment's.
    fn frontend(&self, workspace: &Workspace, say: &dyn Fn(&str)) -> Result<(PathBuf, bool)> {
        if let Some(found) = self.found.get() {
            return Ok(found.clone());
        }
        let found = self.find_frontend(workspace, say)?;
        Ok(self.found.get_or_init(|| found).clone())
    }

    fn find_frontend(&self, workspace: &Workspace, say: &dyn Fn(&str)) -> Result<(PathBuf, bool)> {
        let (Python::Trusted(python) | Python::Untrusted(python)) =
            self.python(workspace).ok_or_else(no_python)?;
        let is_there = workspace.environment.has_program(&python.to_string_lossy(), &workspace.root());
        if let (Some(named), false) = (&self.python, is_there) {
            return Err(Error::refused(format!("[stage.build] python = \"{named}\": no such program"))
                .help("set it to a Python 3.9 or later, or remove it"));
        }
        let version = |python: &Path| {
            let script = "import build; print(build.__version__)";
            // `-P` is too new to rely on. An empty working directory keeps a local `build` module from being
            // imported.
            let folder = tempfile::tempdir().ok()?;
            Process::new(python).args(["-c", script]).folder(folder.path()).read().ok()
        };
        let reports =
            |version: &str| version.parse::<semver::Version>().is_ok_and(|version| version >= REPORTS);
        if let Some(own) = version(&python) {
            return Ok((python, reports(&own)));
        }
        // The tool environment of the same Python: a wheel with native code is for the Python that builds it.
        let environment = workspace.environment.clone().with("PYRELEASE_PYTHON", &python);
        let tools = ToolEnvironment::ensure(&environment, say)?;
        let reports = version(tools.python()).is_some_and(|version| reports(&version));
        Ok((tools.python().to_owned(), reports))
    }

    /// Builds the project at `root` into the empty directory `dist`, with extra variables for the backend; returns
    /// the recorded distributions, wheels first.
    pub(super) fn build(
        &self,
        release: &Release,
        bench: &Workbench<'_>,
        (root, dist): (&Path, &Path),
        variables: &[(String, String)],
    ) -> Result<Vec<Distribution>> {
        let scratch = bench.scratch();
        fs_err::create_dir_all(&scratch)?;
        fs_err::create_dir_all(dist)?;
        let report = scratch.join("report.json");
        let (process, reports) = match self.frontend {
            Frontend::Uv => {
                let mut process = Process::new("uv").args(["build", "--no-progress", "--out-dir"]).arg(dist);
                if let Some(Python::Trusted(python) | Python::Untrusted(python)) =
                    self.python(&release.workspace)
                {
                    process = process.arg("--python").arg(python);
                }
                if !self.isolation {
                    process = process.arg("--no-build-isolation");
                }
                (process, false)
            }
            Frontend::Build => {
                let (python, reports) = self.frontend(&release.workspace, &|message| bench.say(message))?;
                let mut process = Process::new(python).args(["-m", "build", "--outdir"]).arg(dist);
                if reports {
                    process = process.arg("--report").arg(&report);
                }
                if !self.isolation {
                    process = process.arg("--no-isolation");
                }
                (process, reports)
            }
        };
        let commit = release.outputs.commit.as_ref().unwrap_or(&release.workspace.head.commit);
        let process = match self.wheels {
            Wheels::None if !self.options.iter().any(|option| option == "--sdist") => process.arg("--sdist"),
            Wheels::Build | Wheels::None => process,
        };
        let process = process
            .args(&self.options)
            .arg(root)
            // Not in the project, where a module named `build` would be run instead.
            .folder(&scratch)
            .env("SOURCE_DATE_EPOCH", commit_time(bench, commit)?)
            .env("PYTHONUNBUFFERED", "1");
        let process = variables.iter().fold(process, |process, (name, value)| process.env(name, value));
        bench.command(&process)?;
        let hashes = &release.workspace.hashes;
        let mut built = if reports { reported(&report, hashes)? } else { listed(dist, hashes)? };
        built.sort_by(|one, other| (one.kind, &one.filename).cmp(&(other.kind, &other.filename)));
        self.complete(&built)?;
        // After a power failure one of them may be public, and the others cannot be rebuilt with the same bytes.
        built.iter().try_for_each(|distribution| sync_to_disk(&distribution.path))?;
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
    ) -> Result<Vec<Distribution>> {
        let dist = bench.scratch().join("dist");
        if dist.is_dir() {
            fs_err::remove_dir_all(&dist)?;
        }
        let mut all = found.to_vec();
        for built in self.build(release, bench, (&release.root(), &dist), &[])? {
            if found.iter().all(|found| found.kind != built.kind) {
                let path = bench.dist().join(&built.filename);
                fs_err::copy(&built.path, &path)?;
                all.push(release.workspace.hashes.record_digest(&path)?);
            }
        }
        all.sort_by(|one, other| (one.kind, &one.filename).cmp(&(other.kind, &other.filename)));
        Ok(all)
    }

    /// Refuses distributions that lack a kind which it builds.
    fn complete(&self, distributions: &[Distribution]) -> Result<()> {
        let is_missing = |kind: &&Kind| distributions.iter().all(|distribution| distribution.kind != **kind);
        let Some(kind) = self.kinds().iter().rev().find(is_missing) else { return Ok(()) };
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
        let mut findings = Vec::new();
        match self.frontend {
            Frontend::Uv if !release.workspace.environment.has_program("uv", &release.workspace.root()) => {
                findings.push(
                    Finding::error("`uv` is not on PATH")
                        .help("install it, or set frontend = \"build\" in [stage.build]"),
                );
            }
            Frontend::Uv => {}
            Frontend::Build => match self.python(&release.workspace) {
                Some(Python::Untrusted(python)) => {
                    let message = format!(
                        "`{}`, the Python that the repository names, is not run before you confirm a release",
                        python.display()
                    );
                    findings.push(
                        Finding::note(message).help("whether it can build the project is checked then"),
                    );
                }
                _ => match self.frontend(&release.workspace, &|_| {}) {
                    Ok((python, _)) => {
                        findings
                            .push(Finding::detail(format!("`python -m build` with {}", python.display())));
                    }
                    Err(error) => findings.push(error.into()),
                },
            },
        }
        let repository = &release.workspace.repository;
        let unused = virtual_environments(&release.workspace)
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
        let frontend = match self.frontend {
            Frontend::Build => "python -m build",
            Frontend::Uv => "uv build",
        };
        let action = self.action(frontend.to_owned());
        let found = &release.outputs.distributions;
        if release.is_rebuilt() && self.complete(found).is_ok() {
            effects.skip("the distributions were found, and are never rebuilt")?;
            return Ok(Outputs::default());
        }
        let distributions = effects.private(action, |bench| {
            refuse_changes(bench)?;
            match found.as_slice() {
                [] => {
                    refuse_leftovers(&bench.dist(), &release.workspace.hashes)?;
                    self.build(release, bench, (&release.root(), &bench.dist()), &[])
                }
                found => self.build_missing(release, bench, found),
            }
        })?;
        let distributions = distributions.unwrap_or_default();
        for built in &distributions {
            effects.note(&described(built));
        }
        Ok(Outputs { distributions, ..Outputs::default() })
    }
}

/// A distribution with its size and digest, for a note.
pub(super) fn described(file: &Distribution) -> String {
    format!("{} ({}, sha256 {})", file.filename, size(file.size), file.sha256)
}

/// The directories that may contain the user's virtual environment.
pub(super) fn virtual_environments(workspace: &Workspace) -> Vec<PathBuf> {
    let active = workspace.environment.path("VIRTUAL_ENV");
    let mut folders = vec![workspace.root().join(".venv"), workspace.repository.top().join(".venv")];
    folders.dedup();
    active.into_iter().chain(folders).collect()
}

/// Whether a program has the name of a Python, so that it may be run to ask for its version.
fn has_python_name(program: &Path) -> bool {
    let name = program.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let version = ["python", "pypy"].iter().find_map(|python| name.strip_prefix(python));
    version
        .is_some_and(|version| version.chars().all(|letter| letter.is_ascii_digit() || ".t".contains(letter)))
}

fn no_python() -> Error {
    Error::refused("no Python found").help("install Python 3.9 or later, or set `python` in [stage.build]")
}

fn commit_time(bench: &Workbench<'_>, commit: &str) -> Result<String> {
    Ok(bench.clone.git(["show", "--no-patch", "--no-show-signature", "--format=%ct", commit]).read()?)
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
fn refuse_leftovers(dist: &Path, hashes: &Hashes) -> Result<()> {
    let Some(left) = listed(dist, hashes)?.pop() else { return Ok(()) };
    Err(Error::failed(format!("a stage before `build` left `{}` in the folder of the distributions", left.filename))
        .help("put that stage between `build` and `check`, or set gives = [\"distributions\"] for it: then `build` adds the kinds that are missing"))
}

/// The files named in the report of `python -m build --report`.
fn reported(report: &Path, hashes: &Hashes) -> Result<Vec<Distribution>> {
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
    report.artifacts.into_iter().map(|artifact| hashes.record_digest(&artifact.path)).collect()
}

/// The distributions in a directory.
fn listed(dist: &Path, hashes: &Hashes) -> Result<Vec<Distribution>> {
    let mut built = Vec::new();
    for entry in fs_err::read_dir(dist)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".whl") || name.ends_with(".tar.gz") || name.ends_with(".zip") {
            built.push(hashes.record_digest(&path)?);
        }
    }
    Ok(built)
}
