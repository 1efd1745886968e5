//! The build backend of a project.

use std::fmt;

use super::toml::Toml;

/// The build backend that `[build-system]` names
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    Hatchling,
    Setuptools,
    Flit,
    Poetry,
    Pdm,
    Maturin,
    UvBuild,
    ScikitBuild,
    Meson,
    /// As in `build-backend`
    Other(String),
}

impl Backend {
    /// Without `build-backend` it is setuptools (PEP 517).
    pub(super) fn of(pyproject: Option<&Toml>) -> Self {
        let named = pyproject.and_then(|toml| toml.get(&["build-system", "build-backend"])?.as_str());
        let Some(named) = named else { return Self::Setuptools };
        match Self::known(named.split([':', '.']).next().unwrap_or(named)) {
            Some(known) => known,
            None => pyproject.and_then(Self::wrapped).unwrap_or_else(|| Self::Other(named.to_owned())),
        }
    }

    /// The one backend that a backend in the project itself (`backend-path`, PEP 517) requires: it most likely wraps it.
    fn wrapped(pyproject: &Toml) -> Option<Self> {
        if !pyproject.has(&["build-system", "backend-path"]) {
            return None;
        }
        let is_of_name = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
        let requires = pyproject.strings(&["build-system", "requires"]);
        let names =
            requires.iter().map(|one| one.split(|letter| !is_of_name(letter)).next().unwrap_or_default());
        let backends = names.filter_map(|name| match super::normalize(name).as_str() {
            "flit-core" => Some(Self::Flit),
            "poetry-core" => Some(Self::Poetry),
            "pdm-backend" => Some(Self::Pdm),
            "uv-build" => Some(Self::UvBuild),
            "scikit-build-core" => Some(Self::ScikitBuild),
            "meson-python" => Some(Self::Meson),
            name => Self::known(name),
        });
        match backends.collect::<Vec<_>>().as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        }
    }

    /// The backend whose package has this name.
    fn known(package: &str) -> Option<Self> {
        Some(match package {
            "hatchling" => Self::Hatchling,
            "setuptools" => Self::Setuptools,
            "flit_core" | "flit" => Self::Flit,
            "poetry" | "poetry_dynamic_versioning" => Self::Poetry,
            "pdm" => Self::Pdm,
            "maturin" => Self::Maturin,
            "uv_build" => Self::UvBuild,
            "scikit_build_core" => Self::ScikitBuild,
            "mesonpy" => Self::Meson,
            _ => return None,
        })
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hatchling => "hatchling",
            Self::Setuptools => "setuptools",
            Self::Flit => "flit-core",
            Self::Poetry => "poetry-core",
            Self::Pdm => "pdm-backend",
            Self::Maturin => "maturin",
            Self::UvBuild => "uv-build",
            Self::ScikitBuild => "scikit-build-core",
            Self::Meson => "meson-python",
            Self::Other(name) => name,
        })
    }
}
