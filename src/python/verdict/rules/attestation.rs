//! The rule about attestations beside a distribution (PEP 740), which are files of their own.

use super::rule::{Rule, Source};
use crate::finding::Severity;
use crate::python::verdict::diagnostic::{Diagnostic, Violation};

const VALID: Rule = Rule::elsewhere(
    "attestation-valid",
    Source::Pypi("Invalid attestations supplied during upload"),
    "an attestation beside a distribution is of its bytes, and its signature, certificate and log entry verify",
);

pub(in crate::python::verdict) const RULES: &[Rule] = &[VALID];

/// The finding that an attestation is not valid.
pub fn invalid_attestation(why: String) -> Diagnostic {
    VALID
        .diagnostic(Violation::new(why).help("make it again for these bytes, or delete it to upload without"))
}

/// The finding about an attestation in which nothing wrong was found: what was verified, and what was not.
pub fn valid_attestation(what: String) -> Diagnostic {
    let mut found = VALID.diagnostic(Violation::new(what));
    (found.finding.severity, found.pypi) = (Severity::Note, None);
    found
}
