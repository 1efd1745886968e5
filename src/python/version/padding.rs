//! Leading zeros in the numbers of a version, as calendar versions have them: `2026.04.10`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::Version;

/// How many of the last versions show whether a number has a leading zero
const RECENT: usize = 12;

/// Which numbers have two digits at least; a bit for each number between the dots, from the first one
///
/// PEP 440 does not see leading zeros, so that all paddings are equal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Padding(u8);

impl Padding {
    /// That of a version's text.
    pub(super) fn of(text: &str) -> Self {
        let release = text.rsplit('!').next().unwrap_or(text).trim_start_matches(['v', 'V', ' ']);
        let end = release.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(release.len());
        let is_padded = |number: &str| number.len() == 2 && number.starts_with('0');
        let numbers = release[..end].split('.').take(8).enumerate().skip(1);
        let bits = numbers.filter(|(_, number)| is_padded(number));
        Self(bits.fold(0, |bits, (at, _)| bits | 1 << at))
    }

    /// That of the next version after a series, the newest first: for each number the newest version tells whose number has
    /// one digit without a zero. Where none does, its own padding tells, or the month for the day.
    pub(super) fn after<'v>(self, series: impl Iterator<Item = (&'v Version, &'v Self)>) -> Self {
        let recent: Vec<_> = series.take(RECENT).collect();
        let (mut next, mut month) = (Self::default(), None);
        for at in 1..8 {
            let told = recent.iter().find_map(|(version, padding)| {
                let is_short = version.release_segments().get(at).is_some_and(|number| *number < 10);
                is_short.then_some(padding.has(at))
            });
            let as_month = at == 2 && month == Some(true);
            next.0 |= u8::from(told.unwrap_or(self.has(at) || as_month)) << at;
            month = told;
        }
        next
    }

    fn has(self, at: usize) -> bool {
        at < 8 && self.0 & (1 << at) != 0
    }

    pub(super) fn segments(self, version: &Version) -> Vec<String> {
        let numbers = version.release_segments().iter().enumerate();
        let shown = numbers.map(|(at, number)| match self.has(at) {
            true => format!("{number:02}"),
            false => number.to_string(),
        });
        shown.collect()
    }

    pub(super) fn spelled(self, version: &Version) -> String {
        let canonical = version.to_string();
        if self.0 == 0 {
            return canonical;
        }
        let numbers: Vec<String> = version.release_segments().iter().map(u64::to_string).collect();
        canonical.replacen(&numbers.join("."), &self.segments(version).join("."), 1)
    }
}

impl PartialEq for Padding {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Padding {}

impl PartialOrd for Padding {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Padding {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl Hash for Padding {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn leading_zeros_are_kept_for_show_only() {
        for (text, canonical) in [
            ("2026.04.10", "2026.4.10"),
            ("v2026.04.01rc1", "2026.4.1rc1"),
            ("1.01.post2", "1.1.post2"),
            ("1!2026.01.05", "1!2026.1.5"),
        ] {
            let found = version(text);
            assert_eq!(found.to_string(), canonical);
            assert_eq!(found.spelled(), text.trim_start_matches('v'), "{text}");
            assert_eq!(found, version(canonical));
            let again: Version = serde_json::from_value(serde_json::to_value(&found).unwrap()).unwrap();
            assert_eq!(again.spelled(), found.spelled());
        }
        for plain in ["1.2.0", "2026.10.12", "1.0a01", "0.1", "1.001"] {
            assert_eq!(version(plain).spelled(), version(plain).to_string());
        }
    }

    #[test]
    fn a_version_is_written_as_the_series_before_it() {
        let next = |text: &str, series: &[&str]| {
            let series: Vec<Version> = series.iter().map(|text| version(text)).collect();
            version(text).padded_like(&series).spelled()
        };
        assert_eq!(next("2026.7.1", &["2025.11.12", "2025.05.01"]), "2026.07.01");
        assert_eq!(next("2026.7.1", &["2026.4.1", "2025.05.01"]), "2026.7.1");
        assert_eq!(next("2026.07.01", &["2026.4.1"]), "2026.7.1");
        assert_eq!(next("2026.07.1", &[]), "2026.07.1");
        assert_eq!(next("1.2.3", &["1.2.2"]), "1.2.3");
        // Where none tells, the version itself does, or the month does for the day.
        assert_eq!(next("2026.05.01", &["2026.04.10"]), "2026.05.01");
        assert_eq!(next("2026.5.1", &["2026.04.10"]), "2026.05.01");
        assert_eq!(next("2026.05.1.1", &["2026.04.10"]), "2026.05.01.1");
        assert_eq!(next("2026.05.01", &["2025.11.12"]), "2026.05.01");
        assert_eq!(next("2026.5.1", &["2025.11.12"]), "2026.5.1");
    }
}
