//! What can be wrong with a workspace, and what to do about it.

use thiserror::Error;

use crate::python::project::ProjectError;
use crate::python::version::Version;

/// Why a workspace cannot be read or written; lines are counted from 1
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WorkspaceError {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("`{path}` has {size} bytes, more than a file of a project has")]
    TooLarge { path: String, size: usize },
    #[error("the member `{glob}` lies outside the workspace")]
    Outside { glob: String },
    #[error("the pattern `{glob}` for members is not valid")]
    BadGlob { glob: String },
    #[error("the member `{glob}` has no `pyproject.toml`, `setup.cfg` or `setup.py`")]
    NoMember { glob: String },
    #[error("the members in `{one}` and `{other}` have the same name `{name}`")]
    SameName { name: String, one: String, other: String },
    #[error("`{path}`, line {line}: `{text}` is not a valid requirement: {reason}")]
    BadRequirement { path: String, line: usize, text: String, reason: String },
    #[error("`{path}`, line {line}: the requirement on `{name}` is written with escapes")]
    Escaped { path: String, line: usize, name: String },
    #[error("`{path}`, line {line}: the requirement on `{name}` is to become both `{one}` and `{other}`")]
    Conflict { path: String, line: usize, name: String, one: String, other: String },
    #[error("`{path}` no longer states the requirement `{specifier}` on `{name}`")]
    Changed { path: String, name: String, specifier: String },
}

impl WorkspaceError {
    /// What the user can do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Project(error) => error.help(),
            Self::TooLarge { .. } => "remove the file, or leave its project out of the workspace".to_owned(),
            Self::Outside { .. } => "use a path relative to the workspace's root, without `..`".to_owned(),
            Self::BadGlob { .. } => "use a shorter pattern, such as `packages/*`".to_owned(),
            Self::NoMember { .. } => "correct the path, and commit the member's files".to_owned(),
            Self::SameName { .. } => "rename one of them, or leave it out of the workspace".to_owned(),
            Self::BadRequirement { .. } => {
                "write it as `name>=1.0`, with a marker after `;` if it needs one (PEP 508)".to_owned()
            }
            Self::Escaped { .. } => "write its name and versions without `\\`".to_owned(),
            Self::Conflict { .. } => {
                "let each member read its requirements from a file of its own".to_owned()
            }
            Self::Changed { .. } => "start the release again".to_owned(),
        }
    }
}

/// Why a requirement cannot admit a version
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PinError {
    #[error("`{specifier}` does not admit {version}")]
    Unsatisfied { specifier: String, version: Version },
    #[error("`{clause}` excludes {version}")]
    Excluded { clause: String, version: Version },
    #[error("`{specifier}` is not a valid version specifier: {reason}")]
    Invalid { specifier: String, reason: String },
    #[error("a number in {version} is too large to increase")]
    Overflow { version: Version },
}

impl PinError {
    /// What the user can do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Unsatisfied { .. } => {
                "change the requirement, or set `pins = \"keep-style\"` in `[workspace]`".to_owned()
            }
            Self::Excluded { .. } => "remove the exclusion, or choose another version".to_owned(),
            Self::Invalid { .. } => "write it as `>=1.0,<2` (PEP 440)".to_owned(),
            Self::Overflow { .. } => "write the requirement without an upper bound".to_owned(),
        }
    }
}
