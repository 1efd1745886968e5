//! A distribution: one file of a release, and the bytes it is known by.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A source distribution or a wheel
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A wheel (PEP 427); the upload form's `bdist_wheel`
    Wheel,
    /// A source distribution (PEP 625); the upload form's `sdist`
    Sdist,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wheel => "wheel",
            Self::Sdist => "sdist",
        })
    }
}

/// A distribution whose bytes are recorded: whoever uses the file compares its hash first
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Where the file lies
    pub path: PathBuf,
    /// The name under which an index lists it
    pub filename: String,
    pub kind: Kind,
    /// In bytes
    pub size: u64,
    /// Lower-case hexadecimal, 64 characters
    pub sha256: String,
}
