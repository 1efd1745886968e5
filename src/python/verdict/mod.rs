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
mod report;
mod rules;
mod subject;

pub use description::{ContentType, ContentTypeError, Description, does_not_render};
pub use finding::{Finding, Place, Severity};
pub use lists::CLASSIFIERS_OF;
pub use policy::{Policy, UnknownRule};
pub use release::{Expected, judge_release, twins};
pub use report::{FileReport, Report, explain, list};
pub use rules::{RULES, Rule, Source, rule};
pub use subject::Subject;

use std::io::{Read, Seek};

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
    /// The hash of the whole file, in hexadecimal; known only where another file of the release has the same name or
    /// the same size, so that they may be one
    pub sha256: Option<String>,
    /// The file's METADATA or PKG-INFO, where it could be read
    pub metadata: Option<Metadata>,
    /// In the rules' order, which is PyPI's: PyPI reports the first only
    pub findings: Vec<Finding>,
    /// The long description with a content type that PyPI knows
    ///
    /// Markdown and plain text are judged by then: PyPI renders any. reStructuredText is for the tool
    /// environment; [`does_not_render`] makes the finding.
    pub description: Option<Description>,
}

impl Judgement {
    /// Whether nothing but warnings was found.
    pub fn is_accepted(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

/// Judges one file of `size` bytes by all rules that need no other file.
///
/// Reads the file once, in constant memory but for the members' names. A file that cannot be read gives findings,
/// as a damaged one does.
pub fn judge(file: &mut (impl Read + Seek), filename: &str, size: u64) -> Judgement {
    let subject = Subject::open(file, filename, size);
    let findings = rules::apply(&subject);
    let description = subject.description().and_then(Result::ok);
    let Subject { name, metadata, .. } = subject;
    Judgement {
        file: filename.to_owned(),
        name: name.ok(),
        size,
        sha256: None,
        metadata: metadata.and_then(|(_, metadata)| metadata.ok()),
        findings,
        description,
    }
}

#[cfg(test)]
mod tests;
