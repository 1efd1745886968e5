//! Finds the Python that creates an environment, and what it is.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::known::{self, Program, PythonInfo};
use super::{Environment, ProcessError, isolated};

/// The oldest Python that pyrelease supports
pub(super) const OLDEST: (u32, u32) = (3, 9);
/// Overrides the Python to use
const VARIABLE: &str = "PYRELEASE_PYTHON";
/// Prints what this Python is. Inside a virtual environment it names the base Python, which outlives the project's
/// environments.
const IDENTIFY: &str = "import json, os, sys, sysconfig
base = getattr(sys, '_base_executable', None)
path = base if base and os.path.isfile(base) else sys.executable
version = '.'.join(map(str, sys.version_info[:3]))
abi = sysconfig.get_config_var('SOABI') or sysconfig.get_config_var('EXT_SUFFIX') or ''
print(json.dumps({'path': path, 'version': version, 'platform': sysconfig.get_platform(), 'abi': abi,
                  'major': sys.version_info[0], 'minor': sys.version_info[1]}))";

/// A Python that is new enough
#[derive(Debug, Clone)]
pub struct Interpreter {
    pub path: PathBuf,
    /// As `3.11.7`
    pub version: String,
    /// As `linux-x86_64`
    pub platform: String,
    /// As `cpython-311-x86_64-linux-gnu`
    pub abi: String,
}

/// Why no Python can be used
#[derive(Debug, Error)]
pub enum InterpreterError {
    #[error("no `python3` or `python` was found on `PATH`")]
    Missing,
    #[error("`{python}` is not a working Python")]
    Broken {
        python: String,
        #[source]
        source: Option<ProcessError>,
    },
    #[error("`{python}` (set by `PYRELEASE_PYTHON`) is not a working Python")]
    Unusable {
        python: String,
        #[source]
        source: Option<ProcessError>,
    },
    #[error("`{python}` is Python {version}; the tools need {}.{} or newer", oldest.0, oldest.1)]
    TooOld { python: String, version: String, oldest: (u32, u32) },
}

impl InterpreterError {
    /// What to do about it.
    pub(super) fn help(&self) -> String {
        let oldest = match self {
            Self::TooOld { oldest, .. } => *oldest,
            Self::Missing | Self::Broken { .. } | Self::Unusable { .. } => OLDEST,
        };
        let set = format!("set `{VARIABLE}` to Python {}.{} or newer", oldest.0, oldest.1);
        match self {
            Self::Missing => format!("install Python, or {set}"),
            Self::Broken { .. } => "repair it, or set `python` in [stage.build]".to_owned(),
            Self::Unusable { .. } | Self::TooOld { .. } => set,
        }
    }
}

impl Interpreter {
    /// `$PYRELEASE_PYTHON`, else the first of `python3` and `python` that works and is new enough.
    pub(super) fn find(environment: &Environment, oldest: (u32, u32)) -> Result<Self, InterpreterError> {
        if let Some(python) = environment.path(VARIABLE) {
            let shown = python.display().to_string();
            let answer = known_or_asked(environment, &python, None)
                .map_err(|source| InterpreterError::Unusable { python: shown.clone(), source })?;
            return new_enough(&shown, answer, oldest);
        }
        let mut too_old = None;
        for python in ["python3", "python"] {
            // Windows has a stub named `python` that opens the store; skip it.
            let Ok(answer) = known_or_asked(environment, Path::new(python), None) else { continue };
            match new_enough(python, answer, oldest) {
                Ok(interpreter) => return Ok(interpreter),
                Err(error) => too_old = too_old.or(Some(error)),
            }
        }
        Err(too_old.unwrap_or(InterpreterError::Missing))
    }

    /// The user's Python, if pyrelease supports it.
    ///
    /// # Errors
    /// There is none.
    pub fn usual(environment: &Environment) -> Result<Self, InterpreterError> {
        Self::find(environment, OLDEST)
    }

    /// What this program is, run in `folder`.
    ///
    /// # Errors
    /// It is not a working Python, or too old.
    pub fn of(environment: &Environment, python: &Path, folder: &Path) -> Result<Self, InterpreterError> {
        let shown = python.display().to_string();
        let answer = known_or_asked(environment, python, Some(folder))
            .map_err(|source| InterpreterError::Broken { python: shown.clone(), source })?;
        new_enough(&shown, answer, OLDEST)
    }
}

/// What this program is, run in `folder` or the working directory: from the cache if neither the program nor anything that
/// a version manager decides by has changed since it was asked.
fn known_or_asked(
    environment: &Environment,
    python: &Path,
    folder: Option<&Path>,
) -> Result<PythonInfo, Option<ProcessError>> {
    let here = folder.map(Path::to_owned).or_else(|| std::env::current_dir().ok());
    let program = here.and_then(|here| Program::find(environment, python, &here));
    if let Some(known) = program.as_ref().and_then(|program| known::answer(environment, program)) {
        return Ok(known);
    }
    let process = isolated(python).arg("-c").arg(IDENTIFY);
    let process = folder.iter().fold(process, |process, folder| process.folder(folder));
    let printed = process.read().map_err(Some)?;
    let answer = serde_json::from_str(printed.trim()).map_err(|_| None)?;
    if let Some(program) = &program {
        known::keep(environment, program, &answer);
    }
    Ok(answer)
}

fn new_enough(python: &str, answer: PythonInfo, oldest: (u32, u32)) -> Result<Interpreter, InterpreterError> {
    if (answer.major, answer.minor) < oldest {
        return Err(InterpreterError::TooOld { python: python.to_owned(), version: answer.version, oldest });
    }
    let PythonInfo { path, version, platform, abi, .. } = answer;
    Ok(Interpreter { path, version, platform, abi })
}
