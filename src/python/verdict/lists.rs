//! PyPI's lists: classifiers, and the names of Python's standard library.

mod dates;

pub use dates::CLASSIFIERS_OF;
pub(super) use dates::{MODULES_OF, SPDX};

/// One per line, from trove-classifiers
const CLASSIFIERS: &str = include_str!("lists/classifiers.txt");
/// One per line, with its replacements after tabs
const DEPRECATED: &str = include_str!("lists/deprecated_classifiers.txt");
/// Every module and submodule of every Python since 2.6, normalized, from stdlib-list
const MODULES: &str = include_str!("lists/standard_library.txt");

/// The longest text that suggestions are searched for, in bytes
const LONGEST_LOOKED_UP: usize = 200;

/// Whether PyPI has the classifier and has not deprecated it.
pub(super) fn is_classifier(classifier: &str) -> bool {
    CLASSIFIERS.lines().any(|known| known == classifier)
}

/// The replacements of a deprecated classifier.
pub(super) fn replacements(classifier: &str) -> Option<Vec<&'static str>> {
    DEPRECATED.lines().find_map(|line| {
        let mut parts = line.split('\t');
        (parts.next() == Some(classifier)).then(|| parts.collect())
    })
}

/// The most similar classifier, if there is one.
pub(super) fn nearest_classifier(classifier: &str) -> Option<&'static str> {
    // A text that is much longer than any classifier is similar to none, and the search takes longer for longer
    // texts.
    if classifier.len() > LONGEST_LOOKED_UP {
        return None;
    }
    let wanted = classifier.to_lowercase();
    let near = |known: &str| strsim::normalized_levenshtein(&known.to_lowercase(), &wanted);
    let best = CLASSIFIERS.lines().max_by(|a, b| near(a).total_cmp(&near(b)))?;
    (near(best) > 0.7).then_some(best)
}

/// Whether a normalized project name is that of a module in Python's standard library.
pub(super) fn is_module(name: &str) -> bool {
    MODULES.lines().any(|module| module == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifiers_are_exact() {
        assert!(is_classifier("Programming Language :: Python :: 3"));
        assert!(!is_classifier("programming language :: python :: 3"));
        assert_eq!(
            nearest_classifier("programming language :: python :: 3"),
            Some("Programming Language :: Python :: 3")
        );
        assert_eq!(replacements("Natural Language :: Ukranian"), Some(vec!["Natural Language :: Ukrainian"]));
        assert!(!is_classifier("Natural Language :: Ukranian"));
    }

    #[test]
    fn modules_are_those_of_any_python() {
        assert!(is_module("json") && is_module("asyncio") && is_module("zipfile") && is_module("distutils"));
        assert!(!is_module("requests"));
    }
}
