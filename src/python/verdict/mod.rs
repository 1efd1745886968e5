//! PyPI's verdict on a distribution, before it is asked: one rule a function, all of them in [`RULES`].
//!
//! A rule reads a [`Subject`] (an opened file) or the judgements on all files of a release, and says what it found.
//! Where PyPI enforces it, the rule quotes PyPI; where pyrelease is stricter, because the bytes burn a file name
//! for ever, it says why. To add one: write the function in the fitting file of `rules/` and add its row to that
//! file's table.

mod description;
mod finding;
mod grammar;
mod lists;
mod policy;
mod release;
mod remembered;
mod report;
mod rules;
mod subject;
mod tracked;

pub use description::{ContentType, ContentTypeError, Description, does_not_render, is_too_costly};
pub use finding::{Location, RuleFinding, Severity};
pub use lists::CLASSIFIERS_OF;
pub use policy::{Policy, UnknownRule};
pub use release::{Expected, judge_release, twins};
pub use remembered::{Described, Remembered};
pub use report::{FileReport, Report, explain, list};
pub use rules::{RULES, Rule, Source, rule};
pub use subject::Subject;
pub use tracked::Tracked;

use std::io::{Read, Seek};
use std::sync::Arc;

use super::filename::Filename;
use super::metadata::Metadata;

/// What was found in one file
#[derive(Debug)]
pub struct Judgement {
    /// The file's name without its folder
    pub file: String,
    /// The name taken apart, where it is one
    pub name: Option<Filename>,
    /// In bytes
    pub size: u64,
    /// Differs where what is inside differs
    pub fingerprint: u64,
    /// The hash of the whole file, in hexadecimal; known only where another file of the release has the same name, or
    /// the same size and fingerprint, so that they may be one
    pub sha256: Option<String>,
    /// What the file's METADATA or PKG-INFO says, where there is one
    pub described: Option<Arc<Described>>,
    /// In the rules' order, which is PyPI's: PyPI reports the first only
    pub findings: Vec<RuleFinding>,
}

impl Judgement {
    /// The file's METADATA or PKG-INFO, where it could be read.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.described.as_ref().and_then(|described| described.metadata.as_ref().ok())
    }

    /// The long description, where it has a content type that PyPI knows.
    pub fn description(&self) -> Option<&Description> {
        self.described.as_ref().and_then(|described| described.description.as_ref())
    }

    /// Whether nothing but warnings was found.
    pub fn is_accepted(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

/// Judges one file of `size` bytes by all rules that need no other file; of several, [`Remembered`] is quicker.
pub fn judge(file: &mut (impl Read + Seek), filename: &str, size: u64) -> Judgement {
    Remembered::default().judge(file, filename, size)
}

#[cfg(test)]
mod tests;
