//! What PyPI knows by heart: classifiers and the names of Python's own modules.

mod dates;

pub use dates::CLASSIFIERS_OF;
pub(super) use dates::{MODULES_OF, SPDX};

/// One a line, from trove-classifiers
const CLASSIFIERS: &str = include_str!("lists/classifiers.txt");
/// One a line, with its replacements after tabs
const DEPRECATED: &str = include_str!("lists/deprecated_classifiers.txt");
/// Every module and submodule of every Python since 2.6, in normal form, from stdlib-list
const MODULES: &str = include_str!("lists/standard_library.txt");

/// The longest text that a nearest classifier is looked for, in bytes
const LONGEST_LOOKED_UP: usize = 200;

/// Whether PyPI knows the classifier and does not say that another has replaced it.
pub(super) fn is_classifier(classifier: &str) -> bool {
    CLASSIFIERS.lines().any(|known| known == classifier)
}

/// What replaces a classifier that is no longer to be used.
pub(super) fn replacements(classifier: &str) -> Option<Vec<&'static str>> {
    DEPRECATED.lines().find_map(|line| {
        let mut parts = line.split('\t');
        (parts.next() == Some(classifier)).then(|| parts.collect())
    })
}

/// The classifier that is nearest to what was written, if one is near.
pub(super) fn nearest_classifier(classifier: &str) -> Option<&'static str> {
    // Nothing is near to what is much longer than any, and the search takes as many steps as the text is long.
    if classifier.len() > LONGEST_LOOKED_UP {
        return None;
    }
    let wanted = classifier.to_lowercase();
    let near = |known: &str| strsim::normalized_levenshtein(&known.to_lowercase(), &wanted);
    let best = CLASSIFIERS.lines().max_by(|a, b| near(a).total_cmp(&near(b)))?;
    (near(best) > 0.7).then_some(best)
}

/// Whether a project's name in normal form is that of a module of Python's own.
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
