//! How long an index accepts files of a release: PyPI refuses new ones 14 days after the first.

use jiff::{SignedDuration, Timestamp};

use super::Listing;
use crate::python::filename::Filename;

/// How long PyPI accepts files of a release after its first one
const OPEN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The time in which an index accepts files of a release
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub opened: Timestamp,
    pub closes: Timestamp,
}

impl Listing {
    /// The window of a version, if the index has a file of it and lists upload times (PEP 700).
    pub fn window(&self, version: &str) -> Option<Window> {
        let of_version = self.files.iter().filter(|file| {
            file.filename.parse::<Filename>().is_ok_and(|name| name.version().to_string() == version)
        });
        let opened: Timestamp =
            of_version.filter_map(|file| file.upload_time.as_deref()?.parse().ok()).min()?;
        Some(Window { opened, closes: opened.checked_add(OPEN).ok()? })
    }
}
