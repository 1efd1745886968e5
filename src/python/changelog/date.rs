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

/// Dates of digits as pattern and strftime format; a day without a leading zero comes after one with it.
///
/// `01/02/2024` is not supported, because its day and month cannot be told apart.
const OF_DIGITS: [(&str, &str); 7] = [
    ("[0-9]{4}-[0-9]{2}-[0-9]{2}", "%Y-%m-%d"),
    ("[0-9]{4}/[0-9]{2}/[0-9]{2}", "%Y/%m/%d"),
    (r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}", "%Y.%m.%d"),
    (r"[0-9]{2}\.[0-9]{2}\.[0-9]{4}", "%d.%m.%Y"),
    ("[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", "%Y-%-m-%-d"),
    ("[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}", "%Y/%-m/%-d"),
    (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", "%-d.%-m.%Y"),
];
/// The orders of day, month and year where the month is a word
const ORDERS: [&str; 7] = ["M D, Y", "M D Y", "D M Y", "D M, Y", "D of M Y", "D of M, Y", "D-M-Y"];
const MONTH_FORMATS: [&str; 3] = ["%B", "%b.", "%b"];
const DAY_FORMATS: [&str; 3] = ["%d", ORDINAL, "%-d"];

/// The formats with a word, by the places of order, month and day in the constants above
static FORMATS: LazyLock<[[[String; 3]; 3]; 7]> = LazyLock::new(|| {
    ORDERS.map(|order| {
        MONTH_FORMATS.map(|month| {
            DAY_FORMATS.map(|day| order.replace('Y', "%Y").replace('M', month).replacen('D', day, 1))
        })
    })
});

/// A date of digits
static DIGITS: LazyLock<Regex> = LazyLock::new(|| {
    let way = format!(r"(?-u:\b)(?:{})(?-u:\b)", groups_of_digits());
    Regex::new(&way).expect("a constant that the tests compile")
});

/// One expression for all, for texts with a month: there are 70 formats, and each expression takes as long to compile
/// as this one.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    let digits = groups_of_digits();
    let month = |before: &str| {
        format!("(?:(?P<{before}0>{MONTHS})|(?P<{before}1>(?:{SHORT})\\.)|(?P<{before}2>{SHORT}))")
    };
    let day = |before: &str| {
        format!(
            "(?:(?P<{before}0>0[1-9])|(?P<{before}1>[0-9]{{1,2}}(?:st|nd|rd|th))|(?P<{before}2>[0-9]{{1,2}}))"
        )
    };
    let month_first = format!("{} {}(?P<comma>,)? [0-9]{{4}}", month("m"), day("d"));
    let day_first =
        format!("{}(?: (?P<of>of )?{}(?P<after>,)? |-{}-)[0-9]{{4}}", day("e"), month("n"), month("dashed"));
    let way = format!(r"(?-u:\b)(?:{digits}|{month_first}|{day_first})(?-u:\b)");
    Regex::new(&way).expect("a constant that the tests compile")
});

static MONTH: LazyLock<Regex> = LazyLock::new(|| {
    let way = format!(r"(?-u:\b)(?:(?P<long>{MONTHS})|(?:{SHORT}))(?P<comma>,)? [0-9]{{4}}(?-u:\b)");
    Regex::new(&way).expect("a constant that the tests compile")
});

fn groups_of_digits() -> String {
    OF_DIGITS.map(|(way, _)| format!("({way})")).join("|")
}

fn has_month(text: &str) -> bool {
    SHORT.split('|').any(|month| text.contains(month))
}

/// The first date in the text, in any supported format.
pub(in crate::python) fn find(text: &str) -> Option<DateMatch> {
    // Every format has a year.
    if !text.as_bytes().windows(4).any(|four| four.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let found = if has_month(text) { DATE.captures(text) } else { DIGITS.captures(text) }?;
    let span = found.get(0)?.range();
    let one_of = |names: [&str; 3]| names.iter().position(|name| found.name(name).is_some());
    if let Some(at) = (0..OF_DIGITS.len()).find(|at| found.get(at + 1).is_some()) {
        return Some(DateMatch { span, format: OF_DIGITS[at].1 });
    }
    let (order, month, day) = match one_of(["m0", "m1", "m2"]) {
        Some(month) => (usize::from(found.name("comma").is_none()), month, one_of(["d0", "d1", "d2"])?),
        None => {
            let day = one_of(["e0", "e1", "e2"])?;
            match (one_of(["n0", "n1", "n2"]), found.name("of"), found.name("after")) {
                (Some(month), None, None) => (2, month, day),
                (Some(month), None, Some(_)) => (3, month, day),
                (Some(month), Some(_), None) => (4, month, day),
                (Some(month), Some(_), Some(_)) => (5, month, day),
                (None, ..) => (6, one_of(["dashed0", "dashed1", "dashed2"])?, day),
            }
        }
    };
    Some(DateMatch { span, format: &FORMATS[order][month][day] })
}

/// A month and a year, which are a date in a heading only: `March, 2024`.
pub(super) fn find_month(text: &str) -> Option<DateMatch> {
    let found = has_month(text).then(|| MONTH.captures(text)).flatten()?;
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
