//! Finds the date in a heading and detects how the file writes dates.

use std::ops::Range;
use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

/// A date found in a text
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::python) struct DateMatch {
    pub(in crate::python) span: Range<usize>,
    /// The strftime format of the date
    pub(in crate::python) format: &'static str,
}

const MONTHS: &str = "January|February|March|April|May|June|July|August|September|October|November|December";
const SHORT: &str = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
/// The day with its ordinal suffix, which strftime does not have: `6th`
const ORDINAL: &str = "%o";

/// The supported formats as pattern and strftime format; a day without a leading zero comes after one with it.
///
/// `01/02/2024` is not supported, because its day and month cannot be told apart.
static WAYS: LazyLock<Vec<(Regex, String)>> = LazyLock::new(|| {
    let mut ways: Vec<(String, String)> = [
        (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "%Y-%m-%d"),
        (r"[0-9]{4}/[0-9]{2}/[0-9]{2}", "%Y/%m/%d"),
        (r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}", "%Y.%m.%d"),
        (r"[0-9]{2}\.[0-9]{2}\.[0-9]{4}", "%d.%m.%Y"),
        (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", "%Y-%-m-%-d"),
        (r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}", "%Y/%-m/%-d"),
        (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", "%-d.%-m.%Y"),
    ]
    .map(|(way, format)| (way.to_owned(), format.to_owned()))
    .to_vec();
    let abbreviated = format!(r"(?:{SHORT})\.");
    let months = [(format!("(?:{MONTHS})"), "%B"), (abbreviated, "%b."), (format!("(?:{SHORT})"), "%b")];
    let days = [("0[1-9]", "%d"), ("[0-9]{1,2}(?:st|nd|rd|th)", ORDINAL), ("[0-9]{1,2}", "%-d")];
    for (month, month_format) in &months {
        for (day, day_format) in days {
            for order in ["M D, Y", "M D Y", "D M Y", "D M, Y", "D of M Y", "D of M, Y", "D-M-Y"] {
                let fill = |month: &str, day: &str, year: &str| {
                    let parts = order.chars().map(|letter| match letter {
                        'M' => month.to_owned(),
                        'D' => day.to_owned(),
                        'Y' => year.to_owned(),
                        other => other.to_string(),
                    });
                    parts.collect::<String>()
                };
                ways.push((fill(month, day, "[0-9]{4}"), fill(month_format, day_format, "%Y")));
            }
        }
    }
    ways.into_iter()
        .map(|(way, format)| {
            (Regex::new(&format!(r"\b{way}\b")).expect("a constant that the tests compile"), format)
        })
        .collect()
});

static MONTH: LazyLock<Regex> = LazyLock::new(|| {
    let way = format!(r"\b(?:(?P<long>{MONTHS})|(?:{SHORT}))(?P<comma>,)? [0-9]{{4}}\b");
    Regex::new(&way).expect("a constant that the tests compile")
});

/// The first date in the text, in any supported format.
pub(in crate::python) fn find(text: &str) -> Option<DateMatch> {
    // Every format has a year.
    if !text.as_bytes().windows(4).any(|four| four.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    WAYS.iter()
        .filter_map(|(way, format)| way.find(text).map(|found| DateMatch { span: found.range(), format }))
        .min_by_key(|found| found.span.start)
}

/// A month and a year, which are a date in a heading only: `March, 2024`.
pub(super) fn find_month(text: &str) -> Option<DateMatch> {
    let found = MONTH.captures(text)?;
    let format = match (found.name("long").is_some(), found.name("comma").is_some()) {
        (true, true) => "%B, %Y",
        (true, false) => "%B %Y",
        (false, true) => "%b, %Y",
        (false, false) => "%b %Y",
    };
    Some(DateMatch { span: found.get(0)?.range(), format })
}

/// Parses `YYYY-MM-DD`, and nothing else.
pub(in crate::python) fn parse(text: &str) -> Option<Date> {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    shape.then(|| text.parse().ok()).flatten()
}

/// A date in the format of one that [`find`] found.
pub(in crate::python) fn write(date: Date, format: &str) -> String {
    let suffix = match (date.day() % 10, date.day()) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    date.strftime(&format.replace(ORDINAL, &format!("%-d{suffix}"))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates_as_it_finds_them() {
        let date = parse("2026-11-04").unwrap();
        for (found, written) in [
            ("(2024-01-31)", "2026-11-04"),
            ("2024/01/31", "2026/11/04"),
            ("released 31.01.2024", "04.11.2026"),
            ("January 31, 2024", "November 4, 2026"),
            ("Jan 05, 2024", "Nov 04, 2026"),
            ("5 January 2024", "4 November 2026"),
            ("05 Jan 2024", "04 Nov 2026"),
            ("January 31 2024", "November 4 2026"),
            ("(6th December, 2024)", "4th November, 2026"),
            ("October 29th, 2024", "November 4th, 2026"),
            ("Dec. 6, 2024", "Nov. 4, 2026"),
            ("06-Dec-2024", "04-Nov-2026"),
            ("2024-1-5", "2026-11-4"),
            ("22nd of March 2024", "4th of November 2026"),
        ] {
            assert_eq!(write(date, find(found).unwrap().format), written, "{found}");
        }
        for (day, written) in
            [("2026-01-01", "1st"), ("2026-01-12", "12th"), ("2026-01-22", "22nd"), ("2026-01-23", "23rd")]
        {
            assert_eq!(write(parse(day).unwrap(), ORDINAL), written);
        }
        assert_eq!(find("01/02/2024"), None);
        assert_eq!(find("1.2.3"), None);
    }

    #[test]
    fn reads_only_dates_that_exist() {
        assert!(parse("2024-02-29").is_some());
        assert!(
            ["2023-02-29", "2024-1-1", "20240101", "", "today", "2024-01-01T"]
                .iter()
                .all(|text| parse(text).is_none())
        );
    }
}
