//! Finds the Python that creates the tool environment.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

use super::{Environment, ProcessError, isolated};

/// The oldest Python that the pinned tools support
const OLDEST: (u32, u32) = (3, 9);
/// Overrides the Python to use
const VARIABLE: &str = "PYRELEASE_PYTHON";
/// Prints what this Python is. Inside a virtual environment it names the base Python, which outlives the project's
/// environments.
const IDENTIFY: &str = "import json, os, sys, sysconfig
base = getattr(sys, '_base_executable', None)
path = base if base and os.path.isfile(base) else sys.executable
version = '.'.join(map(str, sys.version_info[:3]))
print(json.dumps({'path': path, 'version': version, 'platform': sysconfig.get_platform(),
                  'major': sys.version_info[0], 'minor': sys.version_info[1]}))";

/// A Python that is new enough
#[derive(Debug)]
pub(super) struct Interpreter {
    pub(super) path: PathBuf,
    /// As `3.11.7`
    pub(super) version: String,
    /// As `linux-x86_64`
    pub(super) platform: String,
}

/// Why no Python can be used
#[derive(Debug, Error)]
pub enum InterpreterError {
    #[error("no `python3` or `python` was found on `PATH`")]
    Missing,
    #[error("`{python}` (set by `PYRELEASE_PYTHON`) is not a working Python")]
    Unusable {
        python: String,
        #[source]
        source: Option<ProcessError>,
    },
    #[error("`{python}` is Python {version}; the tools need {}.{} or newer", OLDEST.0, OLDEST.1)]
    TooOld { python: String, version: String },
}

impl InterpreterError {
    /// What to do about it.
    pub(super) fn help(&self) -> String {
        let set = format!("set `{VARIABLE}` to Python {}.{} or newer", OLDEST.0, OLDEST.1);
        match self {
            Self::Missing => format!("install Python, or {set}"),
            Self::Unusable { .. } | Self::TooOld { .. } => set,
        }
    }
}

#[derive(Deserialize)]
struct PythonInfo {
    path: PathBuf,
    version: String,
    platform: String,
    major: u32,
    minor: u32,
}

impl Interpreter {
    /// `$PYRELEASE_PYTHON`, else the first of `python3` and `python` that works and is new enough.
    pub(super) fn find(environment: &Environment) -> Result<Self, InterpreterError> {
        if let Some(python) = environment.path(VARIABLE) {
            let shown = python.display().to_string();
            let answer = ask(python.into_os_string())
                .map_err(|source| InterpreterError::Unusable { python: shown.clone(), source })?;
            return new_enough(&shown, answer);
        }
        let mut too_old = None;
        for python in ["python3", "python"] {
            // Windows has a stub named `python` that opens the store; skip it.
            let Ok(answer) = ask(python.into()) else { continue };
            match new_enough(python, answer) {
                Ok(interpreter) => return Ok(interpreter),
                Err(error) => too_old = too_old.or(Some(error)),
            }
        }
        Err(too_old.unwrap_or(InterpreterError::Missing))
    }
}

fn ask(python: OsString) -> Result<PythonInfo, Option<ProcessError>> {
    let answer = isolated(python.as_ref()).arg("-c").arg(IDENTIFY).read().map_err(Some)?;
    serde_json::from_str(answer.trim()).map_err(|_| None)
}

fn new_enough(python: &str, answer: PythonInfo) -> Result<Interpreter, InterpreterError> {
    if (answer.major, answer.minor) < OLDEST {
        return Err(InterpreterError::TooOld { python: python.to_owned(), version: answer.version });
    }
    Ok(Interpreter { path: answer.path, version: answer.version, platform: answer.platform })
}
