//! Packs a run into one file, to be completed in another clone of the repository or on another machine.
//!
//! The file is a gzipped tar: first the [`Manifest`], then the journal, the release's commit and tag as a git bundle, its
//! notes, the distributions with their attestations in `dist/`, and the logs of the stages' commands. The manifest lists the
//! size and the sha256 of each.

mod commit;
mod effects;
mod export;
mod outputs;
mod pack;
mod unpack;

use serde::{Deserialize, Serialize};

use crate::python::distribution::ATTESTATION;

pub use commit::expect_planned;
pub use effects::{data_of_plugins, expect_planned_effects};
pub use outputs::{expect_planned_outputs, unproven_stages};
pub(super) use pack::write_bundle;
pub use pack::{Packed, pack};
use unpack::run_in;
pub use unpack::{Here, ImportedRun, unpack};

/// The format that this version writes and reads
const FORMAT: u32 = 1;
const MANIFEST: &str = "run.json";
const JOURNAL: &str = "journal.jsonl";
const BUNDLE: &str = "release.bundle";
const NOTES: &str = "notes.md";
const DISTRIBUTIONS: &str = "dist/";

/// What a packed run holds
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// The version of pyrelease that packed it
    pyrelease: String,
    run: String,
    files: Vec<Item>,
}

/// A file of a packed run
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    name: String,
    size: u64,
    sha256: String,
}

/// Whether a packed run may have a file of this name. The name becomes a path in the run's folder.
fn is_allowed_name(name: &str) -> bool {
    let plain = |name: &str| {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.+!".contains(letter);
        (1..=255).contains(&name.len()) && !name.starts_with('.') && name.chars().all(letter)
    };
    match name.strip_prefix(DISTRIBUTIONS) {
        Some(file) => {
            let of = file.strip_suffix(ATTESTATION).unwrap_or(file);
            plain(file) && [".whl", ".tar.gz", ".zip"].iter().any(|ending| of.ends_with(ending))
        }
        None => [JOURNAL, BUNDLE, NOTES].contains(&name) || (plain(name) && name.ends_with(".log")),
    }
}

#[cfg(test)]
mod tests;
