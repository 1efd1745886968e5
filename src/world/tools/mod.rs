//! The tool environments: virtual environments with PyPI's renderer and `python -m build`, with PyPI's library for
//! attestations, or with a tool that collects changelog fragments or generates a changelog, each created once.
//!
//! The path of one is `{cache}/tools/{key}`. The key is a hash of the pinned requirements and of the base Python, so
//! changing either creates a new one. A file lock keeps concurrent runs apart. A marker file, written last, tells a complete
//! environment from a partial one, which is created again.

mod attest;
mod build_version;
mod interpreter;
mod known;
mod page;
mod rst;

pub use attest::{
    AttestationFailure, AttestationFile, AttestationReply, AttestationRequest, SigstoreInstance,
};
pub use build_version::build_version;
pub use interpreter::{Interpreter, InterpreterError};
pub use page::render_description;
pub use rst::{Unrendered, render_rst, rst_to_html};

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::Environment;
use super::process::{Process, ProcessError};

/// What an environment is for
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolset {
    /// PyPI's renderer and `python -m build`
    Packaging,
    Towncrier,
    Scriv,
    GitCliff,
    GenerateChangelog,
    GitChangelog,
    Commitizen,
    /// A major version of python-semantic-release: each writes a changelog in another form
    SemanticRelease7,
    SemanticRelease8,
    SemanticRelease9,
    SemanticRelease10,
    /// What makes and verifies attestations
    Attestations,
}

impl Toolset {
    /// The pinned requirements, with hashes for every wheel.
    fn requirements(self) -> String {
        let own = match self {
            Self::Packaging => include_str!("../../../templates/tools/requirements.txt"),
            Self::Towncrier => include_str!("../../../templates/tools/towncrier.txt"),
            Self::Scriv => include_str!("../../../templates/tools/scriv.txt"),
            Self::GitCliff => include_str!("../../../templates/tools/git-cliff.txt"),
            Self::GenerateChangelog => include_str!("../../../templates/tools/generate-changelog.txt"),
            Self::GitChangelog => include_str!("../../../templates/tools/git-changelog.txt"),
            Self::Commitizen => include_str!("../../../templates/tools/commitizen.txt"),
            Self::Attestations => include_str!("../../../templates/tools/attestations.txt"),
            Self::SemanticRelease7 => include_str!("../../../templates/tools/semantic-release-7.txt"),
            Self::SemanticRelease8 => include_str!("../../../templates/tools/semantic-release-8.txt"),
            Self::SemanticRelease9 => include_str!("../../../templates/tools/semantic-release-9.txt"),
            Self::SemanticRelease10 => include_str!("../../../templates/tools/semantic-release-10.txt"),
        };
        let shared = match self {
            Self::SemanticRelease7
            | Self::SemanticRelease8
            | Self::SemanticRelease9
            | Self::SemanticRelease10 => include_str!("../../../templates/tools/semantic-release.txt"),
            _ => "",
        };
        [own, shared].concat()
    }

    /// The oldest Python that the tools support.
    fn oldest_python(self) -> (u32, u32) {
        match self {
            Self::Attestations | Self::GitChangelog => (3, 10),
            _ => interpreter::OLDEST,
        }
    }
}

/// Marks a complete environment; written last
const MARKER: &str = "complete";
/// User variables that would break the isolated Python
pub const HARMFUL: &[&str] = &["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__"];
/// pip settings that would install the tools elsewhere, or other tools here
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
    #[error("no cache folder is known for the tool environment")]
    NoCacheFolder,
    #[error(transparent)]
    Interpreter(#[from] InterpreterError),
    #[error("failed to {doing}")]
    Files {
        doing: String,
        #[source]
        source: std::io::Error,
    },
    #[error("failed to create the tool environment")]
    Venv {
        /// The command, to reproduce the failure
        command: String,
        #[source]
        source: ProcessError,
    },
    #[error("failed to install the tools")]
    Install {
        /// The command, to reproduce the failure
        command: String,
        #[source]
        source: ProcessError,
    },
    #[error("failed to render reStructuredText")]
    Render(#[source] ProcessError),
    #[error("unexpected output from a tool: {0}")]
    Answer(String),
    #[error("failed to run the library for attestations")]
    Attest(#[source] ProcessError),
}

impl ToolsError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoCacheFolder => Some("set `HOME` or `PYRELEASE_CACHE_DIR`".to_owned()),
            Self::Interpreter(error) => Some(error.help()),
            Self::Venv { command, source } => {
                let without_pip = source.to_string().contains("ensurepip");
                let first = if without_pip {
                    "this Python has no `venv`; install it (Debian and Ubuntu: `apt install python3-venv`) \
                     or install `uv`"
                } else {
                    "install a Python with `venv`, or install `uv`"
                };
                Some(format!("{first}; to reproduce: {command}"))
            }
            Self::Install { command, .. } => Some(format!(
                "the tools are installed from pip's index, which needs the network once; \
                 to reproduce: {command}"
            )),
            Self::Files { .. } | Self::Render(_) | Self::Answer(_) | Self::Attest(_) => None,
        }
    }
}

impl ToolEnvironment {
    /// Returns the environment of [`Toolset::Packaging`], creating it if needed.
    ///
    /// # Errors
    /// As for [`ToolEnvironment::of`].
    pub fn ensure(environment: &Environment, progress: &dyn Fn(&str)) -> Result<Self, ToolsError> {
        Self::of(Toolset::Packaging, environment, progress)
    }

    /// Returns the environment of these tools, creating it if needed. `progress` is called before slow steps.
    ///
    /// # Errors
    /// There is no Python that is new enough for them, it has no `venv`, the tools cannot be installed (which needs the network), or
    /// the cache folder cannot be written.
    pub fn of(
        tools: Toolset,
        environment: &Environment,
        progress: &dyn Fn(&str),
    ) -> Result<Self, ToolsError> {
        let requirements = tools.requirements();
        let cache = environment.cache_folder().ok_or(ToolsError::NoCacheFolder)?;
        let interpreter = Interpreter::find(environment, tools.oldest_python())?;
        let tools = cache.join("tools");
        let folder = tools.join(key(&interpreter, &requirements));
        if let Some(complete) = Self::complete(&folder) {
            return Ok(complete);
        }
        let failed = |doing: &str| {
            let doing = doing.to_owned();
            move |source| ToolsError::Files { doing, source }
        };
        fs_err::create_dir_all(&tools).map_err(failed("create the cache folder"))?;
        let lock = folder.with_extension("lock");
        let lock = fs_err::OpenOptions::new().create(true).append(true).open(lock);
        let lock = lock.map_err(failed("open the tool environment's lock"))?;
        if lock.file().try_lock().is_err() {
            progress("waiting for another pyrelease to install the tools");
            lock.file().lock().map_err(failed("take the tool environment's lock"))?;
        }
        // Another process may have created it meanwhile.
        if let Some(complete) = Self::complete(&folder) {
            return Ok(complete);
        }
        progress(&format!("installing the tools into `{}` (once)", folder.display()));
        install(&interpreter, (&folder, &requirements), progress)?;
        fs_err::write(folder.join(MARKER), "").map_err(failed("finish the tool environment"))?;
        Ok(Self { python: python_in(&folder) })
    }

    /// Why these tools cannot be installed, as far as can be said without doing so.
    pub fn obstacle(tools: Toolset, environment: &Environment) -> Option<ToolsError> {
        Interpreter::find(environment, tools.oldest_python()).err().map(ToolsError::from)
    }

    /// The environment's Python.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// A command that runs the environment's Python, isolated from the user's settings.
    pub fn process(&self) -> Process {
        isolated(&self.python)
    }

    /// A command that runs a program of the environment that is no Python.
    pub fn program(&self, name: &str) -> Process {
        Process::new(self.python.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
    }

    fn complete(folder: &Path) -> Option<Self> {
        let python = python_in(folder);
        (folder.join(MARKER).is_file() && python.is_file()).then_some(Self { python })
    }
}

/// A hash of what the environment is made from, as 16 hexadecimal digits.
fn key(interpreter: &Interpreter, requirements: &str) -> String {
    let mut hash = Sha256::new();
    for part in [requirements, &interpreter.version, &interpreter.platform] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(interpreter.path.as_os_str().as_encoded_bytes());
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn python_in(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

/// A Python run with `-I`: no user site, no `PYTHON*` variables, no current folder on its path.
pub(super) fn isolated(python: &Path) -> Process {
    let process = HARMFUL.iter().fold(Process::new(python), |process, name| process.without_env(*name));
    process.arg("-I")
}

/// Creates the environment: with uv if it is installed and works, else with venv and pip.
fn install(
    interpreter: &Interpreter,
    (folder, wanted): (&Path, &str),
    progress: &dyn Fn(&str),
) -> Result<(), ToolsError> {
    let has_uv = Process::new("uv").arg("--version").capture().is_ok_and(|captured| captured.success());
    if has_uv {
        match with_uv(interpreter, folder, wanted) {
            Ok(()) => return Ok(()),
            // uv reads neither pip's settings nor the system's certificates.
            Err(_) => progress("uv could not install the tools; trying pip"),
        }
    }
    with_pip(interpreter, folder, wanted)
}

fn with_uv(interpreter: &Interpreter, folder: &Path, wanted: &str) -> Result<(), ToolsError> {
    clear(folder, wanted)?;
    let uv = || HARMFUL.iter().fold(Process::new("uv"), |process, name| process.without_env(*name));
    let venv = uv().args(["venv", "--quiet", "--no-project", "--allow-existing", "--python"]);
    let venv = venv.arg(&interpreter.path).arg(folder).folder(folder);
    run(&venv, |command, source| ToolsError::Venv { command, source })?;
    let pip =
        uv().args(["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]);
    let pip = pip.arg("--python").arg(python_in(folder)).arg("-r").arg(requirements(folder)).folder(folder);
    run(&pip, |command, source| ToolsError::Install { command, source })
}

fn with_pip(interpreter: &Interpreter, folder: &Path, wanted: &str) -> Result<(), ToolsError> {
    clear(folder, wanted)?;
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

/// Empties the folder, which may hold a partial installation, and writes the requirements.
fn clear(folder: &Path, wanted: &str) -> Result<(), ToolsError> {
    let emptied = match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        emptied => emptied,
    };
    let written = emptied
        .and_then(|()| fs_err::create_dir_all(folder))
        .and_then(|()| fs_err::write(requirements(folder), wanted));
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
        let converted = Self::failed("the tool environment is not usable").because(error);
        help.into_iter().fold(converted, Self::help)
    }
}
