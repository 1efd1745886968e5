//! Installs the release from an index into a fresh environment, and tests it.

use std::path::{Path, PathBuf};

use crate::engine::prelude::*;
use crate::world::Environment;
use crate::world::process::Process;

/// Compares the installed version with the expected one
const INSTALLED: &str = "\
import importlib.metadata, sys
found = importlib.metadata.version(sys.argv[1])
sys.exit(None if found == sys.argv[2] else f'installed is {found}, not {sys.argv[2]}')";

/// A release to install from one of its files
pub(super) struct Trial<'a> {
    /// The file from the index; the environment is created beside it
    pub(super) file: &'a Path,
    pub(super) project: &'a str,
    pub(super) version: &'a str,
    /// A smoke test for the installed release
    pub(super) smoke: Option<&'a str>,
    pub(super) variables: &'a Environment,
    /// The folder with the distributions of all members of the workspace
    pub(super) siblings: Option<&'a Path>,
}

/// Installs a file that was downloaded from the index, and tests it.
pub(super) fn try_out(
    smoke: Option<&str>,
    index: &str,
    (file, version): (&Path, &str),
    release: &Release,
    effects: &mut Effects<'_>,
) -> Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let action = Action::Check { what: format!("pip install {name} from {index}") };
    let (project, variables) = (&release.names().name, &release.checkout.environment);
    // Members of a workspace require each other, in versions that users cannot install yet.
    let siblings =
        effects.bench().filter(|_| release.member.is_some()).map(|bench| bench.all_distributions());
    let trial = Trial { file, project, version, smoke, variables, siblings: siblings.as_deref() };
    effects.private(action, |bench| trial.run(&|process| bench.command(process)))?;
    effects.note(&trial.passed(index));
    Ok(())
}

impl Trial<'_> {
    /// Installs the file, with dependencies from pip's usual sources. Compares the installed version and runs the
    /// smoke test.
    ///
    /// # Errors
    /// A command fails; `run` runs each of them.
    pub(super) fn run(&self, run: &dyn Fn(&Process) -> Result<()>) -> Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("")).to_owned();
        let run = |process: Process| {
            run(&process.folder(&folder).without_env("PYTHONPATH").without_env("PYTHONHOME"))
        };
        let (python, pip) = environment(&folder.join("venv"), self.variables, &run)?;
        // The file itself, so that no other index can supply another one with its name.
        let siblings = self.siblings.iter().flat_map(|folder| [Path::new("--find-links"), folder]);
        run(pip.args(INSTALL).args(siblings).arg(self.file))?;
        let installed = Installed { project: self.project, version: self.version, smoke: self.smoke };
        installed.test(&python, self.variables, &run)
    }

    /// The message if nothing failed.
    pub(super) fn passed(&self, index: &str) -> String {
        let tried = self.smoke.map_or(String::new(), |smoke| format!(", and `{smoke}` passed"));
        format!("{} installs from {index}{tried}", self.version)
    }
}

/// What installs a release
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    Pip,
    Uv,
}

/// A release to install from an index by its name, as its users will
pub struct TrialByName<'a> {
    pub installer: Installer,
    /// The simple API of the index
    pub simple: &'a str,
    pub project: &'a str,
    pub version: &'a str,
    /// Whether the usual indexes are asked, too: for dependencies, and for what an sdist is built with
    pub asks_usual_indexes: bool,
    /// A smoke test for the installed release
    pub smoke: Option<&'a str>,
    /// An existing folder for the environment
    pub folder: &'a Path,
    pub variables: &'a Environment,
}

impl TrialByName<'_> {
    /// Installs the release into a fresh environment. Compares the installed version and runs the smoke test.
    ///
    /// # Errors
    /// A command fails; `run` runs each of them.
    pub fn run(&self, run: &dyn Fn(&Process) -> Result<()>) -> Result<()> {
        let run = |process: Process| {
            run(&process.folder(self.folder).without_env("PYTHONPATH").without_env("PYTHONHOME"))
        };
        let wanted = format!("{}=={}", self.project, self.version);
        let from = match self.asks_usual_indexes {
            true => vec!["--extra-index-url", self.simple],
            false => vec!["--no-deps", "--index-url", self.simple],
        };
        let python = match self.installer {
            Installer::Pip => {
                let (python, pip) = environment(&self.folder.join("venv"), self.variables, &run)?;
                run(pip.args(INSTALL).args(from).arg(&wanted))?;
                python
            }
            Installer::Uv => {
                let folder = self.folder.join("venv");
                let venv = Process::new("uv").args(["venv", "--quiet", "--python"]);
                run(venv.arg(python(self.variables)?).arg(&folder))?;
                let python = python_in(&folder);
                let install = Process::new("uv").args(["pip", "install", "--quiet", "--python"]).arg(&python);
                run(install.args(["--refresh-package", self.project]).args(from).arg(&wanted))?;
                python
            }
        };
        let installed = Installed { project: self.project, version: self.version, smoke: self.smoke };
        installed.test(&python, self.variables, &run)
    }
}

const INSTALL: [&str; 3] = ["install", "--quiet", "--disable-pip-version-check"];

/// Succeeds if pip can install into another environment (22.3 and later)
const HAS_PIP: &str = "\
import pip, sys
sys.exit(tuple(map(int, pip.__version__.split('.')[:2])) < (22, 3))";

/// An installed release
struct Installed<'a> {
    project: &'a str,
    version: &'a str,
    smoke: Option<&'a str>,
}

impl Installed<'_> {
    /// Compares the version and runs the smoke test in the environment of this Python.
    fn test(
        &self,
        python: &Path,
        variables: &Environment,
        run: &dyn Fn(Process) -> Result<()>,
    ) -> Result<()> {
        run(Process::new(python).args(["-c", INSTALLED, self.project, self.version]))?;
        let Some(words) = self.smoke.and_then(shlex::split) else { return Ok(()) };
        let Some((program, arguments)) = words.split_first() else { return Ok(()) };
        let bin = python.parent().unwrap_or(Path::new("")).to_owned();
        let path = path_with(&bin, variables);
        let smoke = Process::new(program_in(&bin, program)).args(arguments);
        run(smoke.env("PATH", path).env("VIRTUAL_ENV", bin.parent().unwrap_or(&bin)))
    }
}

/// Creates a virtual environment; returns its Python, and the pip that installs into it. To set up a pip in it takes
/// seconds, and the one that is there already does as well.
fn environment(
    folder: &Path,
    variables: &Environment,
    run: &dyn Fn(Process) -> Result<()>,
) -> Result<(PathBuf, Process)> {
    if folder.is_dir() {
        fs_err::remove_dir_all(folder)?;
    }
    let (outer, inner) = (python(variables)?, python_in(folder));
    let venv = Process::new(&outer).args(["-m", "venv"]);
    if run(Process::new(&outer).args(["-c", HAS_PIP])).is_ok() {
        run(venv.arg("--without-pip").arg(folder))?;
        let pip = Process::new(&outer).args(["-m", "pip", "--python"]).arg(&inner);
        return Ok((inner, pip));
    }
    run(venv.arg(folder))?;
    let pip = Process::new(&inner).args(["-m", "pip"]);
    Ok((inner, pip))
}

/// The Python to make environments with.
fn python(variables: &Environment) -> Result<PathBuf> {
    let named = ["python3", "python"].iter().find(|name| variables.has_program(name, Path::new("")));
    let python = variables.path("PYRELEASE_PYTHON").or(named.map(PathBuf::from));
    python.ok_or_else(|| Error::failed("no Python found to install the release with"))
}

fn python_in(environment: &Path) -> PathBuf {
    environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

/// The program in the environment, if it has one with that name.
fn program_in(bin: &Path, program: &str) -> PathBuf {
    let own = bin.join(program);
    if Path::new(program).components().count() == 1 && own.is_file() { own } else { PathBuf::from(program) }
}

fn path_with(bin: &Path, variables: &Environment) -> std::ffi::OsString {
    let path = variables.path("PATH").unwrap_or_default();
    let folders = std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or_else(|_| bin.as_os_str().to_owned())
}
