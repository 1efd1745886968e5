//! What can be wrong with a project's version, and what to do about it.

use thiserror::Error;

use crate::python::version::{Version, VersionError};

/// Why a project or its version cannot be read or written; lines are counted from 1
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProjectError {
    #[error("no `pyproject.toml`, `setup.cfg` or `setup.py`")]
    NoProject,
    #[error("the project has no name")]
    NoName {
        /// The file that should state it
        path: &'static str,
    },
    #[error("`{path}` does not exist")]
    Missing { path: String },
    #[error("`{path}` is not UTF-8 text")]
    NotUtf8 { path: String },
    #[error("failed to read `{path}`, line {line}: {reason}")]
    Syntax { path: String, line: usize, reason: String },
    #[error("`{key}` in `{path}` is not {expected}")]
    WrongType { path: String, key: String, expected: &'static str },
    #[error("`{path}` has no {what}")]
    NotFound { path: String, what: String },
    #[error("`{name}` in `{path}`, line {line}, is not a plain string")]
    NotLiteral { path: String, name: String, line: usize },
    #[error("`{path}` has {what} more than once, on lines {}", joined(lines))]
    Several { path: String, what: String, lines: Vec<usize> },
    #[error("the version in `{path}`, line {line}: {source}")]
    NotAVersion { path: String, line: usize, source: VersionError },
    #[error("`{path}`, line {line}, has version `{found}` instead of `{expected}`")]
    Differs { path: String, line: usize, found: Version, expected: Version },
    #[error("{setting}: {reason}")]
    Dynamic { setting: String, reason: String },
    #[error("the pattern `{pattern}` for `{path}` is not valid: {reason}")]
    BadPattern { path: String, pattern: String, reason: String },
    #[error("`{search}` for `{path}` has no `{{version}}`")]
    NoPlaceholder { path: String, search: String },
    #[error("`{search}` was found {} in `{path}` instead of {}{}", times(lines.len()), times(*expected), on_lines(lines))]
    Count {
        path: String,
        /// With the version filled in
        search: String,
        expected: usize,
        lines: Vec<usize>,
        /// Another version that would match, and its line
        other: Option<(String, usize)>,
    },
    #[error("the project's files disagree about its version: {}", listed(found))]
    Disagree {
        /// Each place, and its version
        found: Vec<(String, Version)>,
    },
    #[error("two places of the version overlap in `{path}`, line {line}")]
    Overlap { path: String, line: usize },
    #[error("`{path}` uses Semantic Versioning, which cannot express `{version}`")]
    NotSemantic { path: String, version: Version },
    #[error("the tuple `{name}` in `{path}` cannot express `{version}`")]
    NotInTuple { path: String, name: String, version: Version },
    #[error("`{path}` is not a known kind of file with a version")]
    UnknownFile { path: String },
    #[error("no place of the version is known")]
    NoPlace,
}

impl ProjectError {
    /// What the user can do about it.
    pub fn help(&self) -> String {
        let places = "set where the version is written: `files = [{ path = \"…\", search = \"… {version} …\" }]` in `[stage.version]`";
        match self {
            Self::NoProject => "run pyrelease in the project's root, or pass it with `-C`".to_owned(),
            Self::NoName { path } => {
                let here = match *path {
                    "setup.py" => "pass it to `setup()` in `setup.py` as plain text",
                    "setup.cfg" => "set `name` in `[metadata]` of `setup.cfg`",
                    _ => "set `name` in `[project]` of `pyproject.toml`",
                };
                format!("{here}, or set `name = \"…\"` in `release.toml`")
            }
            Self::Missing { .. } => {
                "use a path relative to the project's root, and commit the file".to_owned()
            }
            Self::NotUtf8 { .. } => "save the file as UTF-8".to_owned(),
            Self::Syntax { path, .. } => format!("correct `{path}`"),
            Self::WrongType { expected, .. } => format!("set it to {expected}"),
            Self::NotFound { .. } | Self::NotLiteral { .. } | Self::Dynamic { .. } | Self::NoPlace => {
                places.to_owned()
            }
            Self::Several { .. } => format!("keep only one, or {places}"),
            Self::NotAVersion { source, .. } => source.help(),
            Self::Differs { expected, .. } => {
                format!("write `{expected}` there, or remove the place from `files`")
            }
            Self::BadPattern { .. } => places.to_owned(),
            Self::NoPlaceholder { .. } => {
                "use `{version}` for the version in `search`, or at least in `replace`".to_owned()
            }
            Self::Count { lines, other: Some((version, line)), .. } if lines.is_empty() => {
                format!("line {line} has it with `{version}`: write the current version there first")
            }
            Self::Count { lines, .. } if lines.is_empty() => {
                "compare it with the file exactly; `{version}` stands for the current version".to_owned()
            }
            Self::Count { lines, .. } => {
                format!("include more of the line in `search`, or set `count = {}`", lines.len())
            }
            Self::Disagree { .. } => "write the same version everywhere, then release".to_owned(),
            Self::Overlap { .. } => "remove one of them from `files`".to_owned(),
            Self::NotSemantic { .. } => {
                "remove the file from `files`, or choose a version such as `1.2.0rc1`".to_owned()
            }
            Self::NotInTuple { name, .. } => {
                format!("choose a version with as many numbers as `{name}`, or {places}")
            }
            Self::UnknownFile { path } => {
                format!("use `{{ path = \"{path}\", search = \"… {{version}} …\" }}` instead")
            }
        }
    }
}

fn joined(lines: &[usize]) -> String {
    let shown: Vec<String> = lines.iter().take(10).map(usize::to_string).collect();
    let more = if lines.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn on_lines(lines: &[usize]) -> String {
    match lines {
        [] => String::new(),
        [line] => format!(": on line {line}"),
        _ => format!(": on lines {}", joined(lines)),
    }
}

fn times(count: usize) -> String {
    match count {
        0 => "nowhere".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

fn listed(found: &[(String, Version)]) -> String {
    let each: Vec<String> = found.iter().map(|(place, version)| format!("{place} has `{version}`")).collect();
    each.join(", ")
}
