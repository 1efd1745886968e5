//! The file names of distributions (PEP 427 and 625) and the project names in them (PEP 503).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::distribution::Kind;
use super::version::ExactVersion;

/// The suffix of a source distribution (PEP 625)
const SDIST_ENDING: &str = ".tar.gz";
/// The suffix of a wheel (PEP 427)
const WHEEL_ENDING: &str = ".whl";

/// A parsed distribution file name
///
/// `name` is as in the file name; [`normalize`] it for comparisons. `Display` writes the version in its normal form,
/// so a name that was not normalized changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filename {
    /// `{name}-{version}[-{build}]-{python}-{abi}-{platform}.whl`
    Wheel {
        name: String,
        version: ExactVersion,
        /// Starts with a digit
        build: Option<String>,
        /// The Python tags, as `py2.py3`
        python: String,
        /// The ABI tags, as `none`
        abi: String,
        /// The platform tags, as `manylinux_2_17_x86_64.manylinux2014_x86_64`
        platform: String,
    },
    /// `{name}-{version}.tar.gz`
    Sdist { name: String, version: ExactVersion },
}

/// Why a file name is not that of a distribution
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilenameError {
    #[error("`{0}` is a path, not a file name")]
    Path(String),
    #[error("`{0}` contains a control character")]
    Unprintable(String),
    #[error("`{0}` is a `.zip`; a source distribution is a `.tar.gz` (PEP 625)")]
    Zip(String),
    #[error("`{0}` is not a wheel (`.whl`) or a source distribution (`.tar.gz`)")]
    Ending(String),
    #[error("`{file}` has {found} parts separated by `-`, but a wheel has 5 or 6")]
    Parts { file: String, found: usize },
    #[error("`{0}` has no `-` between name and version")]
    NoVersion(String),
    #[error("`{name}` in `{file}` is not a valid project name")]
    Name { file: String, name: String },
    #[error("`{version}` in `{file}` is not a valid version (PEP 440)")]
    Version { file: String, version: String },
    #[error("the build tag `{build}` in `{file}` does not start with a digit")]
    Build { file: String, build: String },
    #[error("`{file}` has no Python tag")]
    Tag { file: String },
}

impl Filename {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Wheel { .. } => Kind::Wheel,
            Self::Sdist { .. } => Kind::Sdist,
        }
    }

    /// The project's name, as in the file name.
    pub fn name(&self) -> &str {
        match self {
            Self::Wheel { name, .. } | Self::Sdist { name, .. } => name,
        }
    }

    pub fn version(&self) -> &ExactVersion {
        match self {
            Self::Wheel { version, .. } | Self::Sdist { version, .. } => version,
        }
    }

    /// The project's name in normal form (PEP 503).
    pub fn normalized_name(&self) -> String {
        normalize(self.name())
    }

    /// The upload form's `pyversion`: the wheel's Python tags, or `source`.
    pub fn python_tag(&self) -> &str {
        match self {
            Self::Wheel { python, .. } => python,
            Self::Sdist { .. } => "source",
        }
    }
}

/// A project's name in normal form (PEP 503): lower case, runs of `-`, `_` and `.` as one `-`.
pub fn normalize(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for letter in name.chars() {
        if !matches!(letter, '-' | '_' | '.') {
            normal.extend(letter.to_lowercase());
        } else if !normal.ends_with('-') {
            normal.push('-');
        }
    }
    normal
}

/// A project's name for a file name: normalized, with `_` for `-` (PEP 427 and 625).
pub fn escape(name: &str) -> String {
    normalize(name).replace('-', "_")
}

/// The only valid file name of a source distribution of this project and version (PEP 625).
pub fn sdist_filename(name: &str, version: &ExactVersion) -> String {
    format!("{}-{version}{SDIST_ENDING}", escape(name))
}

/// Whether PyPI accepts the text as a project name.
///
/// PyPI: "Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'."
pub fn is_project_name(name: &str) -> bool {
    let at_end = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    at_end(name.chars().next())
        && at_end(name.chars().next_back())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-'))
}

impl FromStr for Filename {
    type Err = FilenameError;

    fn from_str(file: &str) -> Result<Self, FilenameError> {
        if file.contains(['/', '\\']) {
            return Err(FilenameError::Path(file.to_owned()));
        }
        if file.chars().any(char::is_control) {
            return Err(FilenameError::Unprintable(file.escape_debug().to_string()));
        }
        if let Some(stem) = file.strip_suffix(WHEEL_ENDING) {
            wheel(file, stem)
        } else if let Some(stem) = file.strip_suffix(SDIST_ENDING) {
            sdist(file, stem)
        } else if file.ends_with(".zip") {
            Err(FilenameError::Zip(file.to_owned()))
        } else {
            Err(FilenameError::Ending(file.to_owned()))
        }
    }
}

fn wheel(file: &str, stem: &str) -> Result<Filename, FilenameError> {
    let parts: Vec<&str> = stem.split('-').collect();
    let (name, version, build, tags) = match parts[..] {
        [name, version, python, abi, platform] => (name, version, None, [python, abi, platform]),
        [name, version, build, python, abi, platform] => {
            (name, version, Some(build), [python, abi, platform])
        }
        _ => return Err(FilenameError::Parts { file: file.to_owned(), found: parts.len() }),
    };
    // Two underscores would be an escaped empty part (PEP 427).
    if name.contains("__") {
        return Err(FilenameError::Name { file: file.to_owned(), name: name.to_owned() });
    }
    let (name, version) = (checked_name(file, name)?, checked_version(file, version)?);
    if let Some(build) = build.filter(|build| !build.starts_with(|first: char| first.is_ascii_digit())) {
        return Err(FilenameError::Build { file: file.to_owned(), build: build.to_owned() });
    }
    // PyPI's form requires a Python tag; of the other tags, PyPI checks only the platform.
    if tags[0].is_empty() {
        return Err(FilenameError::Tag { file: file.to_owned() });
    }
    let [python, abi, platform] = tags.map(str::to_owned);
    Ok(Filename::Wheel { name, version, build: build.map(str::to_owned), python, abi, platform })
}

fn sdist(file: &str, stem: &str) -> Result<Filename, FilenameError> {
    let (name, version) = stem.rsplit_once('-').ok_or_else(|| FilenameError::NoVersion(file.to_owned()))?;
    Ok(Filename::Sdist { name: checked_name(file, name)?, version: checked_version(file, version)? })
}

fn checked_name(file: &str, name: &str) -> Result<String, FilenameError> {
    if is_project_name(name) {
        Ok(name.to_owned())
    } else {
        Err(FilenameError::Name { file: file.to_owned(), name: name.to_owned() })
    }
}

fn checked_version(file: &str, version: &str) -> Result<ExactVersion, FilenameError> {
    let error = || FilenameError::Version { file: file.to_owned(), version: version.to_owned() };
    version.parse().map_err(|_| error())
}

impl fmt::Display for Filename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wheel { name, version, build, python, abi, platform } => {
                write!(f, "{name}-{version}-")?;
                if let Some(build) = build {
                    write!(f, "{build}-")?;
                }
                write!(f, "{python}-{abi}-{platform}{WHEEL_ENDING}")
            }
            Self::Sdist { name, version } => write!(f, "{name}-{version}{SDIST_ENDING}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapbox::{assert_data_eq, str};

    fn error(file: &str) -> String {
        file.parse::<Filename>().unwrap_err().to_string()
    }

    #[test]
    fn a_wheel_is_taken_apart() {
        let file = "demo_pkg-1.0rc1-2b-py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";
        let name: Filename = file.parse().unwrap();
        assert_eq!(name.to_string(), file);
        assert_eq!((name.kind(), name.normalized_name().as_str()), (Kind::Wheel, "demo-pkg"));
        assert_eq!(name.python_tag(), "py2.py3");
        let Filename::Wheel { build, platform, .. } = name else { panic!("not a wheel") };
        assert_eq!(build.as_deref(), Some("2b"));
        assert_eq!(platform, "manylinux_2_17_x86_64.manylinux2014_x86_64");
    }

    #[test]
    fn a_source_distribution_is_taken_apart_at_its_last_dash() {
        let name: Filename = "demo-pkg-1.0.0.tar.gz".parse().unwrap();
        assert_eq!(name, Filename::Sdist { name: "demo-pkg".to_owned(), version: "1.0.0".parse().unwrap() });
        assert_eq!(name.python_tag(), "source");
        assert_eq!(sdist_filename(name.name(), name.version()), "demo_pkg-1.0.0.tar.gz");
    }

    #[test]
    fn every_refusal_names_what_is_wrong() {
        assert_eq!(
            error("demo-1.0.zip"),
            "`demo-1.0.zip` is a `.zip`; a source distribution is a `.tar.gz` (PEP 625)"
        );
        assert_eq!(
            error("demo-1.0.exe"),
            "`demo-1.0.exe` is not a wheel (`.whl`) or a source distribution (`.tar.gz`)"
        );
        let names = [
            "demo-1.0-py3-none.whl",
            "demo-1.0-abc-py3-none-any.whl",
            "demo-1.0.x-py3-none-any.whl",
            "_demo-1.0-py3-none-any.whl",
            "de__mo-1.0-py3-none-any.whl",
            "demo-1.0--none-any.whl",
            "demo.tar.gz",
            "dist/demo-1.0.tar.gz",
            "demo\n-1.0.tar.gz",
            "",
            ".whl",
            "démo-1.0.tar.gz",
        ];
        assert_data_eq!(
            names.map(error).join("\n"),
            str![[r#"
`demo-1.0-py3-none.whl` has 4 parts separated by `-`, but a wheel has 5 or 6
the build tag `abc` in `demo-1.0-abc-py3-none-any.whl` does not start with a digit
`1.0.x` in `demo-1.0.x-py3-none-any.whl` is not a valid version (PEP 440)
`_demo` in `_demo-1.0-py3-none-any.whl` is not a valid project name
`de__mo` in `de__mo-1.0-py3-none-any.whl` is not a valid project name
`demo-1.0--none-any.whl` has no Python tag
`demo.tar.gz` has no `-` between name and version
`dist/demo-1.0.tar.gz` is a path, not a file name
`demo/n-1.0.tar.gz` contains a control character
`` is not a wheel (`.whl`) or a source distribution (`.tar.gz`)
`.whl` has 1 parts separated by `-`, but a wheel has 5 or 6
`démo` in `démo-1.0.tar.gz` is not a valid project name
"#]]
        );
    }

    #[test]
    fn names_are_compared_in_normal_form() {
        assert_eq!(normalize("Demo._-Pkg"), "demo-pkg");
        assert_eq!(escape("Demo.Pkg"), "demo_pkg");
        assert!(is_project_name("a") && is_project_name("A.b_c-d1"));
        assert!(!is_project_name("") && !is_project_name("a-") && !is_project_name("a b"));
    }
}
