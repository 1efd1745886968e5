//! Predicts PyPI's verdict on a distribution: one function per rule, all of them in [`RULES`].
//!
//! A rule reads a [`Subject`] (an opened file) or the judgements on all files of a release, and returns its findings.
//! If PyPI enforces the rule, it quotes PyPI's message. If pyrelease is stricter than PyPI, because the file name
//! would be lost for good, it gives the reason. To add a rule, write its function in a file of `rules/` and add a row
//! to that file's table.
//!
//! An index judges an upload with the same rules: first its form ([`judge_form`]), then its file ([`judge_upload`]).

mod cache;
mod described;
mod description;
mod diagnostic;
mod grammar;
mod groups;
mod lists;
mod policy;
mod release;
mod report;
mod rules;
mod subject;
mod tracked;

pub use cache::{VerdictCache, judge_form, judge_upload};
pub use described::Described;
pub use description::{ContentType, ContentTypeError, Description};
pub use diagnostic::{Diagnostic, Location};
pub(super) use grammar::requirement;
pub use groups::Group;
pub use lists::CLASSIFIERS_OF;
pub use policy::{Policy, UnknownRule};
pub use release::{Expected, differing_from_sdist, judge_release, twins};
pub use report::{FileReport, Report};
pub use rules::attestation::{invalid_attestation, valid_attestation};
pub use rules::description::{does_not_render, is_too_costly};
pub use rules::{RULES, Rule, Source, rule};
pub use subject::Subject;
pub use tracked::Tracked;

use std::io::{Read, Seek};
use std::sync::Arc;

use super::filename::Filename;
use super::metadata::Metadata;

/// The findings in one file
#[derive(Debug)]
pub struct Judgement {
    /// The file's name without its directory
    pub file: String,
    /// The parsed name, if it is valid
    pub name: Option<Filename>,
    /// In bytes
    pub size: u64,
    /// A hash of the contents
    pub fingerprint: u64,
    /// The sha256 of the whole file, in hexadecimal; set only if another file of the release has the same name, or
    /// the same size and fingerprint, so that they may be identical
    pub sha256: Option<String>,
    /// The file's METADATA or PKG-INFO, if there is one
    pub described: Option<Arc<Described>>,
    /// In the rules' order, which is PyPI's: PyPI reports only the first
    pub findings: Vec<Diagnostic>,
}

impl Judgement {
    /// The file's METADATA or PKG-INFO, if it could be parsed.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.described.as_ref().and_then(|described| described.metadata.as_ref().ok())
    }

    /// The long description, if PyPI supports its content type.
    pub fn description(&self) -> Option<&Description> {
        self.described.as_ref().and_then(|described| described.description.as_ref())
    }

    /// Whether there are only warnings.
    pub fn is_accepted(&self) -> bool {
        !self.findings.iter().any(Diagnostic::is_error)
    }
}

/// Checks one file of `size` bytes by all rules that need no other file; for several files, [`VerdictCache`] is faster.
pub fn judge(file: &mut (impl Read + Seek), filename: &str, size: u64) -> Judgement {
    VerdictCache::default().judge(file, filename, size)
}

#[cfg(test)]
mod tests;
