//! What can be wrong with a project's version, and what to do about it.

use thiserror::Error;

use crate::python::version::{Version, VersionError};

/// Why a project or its version cannot be read or written; lines are counted from 1
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProjectError {
    #[error("there is no `pyproject.toml`, `setup.cfg` or `setup.py`")]
    NoProject,
    #[error("the project's name is written nowhere")]
    NoName,
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
    #[error("`{path}`, line {line}, says version `{found}`, not `{expected}`")]
    Differs { path: String, line: usize, found: Version, expected: Version },
    #[error("{setting}: {reason}")]
    Dynamic { setting: String, reason: String },
    #[error("the pattern `{pattern}` for `{path}` cannot be used: {reason}")]
    BadPattern { path: String, pattern: String, reason: String },
    #[error("`{search}` for `{path}` has no `{{version}}`")]
    NoPlaceholder { path: String, search: String },
    #[error("`{search}` was found {} in `{path}`, not {}{}", times(lines.len()), times(*expected), on_lines(lines))]
    Count {
        path: String,
        /// With the version put in
        search: String,
        expected: usize,
        lines: Vec<usize>,
        /// Another version with which it would have been found, and its line
        other: Option<(String, usize)>,
    },
    #[error("the project's files disagree about its version: {}", listed(found))]
    Disagree {
        /// Each place, and the version it has
        found: Vec<(String, Version)>,
    },
    #[error("two of the places for the version overlap in `{path}`, line {line}")]
    Overlap { path: String, line: usize },
    #[error("`{path}` takes Semantic Versioning, which has no form of `{version}`")]
    NotSemantic { path: String, version: Version },
    #[error("nothing is known of where `{path}` keeps a version")]
    UnknownFile { path: String },
    #[error("no place for the version is known")]
    NoPlace,
}

impl ProjectError {
    /// What the user can do about it.
    pub fn help(&self) -> String {
        let places = "say where the version is written: `files = [{ path = \"…\", search = \"… {version} …\" }]` in `[stage.version]`";
        match self {
            Self::NoProject => "run this in the project's root, or give it with `-C`".to_owned(),
            Self::NoName => "write `name` in `[project]` of `pyproject.toml`".to_owned(),
            Self::Missing { .. } => {
                "paths are relative to the project's root; a file must be committed".to_owned()
            }
            Self::NotUtf8 { .. } => "save the file as UTF-8".to_owned(),
            Self::Syntax { path, .. } => format!("correct `{path}`"),
            Self::WrongType { expected, .. } => format!("give {expected}"),
            Self::NotFound { .. } | Self::NotLiteral { .. } | Self::Dynamic { .. } | Self::NoPlace => {
                places.to_owned()
            }
            Self::Several { .. } => format!("leave only one, or {places}"),
            Self::NotAVersion { source, .. } => source.help(),
            Self::Differs { expected, .. } => {
                format!("write `{expected}` there, or leave the place out of `files`")
            }
            Self::BadPattern { .. } => places.to_owned(),
            Self::NoPlaceholder { .. } => {
                "write `{version}` where the version stands, in `search`, or at least in `replace`".to_owned()
            }
            Self::Count { lines, other: Some((version, line)), .. } if lines.is_empty() => {
                format!("line {line} has it with `{version}`: write the present version there first")
            }
            Self::Count { lines, .. } if lines.is_empty() => {
                "compare it with the file, letter by letter; `{version}` stands for the present version"
                    .to_owned()
            }
            Self::Count { lines, .. } => {
                format!("make `search` say more of the line, or set `count = {}`", lines.len())
            }
            Self::Disagree { .. } => "write the same version everywhere, then release".to_owned(),
            Self::Overlap { .. } => "leave one of them out of `files`".to_owned(),
            Self::NotSemantic { .. } => {
                "leave the file out of `files`, or choose a version such as `1.2.0rc1`".to_owned()
            }
            Self::UnknownFile { path } => {
                format!("write `{{ path = \"{path}\", search = \"… {{version}} …\" }}` instead")
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
    let each: Vec<String> =
        found.iter().map(|(place, version)| format!("{place} says `{version}`")).collect();
    each.join(", ")
}
