//! A run packed into one file, to be finished in another clone of the repository or on another machine.
//!
//! The file is a gzipped tar: [`Manifest`] first, then the journal, the distributions, the release's commit and tag as
//! a git bundle, and what the stages' commands printed, each as long and with the sha256 that the manifest says.

mod pack;
mod unpack;

use serde::{Deserialize, Serialize};

pub use pack::{Packed, pack};
pub use unpack::{ImportedRun, unpack};

/// The format that this version writes and reads
const FORMAT: u32 = 1;
const MANIFEST: &str = "run.json";
const JOURNAL: &str = "journal.jsonl";
const BUNDLE: &str = "release.bundle";
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

/// Whether a packed run may hold a file of that name: it decides where the file will lie.
fn is_ours(name: &str) -> bool {
    let plain = |name: &str| {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.+!".contains(letter);
        (1..=255).contains(&name.len()) && !name.starts_with('.') && name.chars().all(letter)
    };
    match name.strip_prefix(DISTRIBUTIONS) {
        Some(file) => plain(file) && [".whl", ".tar.gz", ".zip"].iter().any(|ending| file.ends_with(ending)),
        None => [JOURNAL, BUNDLE].contains(&name) || (plain(name) && name.ends_with(".log")),
    }
}

#[cfg(test)]
mod tests;
