//! Calendar versions (calver.org): the year, then the month or a counter.

use jiff::civil::Date;

use super::Version;

/// How a project's versions follow the calendar
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calver {
    /// `26` instead of `2026`
    has_short_year: bool,
    /// Whether the second number is the month; else it counts the releases of the year
    has_month: bool,
    /// Whether the third number is the day
    has_day: bool,
    /// How many numbers a version has
    numbers: usize,
    /// The last number of a month's first release, or the second of a year's
    first: u64,
}

/// How many releases show the habit
const ENOUGH: usize = 3;

impl Calver {
    /// The form that the last final releases share, with the days on which they were made; the newest first. None if
    /// they do not follow the calendar.
    pub fn of(releases: &[(Version, Date)]) -> Option<Self> {
        let finals: Vec<(&[u64], Date)> = releases
            .iter()
            .filter(|(version, _)| !version.is_prerelease() && version.epoch() == 0)
            .map(|(version, date)| (version.release_segments(), *date))
            .collect();
        let recent = finals.get(..ENOUGH)?;
        let year = |short: bool, date: &Date| {
            let year = u64::try_from(date.year()).unwrap_or_default();
            if short { year % 100 } else { year }
        };
        let has_short_year = *recent.first()?.0.first()? < 100;
        if !recent.iter().all(|(numbers, date)| numbers.first() == Some(&year(has_short_year, date))) {
            return None;
        }
        let month = |date: &Date| u64::try_from(date.month()).unwrap_or_default();
        let has_month = recent.iter().all(|(numbers, date)| numbers.get(1) == Some(&month(date)));
        let day = |date: &Date| u64::try_from(date.day()).unwrap_or_default();
        let has_day = has_month && recent.iter().all(|(numbers, date)| numbers.get(2) == Some(&day(date)));
        let numbers = recent.iter().map(|(numbers, _)| numbers.len()).max()?.clamp(2, 4);
        // What the older releases began with: a month's first release has a lower last number than those after it.
        let begun = finals.windows(2).filter_map(|pair| {
            let ((new, _), (old, _)) = (pair[0], pair[1]);
            let is_first = if has_month { new.get(..2) != old.get(..2) } else { new.first() != old.first() };
            is_first.then(|| new.get(if has_month { 2 } else { 1 }).copied().unwrap_or(0))
        });
        let first = begun.min().unwrap_or(u64::from(!has_month));
        Some(Self { has_short_year, has_month, has_day, numbers, first })
    }

    /// The form that a version has by itself, for a project without enough releases.
    pub fn of_version(version: &Version) -> Option<Self> {
        let numbers = version.release_segments();
        let has_short_year = match numbers.first()? {
            15..100 => true,
            2000..2100 => false,
            _ => return None,
        };
        let has_month = numbers.get(1).is_some_and(|month| (1..=12).contains(month));
        let (numbers, first) = (numbers.len().clamp(2, 4), u64::from(!has_month));
        Some(Self { has_short_year, has_month, has_day: false, numbers, first })
    }

    /// The next version on a day.
    pub fn next(&self, last: &Version, today: Date) -> Option<Version> {
        let year = u64::try_from(today.year()).ok()?;
        let year = if self.has_short_year { year % 100 } else { year };
        let month = u64::try_from(today.month()).ok()?;
        let numbers = last.release_segments();
        let number = |at: usize| numbers.get(at).copied().unwrap_or(0);
        let day = u64::try_from(today.day()).ok()?;
        let mut next = if self.has_day {
            match numbers.get(..3) == Some(&[year, month, day]) {
                true => vec![year, month, day, number(3).checked_add(1)?],
                false => vec![year, month, day],
            }
        } else if self.has_month {
            let is_same = number(0) == year && number(1) == month;
            vec![year, month, if is_same { number(2).checked_add(1)? } else { self.first }]
        } else {
            vec![year, if number(0) == year { number(1).checked_add(1)? } else { self.first }]
        };
        let needed = next.len() - usize::from(next.len() == 3 && next[2] == 0);
        next.resize(if self.has_day { next.len() } else { self.numbers.max(needed) }, 0);
        let text: Vec<String> = next.iter().map(u64::to_string).collect();
        text.join(".").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(releases: &[(&str, &str)], today: &str) -> Option<String> {
        let releases: Vec<(Version, Date)> = releases
            .iter()
            .map(|(version, date)| (version.parse().unwrap(), date.parse().unwrap()))
            .collect();
        let calver = Calver::of(&releases)?;
        Some(calver.next(&releases[0].0, today.parse().unwrap())?.to_string())
    }

    #[test]
    fn follows_the_calendar_as_earlier_releases_did() {
        let month = [
            ("24.10.0", "2024-10-07"),
            ("24.8.0", "2024-08-02"),
            ("24.4.2", "2024-04-26"),
            ("24.4.1", "2024-04-24"),
        ];
        assert_eq!(next(&month, "2024-10-20").as_deref(), Some("24.10.1"));
        assert_eq!(next(&month, "2025-01-05").as_deref(), Some("25.1.0"));
        let counter = [
            ("25.5.0", "2025-10-27"),
            ("25.4.0", "2025-06-02"),
            ("25.3.0", "2025-04-25"),
            ("25.2.0", "2025-04-01"),
            ("25.1.0", "2025-01-16"),
            ("24.4.0", "2024-07-17"),
        ];
        assert_eq!(next(&counter, "2025-11-01").as_deref(), Some("25.6.0"));
        assert_eq!(next(&counter, "2026-11-28").as_deref(), Some("26.1.0"));
        let year = [
            ("2024.2", "2024-09-11"),
            ("2024.1", "2024-02-02"),
            ("2023.3", "2023-03-23"),
            ("2023.2", "2023-03-01"),
        ];
        assert_eq!(next(&year, "2025-03-01").as_deref(), Some("2025.1"));
        let full = [("2024.12.14", "2024-12-14"), ("2024.8.30", "2024-08-30"), ("2024.7.4", "2024-07-04")];
        assert_eq!(next(&full, "2026-11-28").as_deref(), Some("2026.11.28"));
    }

    #[test]
    fn other_versions_do_not_follow_the_calendar() {
        let semantic = [("24.2.0", "2026-01-01"), ("24.1.0", "2025-01-01"), ("24.0.0", "2024-01-01")];
        assert_eq!(next(&semantic, "2026-11-28"), None);
        assert_eq!(
            next(&[("24.1.0", "2024-01-01"), ("1.2.0", "2023-01-01"), ("1.1.0", "2022-01-01")], "2024-02-01"),
            None
        );
        assert_eq!(next(&[("24.1.0", "2024-01-01")], "2024-02-01"), None);
    }
}
