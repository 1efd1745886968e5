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
    let (project, variables) = (&release.names().name, &release.workspace.environment);
    let trial = Trial { file, project, version, smoke, variables };
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
        let python = environment(&folder.join("venv"), self.variables, run)?;
        let run = |process: Process| {
            run(&process.folder(&folder).without_env("PYTHONPATH").without_env("PYTHONHOME"))
        };
        // The file itself, so that no other index can supply another one with its name.
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Process::new(&python).args(pip).arg(self.file))?;
        run(Process::new(&python).args(["-c", INSTALLED, self.project, self.version]))?;
        let Some(words) = self.smoke.and_then(shlex::split) else { return Ok(()) };
        let Some((program, arguments)) = words.split_first() else { return Ok(()) };
        let bin = python.parent().unwrap_or(Path::new("")).to_owned();
        let path = path_with(&bin, self.variables);
        let smoke = Process::new(program_in(&bin, program)).args(arguments);
        run(smoke.env("PATH", path).env("VIRTUAL_ENV", folder.join("venv")))
    }

    /// The message if nothing failed.
    pub(super) fn passed(&self, index: &str) -> String {
        let tried = self.smoke.map_or(String::new(), |smoke| format!(", and `{smoke}` passed"));
        format!("{} installs from {index}{tried}", self.version)
    }
}

/// Creates a virtual environment; returns its Python.
fn environment(
    folder: &Path,
    variables: &Environment,
    run: &dyn Fn(&Process) -> Result<()>,
) -> Result<PathBuf> {
    if folder.is_dir() {
        fs_err::remove_dir_all(folder)?;
    }
    let named = ["python3", "python"].iter().find(|name| variables.has_program(name, Path::new("")));
    let python = variables.path("PYRELEASE_PYTHON").or(named.map(PathBuf::from));
    let python = python.ok_or_else(|| Error::failed("no Python found to install the release with"))?;
    run(&Process::new(python).args(["-m", "venv"]).arg(folder))?;
    Ok(folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }))
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
