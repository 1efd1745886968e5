//! Whether two versions of the protocol understand each other.

use semver::{Comparator, Op, Prerelease, Version};

/// Whether a side that speaks `ours` and one that speaks `theirs` understand each other: the lower version as a caret
/// requirement has to match the higher, what comes before a release counting as the release.
///
/// # Errors
/// What is wrong, for a message: it is no version, or another one.
pub fn understands(ours: &str, theirs: &str) -> Result<(), String> {
    let version = |text: &str| {
        let (core, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
        // `1.0` is how the protocol writes it.
        let zeros = ".0".repeat(2_usize.saturating_sub(core.matches('.').count()));
        let mut version =
            Version::parse(&format!("{core}{zeros}{rest}")).map_err(|_| format!("`{text}` is no version"))?;
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
    Err(format!("it speaks version {theirs} of the protocol, and this pyrelease {ours}"))
}

/// Whether a requirement such as `^1.0` includes our version.
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
