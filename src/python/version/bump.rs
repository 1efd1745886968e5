//! Bumps: from the current version to the next, by the user's word.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Prerelease, PrereleaseKind};
use serde::{Deserialize, Serialize};

use super::{Version, VersionError};

/// How to bump the version.
///
/// `major`, `minor` and `patch` add one to their number, set the numbers after it to 0 and drop everything else. This
/// also applies to a pre-release, so that `patch` takes `1.2.3rc1` to `1.2.4`, as with uv and hatch; only `release`
/// finishes a pre-release. The count of numbers stays, and grows only as far as the bump needs: `1.2` becomes `1.3`
/// and `1.2.1`, `2024.10` becomes `2024.11`. The epoch always stays.
///
/// | bump | 1.2.3 | 1.3.0.dev2 | 1.3.0a1 | 1.3.0rc1 | 1.2.3.post1 |
/// | --- | --- | --- | --- | --- | --- |
/// | `major` | 2.0.0 | 2.0.0 | 2.0.0 | 2.0.0 | 2.0.0 |
/// | `minor` | 1.3.0 | 1.4.0 | 1.4.0 | 1.4.0 | 1.3.0 |
/// | `patch` | 1.2.4 | 1.3.1 | 1.3.1 | 1.3.1 | 1.2.4 |
/// | `a` | 1.2.4a1 | 1.3.0a1 | 1.3.0a2 | refused | 1.2.4a1 |
/// | `rc` | 1.2.4rc1 | 1.3.0rc1 | 1.3.0rc1 | 1.3.0rc2 | 1.2.4rc1 |
/// | `post` | 1.2.3.post1 | refused | refused | refused | 1.2.3.post2 |
/// | `dev` | 1.2.4.dev1 | 1.3.0.dev3 | 1.3.0a2.dev1 | 1.3.0rc2.dev1 | 1.2.3.post2.dev1 |
/// | `release` | refused | 1.3.0 | 1.3.0 | 1.3.0 | refused |
///
/// A development release comes before its target, so a bump to that target finishes it: `a` takes `1.3.0a2.dev1` to
/// `1.3.0a2`, `post` takes `1.2.3.post2.dev1` to `1.2.3.post2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Bump {
    /// 1.2.3 to 2.0.0
    Major,
    /// 1.2.3 to 1.3.0
    Minor,
    /// 1.2.3 to 1.2.4
    Patch,
    /// To an alpha: of the next patch, or the next of this one
    A,
    /// To a beta
    B,
    /// To a release candidate
    Rc,
    /// To a post-release
    Post,
    /// To a development release
    Dev,
    /// From a pre-release to its final release
    Release,
    /// To the next version by the calendar
    Calver,
    /// To this version
    Explicit(Version),
}

/// Every word and its bump
const WORDS: [(&str, Bump); 10] = [
    ("major", Bump::Major),
    ("minor", Bump::Minor),
    ("patch", Bump::Patch),
    ("a", Bump::A),
    ("b", Bump::B),
    ("rc", Bump::Rc),
    ("post", Bump::Post),
    ("dev", Bump::Dev),
    ("release", Bump::Release),
    ("calver", Bump::Calver),
];

/// Words of other tools; not accepted, but the error suggests the bump
const FOREIGN: [(&str, &str); 14] = [
    ("alpha", "a"),
    ("beta", "b"),
    ("c", "rc"),
    ("candidate", "rc"),
    ("pre", "rc"),
    ("preview", "rc"),
    ("micro", "patch"),
    ("fix", "patch"),
    ("bugfix", "patch"),
    ("breaking", "major"),
    ("feature", "minor"),
    ("stable", "release"),
    ("final", "release"),
    ("rev", "post"),
];

impl Bump {
    /// How much a release of this kind changes for users: 3 if it may break something, 2 if it adds, 1 otherwise.
    pub fn weight(&self) -> u8 {
        match self {
            Self::Major => 3,
            Self::Minor => 2,
            _ => 1,
        }
    }

    /// The words.
    pub fn words() -> impl Iterator<Item = &'static str> {
        WORDS.iter().map(|(word, _)| *word)
    }

    /// The words, for a message: `major`, `minor`, ….
    pub fn accepted() -> String {
        WORDS.map(|(word, _)| format!("`{word}`")).join(", ")
    }

    /// Applies the bump to `current`.
    ///
    /// # Errors
    /// The result is not higher, the version is local, or the bump has no meaning for `current`.
    pub fn apply(&self, current: &Version) -> Result<Version, VersionError> {
        let new = match self {
            Self::Explicit(version) => version.clone(),
            // There is no rule for the local part.
            _ if current.is_local() => return Err(VersionError::Local { version: current.clone() }),
            Self::Major => number(current, 0)?,
            Self::Minor => number(current, 1)?,
            Self::Patch => number(current, 2)?,
            Self::A => pre(current, PrereleaseKind::Alpha)?,
            Self::B => pre(current, PrereleaseKind::Beta)?,
            Self::Rc => pre(current, PrereleaseKind::Rc)?,
            Self::Post => post(current)?,
            Self::Dev => dev(current)?,
            Self::Release => release(current)?,
            // The calendar is not known here.
            Self::Calver => return Err(VersionError::NotCalver { version: current.clone() }),
        };
        if new.is_local() {
            return Err(VersionError::Local { version: new });
        }
        if new <= *current {
            return Err(VersionError::NotIncreasing { current: current.clone(), new });
        }
        Ok(new)
    }
}

/// Adds one to the release number at `index` and drops everything after it.
fn number(current: &Version, index: usize) -> Result<Version, VersionError> {
    let mut numbers = current.release_segments().to_vec();
    if numbers.len() <= index {
        numbers.resize(index + 1, 0);
    }
    for (position, number) in numbers.iter_mut().enumerate().skip(index) {
        *number = if position == index { next(current, *number)? } else { 0 };
    }
    Ok(Version::of(pep440_rs::Version::new(numbers).with_epoch(current.epoch())))
}

fn pre(current: &Version, kind: PrereleaseKind) -> Result<Version, VersionError> {
    let pre = |base: &Version, number| {
        Version::of(
            base.0.only_release().with_epoch(base.epoch()).with_pre(Some(Prerelease { kind, number })),
        )
    };
    match current.pre() {
        Some((present, at)) if present == kind => {
            // The development release of an alpha precedes that alpha.
            let unfinished = current.dev().is_some() && current.post().is_none();
            Ok(pre(current, if unfinished { at } else { next(current, at)? }))
        }
        Some(_) => Ok(pre(current, 1)),
        None if current.dev().is_some() && current.post().is_none() => Ok(pre(current, 1)),
        None => Ok(pre(&number(current, 2)?, 1)),
    }
}

fn post(current: &Version) -> Result<Version, VersionError> {
    let number = match (current.post(), current.dev()) {
        _ if current.pre().is_some() => None,
        (Some(at), Some(_)) => Some(at),
        (Some(at), None) => Some(next(current, at)?),
        (None, Some(_)) => None,
        (None, None) => Some(1),
    };
    match number {
        Some(_) => Ok(Version::of(current.0.clone().with_dev(None).with_post(number))),
        None => Err(VersionError::PostOfPrerelease { version: current.clone() }),
    }
}

fn dev(current: &Version) -> Result<Version, VersionError> {
    if let Some(at) = current.dev() {
        return Ok(Version::of(current.0.clone().with_dev(Some(next(current, at)?))));
    }
    let target = match (current.post(), current.pre()) {
        (Some(at), _) => Version::of(current.0.clone().with_post(Some(next(current, at)?))),
        (None, Some((kind, _))) => pre(current, kind)?,
        (None, None) => number(current, 2)?,
    };
    Ok(target.as_dev(1))
}

fn release(current: &Version) -> Result<Version, VersionError> {
    match (current.pre(), current.dev()) {
        // A post-release of a pre-release corrects the pre-release, so it is dropped with it.
        (Some(_), _) => Ok(Version::of(current.0.only_release().with_epoch(current.epoch()))),
        (None, Some(_)) => Ok(Version::of(current.0.clone().with_dev(None))),
        (None, None) => Err(VersionError::AlreadyFinal { version: current.clone() }),
    }
}

fn next(version: &Version, number: u64) -> Result<u64, VersionError> {
    number.checked_add(1).ok_or_else(|| VersionError::TooLarge { version: version.clone() })
}

impl FromStr for Bump {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if let Some((_, bump)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(bump.clone());
        }
        let digits = text.trim().trim_start_matches(['v', 'V']);
        if digits.starts_with(|first: char| first.is_ascii_digit()) {
            return text.parse().map(Self::Explicit);
        }
        Err(VersionError::UnknownBump { text: super::abridged(text), nearest: nearest(text) })
    }
}

/// The word that was probably meant.
fn nearest(text: &str) -> Option<&'static str> {
    let text = text.trim().to_lowercase();
    // No word is that long, and the comparison takes the product of both lengths.
    if text.len() > 20 {
        return None;
    }
    if let Some((_, ours)) = FOREIGN.iter().find(|(theirs, _)| *theirs == text) {
        return Some(ours);
    }
    WORDS
        .iter()
        .map(|(word, _)| (strsim::damerau_levenshtein(word, &text), *word))
        .filter(|(distance, word)| *distance <= word.len() / 3 || *distance == 0)
        .min()
        .map(|(_, word)| word)
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit(version) => version.fmt(f),
            _ => f.write_str(WORDS.iter().find(|(_, bump)| bump == self).map_or("", |(word, _)| word)),
        }
    }
}

impl TryFrom<String> for Bump {
    type Error = String;

    /// The error has its help in a second line: serde keeps only a message.
    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|error: VersionError| format!("{error}\n{}", error.help()))
    }
}

impl From<Bump> for String {
    fn from(bump: Bump) -> Self {
        bump.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn bumped(current: &str, bump: &str) -> String {
        match bump.parse::<Bump>().unwrap().apply(&current.parse().unwrap()) {
            Ok(version) => version.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn increases_as_the_table_says() {
        let table = include_str!("bump.rs").lines().filter_map(|line| line.strip_prefix("/// | "));
        let rows: Vec<Vec<String>> = table
            .map(|row| row.trim_end_matches(" |").split(" | ").map(|cell| cell.replace('`', "")).collect())
            .collect();
        let versions = &rows[0][1..];
        assert_eq!(rows.len(), 10);
        for row in &rows[2..] {
            for (current, expected) in versions.iter().zip(&row[1..]) {
                let new = row[0].parse::<Bump>().unwrap().apply(&current.parse().unwrap());
                let new = new.map_or("refused".to_owned(), |version| version.to_string());
                assert_eq!(&new, expected, "{} of {current}", row[0]);
            }
        }
    }

    #[test]
    fn keeps_the_count_of_numbers_and_the_epoch() {
        for (current, bump, new) in [
            ("1.2", "minor", "1.3"),
            ("1.2", "patch", "1.2.1"),
            ("1.2", "major", "2.0"),
            ("1", "major", "2"),
            ("1", "minor", "1.1"),
            ("1", "patch", "1.0.1"),
            ("2024.10", "minor", "2024.11"),
            ("2024.10", "a", "2024.10.1a1"),
            ("1.2.3.4", "patch", "1.2.4.0"),
            ("1.2.3.4", "minor", "1.3.0.0"),
            ("2!1.2.3", "minor", "2!1.3.0"),
            ("2!1.2.3", "rc", "2!1.2.4rc1"),
            ("2!1.2.4rc1", "release", "2!1.2.4"),
            ("0.0.1", "major", "1.0.0"),
        ] {
            assert_eq!(bumped(current, bump), new, "{bump} of {current}");
        }
    }

    #[test]
    fn finishes_what_a_development_release_develops() {
        for (current, bump, new) in [
            ("1.3.0a2.dev1", "a", "1.3.0a2"),
            ("1.3.0a2.dev1", "b", "1.3.0b1"),
            ("1.2.3.post2.dev1", "post", "1.2.3.post2"),
            ("1.2.3.post2.dev1", "release", "1.2.3.post2"),
            ("1.2.3.post2.dev1", "dev", "1.2.3.post2.dev2"),
            ("1.3.0a1.post1", "a", "1.3.0a2"),
            ("1.3.0a1.post1", "release", "1.3.0"),
            ("1.3.0a1.post1.dev1", "a", "1.3.0a2"),
        ] {
            assert_eq!(bumped(current, bump), new, "{bump} of {current}");
        }
    }

    #[test]
    fn refuses_what_does_not_increase() {
        assert_eq!(bumped("1.3.0b1", "a"), "`1.3.0a1` is not higher than the current version `1.3.0b1`");
        assert_eq!(bumped("1.3.0", "1.3"), "`1.3` is not higher than the current version `1.3.0`");
        assert_eq!(bumped("1.3.0", "1.3.0rc1"), "`1.3.0rc1` is not higher than the current version `1.3.0`");
        assert_eq!(bumped("1.3.0", "release"), "`1.3.0` is already a final release");
        assert_eq!(
            bumped("1.3.0.dev1", "post"),
            "`post` corrects a final release, but `1.3.0.dev1` is a pre-release"
        );
    }

    #[test]
    fn refuses_bumps_of_local_versions() {
        assert_eq!(bumped("1.0", "1.1+x"), "`1.1+x` is a local version, which no index accepts");
        assert_eq!(bumped("1.0+x", "minor"), "`1.0+x` is a local version, which no index accepts");
        assert_eq!(bumped("1.0+x", "1.1"), "1.1");
    }

    #[test]
    fn refuses_to_overflow() {
        let largest = format!("1.{}", u64::MAX);
        assert_eq!(bumped(&largest, "minor"), format!("a number in `{largest}` is too large to increase"));
        assert_data_eq!(
            bumped(&format!("1.0rc{}", u64::MAX), "rc"),
            str!["a number in `1.0rc18446744073709551615` is too large to increase"]
        );
    }

    #[test]
    fn names_the_word_that_was_meant() {
        let help = |text: &str| text.parse::<Bump>().unwrap_err().help();
        assert!(
            help("mayor").starts_with("did you mean `major`? valid bumps are `major`, `minor`"),
            "{}",
            help("mayor")
        );
        assert!(help("stable").starts_with("did you mean `release`?"));
        assert!(help("Patch").starts_with("did you mean `patch`?"));
        assert!(help("everything").starts_with("valid bumps are"));
        assert_eq!(
            "mayor".parse::<Bump>().unwrap_err().to_string(),
            "`mayor` is not a valid bump or version"
        );
        assert_data_eq!(
            "1.x".parse::<Bump>().unwrap_err().to_string(),
            str![
                "`1.x` is not a valid version: after parsing `1`, found `.x`, which is not part of a valid version"
            ]
        );
        assert!(help("").starts_with("valid bumps are"));
    }

    #[test]
    fn reads_what_it_shows() {
        for text in ["major", "minor", "patch", "a", "b", "rc", "post", "dev", "release", "1.2rc1"] {
            assert_eq!(text.parse::<Bump>().unwrap().to_string(), text);
        }
        assert_eq!(serde_json::to_string(&Bump::Rc).unwrap(), r#""rc""#);
    }

    proptest! {
        #[test]
        fn a_bump_always_increases(
            current in r"([0-9]!)?[0-9]{1,3}(\.[0-9]{1,3}){0,4}((a|b|rc)[0-9])?(\.post[0-9])?(\.dev[0-9])?(\+x)?",
            index in 0..WORDS.len(),
        ) {
            let current: Version = current.parse().unwrap();
            let (word, bump) = &WORDS[index];
            match bump.apply(&current) {
                Ok(new) => {
                    prop_assert!(new > current);
                    prop_assert!(!new.is_local());
                    prop_assert_eq!(new.epoch(), current.epoch());
                }
                Err(VersionError::NotIncreasing { .. }) => prop_assert!(["a", "b"].contains(word)),
                Err(_) => {}
            }
        }

        #[test]
        fn never_panics(text in ".{0,30}") {
            let _ = text.parse::<Bump>();
        }
    }
}
