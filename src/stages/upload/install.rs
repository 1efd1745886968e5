//! Installs the release from an index into a fresh environment, and tries it.

use std::path::{Path, PathBuf};

use crate::engine::prelude::*;
use crate::world::process::Process;

/// Compares the version that is installed with the one that should be
const INSTALLED: &str = "\
import importlib.metadata, sys
found = importlib.metadata.version(sys.argv[1])
sys.exit(None if found == sys.argv[2] else f'installed is {found}, not {sys.argv[2]}')";

/// Installs the file that was fetched from the index, its dependencies from wherever pip takes them; compares the
/// installed version and runs the smoke test.
pub(super) fn try_out(
    smoke: Option<&str>,
    index: &str,
    (file, version): (&Path, &str),
    release: &Release,
    effects: &mut Effects<'_>,
) -> Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let action = Action::Check { what: format!("pip install {name} from {index}") };
    effects.private(action, |bench| {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let python = environment(&folder.join("venv"), release, bench)?;
        let run = |process: Process| {
            let process = process.folder(&folder).without_env("PYTHONPATH").without_env("PYTHONHOME");
            bench.command(&process)
        };
        // The file itself, so that no other index can give another one under its name.
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Process::new(&python).args(pip).arg(file))?;
        run(Process::new(&python).args(["-c", INSTALLED, &release.names().name, version]))?;
        let Some(words) = smoke.and_then(shlex::split) else { return Ok(()) };
        let Some((program, arguments)) = words.split_first() else { return Ok(()) };
        let bin = python.parent().unwrap_or(Path::new("")).to_owned();
        let path = path_with(&bin, release);
        let smoke = Process::new(program_in(&bin, program)).args(arguments);
        run(smoke.env("PATH", path).env("VIRTUAL_ENV", folder.join("venv")))
    })?;
    let tried = smoke.map_or(String::new(), |smoke| format!(", and `{smoke}` passed"));
    effects.note(&format!("{version} is what {index} installs{tried}"));
    Ok(())
}

/// A fresh virtual environment; gives its Python.
fn environment(folder: &Path, release: &Release, bench: &Workbench<'_>) -> Result<PathBuf> {
    if folder.is_dir() {
        fs_err::remove_dir_all(folder)?;
    }
    let variables = &release.workspace.environment;
    let named = ["python3", "python"].iter().find(|name| variables.has_program(name, Path::new("")));
    let python = variables.path("PYRELEASE_PYTHON").or(named.map(PathBuf::from));
    let python = python.ok_or_else(|| Error::failed("no Python was found to install the release with"))?;
    bench.command(&Process::new(python).args(["-m", "venv"]).arg(folder))?;
    Ok(folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }))
}

/// The program of the environment where it has one of that name.
fn program_in(bin: &Path, program: &str) -> PathBuf {
    let own = bin.join(program);
    if Path::new(program).components().count() == 1 && own.is_file() { own } else { PathBuf::from(program) }
}

fn path_with(bin: &Path, release: &Release) -> std::ffi::OsString {
    let path = release.workspace.environment.path("PATH").unwrap_or_default();
    let folders = std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or_else(|_| bin.as_os_str().to_owned())
}
