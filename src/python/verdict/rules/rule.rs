//! A rule about distributions.

use crate::finding::{Finding, Severity};
use crate::python::verdict::diagnostic::{Diagnostic, Violation};
use crate::python::verdict::subject::Subject;

/// The most findings of one rule in one file; a hostile file could cause millions
pub(super) const MOST_OF_ONE_RULE: usize = 20;

/// The source of rules without a specification
const PYPI: &str = "PyPI's own check";

const OURS: &str = "pyrelease's own check";

/// One rule
pub struct Rule {
    /// In kebab case; the name in configuration and output
    pub id: &'static str,
    pub severity: Severity,
    /// What must hold, in one sentence
    pub summary: &'static str,
    pub source: Source,
    /// The specification, or the part of PyPI's code that enforces it
    pub reference: &'static str,
    pub(in crate::python::verdict) check: Check,
}

/// The source of a rule
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// PyPI enforces it with this message; `…` stands for values of the file
    Pypi(&'static str),
    /// PyPI does not enforce it; this is why pyrelease does
    Stricter(&'static str),
}

/// What a rule reads
#[derive(Clone, Copy)]
pub(in crate::python::verdict) enum Check {
    /// One opened file
    File(fn(&Subject) -> Vec<Violation>),
    /// Only its metadata: the subject has nothing else, so that files with the same metadata have the same findings
    Metadata(fn(&Subject) -> Vec<Violation>),
    /// More than one opened file; applied by `judge_release`, or by the caller of the renderer
    Elsewhere,
}

impl Rule {
    /// A rule that PyPI enforces, about one file.
    pub(in crate::python::verdict) const fn pypi(
        id: &'static str,
        says: &'static str,
        summary: &'static str,
        check: fn(&Subject) -> Vec<Violation>,
    ) -> Self {
        Self {
            id,
            severity: Severity::Error,
            summary,
            source: Source::Pypi(says),
            reference: PYPI,
            check: Check::File(check),
        }
    }

    /// A rule that PyPI does not enforce, about one file.
    pub(super) const fn stricter(
        id: &'static str,
        why: &'static str,
        summary: &'static str,
        check: fn(&Subject) -> Vec<Violation>,
    ) -> Self {
        Self {
            id,
            severity: Severity::Error,
            summary,
            source: Source::Stricter(why),
            reference: OURS,
            check: Check::File(check),
        }
    }

    /// A rule that needs more than one opened file.
    pub(in crate::python::verdict) const fn elsewhere(
        id: &'static str,
        source: Source,
        summary: &'static str,
    ) -> Self {
        let reference = match source {
            Source::Pypi(_) => PYPI,
            Source::Stricter(_) => OURS,
        };
        Self { id, severity: Severity::Error, summary, source, reference, check: Check::Elsewhere }
    }

    /// Marks the rule as reading only metadata.
    pub(in crate::python::verdict) const fn of_metadata(mut self) -> Self {
        if let Check::File(check) = self.check {
            self.check = Check::Metadata(check);
        }
        self
    }

    /// Sets the specification of the rule.
    pub(super) const fn by(mut self, reference: &'static str) -> Self {
        self.reference = reference;
        self
    }

    /// Turns the rule into a warning.
    pub(in crate::python::verdict) const fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The findings, up to the limit, and the number of further ones.
    pub(super) fn diagnostics(&self, found: Vec<Violation>) -> Vec<Diagnostic> {
        let more = found.len().saturating_sub(MOST_OF_ONE_RULE);
        let mut findings: Vec<Diagnostic> =
            found.into_iter().take(MOST_OF_ONE_RULE).map(|found| self.diagnostic(found)).collect();
        if more > 0 {
            let rest = self.diagnostic(Violation::new(format!("and {more} more of these")));
            findings.push(Diagnostic { further: Some(more), ..rest });
        }
        findings
    }

    pub(in crate::python::verdict) fn diagnostic(&self, found: Violation) -> Diagnostic {
        let Violation { message, place, help, says } = found;
        let pypi = match self.source {
            Source::Pypi(words) => Some(says.unwrap_or_else(|| words.to_owned())),
            Source::Stricter(_) => None,
        };
        let finding = Finding { severity: self.severity, help, ..Finding::error(message) };
        Diagnostic { rule: self.id, finding, place, pypi, further: None }
    }
}
