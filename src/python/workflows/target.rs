//! Where an upload goes.

use std::fmt;

/// A package index, as far as a workflow shows it
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    PyPi,
    TestPyPi,
    /// The URL of another index
    Other(String),
    /// A name that other files configure
    Named(String),
    /// A value that is determined only when the workflow runs
    Unknown,
}

impl Target {
    /// The indexes with these values, of which an empty one is the tool's default; unknown if there are none.
    pub(super) fn all(values: &[String], target: impl Fn(&str) -> Self) -> Vec<Self> {
        let or_default = |value: &String| if value.is_empty() { Self::PyPi } else { target(value) };
        let mut targets: Vec<Self> = values.iter().map(or_default).collect();
        targets.sort();
        targets.dedup();
        if targets.is_empty() { vec![Self::Unknown] } else { targets }
    }

    /// The index with the name, as tools know it: `pypi`, `testpypi`, or one of the user's.
    pub(super) fn named(name: &str) -> Self {
        let plain: String = name.chars().filter(|letter| letter.is_alphanumeric()).collect();
        match plain.to_lowercase().as_str() {
            "pypi" => Self::PyPi,
            "testpypi" | "pypitest" => Self::TestPyPi,
            _ if name.contains('/') => Self::at(name),
            _ => Self::Named(name.to_owned()),
        }
    }

    /// The index at the URL.
    pub(super) fn at(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default().trim_end_matches(":443").to_lowercase();
        match host.as_str() {
            "upload.pypi.org" | "pypi.org" | "pypi.python.org" | "www.pypi.org" => Self::PyPi,
            "test.pypi.org" | "testpypi.python.org" => Self::TestPyPi,
            _ => Self::Other(url.to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PyPi => out.write_str("PyPI"),
            Self::TestPyPi => out.write_str("TestPyPI"),
            Self::Other(url) => out.write_str(url),
            Self::Named(name) => write!(out, "`{name}`"),
            Self::Unknown => out.write_str("an index"),
        }
    }
}
