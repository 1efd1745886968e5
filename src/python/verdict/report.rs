//! The report on a whole release.

use serde::Serialize;

use super::diagnostic::Diagnostic;
use super::rules::description::DEPENDING;

/// The report on the files of one release
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CheckReport"))]
pub struct Report {
    /// Whether PyPI would accept every file, and no stricter rule is violated
    pub accepted: bool,
    /// The files in the order in which they were passed
    pub files: Vec<FileReport>,
    /// The findings about all files together
    #[cfg_attr(test, schemars(with = "Vec<super::diagnostic::Flat<'static>>"))]
    pub release: Vec<Diagnostic>,
}

/// The report on one file
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FileReport {
    /// The path as passed
    pub file: String,
    /// In bytes
    pub size: u64,
    /// Whether there are no errors among the findings
    pub accepted: bool,
    /// In PyPI's order
    #[cfg_attr(test, schemars(with = "Vec<super::diagnostic::Flat<'static>>"))]
    pub findings: Vec<Diagnostic>,
}

impl Report {
    pub fn new(files: Vec<FileReport>, release: Vec<Diagnostic>) -> Self {
        let accepted = files.iter().all(|file| file.accepted) && !release.iter().any(Diagnostic::is_error);
        Self { accepted, files, release }
    }

    /// Adds a finding about the file at a place.
    pub fn add(&mut self, at: usize, finding: Diagnostic) {
        self.files[at].accepted &= !finding.is_error();
        self.accepted &= !finding.is_error();
        self.files[at].findings.push(finding);
    }

    /// Every finding with its file; none for findings about all files together.
    pub fn diagnostics(&self) -> impl Iterator<Item = (Option<&FileReport>, &Diagnostic)> {
        let files =
            self.files.iter().flat_map(|file| file.findings.iter().map(move |found| (Some(file), found)));
        files.chain(self.release.iter().map(|found| (None, found)))
    }

    /// Whether the result would be the same on another day and machine.
    pub fn is_lasting(&self) -> bool {
        self.diagnostics().all(|(_, found)| found.rule != DEPENDING)
    }
}
