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

/// The supported formats as pattern and strftime format; a day without a leading zero comes before one with it.
///
/// `01/02/2024` is not supported, because its day and month cannot be told apart.
static WAYS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let ways = [
        (r"[0-9]{4}-[0-9]{2}-[0-9]{2}".to_owned(), "%Y-%m-%d"),
        (r"[0-9]{4}/[0-9]{2}/[0-9]{2}".to_owned(), "%Y/%m/%d"),
        (r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}".to_owned(), "%Y.%m.%d"),
        (r"[0-9]{2}\.[0-9]{2}\.[0-9]{4}".to_owned(), "%d.%m.%Y"),
        (format!(r"(?:{MONTHS}) 0[1-9],? [0-9]{{4}}"), "%B %d, %Y"),
        (format!(r"(?:{MONTHS}) [0-9]{{1,2}},? [0-9]{{4}}"), "%B %-d, %Y"),
        (format!(r"(?:{SHORT}) 0[1-9],? [0-9]{{4}}"), "%b %d, %Y"),
        (format!(r"(?:{SHORT}) [0-9]{{1,2}},? [0-9]{{4}}"), "%b %-d, %Y"),
        (format!(r"0[1-9] (?:{MONTHS}) [0-9]{{4}}"), "%d %B %Y"),
        (format!(r"[0-9]{{1,2}} (?:{MONTHS}) [0-9]{{4}}"), "%-d %B %Y"),
        (format!(r"0[1-9] (?:{SHORT}) [0-9]{{4}}"), "%d %b %Y"),
        (format!(r"[0-9]{{1,2}} (?:{SHORT}) [0-9]{{4}}"), "%-d %b %Y"),
    ];
    ways.into_iter()
        .map(|(way, format)| {
            (Regex::new(&format!(r"\b{way}\b")).expect("a constant that the tests compile"), format)
        })
        .collect()
});

/// The first date in the text, in any supported format.
pub(in crate::python) fn find(text: &str) -> Option<DateMatch> {
    WAYS.iter()
        .filter_map(|(way, format)| way.find(text).map(|found| DateMatch { span: found.range(), format }))
        .min_by_key(|found| found.span.start)
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

pub(super) fn write(date: Date, format: &str) -> String {
    date.strftime(format).to_string()
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
        ] {
            assert_eq!(write(date, find(found).unwrap().format), written, "{found}");
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
