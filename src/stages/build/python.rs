//! Finds the Python to build a project with, and one that has `build`.

use std::path::{Path, PathBuf};

use super::Build;
use crate::engine::checkout::Checkout;
use crate::engine::prelude::*;
use crate::world::tools::{ToolEnvironment, build_version};

/// The first version of `build` that can write a report
const REPORTS: semver::Version = semver::Version::new(1, 6, 0);

/// The Python to build a project with, before it has been run
pub(super) enum Python {
    /// The user's own
    Trusted(PathBuf),
    /// One that the repository contains or names, and that is not a system Python: it runs only after the user has
    /// confirmed the release
    Untrusted(PathBuf),
}

impl Build {
    /// The Python to build the project with.
    pub(super) fn python(&self, checkout: &Checkout) -> Option<Python> {
        let environment = &checkout.environment;
        let repository = &checkout.repository;
        let root = checkout.root();
        if let Some(named) = &self.python {
            let python =
                if Path::new(named).components().count() > 1 { root.join(named) } else { named.into() };
            let found = environment.program(named, &root);
            let is_trusted =
                found.as_ref().is_none_or(|found| has_python_name(found) && !repository.has_path(found));
            return Some(if is_trusted { Python::Trusted(python) } else { Python::Untrusted(python) });
        }
        virtual_environments(checkout)
            .into_iter()
            .map(|folder| {
                (folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }), folder)
            })
            .find(|(python, folder)| python.is_file() && !repository.tracks_any_of(folder))
            .map(|(python, _)| python)
            .or_else(|| environment.path("PYRELEASE_PYTHON"))
            .or_else(|| {
                let programs = ["python3", "python"].iter().filter(|name| {
                    environment.program(name, &root).is_some_and(|found| !repository.tracks_any_of(&found))
                });
                programs.map(PathBuf::from).next()
            })
            .map(Python::Trusted)
    }

    /// The Python that has `build`, and whether that version can write a report: the project's own, else the tool
    /// environment's.
    pub(super) fn frontend(&self, checkout: &Checkout, say: &dyn Fn(&str)) -> Result<(PathBuf, bool)> {
        if let Some(found) = self.found.get() {
            return Ok(found.clone());
        }
        let found = self.find_frontend(checkout, say)?;
        Ok(self.found.get_or_init(|| found).clone())
    }

    fn find_frontend(&self, checkout: &Checkout, say: &dyn Fn(&str)) -> Result<(PathBuf, bool)> {
        let (Python::Trusted(python) | Python::Untrusted(python)) =
            self.python(checkout).ok_or_else(no_python)?;
        let is_there = checkout.environment.has_program(&python.to_string_lossy(), &checkout.root());
        if let (Some(named), false) = (&self.python, is_there) {
            return Err(Error::refused(format!("[stage.build] python = \"{named}\": no such program"))
                .help("set it to a Python 3.9 or later, or remove it"));
        }
        let reports =
            |version: &str| version.parse::<semver::Version>().is_ok_and(|version| version >= REPORTS);
        if let Some(own) = build_version(&checkout.environment, &python) {
            return Ok((python, reports(&own)));
        }
        // The tool environment of the same Python: a wheel with native code is for the Python that builds it.
        let environment = checkout.environment.clone().with("PYRELEASE_PYTHON", &python);
        let tools = ToolEnvironment::ensure(&environment, say)?;
        let reports = build_version(&environment, tools.python()).is_some_and(|version| reports(&version));
        Ok((tools.python().to_owned(), reports))
    }
}

/// The directories that may contain the user's virtual environment.
pub(in crate::stages) fn virtual_environments(checkout: &Checkout) -> Vec<PathBuf> {
    let active = checkout.environment.path("VIRTUAL_ENV");
    let mut folders = vec![checkout.root().join(".venv"), checkout.repository.top().join(".venv")];
    folders.dedup();
    active.into_iter().chain(folders).collect()
}

/// Whether a program has the name of a Python, so that it may be run to ask for its version.
fn has_python_name(program: &Path) -> bool {
    let name = program.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let version = ["python", "pypy"].iter().find_map(|python| name.strip_prefix(python));
    version
        .is_some_and(|version| version.chars().all(|letter| letter.is_ascii_digit() || ".t".contains(letter)))
}

pub(super) fn no_python() -> Error {
    Error::refused("no Python found").help("install Python 3.9 or later, or set `python` in [stage.build]")
}
