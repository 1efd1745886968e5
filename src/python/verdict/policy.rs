//! A project's policy: which rules it silences, and whether warnings count as errors.

use std::collections::BTreeSet;

use thiserror::Error;

use super::diagnostic::Diagnostic;
use super::rules::{RULES, Source, rule};
use crate::finding::Severity;

/// How to treat findings
#[derive(Debug, Clone, Default)]
pub struct Policy {
    allowed: BTreeSet<&'static str>,
    strict: bool,
    old_classifiers: bool,
}

/// A name that no rule has
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{name}` is not a rule")]
pub struct UnknownRule {
    pub name: String,
    /// The names of all rules
    pub known: Vec<&'static str>,
}

impl Policy {
    /// A policy that silences these rules; a strict one turns warnings into errors.
    ///
    /// # Errors
    /// No rule has one of the names.
    pub fn new(allowed: &[String], strict: bool) -> Result<Self, UnknownRule> {
        let mut policy = Self { strict, ..Self::default() };
        for name in allowed {
            let Some(rule) = rule(name) else {
                let known = RULES.iter().copied().flatten().map(|rule| rule.id).collect();
                return Err(UnknownRule { name: name.clone(), known });
            };
            policy.allowed.insert(rule.id);
        }
        Ok(policy)
    }

    /// Sets whether the list of classifiers is so old that PyPI may have more.
    pub fn with_old_classifiers(mut self, old: bool) -> Self {
        self.old_classifiers = old;
        self
    }

    /// The same, which also silences these rules.
    pub fn silencing(mut self, rules: &[&'static str]) -> Self {
        self.allowed.extend(rules);
        self
    }

    /// Applies the policy: removes silenced findings, or turns them into warnings if PyPI refuses the file.
    pub fn apply(&self, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        findings.into_iter().filter_map(|diagnostic| self.applied(diagnostic)).collect()
    }

    fn applied(&self, mut diagnostic: Diagnostic) -> Option<Diagnostic> {
        let is_pypis = rule(diagnostic.rule).is_some_and(|rule| matches!(rule.source, Source::Pypi(_)));
        if self.allowed.contains(diagnostic.rule) {
            diagnostic.finding.severity = Severity::Warning;
            return is_pypis.then_some(diagnostic);
        }
        let never = diagnostic.place.as_ref().is_some_and(|place| place.text().contains("Private ::"));
        if diagnostic.rule == "classifier" && self.old_classifiers && !never {
            diagnostic.finding.severity = Severity::Warning;
            return Some(diagnostic);
        }
        if self.strict {
            diagnostic.finding.severity = Severity::Error;
        }
        Some(diagnostic)
    }
}

#[cfg(test)]
mod tests {
    use super::super::diagnostic::Violation;
    use super::*;

    fn applied(policy: &Policy, id: &str) -> Option<Severity> {
        let diagnostic = rule(id).unwrap().diagnostic(Violation::new("x"));
        policy.apply(vec![diagnostic]).pop().map(|diagnostic| diagnostic.finding.severity)
    }

    #[test]
    fn silenced_rules_are_removed_or_become_warnings() {
        let policy = Policy::new(&["record-hash".to_owned(), "name".to_owned()], true).unwrap();
        assert_eq!(applied(&policy, "record-hash"), None);
        assert_eq!(applied(&policy, "name"), Some(Severity::Warning));
        assert_eq!(applied(&policy, "wheel-link"), Some(Severity::Error), "strict");
        assert_eq!(applied(&Policy::default(), "wheel-link"), Some(Severity::Warning));
    }

    #[test]
    fn an_old_list_of_classifiers_only_warns() {
        let policy = Policy::default().with_old_classifiers(true);
        assert_eq!(applied(&policy, "classifier"), Some(Severity::Warning));
        assert_eq!(applied(&policy, "classifier-deprecated"), Some(Severity::Error));
    }

    #[test]
    fn an_unknown_rule_is_refused() {
        assert_eq!(Policy::new(&["nam".to_owned()], false).unwrap_err().to_string(), "`nam` is not a rule");
    }
}
