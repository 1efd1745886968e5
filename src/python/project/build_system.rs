//! What a project asks of build frontends: `[build-system]` (PEP 517 and 518), and uv's settings.

use super::toml::Toml;
use super::{Files, ProjectError, text_of};

const PYPROJECT: &str = "pyproject.toml";
/// The backend of a project that names none
const LEGACY: &str = "setuptools.build_meta:__legacy__";
/// What a project without `[build-system]` requires
const LEGACY_REQUIRES: &str = "setuptools >= 40.8.0";

/// How to build a project
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSystem {
    /// The build requirements, as written
    pub requires: Vec<String>,
    /// The entry point of the backend
    pub backend: String,
    /// The folders of a backend in the project itself
    pub backend_path: Vec<String>,
    /// `[tool.uv]` as written; empty if there is none
    pub uv: String,
    /// uv's `build-constraint-dependencies`
    pub uv_constraints: Vec<String>,
}

impl BuildSystem {
    /// One that is only for installing these requirements.
    pub fn of_requirements(requires: Vec<String>) -> Self {
        let (backend, backend_path) = (String::new(), Vec::new());
        Self { requires, backend, backend_path, uv: String::new(), uv_constraints: Vec::new() }
    }

    /// Reads `pyproject.toml`, with the defaults that `python -m build` has.
    ///
    /// # Errors
    /// The file is not TOML, or `[build-system]` is wrong.
    pub fn read(files: &dyn Files) -> Result<Self, ProjectError> {
        let text = match text_of(files, PYPROJECT) {
            Err(ProjectError::Missing { .. }) => String::new(),
            text => text?,
        };
        let toml = Toml::parse(PYPROJECT, &text)?;
        let own = |key: &'static str| ["build-system", key];
        let (requires, backend) = match toml.has(&["build-system"]) {
            false => (vec![LEGACY_REQUIRES.to_owned()], None),
            true => {
                let requires = toml.string_array(&own("requires"))?;
                let requires = requires.ok_or_else(|| toml.wrong(&own("requires"), "an array of strings"))?;
                (requires, toml.string(&own("build-backend"))?)
            }
        };
        Ok(Self {
            requires,
            backend: backend.unwrap_or(LEGACY).to_owned(),
            backend_path: toml.string_array(&own("backend-path"))?.unwrap_or_default(),
            uv: toml.get(&["tool", "uv"]).map(ToString::to_string).unwrap_or_default(),
            uv_constraints: toml
                .strings(&["tool", "uv", "build-constraint-dependencies"])
                .into_iter()
                .map(str::to_owned)
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(pyproject: Option<&str>) -> Result<BuildSystem, String> {
        let files: BTreeMap<String, Vec<u8>> =
            pyproject.iter().map(|text| (PYPROJECT.to_owned(), text.as_bytes().to_vec())).collect();
        BuildSystem::read(&files).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_written_is_as_the_standards_say() {
        for without in [None, Some(""), Some("[project]\nname = \"demo\"\n")] {
            let system = read(without).unwrap();
            assert_eq!(
                (system.requires.as_slice(), system.backend.as_str()),
                (&[LEGACY_REQUIRES.to_owned()][..], LEGACY)
            );
        }
        let system = read(Some("[build-system]\nrequires = [\"setuptools\"]\n")).unwrap();
        assert_eq!(
            (system.requires.as_slice(), system.backend.as_str()),
            (&["setuptools".to_owned()][..], LEGACY)
        );
        let system = read(Some(
            "[build-system]\nrequires = []\nbuild-backend = \"own\"\nbackend-path = [\"backend\"]\n\
             [tool.uv]\nexclude-newer = \"2026-01-01T00:00:00Z\"\nbuild-constraint-dependencies = [\"x < 2\"]\n",
        ))
        .unwrap();
        assert_eq!(
            (system.backend.as_str(), system.backend_path.as_slice()),
            ("own", &["backend".to_owned()][..])
        );
        assert!(system.uv.contains("exclude-newer"));
        assert_eq!(system.uv_constraints, ["x < 2"]);
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, key) in [
            ("[build-system]\nbuild-backend = \"x\"\n", "build-system.requires"),
            ("[build-system]\nrequires = \"x\"\n", "build-system.requires"),
            ("[build-system]\nrequires = [1]\n", "build-system.requires"),
            ("[build-system]\nrequires = []\nbuild-backend = 1\n", "build-system.build-backend"),
            ("[build-system]\nrequires = []\nbackend-path = \"x\"\n", "build-system.backend-path"),
        ] {
            let error = read(Some(text)).unwrap_err();
            assert!(error.starts_with(&format!("`{key}` in `pyproject.toml` is not ")), "{error}");
        }
    }
}
