//! The table of rules, in PyPI's order, and those about one file.

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
    File(fn(&Subject) -> Vec<Violation>),
    /// Its metadata and nothing else: the subject has nothing else, so that files with the same metadata are told the same
    Metadata(fn(&Subject) -> Vec<Violation>),
    /// More than one opened file; applied by whoever has it: `judge_release`, or the renderer's caller
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

    /// A rule that one opened file is not enough for.
    pub(super) const fn elsewhere(id: &'static str, source: Source, summary: &'static str) -> Self {
        let reference = match source {
            Source::Pypi(_) => PYPI,
            Source::Stricter(_) => OURS,
        };
        Self { id, severity: Severity::Error, summary, source, reference, check: Check::Elsewhere }
    }

    /// The same rule, reading metadata only.
    pub(super) const fn of_metadata(mut self) -> Self {
        if let Check::File(check) = self.check {
            self.check = Check::Metadata(check);
        }
        self
    }

    /// The same rule with the specification it comes from.
    const fn by(mut self, reference: &'static str) -> Self {
        self.reference = reference;
        self
    }

    /// The same rule as a warning.
    pub(super) const fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// What was found, and how much more of it where it is too much.
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
    hygiene::RULES,
    links::RULES,
    super::tracked::RULES,
    super::release::RULES,
];

/// The rule of that id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().flatten().find(|rule| rule.id == id)
}

/// What was meant instead, looked for in a long list: for no more findings than are shown, as a hostile file could
/// have thousands looked for
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

/// Rules that read metadata only.
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

/// Applies every rule about one file; `of_metadata` are the findings of those that read its metadata only.
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

/// Applies every rule that reads metadata only: what each found, in the rules' order.
pub(super) fn apply_to_metadata(subject: &Subject) -> Vec<Vec<RuleFinding>> {
    let findings = |rule: &Rule| match rule.check {
        Check::Metadata(check) => Some(rule.findings(check(subject))),
        Check::File(_) | Check::Elsewhere => None,
    };
    RULES.iter().copied().flatten().filter_map(findings).collect()
}
