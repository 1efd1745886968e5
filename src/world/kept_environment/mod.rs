//! Build environments that are kept: what a build backend needs is resolved and installed once, and used again.
//!
//! The path of one is `{cache}/build/{key}/{generation}`. The key is a hash of everything that decides what is installed:
//! the Python, the requirements, and the settings of pip and uv. Each resolution makes a new generation. Its record,
//! `{generation}.json`, is written last and has every file: without a record, or with other files, a generation is not
//! used. A build holds the lock of its generation shared; what makes or removes one holds it alone.

mod files;
mod generation;
mod install;
mod settings;
mod tidy;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::generation::Generation;
use super::Environment;
use super::digest::hex;
use super::process::Process;
use super::tools::{Interpreter, python_in};
use crate::error::{Error, Result};
use crate::python::project::BuildSystem;

/// What an environment was made for and resolved to; kept in the journal
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResolvedEnvironment {
    /// The version of Python: `3.11.7`
    pub python: String,
    /// As `linux-x86_64`
    pub platform: String,
    /// `pip` or `uv`
    pub installer: String,
    /// RFC 3339
    pub resolved: String,
    /// The project's build requirements, sorted
    pub requires: Vec<String>,
    /// The requirements that the build backend asked for, sorted
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
    /// Everything that is installed, as requirements: `hatchling==1.27.0`
    pub installed: Vec<String>,
}

impl ResolvedEnvironment {
    /// When it was resolved.
    pub fn time(&self) -> Option<Timestamp> {
        self.resolved.parse().ok()
    }

    /// Whether it has these requirements of the backend.
    pub fn is_for(&self, extra: &[String]) -> bool {
        self.extra == sorted(extra)
    }
}

/// The environment that a build needs
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub python: &'a Interpreter,
    pub system: &'a BuildSystem,
    /// The requirements that the build backend asks for
    pub extra: &'a [String],
    /// The project's folder, in which uv looks for its settings
    pub project: &'a Path,
    /// An environment with exactly the packages of this one
    pub like: Option<&'a ResolvedEnvironment>,
    /// The longest time since it was resolved
    pub max_age: Duration,
    /// If set, it must be resolved after this time
    pub not_before: Option<Timestamp>,
}

/// How a maker of environments tells what it does
pub struct Reporting<'a> {
    /// Runs a command, and shows its output
    pub run: &'a dyn Fn(&Process) -> Result<()>,
    pub say: &'a dyn Fn(&str),
}

/// A complete environment, which stays as it is while this exists
#[derive(Debug)]
pub struct KeptEnvironment {
    generation: Generation,
    /// Whether it was there before
    is_reused: bool,
}

impl KeptEnvironment {
    /// The environment for a build: a kept one, else a new one.
    ///
    /// # Errors
    /// It cannot be made: a requirement cannot be resolved, there is no network, or the cache folder cannot be written.
    pub fn open(environment: &Environment, wanted: &Wanted<'_>, reporting: &Reporting<'_>) -> Result<Self> {
        let root = root(environment)?;
        let folder = root.join(key(environment, wanted));
        if let Some(generation) = Generation::newest(&folder, wanted) {
            return Ok(Self { generation, is_reused: true });
        }
        fs_err::create_dir_all(&folder)?;
        let making = generation::making(&folder, reporting.say)?;
        // Another process may have made it meanwhile.
        if let Some(generation) = Generation::newest(&folder, wanted) {
            return Ok(Self { generation, is_reused: true });
        }
        let generation =
            Generation::make(&folder, |place| install::install(environment, wanted, place, reporting))?;
        drop(making);
        tidy::tidy(&root);
        Ok(Self { generation, is_reused: false })
    }

    /// Whether `open` would make one.
    pub fn is_missing(environment: &Environment, wanted: &Wanted<'_>) -> bool {
        let found = root(environment)
            .ok()
            .and_then(|root| Generation::newest(&root.join(key(environment, wanted)), wanted));
        found.is_none()
    }

    /// Whether uv makes it, not pip.
    pub fn installs_with_uv(environment: &Environment, wanted: &Wanted<'_>) -> bool {
        settings::takes_uv(environment, wanted)
    }

    pub fn python(&self) -> PathBuf {
        python_in(&self.generation.folder())
    }

    /// The folder of its programs.
    pub fn programs(&self) -> PathBuf {
        let python = self.python();
        python.parent().map(Path::to_owned).unwrap_or_default()
    }

    pub fn resolved(&self) -> &ResolvedEnvironment {
        &self.generation.record().resolved
    }

    pub fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// The modules that the hooks of a backend imported in an earlier build; none before the first.
    pub fn modules(&self, backend: &str) -> Option<Vec<String>> {
        self.generation.modules().remove(backend)
    }

    /// Notes them for later builds.
    pub fn note_modules(&self, backend: &str, modules: &[String]) {
        self.generation.note_modules(backend, modules);
    }

    /// After a build by `backend`: the files that it changed, added or removed in the environment. An environment with
    /// such files is not used again. By sizes and times; after the first build by a backend, and for one without a name,
    /// by their bytes.
    ///
    /// # Errors
    /// The environment's files cannot be read.
    pub fn changed_by(&self, backend: Option<&str>) -> Result<Vec<String>> {
        let is_known = backend.is_some_and(|backend| self.generation.has_seen(backend));
        let changed = self.generation.changed(!is_known)?;
        if !changed.is_empty() {
            self.generation.discard()?;
        } else if let Some(backend) = backend.filter(|_| !is_known) {
            self.generation.see(backend);
        }
        Ok(changed)
    }
}

fn root(environment: &Environment) -> Result<PathBuf> {
    let cache = environment.cache_folder().ok_or_else(|| {
        Error::failed("no cache folder is known for the build environment")
            .help("set `HOME` or `PYRELEASE_CACHE_DIR`, or set environment = \"fresh\" in [stage.build]")
    })?;
    // Relative paths would depend on the folder of each command.
    Ok(std::path::absolute(cache)?.join("build"))
}

/// A hash of what decides which packages are installed, as 16 hexadecimal digits.
fn key(environment: &Environment, wanted: &Wanted<'_>) -> String {
    let Interpreter { path, version, platform, abi } = wanted.python;
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(path.as_os_str().as_encoded_bytes());
    add(files::stamp(path).unwrap_or_default().as_bytes());
    [version, platform, abi].into_iter().for_each(|part| add(part.as_bytes()));
    let requirements = match wanted.like {
        Some(like) => vec![("exactly", like.installed.clone())],
        None => vec![("requires", sorted(&wanted.system.requires)), ("extra", sorted(wanted.extra))],
    };
    for (what, list) in requirements {
        add(what.as_bytes());
        list.iter().for_each(|one| add(one.as_bytes()));
    }
    settings::deciding(environment, wanted).iter().for_each(|part| add(part.as_bytes()));
    hex(&hash.finalize()[..8])
}

fn sorted(requirements: &[String]) -> Vec<String> {
    let mut sorted = requirements.to_vec();
    sorted.sort();
    sorted.dedup();
    sorted
}

#[cfg(test)]
mod tests;
