//! The table of rules, in PyPI's order, and the types of rules about one file.

mod archive;
pub(super) mod attestation;
mod dependencies;
pub(super) mod description;
mod fields;
mod filename;
mod hygiene;
mod license;
mod links;
mod metadata;
mod names;
mod paths;
mod record;
pub(super) mod rule;
mod sdist;
mod wheel;

use std::cell::Cell;

use rule::{Check, MOST_OF_ONE_RULE};
pub use rule::{Rule, Source};

use super::diagnostic::{Diagnostic, Violation, shortened};
use super::subject::Subject;

const CORE_METADATA: &str = "core metadata specification";

/// All rules, in PyPI's order of checks
pub const RULES: &[&[Rule]] = &[
    metadata::RULES,
    fields::RULES,
    license::RULES,
    dependencies::RULES,
    names::RULES,
    description::RULES,
    filename::RULES,
    archive::RULES,
    sdist::RULES,
    wheel::RULES,
    record::RULES,
    paths::RULES,
    hygiene::RULES,
    links::RULES,
    attestation::RULES,
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
pub(super) fn apply(subject: &Subject, of_metadata: &[Vec<Diagnostic>]) -> Vec<Diagnostic> {
    let (mut findings, mut of_metadata) = (Vec::new(), of_metadata.iter());
    for rule in RULES.iter().copied().flatten() {
        match rule.check {
            Check::File(check) => findings.extend(rule.diagnostics(check(subject))),
            Check::Metadata(_) => findings.extend(of_metadata.next().into_iter().flatten().cloned()),
            Check::Elsewhere => {}
        }
    }
    findings
}

/// Applies every rule that reads only metadata; returns the findings of each, in the rules' order.
pub(super) fn apply_to_metadata(subject: &Subject) -> Vec<Vec<Diagnostic>> {
    let findings = |rule: &Rule| match rule.check {
        Check::Metadata(check) => Some(rule.diagnostics(check(subject))),
        Check::File(_) | Check::Elsewhere => None,
    };
    RULES.iter().copied().flatten().filter_map(findings).collect()
}
