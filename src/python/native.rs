//! Whether the wheels of a project are for one platform each, and what builds them on a matrix.

use super::filename::normalize;
use super::project::{Backend, Files};

/// What builds a project's wheels for every platform
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WheelBuilder {
    /// cibuildwheel, for any backend
    CiBuildWheel,
    Maturin,
}

/// Build requirements that compile: a project with one of them most likely has extension modules
const COMPILERS: [&str; 10] = [
    "cython",
    "cffi",
    "pybind11",
    "nanobind",
    "numpy",
    "mypy",
    "hatch-mypyc",
    "hatch-cython",
    "setuptools-rust",
    "cmake",
];

/// What only a project with extension modules has in its files
const SIGNS: [(&str, &[&str]); 3] = [
    ("setup.py", &["ext_modules", "cffi_modules", "rust_extensions", "Extension(", "mypycify"]),
    ("setup.cfg", &["cffi_modules"]),
    ("pyproject.toml", &["[tool.cibuildwheel", "ext-modules", "[tool.setuptools-rust"]),
];

impl WheelBuilder {
    /// The builder of a project with extension modules; none if its wheels are the same for all platforms.
    ///
    /// Nothing of the project is run: it is told by the backend, by build requirements that compile, and by words in its files.
    pub fn of(files: &dyn Files, backend: &Backend) -> Option<Self> {
        match backend {
            Backend::Maturin => return Some(Self::Maturin),
            Backend::ScikitBuild | Backend::Meson => return Some(Self::CiBuildWheel),
            _ => {}
        }
        let text = |path: &str| files.read(path).and_then(|bytes| String::from_utf8(bytes).ok());
        let has_sign = SIGNS.iter().any(|(path, words)| {
            text(path)
                .is_some_and(|text| words.iter().any(|word| code(&text).any(|line| line.contains(word))))
        });
        let compiles = || {
            let toml: toml_edit::DocumentMut = text("pyproject.toml")?.parse().ok()?;
            let requires = toml.get("build-system")?.get("requires")?.as_array()?;
            let mut names = requires.iter().filter_map(toml_edit::Value::as_str).map(requirement);
            names.find(|name| COMPILERS.contains(&name.as_str()))
        };
        (has_sign || compiles().is_some()).then_some(Self::CiBuildWheel)
    }
}

/// The lines of a text that are no comment
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with('#'))
}

/// The normalised name that a requirement begins with (PEP 508).
fn requirement(text: &str) -> String {
    let end = text.find(|letter: char| !(letter.is_alphanumeric() || "-_.".contains(letter)));
    normalize(&text[..end.unwrap_or(text.len())])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn backend_requirements_and_files_tell() {
        let maturin = "[build-system]\nrequires = ['maturin']\nbuild-backend = 'maturin'\n";
        let cython = "[build-system]\nrequires = ['setuptools', 'Cython>=3 ; python_version>\"3\"']\n";
        let plain = "[build-system]\nrequires = ['setuptools>=70', 'wheel']\n";
        let cases = [
            (Backend::Maturin, "pyproject.toml", maturin, Some(WheelBuilder::Maturin)),
            (Backend::Meson, "pyproject.toml", plain, Some(WheelBuilder::CiBuildWheel)),
            (Backend::Setuptools, "pyproject.toml", cython, Some(WheelBuilder::CiBuildWheel)),
            (Backend::Setuptools, "pyproject.toml", plain, None),
            (
                Backend::Setuptools,
                "setup.py",
                "setup(ext_modules=[Extension('a', ['a.c'])])",
                Some(WheelBuilder::CiBuildWheel),
            ),
            (Backend::Setuptools, "setup.py", "setup()\n  # ext_modules once\n", None),
            (Backend::Hatchling, "pyproject.toml", "not TOML [", None),
        ];
        for (backend, path, text, expected) in cases {
            let files = BTreeMap::from([(path.to_owned(), text.as_bytes().to_vec())]);
            assert_eq!(WheelBuilder::of(&files, &backend), expected, "{text}");
        }
    }
}
