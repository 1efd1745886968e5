//! The table of rules, in PyPI's order, and those about one file.

mod archive;
mod care;
mod dependencies;
mod fields;
mod filename;
mod license;
mod metadata;
mod names;
mod paths;
mod record;
mod sdist;
mod wheel;

use super::finding::{Finding, Found, Severity, shortened};
use super::subject::Subject;

/// The most findings of one rule in one file; a hostile file could make millions
const MOST_OF_ONE_RULE: usize = 20;

/// Where a rule comes from that no specification has
const PYPI: &str = "PyPI's own check";
const OURS: &str = "pyrelease's own check";
const CORE_METADATA: &str = "core metadata specification";

/// One rule
pub struct Rule {
    /// Kebab case; what configuration and output call it
    pub id: &'static str,
    pub severity: Severity,
    /// What must hold, in one sentence
    pub summary: &'static str,
    pub source: Source,
    /// The specification that says so, or the part of PyPI's code that enforces it
    pub reference: &'static str,
    check: Check,
}

/// Where a rule comes from
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// PyPI enforces it and says this; `…` stands for what depends on the file
    Pypi(&'static str),
    /// PyPI does not enforce it; this is why pyrelease does
    Stricter(&'static str),
}

/// What a rule reads
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// One opened file
    File(fn(&Subject) -> Vec<Found>),
    /// More than one opened file; applied by whoever has it: `judge_release`, or the renderer's caller
    Elsewhere,
}

impl Rule {
    /// A rule that PyPI enforces, about one file.
    const fn pypi(
        id: &'static str,
        says: &'static str,
        summary: &'static str,
        check: fn(&Subject) -> Vec<Found>,
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
        check: fn(&Subject) -> Vec<Found>,
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

    /// A rule that one opened file is not enough for.
    pub(super) const fn elsewhere(id: &'static str, source: Source, summary: &'static str) -> Self {
        let reference = match source {
            Source::Pypi(_) => PYPI,
            Source::Stricter(_) => OURS,
        };
        Self { id, severity: Severity::Error, summary, source, reference, check: Check::Elsewhere }
    }

    /// The same rule with the specification it comes from.
    const fn by(mut self, reference: &'static str) -> Self {
        self.reference = reference;
        self
    }

    /// The same rule as a warning.
    const fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub(super) fn finding(&self, found: Found) -> Finding {
        let Found { message, place, help, says } = found;
        let pypi = match self.source {
            Source::Pypi(words) => Some(says.unwrap_or_else(|| words.to_owned())),
            Source::Stricter(_) => None,
        };
        Finding { rule: self.id, severity: self.severity, message, place, help, pypi }
    }
}

/// All rules, in the order in which PyPI would come to them
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
    care::RULES,
    super::release::RULES,
];

/// The rule of that id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().flatten().find(|rule| rule.id == id)
}

/// Applies every rule about one file.
pub(super) fn apply(subject: &Subject) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES.iter().copied().flatten() {
        let Check::File(check) = rule.check else { continue };
        let found = check(subject);
        let more = found.len().saturating_sub(MOST_OF_ONE_RULE);
        findings.extend(found.into_iter().take(MOST_OF_ONE_RULE).map(|found| rule.finding(found)));
        if more > 0 {
            findings.push(rule.finding(Found::new(format!("and {more} more of these"))));
        }
    }
    findings
}
