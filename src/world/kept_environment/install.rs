//! Makes an environment: with uv or with pip, isolated from the user's own.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::generation::LISTS;
use super::settings::takes_uv;
use super::{Reporting, ResolvedEnvironment, Wanted, sorted};
use crate::error::{Error, Result};
use crate::world::Environment;
use crate::world::process::Process;
use crate::world::tools::{HARMFUL, ToolEnvironment, isolated, python_in};

/// pip's settings that would install elsewhere, or something else
const HARMFUL_TO_PIP: [&str; 12] = [
    "PIP_DRY_RUN",
    "PIP_EDITABLE",
    "PIP_IGNORE_INSTALLED",
    "PIP_NO_COMPILE",
    "PIP_NO_DEPS",
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_REQUIREMENT",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
];
/// uv's settings that would do so
const HARMFUL_TO_UV: [&str; 10] = [
    "UV_DRY_RUN",
    "UV_PREFIX",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_TARGET",
    "UV_VENV_SEED",
    "UV_WORKING_DIR",
    "UV_WORKING_DIRECTORY",
];

/// Installs what is wanted into a new environment in `place`; returns what that is.
pub(super) fn install(
    environment: &Environment,
    wanted: &Wanted<'_>,
    place: &Path,
    reporting: &Reporting<'_>,
) -> Result<ResolvedEnvironment> {
    let resolved = Timestamp::now();
    let lists = Lists::write(wanted, place)?;
    let mut installer = "pip";
    if takes_uv(environment, wanted) {
        match with_uv(wanted, place, &lists, reporting) {
            Ok(()) => installer = "uv",
            Err(error) if error.kind() == crate::error::ErrorKind::Interrupted => return Err(error),
            // uv reads neither pip's settings nor the system's certificates.
            Err(_) => {
                (reporting.say)("uv could not make the build environment; trying pip");
                fs_err::remove_dir_all(place)?;
            }
        }
    }
    if installer == "pip" {
        with_pip(environment, wanted, place, &lists, reporting)?;
    }
    fs_err::remove_dir_all(place.with_extension(LISTS))?;
    Ok(ResolvedEnvironment {
        python: wanted.python.version.clone(),
        platform: wanted.python.platform.clone(),
        installer: installer.to_owned(),
        resolved: resolved.to_string(),
        requires: sorted(&wanted.system.requires),
        extra: sorted(wanted.extra),
        installed: installed(place)?,
    })
}

/// The requirements as files, because pip does not honour markers on its command line
struct Lists {
    /// One after the other
    requirements: Vec<PathBuf>,
    constraints: Option<PathBuf>,
    /// Whether dependencies are listed as well
    is_complete: bool,
}

impl Lists {
    fn write(wanted: &Wanted<'_>, place: &Path) -> Result<Self> {
        let folder = place.with_extension(LISTS);
        fs_err::create_dir_all(&folder)?;
        let write = |name: &str, lines: &[String]| -> Result<PathBuf> {
            let path = folder.join(name);
            fs_err::write(&path, lines.join("\n") + "\n")?;
            Ok(path)
        };
        let (requirements, is_complete) = match wanted.like {
            Some(like) => (vec![write("installed.txt", &like.installed)?], true),
            None => {
                let lists =
                    [("requires.txt", sorted(&wanted.system.requires)), ("extra.txt", sorted(wanted.extra))];
                let lists = lists.iter().filter(|(_, list)| !list.is_empty());
                (lists.map(|(name, list)| write(name, list)).collect::<Result<_>>()?, false)
            }
        };
        let constraints = match wanted.system.uv_constraints.as_slice() {
            [] => None,
            constraints => Some(write("constraints.txt", constraints)?),
        };
        Ok(Self { requirements, constraints, is_complete })
    }
}

fn with_uv(wanted: &Wanted<'_>, place: &Path, lists: &Lists, reporting: &Reporting<'_>) -> Result<()> {
    let uv = |arguments: &[&str]| {
        let uv = Process::new("uv").args(arguments).folder(wanted.project);
        HARMFUL.iter().chain(&HARMFUL_TO_UV).fold(uv, |uv, name| uv.without_env(*name))
    };
    let venv = uv(&["venv", "--no-project", "--no-config", "--python"]);
    (reporting.run)(&venv.arg(&wanted.python.path).arg(place))?;
    for list in &lists.requirements {
        let pip =
            uv(&["pip", "install", "--no-progress", "--compile-bytecode", "--link-mode", "copy", "--python"]);
        let pip = pip.arg(python_in(place)).arg("--requirements").arg(list);
        let pip = lists.constraints.iter().fold(pip, |pip, list| pip.arg("--constraints").arg(list));
        (reporting.run)(&if lists.is_complete { pip.arg("--no-deps") } else { pip })?;
    }
    Ok(())
}

fn with_pip(
    environment: &Environment,
    wanted: &Wanted<'_>,
    place: &Path,
    lists: &Lists,
    reporting: &Reporting<'_>,
) -> Result<()> {
    let python = &wanted.python.path;
    (reporting.run)(&isolated(python).args(["-m", "venv", "--without-pip"]).arg(place))?;
    if lists.requirements.is_empty() {
        return Ok(());
    }
    let tools =
        ToolEnvironment::ensure(&environment.clone().with("PYRELEASE_PYTHON", python), reporting.say)?;
    for list in &lists.requirements {
        let pip = tools.process().args(["-m", "pip", "--python"]).arg(python_in(place));
        let pip = pip.args(["install", "--use-pep517", "--no-warn-script-location", "--no-input"]);
        let pip = pip.args(["--disable-pip-version-check", "--requirement"]).arg(list);
        let pip = HARMFUL_TO_PIP.iter().fold(pip, |pip, name| pip.without_env(*name));
        let pip = if lists.is_complete { pip.arg("--no-deps") } else { pip };
        let has_keyring = environment.has_program("keyring", wanted.project);
        let pip = match environment.get("PIP_KEYRING_PROVIDER") {
            None if has_keyring => pip.env("PIP_KEYRING_PROVIDER", "subprocess"),
            _ => pip,
        };
        (reporting.run)(&pip).map_err(|error| {
            let listed = fs_err::read_to_string(list).unwrap_or_default();
            let what: Vec<&str> = listed.lines().collect();
            let help = match wanted.project.join("pyproject.toml").exists() {
                true => "correct `requires` of [build-system] in pyproject.toml, or what pip's settings say where to find them",
                false => "correct what pip's settings say where to find them",
            };
            Error::failed(format!("failed to install the build requirements: {}", what.join(", "))).because(error).help(help)
        })?;
    }
    Ok(())
}

/// Everything that is installed in an environment, as requirements.
fn installed(place: &Path) -> Result<Vec<String>> {
    let mut installed = Vec::new();
    for packages in site_packages(place) {
        for entry in fs_err::read_dir(&packages)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some((name, version)) =
                name.strip_suffix(".dist-info").and_then(|name| name.rsplit_once('-'))
            else {
                continue;
            };
            let name = crate::python::filename::normalize(name);
            let direct = fs_err::read(path.join("direct_url.json")).ok();
            let direct = direct.and_then(|text| serde_json::from_slice::<DirectUrl>(&text).ok());
            installed.push(match direct {
                Some(direct) => format!("{name} @ {}", direct.shown()),
                None => format!("{name}=={version}"),
            });
        }
    }
    installed.sort();
    installed.dedup();
    Ok(installed)
}

fn site_packages(place: &Path) -> Vec<PathBuf> {
    if cfg!(windows) {
        return vec![place.join("Lib/site-packages")];
    }
    let versions = fs_err::read_dir(place.join("lib")).into_iter().flatten().flatten();
    versions.map(|entry| entry.path().join("site-packages")).filter(|path| path.is_dir()).collect()
}

/// Where a package comes from that was not found by its name
#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    vcs_info: Option<VcsInfo>,
}

#[derive(Deserialize)]
struct VcsInfo {
    vcs: String,
    commit_id: String,
}

impl DirectUrl {
    /// The URL without a password, with the commit.
    fn shown(&self) -> String {
        let url =
            match self.url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?)))
            {
                Some((scheme, (user, rest))) if !user.contains('/') => format!("{scheme}://{rest}"),
                _ => self.url.clone(),
            };
        match &self.vcs_info {
            Some(VcsInfo { vcs, commit_id }) => format!("{vcs}+{url}@{commit_id}"),
            None => url,
        }
    }
}
