//! Builds in an environment that is kept: the hooks of the build backend (PEP 517) are called as `python -m build` calls
//! them, but what they need is not installed each time.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::options::Options;
use super::python::{Python, no_python};
use super::task::Task;
use super::{Build, Frontend, Isolated, Wheels};
use crate::engine::checkout::Checkout;
use crate::engine::event::Event;
use crate::engine::prelude::*;
use crate::engine::release::BuildRequest;
use crate::python::distribution::Kind;
use crate::python::project::{BuildSystem, Files};
use crate::world::Folder;
use crate::world::kept_environment::{KeptEnvironment, Reporting, ResolvedEnvironment, Wanted};
use crate::world::process::{Process, temporary_folder};
use crate::world::tools::{HARMFUL, Interpreter, ToolEnvironment, ToolsError};

/// Calls the hooks; its documentation describes the request and the answer
const SCRIPT: &str = include_str!("../../../templates/tools/build_hooks.py");

/// Builds one distribution
#[derive(Debug, Clone, Serialize)]
struct Step {
    kind: Kind,
    from: Source,
    ask: bool,
}

/// What a distribution is built from
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Source {
    /// The project
    Source,
    /// The sdist that was built before
    Sdist,
}

#[derive(Serialize)]
struct Request<'a> {
    backend: &'a str,
    backend_path: &'a [String],
    source: &'a Path,
    sdist: Option<&'a Path>,
    dist: &'a Path,
    scratch: &'a Path,
    settings: Option<&'a Value>,
    steps: &'a [Step],
    fork: bool,
    modules: Option<&'a [String]>,
    answer: &'a Path,
}

#[derive(Deserialize)]
struct Answer {
    built: Vec<String>,
    requires: Vec<String>,
    modules: Vec<String>,
}

impl Build {
    /// The options, if the settings allow to build in a kept environment.
    ///
    /// # Errors
    /// The setting that does not.
    pub(super) fn keeps(&self) -> Result<Options, String> {
        let of_stage = |setting: &str| Err(format!("[stage.build] has {setting}"));
        match (self.frontend, self.isolation, self.environment) {
            (Frontend::Uv, ..) => of_stage("frontend = \"uv\""),
            (_, false, _) => of_stage("isolation = false"),
            (.., Isolated::Fresh) => of_stage("environment = \"fresh\""),
            (Frontend::Build, true, Isolated::Kept) => Options::read(&self.options).map_err(|option| {
                format!("[stage.build] has the option `{option}`, which only `python -m build` knows")
            }),
        }
    }

    /// What to build, in order: by default the sdist, and the wheel from it.
    fn steps(&self, options: &Options, request: &BuildRequest) -> Vec<Step> {
        let step = |kind, from| Step { kind, from, ask: true };
        match (self.wheels(request), options.sdist, options.wheel) {
            (Wheels::None, ..) | (_, true, false) => vec![step(Kind::Sdist, Source::Source)],
            (_, false, false) => vec![step(Kind::Sdist, Source::Source), step(Kind::Wheel, Source::Sdist)],
            (_, false, true) => vec![step(Kind::Wheel, Source::Source)],
            (_, true, true) => vec![step(Kind::Sdist, Source::Source), step(Kind::Wheel, Source::Source)],
        }
    }

    fn interpreter(&self, checkout: &Checkout) -> Result<Interpreter> {
        let (Python::Trusted(python) | Python::Untrusted(python)) =
            self.python(checkout).ok_or_else(no_python)?;
        let environment = &checkout.environment;
        let root = checkout.root();
        if let Some(named) = &self.python
            && !environment.has_program(named, &root)
        {
            return Err(Error::refused(format!("[stage.build] python = \"{named}\": no such program"))
                .help("set it to a Python 3.9 or later, or remove it"));
        }
        Ok(Interpreter::of(environment, &python, &root).map_err(ToolsError::from)?)
    }

    /// What would keep the environment from being made, as far as can be seen without resolving anything; and what it is.
    pub(super) fn environment_findings(&self, release: &Release) -> Vec<Finding> {
        let checkout = &release.checkout;
        let found = || -> Result<Finding> {
            let python = self.interpreter(checkout)?;
            let system = build_system(release)?;
            let root = checkout.root();
            let wanted = self.wanted(&python, &system, &release.building, &root);
            let environment = &checkout.environment;
            if !wanted.system.requires.is_empty()
                && KeptEnvironment::is_missing(environment, &wanted)
                && !KeptEnvironment::installs_with_uv(environment, &wanted)
            {
                // Its pip makes the environment.
                ToolEnvironment::ensure(
                    &environment.clone().with("PYRELEASE_PYTHON", &python.path),
                    &|_| {},
                )?;
            }
            let shown = format!("build with Python {} ({})", python.version, python.path.display());
            Ok(Finding::detail(shown))
        };
        vec![found().unwrap_or_else(Into::into)]
    }

    fn wanted<'a>(
        &self,
        python: &'a Interpreter,
        system: &'a BuildSystem,
        request: &'a BuildRequest,
        project: &'a Path,
    ) -> Wanted<'a> {
        let like = request.like.as_deref().and_then(|environments| environments.first());
        let (max_age, not_before) = (self.max_age.0, request.fresh_since);
        Wanted { python, system, extra: &[], project, like, max_age, not_before }
    }

    /// Builds what the settings ask for; returns the paths of the files, and the environments that they were built in.
    pub(super) fn build_kept(
        &self,
        checkout: &Checkout,
        request: &BuildRequest,
        task: &Task<'_>,
        options: &Options,
    ) -> Result<(Vec<PathBuf>, Vec<ResolvedEnvironment>)> {
        let python = self.interpreter(checkout)?;
        let system = build_system(&Folder(task.root.to_owned()))?;
        refuse_missing(task.root, &system)?;
        let wanted = self.wanted(&python, &system, request, task.root);
        let mut building = Building {
            checkout,
            request,
            task,
            options,
            wanted,
            opened: Vec::new(),
            built: Vec::new(),
            sdist: None,
        };
        building.all(self.steps(options, request))?;
        building.check_environments()?;
        let environments = building.opened.iter().map(|opened| opened.resolved().clone()).collect();
        Ok((building.built, environments))
    }
}

/// A build in progress
struct Building<'a> {
    checkout: &'a Checkout,
    request: &'a BuildRequest,
    task: &'a Task<'a>,
    options: &'a Options,
    /// Without requirements of the backend
    wanted: Wanted<'a>,
    opened: Vec<KeptEnvironment>,
    built: Vec<PathBuf>,
    sdist: Option<PathBuf>,
}

impl Building<'_> {
    fn all(&mut self, mut steps: Vec<Step>) -> Result<()> {
        while !steps.is_empty() {
            let answer = self.call(&[], &steps)?;
            let mut done = answer.built.len();
            if !answer.requires.is_empty() {
                let alone = Step { ask: false, ..steps[done].clone() };
                done += self.call(&answer.requires, &[alone])?.built.len();
            }
            if done == 0 {
                return Err(Error::failed("the build backend built nothing"));
            }
            steps.drain(..done);
        }
        Ok(())
    }

    /// Calls the hooks for as many of the steps as one process can do, in the environment with these requirements of the
    /// backend.
    fn call(&mut self, extra: &[String], steps: &[Step]) -> Result<Answer> {
        let at = self.open(extra)?;
        let environment = &self.opened[at];
        let (python, programs) = (environment.python(), environment.programs());
        // What a backend in the project itself imports may depend on the project.
        let noted = self.backend_name().map(|name| (name, environment.modules(name)));
        let modules = noted.as_ref().map_or(Some(&[][..]), |(_, modules)| modules.as_deref());
        // As `python -m build`, not in a repository: a backend would ask the one around the unpacked sdist.
        let folder = tempfile::Builder::new().prefix("pyrelease-hooks-").tempdir_in(temporary_folder())?;
        let place = |name: &str| folder.path().join(name);
        let (script, request, answer) =
            (place("build_hooks.py"), place("request.json"), place("answer.json"));
        let system = self.wanted.system;
        let content = serde_json::to_vec(&Request {
            backend: &system.backend,
            backend_path: &system.backend_path,
            source: self.task.root,
            sdist: self.sdist.as_deref(),
            dist: self.task.dist,
            scratch: folder.path(),
            settings: self.options.settings.as_ref(),
            steps,
            // Elsewhere a fork of a process that has loaded libraries is not safe.
            fork: cfg!(target_os = "linux"),
            modules,
            answer: &answer,
        });
        fs_err::write(&request, content.map_err(std::io::Error::other)?)?;
        fs_err::write(&script, SCRIPT)?;
        let process = Process::new(python).arg(&script).arg(&request).folder(folder.path());
        let process = process.titled(&system.backend);
        let process =
            HARMFUL.iter().chain(&["VIRTUAL_ENV"]).fold(process, |process, name| process.without_env(*name));
        let path = self.checkout.environment.search_path();
        let path = std::env::join_paths([programs].into_iter().chain(path)).map_err(std::io::Error::other)?;
        self.task.host.command(&self.task.with_variables(process.env("PATH", path)))?;
        let answer: Answer = serde_json::from_slice(&fs_err::read(&answer)?).map_err(|error| {
            Error::failed("the answer of the build backend cannot be read").because(error)
        })?;
        if let Some((name, None)) = noted {
            environment.note_modules(name, &answer.modules);
        }
        for (name, step) in answer.built.iter().zip(steps) {
            let path = self.task.dist.join(name);
            if step.kind == Kind::Sdist {
                self.sdist = Some(path.clone());
            }
            self.built.push(path);
        }
        Ok(answer)
    }

    /// The backend's entry point, unless it is in the project itself: that may be another one tomorrow.
    fn backend_name(&self) -> Option<&str> {
        let system = self.wanted.system;
        system.backend_path.is_empty().then_some(system.backend.as_str())
    }

    /// The place in `opened` of the environment with these requirements of the backend.
    fn open(&mut self, extra: &[String]) -> Result<usize> {
        if let Some(at) = self.opened.iter().position(|opened| opened.resolved().is_for(extra)) {
            return Ok(at);
        }
        let like = match &self.request.like {
            None => None,
            Some(environments) => {
                let same = environments.iter().find(|environment| environment.is_for(extra));
                Some(same.ok_or_else(|| {
                    let asked = if extra.is_empty() { "none".to_owned() } else { extra.join(", ") };
                    Error::failed(format!("the run that `--like` names has no environment for what the build backend asks for now: {asked}"))
                        .help("release without `--like`")
                })?)
            }
        };
        let wanted = Wanted { extra, like, ..self.wanted.clone() };
        let host = self.task.host;
        if let Some(like) = like.filter(|like| like.python != self.wanted.python.version) {
            let version = &self.wanted.python.version;
            host.warn(&format!("the same packages, but Python {version}, not {}", like.python), None);
        }
        let reporting =
            Reporting { run: &|process| host.command(process), say: &|message| host.say(message) };
        let opened = KeptEnvironment::open(&self.checkout.environment, &wanted, &reporting)?;
        let (environment, is_reused) = (opened.resolved(), opened.is_reused());
        let stage = host.stage();
        host.listener().on_event(&Event::BuildEnvironment { stage, environment, is_reused });
        self.opened.push(opened);
        Ok(self.opened.len() - 1)
    }

    /// Warns of files that the backend wrote into its environment, which is then made again for the next build.
    fn check_environments(&self) -> Result<()> {
        for opened in &self.opened {
            let changed = opened.changed_by(self.backend_name())?;
            if let Some(first) = changed.first() {
                let more = match changed.len() {
                    1 => String::new(),
                    files => format!(" and {} more", files - 1),
                };
                let message = format!(
                    "the build changed its own environment: `{first}`{more}; the environment is thrown away"
                );
                self.task.host.warn(
                    &message,
                    Some("a build that changes its environment is not repeatable; environment = \"fresh\" in [stage.build] makes one for each build"),
                );
            }
        }
        Ok(())
    }
}

fn build_system(files: &dyn Files) -> Result<BuildSystem> {
    BuildSystem::read(files)
        .map_err(|error| Error::refused(error.to_string()).help("correct [build-system] of pyproject.toml"))
}

/// Refuses a folder that is no project, and a backend in a folder that does not exist.
fn refuse_missing(root: &Path, system: &BuildSystem) -> Result<()> {
    if !root.join("pyproject.toml").exists() && !root.join("setup.py").exists() {
        return Err(Error::failed("there is no `pyproject.toml` and no `setup.py` to build"));
    }
    match system.backend_path.iter().find(|path| !root.join(path).is_dir()) {
        None => Ok(()),
        Some(path) => Err(Error::failed(format!(
            "`backend-path` in pyproject.toml names `{path}`, which is not a folder"
        ))),
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "these are tests")]
mod tests {
    use pyrelease_test_support::IN_TREE;

    use super::*;

    /// Builds a project with a backend of its own; returns the bytes of the sdist and the wheel, or what was printed.
    fn built(fork: bool, backend: &str) -> Result<Vec<Vec<u8>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        for (path, text) in [
            ("project/pyproject.toml", "name = \"demo\"\nversion = \"1.0\"\ndescription = \"Says hello\"\n"),
            ("project/README.md", "# demo\n"),
            ("project/LICENSE", "MIT\n"),
            ("project/src/demo/__init__.py", ""),
            ("project/backend/in_tree.py", backend),
            ("hooks/build_hooks.py", SCRIPT),
            ("dist/old.txt", ""),
        ] {
            fs_err::create_dir_all(place(path).parent().unwrap()).unwrap();
            fs_err::write(place(path), text).unwrap();
        }
        let steps = [(Kind::Sdist, Source::Source), (Kind::Wheel, Source::Sdist)];
        let steps = steps.map(|(kind, from)| Step { kind, from, ask: true });
        let (mut left, mut files) = (&steps[..], Vec::new());
        while !left.is_empty() {
            let sdist = files.first().map(|name| place("dist").join(name));
            let request = Request {
                backend: "in_tree",
                backend_path: &["backend".to_owned()],
                source: &place("project"),
                sdist: sdist.as_deref(),
                dist: &place("dist"),
                scratch: &place("hooks"),
                settings: None,
                steps: left,
                fork,
                modules: None,
                answer: &place("answer.json"),
            };
            fs_err::write(place("request.json"), serde_json::to_vec(&request).unwrap()).unwrap();
            let process =
                Process::new("python3").arg(place("hooks/build_hooks.py")).arg(place("request.json"));
            process.env("SOURCE_DATE_EPOCH", "1700000000").read().map_err(|error| error.to_string())?;
            let answer: Answer =
                serde_json::from_slice(&fs_err::read(place("answer.json")).unwrap()).unwrap();
            assert!(!answer.built.is_empty() && answer.requires.is_empty());
            left = &left[answer.built.len()..];
            files.extend(answer.built);
        }
        Ok(files.iter().map(|name| fs_err::read(place("dist").join(name)).unwrap()).collect())
    }

    #[test]
    fn forks_and_new_processes_build_the_same() {
        let forked = built(true, IN_TREE).unwrap();
        assert_eq!(forked.len(), 2);
        assert!(built(false, IN_TREE).unwrap() == forked);
    }

    #[test]
    fn a_hook_that_ends_its_process_has_failed() {
        let backend = IN_TREE.replace(
            "def build_wheel(directory",
            "def build_wheel(*rest):\n    os._exit(0)\n\n\ndef _(directory",
        );
        for fork in [true, false] {
            let error = built(fork, &backend).unwrap_err();
            assert!(
                error.contains("ERROR Backend subprocess exited when trying to invoke build_wheel"),
                "{error}"
            );
        }
    }
}
