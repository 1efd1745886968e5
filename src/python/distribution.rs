//! A distribution: one file of a release, and its recorded bytes.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A source distribution or a wheel
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "DistributionKind"))]
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

/// A distribution with recorded digests: users of the file verify its hash first
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Distribution {
    /// The path of the file
    pub path: PathBuf,
    /// Its name on an index
    pub filename: String,
    pub kind: Kind,
    /// In bytes
    pub size: u64,
    /// Lower-case hexadecimal, 64 characters
    pub sha256: String,
}

/// The suffix that the file with its attestation (PEP 740) adds to a distribution's name
pub const ATTESTATION: &str = ".publish.attestation";

impl Distribution {
    /// The path of the file with its attestation, which need not exist.
    pub fn attestation(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ATTESTATION);
        path.into()
    }
}
