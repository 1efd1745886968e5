//! Compatibility of protocol versions.

use semver::{Comparator, Op, Prerelease, Version};

/// Checks that two versions are compatible: the lower one, as a caret requirement, must match the higher one.
/// Pre-releases count as their release.
///
/// # Errors
/// A version is not valid, or they are not compatible.
pub fn understands(ours: &str, theirs: &str) -> Result<(), String> {
    let version = |text: &str| {
        let (core, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
        // The protocol also allows `1.0`.
        let zeros = ".0".repeat(2_usize.saturating_sub(core.matches('.').count()));
        let mut version = Version::parse(&format!("{core}{zeros}{rest}"))
            .map_err(|_| format!("`{text}` is not a valid version"))?;
        version.pre = Prerelease::EMPTY;
        Ok::<_, String>(version)
    };
    let (one, other) = (version(ours)?, version(theirs)?);
    let (lower, higher) = if one <= other { (one, other) } else { (other, one) };
    let caret = Comparator {
        op: Op::Caret,
        major: lower.major,
        minor: Some(lower.minor),
        patch: Some(lower.patch),
        pre: Prerelease::EMPTY,
    };
    if caret.matches(&higher) {
        return Ok(());
    }
    Err(format!("it uses version {theirs} of the protocol, but this pyrelease has {ours}"))
}

/// Checks that a requirement such as `^1.0` includes our version.
pub(super) fn includes(requirement: &str, ours: &str) -> Result<(), String> {
    understands(ours, requirement.trim_start_matches(['^', '=', '~', ' ']))
}

#[cfg(test)]
mod tests {
    use super::understands;

    #[test]
    fn versions_that_understand_each_other() {
        for (ours, theirs, expected) in [
            ("1.0", "1.0", true),
            ("1.0", "1.1", true),
            ("1.1", "1.0", true),
            ("1.0", "1.1.0-rc.1", true),
            ("1.0", "1.0.0-rc.1", true),
            ("1.0.0-rc.1", "1.0", true),
            ("1.0", "1", true),
            ("1.0", "1.0.7+build", true),
            ("1.0", "2.0", false),
            ("2.0", "1.9", false),
            ("1.0", "0.9", false),
            ("0.1", "0.2", false),
            ("1.0", "", false),
            ("1.0", "one", false),
        ] {
            assert_eq!(understands(ours, theirs).is_ok(), expected, "{ours} and {theirs}");
        }
    }
}
