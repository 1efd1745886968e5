//! The table of rules, in PyPI's order, and the types of rules about one file.

mod archive;
mod dependencies;
mod fields;
mod filename;
mod hygiene;
mod license;
mod links;
mod metadata;
mod names;
mod paths;
mod record;
mod sdist;
mod wheel;

use std::cell::Cell;

use super::finding::{RuleFinding, Severity, Violation, shortened};
use super::subject::Subject;

/// The most findings of one rule in one file; a hostile file could cause millions
const MOST_OF_ONE_RULE: usize = 20;

/// The source of rules without a specification
const PYPI: &str = "PyPI's own check";
const OURS: &str = "pyrelease's own check";
const CORE_METADATA: &str = "core metadata specification";

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
    check: Check,
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
pub(super) enum Check {
    /// One opened file
    File(fn(&Subject) -> Vec<Violation>),
    /// Only its metadata: the subject has nothing else, so that files with the same metadata have the same findings
    Metadata(fn(&Subject) -> Vec<Violation>),
    /// More than one opened file; applied by `judge_release`, or by the caller of the renderer
    Elsewhere,
}

impl Rule {
    /// A rule that PyPI enforces, about one file.
    pub(super) const fn pypi(
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
    const fn stricter(
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
    pub(super) const fn elsewhere(id: &'static str, source: Source, summary: &'static str) -> Self {
        let reference = match source {
            Source::Pypi(_) => PYPI,
            Source::Stricter(_) => OURS,
        };
        Self { id, severity: Severity::Error, summary, source, reference, check: Check::Elsewhere }
    }

    /// Marks the rule as reading only metadata.
    pub(super) const fn of_metadata(mut self) -> Self {
        if let Check::File(check) = self.check {
            self.check = Check::Metadata(check);
        }
        self
    }

    /// Sets the specification of the rule.
    const fn by(mut self, reference: &'static str) -> Self {
        self.reference = reference;
        self
    }

    /// Turns the rule into a warning.
    pub(super) const fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The findings, up to the limit, and the number of further ones.
    fn findings(&self, found: Vec<Violation>) -> Vec<RuleFinding> {
        let more = found.len().saturating_sub(MOST_OF_ONE_RULE);
        let mut findings: Vec<RuleFinding> =
            found.into_iter().take(MOST_OF_ONE_RULE).map(|found| self.finding(found)).collect();
        if more > 0 {
            findings.push(self.finding(Violation::new(format!("and {more} more of these"))));
        }
        findings
    }

    pub(super) fn finding(&self, found: Violation) -> RuleFinding {
        let Violation { message, place, help, says } = found;
        let pypi = match self.source {
            Source::Pypi(words) => Some(says.unwrap_or_else(|| words.to_owned())),
            Source::Stricter(_) => None,
        };
        RuleFinding { rule: self.id, severity: self.severity, message, place, help, pypi }
    }
}

/// All rules, in PyPI's order of checks
pub const RULES: &[&[Rule]] = &[
    metadata::RULES,
    fields::RULES,
    license::RULES,
    dependencies::RULES,
    names::RULES,
    super::description::RULES,
    filename::RULES,
    archive::RULES,
    sdist::RULES,
    wheel::RULES,
    record::RULES,
    paths::RULES,
    hygiene::RULES,
    links::RULES,
    super::tracked::RULES,
    super::release::RULES,
];

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().flatten().find(|rule| rule.id == id)
}

/// Suggestions from a long list: only for as many findings as are displayed, because a hostile file could need
/// thousands
#[derive(Default)]
struct Meant {
    looked_for: Cell<usize>,
}

impl Meant {
    fn nearest<T>(&self, look: impl FnOnce() -> Option<T>) -> Option<T> {
        let before = self.looked_for.replace(self.looked_for.get() + 1);
        (before < MOST_OF_ONE_RULE).then(look).flatten()
    }
}

/// Marks rules as reading only metadata.
const fn of_metadata<const N: usize>(mut rules: [Rule; N]) -> [Rule; N] {
    let mut at = 0;
    while at < N {
        if let Check::File(check) = rules[at].check {
            rules[at].check = Check::Metadata(check);
        }
        at += 1;
    }
    rules
}

/// Applies every rule about one file; `of_metadata` has the findings of those that read only metadata.
pub(super) fn apply(subject: &Subject, of_metadata: &[Vec<RuleFinding>]) -> Vec<RuleFinding> {
    let (mut findings, mut of_metadata) = (Vec::new(), of_metadata.iter());
    for rule in RULES.iter().copied().flatten() {
        match rule.check {
            Check::File(check) => findings.extend(rule.findings(check(subject))),
            Check::Metadata(_) => findings.extend(of_metadata.next().into_iter().flatten().cloned()),
            Check::Elsewhere => {}
        }
    }
    findings
}

/// Applies every rule that reads only metadata; returns the findings of each, in the rules' order.
pub(super) fn apply_to_metadata(subject: &Subject) -> Vec<Vec<RuleFinding>> {
    let findings = |rule: &Rule| match rule.check {
        Check::Metadata(check) => Some(rule.findings(check(subject))),
        Check::File(_) | Check::Elsewhere => None,
    };
    RULES.iter().copied().flatten().filter_map(findings).collect()
}
