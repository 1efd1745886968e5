//! Installs the release from an index into a fresh environment, and tries it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Batch;
use crate::engine::prelude::*;
use crate::index::{IndexClient, SimpleFile};
use crate::python::distribution::{Distribution, Kind};
use crate::world::process::Process;

/// Compares the version that is installed with the one that should be
const INSTALLED: &str = "\
import importlib.metadata, sys
found = importlib.metadata.version(sys.argv[1])
sys.exit(None if found == sys.argv[2] else f'installed is {found}, not {sys.argv[2]}')";

/// How long an index may take to list what it has accepted
const PATIENCE: Duration = Duration::from_secs(120);

/// Installs the wheel (else the sdist) from the index by its hash, its dependencies from wherever pip takes them;
/// compares the installed version and runs the smoke test.
pub(super) fn try_out(
    smoke: Option<&str>,
    client: &IndexClient,
    batch: &Batch,
    release: &Release,
    effects: &mut Effects<'_>,
) -> Result<()> {
    let index = &client.address().name;
    let Some(chosen) = installable(&batch.distributions) else { return Ok(()) };
    let Some(listed) = listed(client, release, effects, chosen)? else {
        let message = format!("`{}` is uploaded to `{index}`, but not listed there yet", chosen.filename);
        effects.warn(&message, Some("it was not tried out; look at the index in some minutes"));
        return Ok(());
    };
    let action = Action::Check { what: format!("pip install {} from {index}", chosen.filename) };
    effects.private(action, |bench| {
        let folder = bench.scratch().join("install");
        fs_err::create_dir_all(&folder)?;
        let file = folder.join(&chosen.filename);
        client.download(&listed, &file, &chosen.sha256).map_err(|error| {
            Error::failed(format!("what `{index}` gives out is not what was uploaded")).because(error)
        })?;
        let python = environment(&folder.join("venv"), release, bench)?;
        let run = |process: Process| {
            let process = process.folder(&folder).without_env("PYTHONPATH").without_env("PYTHONHOME");
            bench.command(&process)
        };
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Process::new(&python).args(pip).arg(&file))?;
        run(Process::new(&python).args(["-c", INSTALLED, &release.names().name, &batch.version]))?;
        let Some(words) = smoke.and_then(shlex::split) else { return Ok(()) };
        let Some((program, arguments)) = words.split_first() else { return Ok(()) };
        let bin = python.parent().unwrap_or(Path::new("")).to_owned();
        let path = path_with(&bin, release);
        let smoke = Process::new(program_in(&bin, program)).args(arguments);
        run(smoke.env("PATH", path).env("VIRTUAL_ENV", folder.join("venv")))
    })?;
    let tried = smoke.map_or(String::new(), |smoke| format!(", and `{smoke}` passed"));
    effects.note(&format!("{} is what {index} installs{tried}", batch.version));
    Ok(())
}

/// A wheel that suits every platform, else any, else the sdist.
fn installable(distributions: &[Distribution]) -> Option<&Distribution> {
    let any = |distribution: &&Distribution| distribution.filename.ends_with("-any.whl");
    let sdist = |distribution: &&Distribution| distribution.kind == Kind::Sdist;
    distributions
        .iter()
        .find(any)
        .or_else(|| distributions.iter().find(sdist))
        .or_else(|| distributions.first())
}

/// Waits until the index lists the file.
fn listed(
    client: &IndexClient,
    release: &Release,
    effects: &Effects<'_>,
    wanted: &Distribution,
) -> Result<Option<SimpleFile>> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(500);
    loop {
        let listing = client.listing(&release.target.project.name).map_err(|error| {
            Error::failed(format!("`{}` cannot be asked what it has", client.address().name)).because(error)
        })?;
        let found = listing
            .and_then(|listing| listing.files.into_iter().find(|file| file.filename == wanted.filename));
        if found.is_some() || started.elapsed() > PATIENCE {
            return Ok(found);
        }
        effects.wait(pause)?;
        pause = (pause * 2).min(Duration::from_secs(30));
    }
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
