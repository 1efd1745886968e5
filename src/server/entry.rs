//! What the index knows of a file: a record beside it, of which memory holds all but the metadata.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::python::version::ExactVersion;

/// A listed file
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The project's name as its author writes it
    pub(super) name: String,
    /// In PEP 440's normal form
    pub(super) version: String,
    pub(super) filename: String,
    pub(super) sdist: bool,
    /// The form's `pyversion`
    pub(super) python_version: String,
    pub(super) sha256: String,
    pub(super) blake2_256: String,
    /// In bytes
    pub(super) size: u64,
    #[serde(with = "rfc3339")]
    pub(super) uploaded: Timestamp,
    pub(super) summary: String,
    pub(super) requires_python: Option<String>,
    /// The sha256 of a wheel's METADATA, which is kept beside it
    pub(super) core_metadata: Option<String>,
    /// Whether it came with attestations, which are kept beside it
    pub(super) attested: bool,
}

/// A record on disk, to be written
#[derive(Serialize)]
pub(super) struct Record<'a> {
    pub(super) entry: &'a Entry,
    /// The metadata of the upload's form
    pub(super) metadata: Vec<(&'a str, &'a str)>,
}

/// A record without the metadata
#[derive(Deserialize)]
pub(super) struct ListedRecord {
    pub(super) entry: Entry,
}

/// The metadata in a record
#[derive(Deserialize)]
pub(super) struct RecordedMetadata {
    pub(super) metadata: Vec<(String, String)>,
}

impl Entry {
    pub(super) fn parsed_version(&self) -> Option<ExactVersion> {
        self.version.parse().ok()
    }
}

/// A timestamp in a record, in a readable form
mod rfc3339 {
    use jiff::Timestamp;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(moment: &Timestamp, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(moment)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
