//! Python versions (PEP 440) and bumps.

mod bump;
mod calver;
mod exact;
mod padding;

use std::fmt;
use std::str::FromStr;

pub use bump::Bump;
pub use calver::Calver;
pub use exact::ExactVersion;
use padding::Padding;
pub use pep440_rs::PrereleaseKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A regular expression for the spellings of a version that PEP 440 (appendix B) allows, for use inside other text:
/// without a leading `v`, and without the implicit post-release `1.2-3`, which is usually something else there
pub const SPELLING: &str = concat!(
    r"(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*",
    // A word without a number must end there: `.rst` is not a revision.
    r"(?:[-_.]?(?i-u:alpha|beta|preview|pre|rc|a|b|c)(?:[-_.]?[0-9]+|(?-u:\b)))?",
    r"(?:[-_.]?(?i-u:post|rev|r)(?:[-_.]?[0-9]+|(?-u:\b)))?",
    r"(?:[-_.]?(?i-u:dev)(?:[-_.]?[0-9]+|(?-u:\b)))?",
    r"(?:\+[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*)?",
);

/// A version that can be bumped, with numbers of 64 bits; [`ExactVersion`] is for versions that are only compared
///
/// Compares by PEP 440 (`1.0` equals `1.0.0`) and displays its canonical form (`1.0-RC.1` as `1.0rc1`). It remembers which
/// numbers have a leading zero, as in `2026.04.10`, for [`Version::spelled`] only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pep440_rs::Version, Padding);

impl Version {
    fn of(version: pep440_rs::Version) -> Self {
        Self(version, Padding::default())
    }

    /// The version as the project writes it: `2026.04.10` where the canonical form is `2026.4.10`.
    pub fn spelled(&self) -> String {
        self.1.spelled(self)
    }

    /// The numbers between the dots, as the project writes them.
    pub fn spelled_segments(&self) -> Vec<String> {
        self.1.segments(self)
    }

    /// The version with leading zeros where the earlier ones have them, the newest first; with its own where none tells.
    #[must_use]
    pub fn padded_like<'v>(self, earlier: impl IntoIterator<Item = &'v Self>) -> Self {
        let padding = self.1.after(earlier.into_iter().map(|version| (version, &version.1)));
        Self(self.0, padding)
    }

    /// Whether installers skip it by default: an alpha, beta, release candidate or development release.
    pub fn is_prerelease(&self) -> bool {
        self.0.any_prerelease()
    }

    /// Whether it has a local part (`+linux`), which no public index accepts.
    pub fn is_local(&self) -> bool {
        self.0.is_local()
    }

    /// The numbers between the dots: `[1, 2, 0]` for `1.2.0rc1`; never empty.
    pub fn release_segments(&self) -> &[u64] {
        self.0.release()
    }

    /// The number before `!`, usually 0.
    pub fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    /// The kind and number of an alpha, beta or release candidate.
    pub fn pre(&self) -> Option<(PrereleaseKind, u64)> {
        self.0.pre().map(|pre| (pre.kind, pre.number))
    }

    /// The number of a post-release.
    pub fn post(&self) -> Option<u64> {
        self.0.post()
    }

    /// The number of a development release.
    pub fn dev(&self) -> Option<u64> {
        self.0.dev()
    }

    /// The development release `number` of this version, for an index on which the version itself must stay unused:
    /// `1.2.0` gives `1.2.0.dev3`.
    #[must_use]
    pub fn as_dev(&self, number: u64) -> Self {
        Self(self.0.clone().without_local().with_dev(Some(number)), self.1)
    }

    /// The version that a development release leads to: `1.2.0.dev3` gives `1.2.0`.
    #[must_use]
    pub fn without_dev(&self) -> Self {
        Self(self.0.clone().with_dev(None), self.1)
    }

    /// The version in Semantic Versioning: `1.2.0rc1` is `1.2.0-rc.1`, `1.2` is `1.2.0`, `1.2.0a1.dev3` is
    /// `1.2.0-alpha.1.dev.3`, `1.2.0.post1` is `1.2.0-post.1`.
    ///
    /// None if it cannot be expressed: an epoch, more than three numbers, a local part. PEP 440 parses the result
    /// back as the same version. Semantic Versioning has no post-releases and sorts `1.2.0-post.1` before `1.2.0`:
    /// the caller decides whether that is acceptable.
    pub fn to_semver(&self) -> Option<String> {
        let release = self.release_segments();
        if self.epoch() != 0 || release.len() > 3 || self.is_local() {
            return None;
        }
        let number = |index: usize| release.get(index).copied().unwrap_or(0);
        let mut parts = Vec::new();
        if let Some((kind, number)) = self.pre() {
            let word = match kind {
                PrereleaseKind::Alpha => "alpha",
                PrereleaseKind::Beta => "beta",
                PrereleaseKind::Rc => "rc",
            };
            parts.push(format!("{word}.{number}"));
        }
        parts.extend(self.post().map(|number| format!("post.{number}")));
        parts.extend(self.dev().map(|number| format!("dev.{number}")));
        let hyphen = if parts.is_empty() { "" } else { "-" };
        Some(format!("{}.{}.{}{hyphen}{}", number(0), number(1), number(2), parts.join(".")))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        match text.parse() {
            Ok(version) => Ok(Self(version, Padding::of(text))),
            Err(error) => Err(VersionError::Invalid { text: abridged(text), reason: reason(text, &error) }),
        }
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.spelled())
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Why a text is not a version, or a bump is not possible
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VersionError {
    #[error("`{text}` is not a valid version: {reason}")]
    Invalid { text: String, reason: String },
    #[error("`{text}` is not a valid bump or version")]
    UnknownBump { text: String, nearest: Option<&'static str> },
    #[error("`{version}` is a local version, which no index accepts")]
    Local { version: Version },
    #[error("`{new}` is not higher than the current version `{current}`")]
    NotIncreasing { current: Version, new: Version },
    #[error("`{version}` is already a final release")]
    AlreadyFinal { version: Version },
    #[error("`post` corrects a final release, but `{version}` is a pre-release")]
    PostOfPrerelease { version: Version },
    #[error("`{version}` does not begin with a year, so the calendar does not say what follows it")]
    NotCalver { version: Version },
    #[error("a number in `{version}` is too large to increase")]
    TooLarge { version: Version },
}

impl VersionError {
    /// What the user can do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Invalid { .. } => {
                "use a version such as `1.2.0`, `1.2.0rc1`, `1.2.0.post1` or `1.2.0.dev1` (PEP 440)"
                    .to_owned()
            }
            Self::UnknownBump { nearest, .. } => {
                let accepted =
                    format!("valid bumps are {}; or pass a version such as `1.2.0`", Bump::accepted());
                match nearest {
                    Some(word) => format!("did you mean `{word}`? {accepted}"),
                    None => accepted,
                }
            }
            Self::Local { .. } => "pass a version without `+` and what follows it".to_owned(),
            Self::NotIncreasing { current, .. } => {
                format!(
                    "an index accepts a version once, and installers prefer the highest: choose one above `{current}`"
                )
            }
            Self::AlreadyFinal { .. } => {
                "choose `patch`, `minor`, `major` or `post`, or pass a version".to_owned()
            }
            Self::PostOfPrerelease { .. } => {
                "choose the next pre-release (`a`, `b` or `rc`), finish it with `release`, or pass a version"
                    .to_owned()
            }
            Self::NotCalver { .. } => "pass the version in full, such as `2026.11.0`".to_owned(),
            Self::TooLarge { .. } => "pass the version in full".to_owned(),
        }
    }
}

/// The parser's reason without its quote of the whole text.
fn reason(text: &str, error: &pep440_rs::VersionParseError) -> String {
    if text.trim().is_empty() {
        return "it is empty".to_owned();
    }
    abridged(&error.to_string())
}

/// At most 80 characters, so that a file passed as a version does not fill the screen.
fn abridged(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn shows_the_canonical_form() {
        for (given, shown) in [
            ("v1.0-RC.1", "1.0rc1"),
            ("2024.04.01", "2024.4.1"),
            ("1!1.0-3", "1!1.0.post3"),
            (" 1.0 ", "1.0"),
        ] {
            assert_eq!(version(given).to_string(), shown);
        }
    }

    #[test]
    fn compares_as_pep_440_says() {
        assert_eq!(version("1.0"), version("1.0.0"));
        let ordered = [
            "1.0.dev1",
            "1.0a1.dev1",
            "1.0a1",
            "1.0b1",
            "1.0rc1",
            "1.0",
            "1.0+x",
            "1.0.post1",
            "1.0.1",
            "1!0.1",
        ];
        assert!(ordered.windows(2).all(|pair| version(pair[0]) < version(pair[1])));
    }

    #[test]
    fn reports_why_a_version_is_invalid() {
        let error = "1.2.x".parse::<Version>().unwrap_err();
        assert!(error.to_string().starts_with("`1.2.x` is not a valid version: "), "{error}");
        assert_eq!("".parse::<Version>().unwrap_err().to_string(), "`` is not a valid version: it is empty");
        assert!("x".repeat(100_000).parse::<Version>().unwrap_err().to_string().len() < 400);
        assert!("1.99999999999999999999999".parse::<Version>().is_err());
    }

    #[test]
    fn knows_its_parts() {
        let candidate = version("1!1.2.0rc3.dev4+linux");
        assert_eq!(candidate.release_segments(), [1, 2, 0]);
        assert_eq!((candidate.epoch(), candidate.pre()), (1, Some((PrereleaseKind::Rc, 3))));
        assert!(candidate.is_prerelease() && candidate.is_local());
        assert!(version("1.0.dev1").is_prerelease());
        assert!(!version("1.0.post1").is_prerelease());
        assert_eq!(version("1.2.0+x").as_dev(3).to_string(), "1.2.0.dev3");
    }

    #[test]
    fn is_a_string_in_json() {
        assert_eq!(serde_json::to_string(&version("1.0-rc1")).unwrap(), r#""1.0rc1""#);
        assert_eq!(serde_json::from_str::<Version>(r#""1.0rc1""#).unwrap(), version("1.0rc1"));
        assert!(
            serde_json::from_str::<Version>(r#""one""#)
                .unwrap_err()
                .to_string()
                .contains("not a valid version")
        );
    }

    #[test]
    fn converts_to_semantic_versioning() {
        for (python, semantic) in [
            ("1.2.0rc1", "1.2.0-rc.1"),
            ("1.2", "1.2.0"),
            ("3", "3.0.0"),
            ("1.2.0a1.dev3", "1.2.0-alpha.1.dev.3"),
            ("1.2.0b2", "1.2.0-beta.2"),
            ("1.2.0.post1", "1.2.0-post.1"),
        ] {
            assert_eq!(version(python).to_semver().as_deref(), Some(semantic));
            assert_eq!(version(semantic), version(python));
        }
        assert!(["1!1.0", "1.2.3.4", "1.0+x"].iter().all(|text| version(text).to_semver().is_none()));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = text.parse::<Version>();
        }

        #[test]
        fn reads_what_it_writes(text in r"([0-9]!)?[0-9]{1,4}(\.[0-9]{1,4}){0,3}((a|b|rc)[0-9])?(\.post[0-9])?(\.dev[0-9])?") {
            let first = version(&text);
            let again = version(&first.to_string());
            prop_assert_eq!(again.to_string(), first.to_string());
            prop_assert_eq!(again, first);
        }
    }
}
