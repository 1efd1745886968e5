//! One statement of a requirement on another member.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// A requirement of one member on another, where it is stated
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The index of the member that states it; none for the workspace's root if it is not a member
    pub of: Option<usize>,
    /// The index of the required member
    pub on: usize,
    pub kind: Kind,
    /// As written, `>=1.0,<2`; empty if any version will do, or if it has no versions as text ([`Grammar`])
    pub specifier: String,
    pub grammar: Grammar,
    /// The file that states it, relative to the workspace's root
    pub path: String,
    /// Counted from 1
    pub line: usize,
    /// The setting: `project.dependencies`
    pub key: String,
    /// The byte range of the specifier in the file; none if escapes in the string hide it
    pub(super) span: Option<Range<usize>>,
}

/// When a requirement must be there
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Whenever the member is installed
    Run,
    /// With this extra
    Optional(String),
    /// In this group, for development: it is not published
    Group(String),
    /// To build the member from source
    Build,
}

/// The language of a specifier
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// `>=1.0,<2` (PEP 440)
    Pep440,
    /// PEP 440 and also `^1.0`, `~1.0`, `1.*`, `1.0` and `||`, as Poetry has them
    Poetry,
    /// A path or URL instead of versions: `core @ file:…`, `{ path = "../core" }`
    Direct,
    /// The build fills the versions in: `core=={{ version }}`, `f"core>={version}"`
    Computed,
}

/// The requirements that move with their new specifiers, by the member that states them
pub(super) type Moves<'m> = HashMap<usize, Vec<(&'m Requirement, &'m str)>>;

impl Requirement {
    /// The file and line, for messages.
    pub fn place(&self) -> String {
        format!("`{}`, line {}", self.path, self.line)
    }

    /// Whether an installer or a build of the published member needs it.
    pub fn is_published(&self) -> bool {
        !matches!(self.kind, Kind::Group(_)) && self.of.is_some()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str("dependency"),
            Self::Optional(extra) => write!(f, "dependency of the extra `{extra}`"),
            Self::Group(group) => write!(f, "dependency of the group `{group}`"),
            Self::Build => f.write_str("build requirement"),
        }
    }
}
