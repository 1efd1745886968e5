//! Installs the release from an index into a fresh environment, and tries it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Settings, trial_folder};
use crate::engine::prelude::*;
use crate::index::{IndexClient, SimpleFile};
use crate::python::distribution::{Distribution, Kind};
use crate::stages::without_secrets;
use crate::world::process::Process;

/// How long an index may take to list what it has accepted
const PATIENCE: Duration = Duration::from_secs(120);

/// Installs the wheel (else the sdist) from the index by its hash, its dependencies from wherever pip takes them;
/// compares the installed version and runs the smoke test.
pub(super) fn try_out(
    settings: &Settings,
    client: &IndexClient,
    release: &Release,
    effects: &mut Effects<'_>,
) -> Result<()> {
    let index = client.address().name.clone();
    let distributions = &release.outputs.distributions;
    let Some(chosen) = installable(distributions) else { return Ok(()) };
    let command = format!("pip install {} from {index}", chosen.filename);
    let Some(listed) = listed(client, release, chosen)? else {
        effects.warn(
            &format!(
                "`{}` is uploaded to `{index}`, but not listed there yet: it was not tried out",
                chosen.filename
            ),
            None,
        );
        return Ok(());
    };
    effects.private(Action::Check { what: command }, |bench| {
        let folder = trial_folder(bench);
        fs_err::create_dir_all(&folder)?;
        let file = folder.join(&chosen.filename);
        client.download(&listed, &file, &chosen.sha256).map_err(|error| {
            Error::failed(format!("what `{index}` gives out is not what was uploaded")).because(error)
        })?;
        let python = environment(&folder.join("venv"), release, bench)?;
        let run = |process: Process| bench.command(&without_secrets(process, &release.workspace.environment).folder(&folder));
        run(Process::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).arg(&file))?;
        let names = release.names();
        let script = "import importlib.metadata, sys; found = importlib.metadata.version(sys.argv[1]); sys.exit(None if found == sys.argv[2] else 'installed is ' + found)";
        run(Process::new(&python).args(["-c", script, &names.name, &names.version]))?;
        if let Some(smoke) = &settings.smoke {
            let words = shlex::split(smoke).unwrap_or_default();
            let (program, arguments) = words.split_first().ok_or_else(|| Error::usage("an empty smoke test"))?;
            let bin = python.parent().unwrap_or(Path::new("")).to_owned();
            run(Process::new(program_in(&bin, program)).args(arguments).env("PATH", path_with(&bin, release)).env("VIRTUAL_ENV", folder.join("venv")))?;
        }
        Ok(())
    })?;
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
fn listed(client: &IndexClient, release: &Release, wanted: &Distribution) -> Result<Option<SimpleFile>> {
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
        std::thread::sleep(pause);
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
