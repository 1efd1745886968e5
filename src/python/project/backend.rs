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
    /// As in `build-backend`
    Other(String),
}

impl Backend {
    /// Without `build-backend` it is setuptools (PEP 517).
    pub(super) fn of(pyproject: Option<&Toml>) -> Self {
        let named = pyproject.and_then(|toml| toml.get(&["build-system", "build-backend"])?.as_str());
        let Some(named) = named else { return Self::Setuptools };
        match named.split([':', '.']).next().unwrap_or(named) {
            "hatchling" => Self::Hatchling,
            "setuptools" => Self::Setuptools,
            "flit_core" | "flit" => Self::Flit,
            "poetry" | "poetry_dynamic_versioning" => Self::Poetry,
            "pdm" => Self::Pdm,
            "maturin" => Self::Maturin,
            "uv_build" => Self::UvBuild,
            "scikit_build_core" => Self::ScikitBuild,
            _ => Self::Other(named.to_owned()),
        }
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
            Self::Other(name) => name,
        })
    }
}
