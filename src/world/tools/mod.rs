//! The tool environment: PyPI's renderer and `python -m build`, in a virtual environment that pyrelease makes once.
//!
//! It lies at `{cache}/tools/{key}`, where the key is a hash of the pinned requirements and of the Python that made
//! it, so a change of either makes a new one. A file lock keeps concurrent runs apart, and a marker written last
//! tells a complete environment from one whose making was cut short, which is made again.

mod interpreter;
mod rst;

pub use interpreter::InterpreterError;
pub use rst::{Unrendered, render_rst};

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use self::interpreter::Interpreter;
use super::Environment;
use super::process::{Process, ProcessError};

/// The pinned requirements, every wheel with its hash
const REQUIREMENTS: &str = include_str!("../../../templates/tools/requirements.txt");
/// Written when everything else is done
const MARKER: &str = "complete";
/// What of the user's environment would break a Python of ours
const HARMFUL: &[&str] = &["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__"];
/// What of the user's pip settings would put the tools elsewhere, or other tools here
const HARMFUL_TO_PIP: &[&str] = &[
    "PIP_CONSTRAINT",
    "PIP_DRY_RUN",
    "PIP_NO_BINARY",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
];

/// A complete tool environment
#[derive(Debug, Clone)]
pub struct ToolEnvironment {
    python: PathBuf,
}

/// Why there is no tool environment, or why a tool failed
#[derive(Debug, Error)]
pub enum ToolsError {
    #[error("the folder for the tool environment is not known")]
    NoCacheFolder,
    #[error(transparent)]
    Interpreter(#[from] InterpreterError),
    #[error("failed to {doing}")]
    Files {
        doing: String,
        #[source]
        source: std::io::Error,
    },
    #[error("failed to make the tool environment's folder")]
    Venv {
        /// What to run to see it fail
        command: String,
        #[source]
        source: ProcessError,
    },
    #[error("failed to install the tools")]
    Install {
        /// What to run to see it fail
        command: String,
        #[source]
        source: ProcessError,
    },
    #[error("failed to render reStructuredText")]
    Render(#[source] ProcessError),
    #[error("the reStructuredText renderer said something else than expected: {0}")]
    Answer(String),
}

impl ToolsError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoCacheFolder => Some("set `HOME`, or `PYRELEASE_CACHE_DIR` to a folder".to_owned()),
            Self::Interpreter(error) => Some(error.help()),
            Self::Venv { command, source } => {
                let without_pip = source.to_string().contains("ensurepip");
                let first = if without_pip {
                    "this Python comes without venv: install it (Debian and Ubuntu: `apt install python3-venv`) \
                     or install `uv`"
                } else {
                    "a Python with `venv`, or `uv`, is needed"
                };
                Some(format!("{first}; to see it fail by hand: {command}"))
            }
            Self::Install { command, .. } => Some(format!(
                "the tools come from the index that pip is set up with, so the network is needed once; \
                 to see it fail by hand: {command}"
            )),
            Self::Files { .. } | Self::Render(_) | Self::Answer(_) => None,
        }
    }
}

impl ToolEnvironment {
    /// The environment, made first if there is none. `progress` is told of what takes long.
    ///
    /// # Errors
    /// There is no Python of at least 3.9, it has no `venv`, the tools cannot be installed (which needs the network),
    /// or the cache folder cannot be written.
    pub fn ensure(environment: &Environment, progress: &dyn Fn(&str)) -> Result<Self, ToolsError> {
        let cache = environment.cache_folder().ok_or(ToolsError::NoCacheFolder)?;
        let interpreter = Interpreter::find(environment)?;
        let tools = cache.join("tools");
        let folder = tools.join(key(&interpreter));
        if let Some(complete) = Self::complete(&folder) {
            return Ok(complete);
        }
        let failed = |doing: &str| {
            let doing = doing.to_owned();
            move |source| ToolsError::Files { doing, source }
        };
        fs_err::create_dir_all(&tools).map_err(failed("make the cache folder"))?;
        let lock = folder.with_extension("lock");
        let lock = fs_err::OpenOptions::new().create(true).append(true).open(lock);
        let lock = lock.map_err(failed("open the tool environment's lock"))?;
        if lock.file().try_lock().is_err() {
            progress("waiting for another pyrelease that installs the tools");
            lock.file().lock().map_err(failed("take the tool environment's lock"))?;
        }
        // Whoever had the lock may have made it.
        if let Some(complete) = Self::complete(&folder) {
            return Ok(complete);
        }
        progress(&format!("installing the tools into `{}`, once", folder.display()));
        install(&interpreter, &folder, progress)?;
        fs_err::write(folder.join(MARKER), "").map_err(failed("finish the tool environment"))?;
        Ok(Self { python: python_in(&folder) })
    }

    /// The environment's Python.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// The environment's Python, isolated from the user's settings, about to be run.
    pub fn process(&self) -> Process {
        isolated(&self.python)
    }

    fn complete(folder: &Path) -> Option<Self> {
        let python = python_in(folder);
        (folder.join(MARKER).is_file() && python.is_file()).then_some(Self { python })
    }
}

/// A hash of what the environment is made from: 16 hexadecimal digits.
fn key(interpreter: &Interpreter) -> String {
    let mut hash = Sha256::new();
    for part in [REQUIREMENTS, &interpreter.version, &interpreter.platform] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(interpreter.path.as_os_str().as_encoded_bytes());
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn python_in(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

/// A Python run with `-I`: no user site, no `PYTHON*` variables, no current folder on its path.
fn isolated(python: &Path) -> Process {
    let process = HARMFUL.iter().fold(Process::new(python), |process, name| process.without_env(*name));
    process.arg("-I")
}

/// Makes the folder anew and installs into it, by uv where that is there and works, else by venv and pip.
fn install(interpreter: &Interpreter, folder: &Path, progress: &dyn Fn(&str)) -> Result<(), ToolsError> {
    let has_uv = Process::new("uv").arg("--version").capture().is_ok_and(|captured| captured.success());
    if has_uv {
        match with_uv(interpreter, folder) {
            Ok(()) => return Ok(()),
            // uv reads neither pip's settings nor those of the system's certificates.
            Err(_) => progress("uv could not install the tools; trying pip"),
        }
    }
    with_pip(interpreter, folder)
}

fn with_uv(interpreter: &Interpreter, folder: &Path) -> Result<(), ToolsError> {
    clear(folder)?;
    let uv = || HARMFUL.iter().fold(Process::new("uv"), |process, name| process.without_env(*name));
    let venv = uv().args(["venv", "--quiet", "--no-project", "--allow-existing", "--python"]);
    let venv = venv.arg(&interpreter.path).arg(folder).folder(folder);
    run(&venv, |command, source| ToolsError::Venv { command, source })?;
    let pip =
        uv().args(["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]);
    let pip = pip.arg("--python").arg(python_in(folder)).arg("-r").arg(requirements(folder)).folder(folder);
    run(&pip, |command, source| ToolsError::Install { command, source })
}

fn with_pip(interpreter: &Interpreter, folder: &Path) -> Result<(), ToolsError> {
    clear(folder)?;
    let venv = isolated(&interpreter.path).args(["-m", "venv"]).arg(folder).folder(folder);
    run(&venv, |command, source| ToolsError::Venv { command, source })?;
    let pip =
        isolated(&python_in(folder)).args(["-m", "pip", "install", "--quiet", "--no-input", "--no-deps"]);
    let pip = pip.args(["--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r"]);
    let pip = HARMFUL_TO_PIP.iter().fold(pip, |process, name| process.without_env(*name));
    run(&pip.arg(requirements(folder)).folder(folder), |command, source| ToolsError::Install {
        command,
        source,
    })
}

fn run(process: &Process, error: impl Fn(String, ProcessError) -> ToolsError) -> Result<(), ToolsError> {
    process.read().map(drop).map_err(|source| error(process.shown(), source))
}

fn requirements(folder: &Path) -> PathBuf {
    folder.join("requirements.txt")
}

/// Empties the folder of what an installation that was cut short left there, and puts the requirements in.
fn clear(folder: &Path) -> Result<(), ToolsError> {
    let emptied = match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        emptied => emptied,
    };
    let written = emptied
        .and_then(|()| fs_err::create_dir_all(folder))
        .and_then(|()| fs_err::write(requirements(folder), REQUIREMENTS));
    written.map_err(|source| ToolsError::Files {
        doing: "clear the tool environment's folder".to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;

impl From<ToolsError> for crate::error::Error {
    fn from(error: ToolsError) -> Self {
        let help = error.help();
        let converted = Self::failed("the tool environment cannot be used").because(error);
        help.into_iter().fold(converted, Self::help)
    }
}
