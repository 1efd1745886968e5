//! The files of a release.

use serde::{Deserialize, Serialize};

/// A file of a release
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    pub filename: String,
    /// In bytes
    pub size: u64,
    pub sha256: String,
}
