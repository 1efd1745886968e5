//! A second version in the headings, of something that is released together with the project: `1.2.3/0.4b0`.

use std::sync::LazyLock;

use regex::Regex;

use crate::python::version::{SPELLING, Version};

/// The second version of a heading
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Companion {
    /// What stands between the versions: `/`, ` / v`
    pub(super) separator: String,
    pub(super) version: Version,
}

static SECOND: LazyLock<Regex> = LazyLock::new(|| {
    let shape = format!(r"^(?P<separator>\s*[/+&]\s*[vV]?)(?P<version>{SPELLING})");
    Regex::new(&shape).expect("a constant that the tests compile")
});

/// How one version follows another
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The number at this place is one more, and those after it are 0
    Number(usize),
    /// The number of the pre-release is one more
    Pre,
}

impl Companion {
    /// The version after the first one of a heading, and what follows it.
    pub(super) fn of(rest: &str) -> Option<(Self, &str)> {
        let is_joined = rest.trim_start().starts_with(['/', '+', '&']);
        let found = is_joined.then(|| SECOND.captures(rest)).flatten()?;
        let version: Version = found["version"].parse().ok()?;
        // A date has slashes as well.
        let is_version = version.release_segments().len() > 1 && found["version"].contains('.');
        let companion = Self { separator: found["separator"].to_owned(), version };
        is_version.then(|| (companion, &rest[found[0].len()..]))
    }
}

impl Step {
    pub(super) fn between(older: &Version, newer: &Version) -> Option<Self> {
        let (old, new) = (older.release_segments(), newer.release_segments());
        let at = |numbers: &[u64], place: usize| numbers.get(place).copied().unwrap_or(0);
        let length = old.len().max(new.len());
        match (0..length).find(|place| at(old, *place) != at(new, *place)) {
            Some(place) => {
                let is_next = at(new, place) == at(old, place) + 1;
                let is_zero = (place + 1..length).all(|after| at(new, after) == 0);
                (is_next && is_zero).then_some(Self::Number(place))
            }
            None => {
                let ((kind, number), (next_kind, next)) = (older.pre()?, newer.pre()?);
                (kind == next_kind && next == number + 1).then_some(Self::Pre)
            }
        }
    }

    /// The place of the number that is one more.
    pub(super) fn place(&self) -> Option<usize> {
        match self {
            Self::Number(place) => Some(*place),
            Self::Pre => None,
        }
    }

    /// The version that follows; its pre-release is like that of `example`.
    pub(super) fn after(&self, version: &Version, example: &Version) -> Option<Version> {
        let mut numbers = version.release_segments().to_vec();
        let pre = match self {
            Self::Number(place) => {
                numbers.resize(numbers.len().max(place + 1), 0);
                numbers[*place] += 1;
                numbers[place + 1..].fill(0);
                example.pre()
            }
            Self::Pre => version.pre().map(|(kind, number)| (kind, number + 1)),
        };
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let pre = pre.map(|(kind, number)| format!("{kind}{number}")).unwrap_or_default();
        format!("{}{pre}", numbers.join(".")).parse().ok()
    }
}
