//! Lines in which a release replaces the version, as patterns.

use std::fmt;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use crate::python::changelog::date;
use crate::python::project::{leveled, read_leveled};
use crate::python::version::{SPELLING, Version};

/// The longest line that is read, in bytes; a longer one is data
const LONGEST: usize = 1_000;
/// The most versions and dates in a line
const MOST_FIELDS: usize = 8;
/// What may be a date; [`date::find`] decides
const DATE: &str = "[0-9A-Za-z][0-9A-Za-z,./ -]{4,18}[0-9]";

/// A date as in `20240131`
static COMPACT_DATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])\b")
        .expect("a constant that the tests compile")
});

/// How a line writes the version or the date
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// `1.2.3`
    Full,
    /// The first numbers: `1.2` of 1.2.3
    Short { numbers: usize },
    /// The numbers, otherwise separated, with zeros up to so many of them: `(1, 2, 3)`, `1_2_3`
    Numbers { separator: &'static str, least: usize },
    /// The items of a tuple with the release level: `1, 2, 0, 'candidate', 1`
    Leveled { numbers: usize, quote: char },
    /// Each number with two digits: `010203`, as in `0x010203`
    Padded,
    /// The release's date, by its strftime format
    Date(&'static str),
}

impl Form {
    /// The text for a version and a date (`YYYY-MM-DD`); none if this form cannot express it.
    fn render(&self, version: &Version, date: &str) -> Option<String> {
        let numbers = version.spelled_segments();
        match self {
            Self::Full => Some(version.spelled()),
            Self::Short { numbers: count } => {
                let shown = (0..*count).map(|at| numbers.get(at).map_or("0", String::as_str));
                Some(shown.collect::<Vec<_>>().join("."))
            }
            // The word of a pre-release has no place among the numbers.
            Self::Numbers { separator, least } => (!version.is_prerelease()).then(|| {
                let zeros = least.saturating_sub(numbers.len());
                let all = numbers.iter().map(String::as_str).chain(std::iter::repeat_n("0", zeros));
                all.collect::<Vec<_>>().join(separator)
            }),
            Self::Leveled { numbers: count, quote } => leveled(version, *count, *quote).into_iter().next(),
            Self::Padded => padded(version),
            Self::Date(format) => Some(date::write(date::parse(date)?, format)),
        }
    }

    fn expression(&self) -> String {
        match self {
            Self::Full => SPELLING.to_owned(),
            Self::Short { numbers } => format!(r"[0-9]+(?:\.[0-9]+){{{}}}", numbers.saturating_sub(1)),
            Self::Numbers { separator, .. } => format!("[0-9]+(?:{}[0-9]+)+", regex::escape(separator)),
            Self::Leveled { numbers, quote } => {
                format!("(?:[0-9]+, ){{{numbers}}}{quote}[a-z]*{quote}, [0-9]+")
            }
            Self::Padded => "[0-9]{6}".to_owned(),
            Self::Date(_) => DATE.to_owned(),
        }
    }

    /// The version that such a text means.
    fn read(&self, text: &str) -> Option<Version> {
        match self {
            Self::Full | Self::Short { .. } => text.parse().ok(),
            Self::Numbers { separator, .. } => text.replace(separator, ".").parse().ok(),
            Self::Leveled { .. } => read_leveled(text),
            Self::Padded => {
                let number = |at: usize| text.get(at..at + 2)?.parse::<u64>().ok();
                format!("{}.{}.{}", number(0)?, number(2)?, number(4)?).parse().ok()
            }
            Self::Date(_) => None,
        }
    }
}

/// The three numbers of a version with two digits each; none if it has more, or larger ones.
fn padded(version: &Version) -> Option<String> {
    let numbers = version.release_segments();
    let fits = numbers.len() == 3 && numbers.iter().all(|number| *number < 100) && !version.is_prerelease();
    fits.then(|| numbers.iter().map(|number| format!("{number:02}")).collect())
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Form),
}

impl Piece {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Field(_) => None,
        }
    }
}

/// A line with places for the version and the date
#[derive(Debug, Clone)]
pub(super) struct LinePattern {
    pieces: Vec<Piece>,
    /// Compiled when a line is read that may have this pattern
    expression: OnceLock<Option<Regex>>,
}

impl PartialEq for LinePattern {
    fn eq(&self, other: &Self) -> bool {
        self.pieces == other.pieces
    }
}

impl Eq for LinePattern {}

/// A line that fits a pattern
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// The version that the line states, as far as it states it; none if it states only a date
    pub(super) version: Option<Version>,
    /// How many numbers of the version it states, unless it states all
    pub(super) short: Option<usize>,
    /// Whether the version stands there as text, so that `1.2` and `1.2.0` differ
    pub(super) is_text: bool,
}

impl LinePattern {
    fn new(pieces: Vec<Piece>) -> Self {
        Self { pieces, expression: OnceLock::new() }
    }

    /// The patterns of a line that a release wrote: which of its texts may be the released version, the most telling
    /// first.
    pub(super) fn of(line: &str, version: &Version, spelled: &str) -> Vec<Self> {
        if line.len() > LONGEST {
            return Vec::new();
        }
        let numbers: Vec<String> = version.release_segments().iter().map(u64::to_string).collect();
        let mut ways = vec![(version.to_string(), Form::Full), (spelled.to_owned(), Form::Full)];
        for quote in ['\'', '"'].into_iter().filter(|quote| line.contains(*quote)) {
            for count in [numbers.len(), 3] {
                let texts = leveled(version, count, quote).into_iter();
                ways.extend(texts.map(|text| (text, Form::Leveled { numbers: count, quote })));
            }
        }
        if numbers.len() > 1 && !version.is_prerelease() {
            for separator in [", ", ",", "_", "-"] {
                let padded = (numbers.len() + 1..=3).rev().map(|least| Form::Numbers { separator, least });
                let forms = padded.chain([Form::Numbers { separator, least: 0 }]);
                ways.extend(forms.filter_map(|form| Some((form.render(version, "")?, form))));
            }
        }
        ways.extend(padded(version).map(|text| (text, Form::Padded)));
        let short = (2..numbers.len()).rev();
        ways.extend(short.map(|count| (numbers[..count].join("."), Form::Short { numbers: count })));
        let mut patterns: Vec<Self> =
            ways.iter().filter_map(|(text, form)| Self::cut(line, text, form)).collect();
        patterns.dedup();
        patterns
    }

    /// The pattern of a line that states a date and no version.
    pub(super) fn of_date(line: &str) -> Option<Self> {
        let pattern = Self::new(vec![Piece::Text(line.to_owned())]).with_dates();
        (line.len() <= LONGEST && pattern.fields() > 0).then_some(pattern)
    }

    /// The line cut at every place where `text` stands alone.
    fn cut(line: &str, text: &str, form: &Form) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut written = 0;
        for (start, _) in line.match_indices(text) {
            let end = start + text.len();
            let (before, after) = (&line[..start], &line[end..]);
            let is_part =
                matches!(form, Form::Numbers { separator, .. } if is_joined(before, separator, after));
            if start < written || is_part || !stands_alone(before, after) {
                continue;
            }
            pieces.push(Piece::Text(line[written..start].to_owned()));
            pieces.push(Piece::Field(form.clone()));
            written = end;
        }
        if pieces.is_empty() {
            return None;
        }
        pieces.push(Piece::Text(line[written..].to_owned()));
        let pattern = Self::new(pieces).with_dates();
        (pattern.fields() <= MOST_FIELDS).then_some(pattern)
    }

    /// The same with a place for each date in its texts.
    fn with_dates(self) -> Self {
        let mut pieces = Vec::new();
        for piece in self.pieces {
            let Piece::Text(text) = piece else {
                pieces.push(piece);
                continue;
            };
            let mut rest = text.as_str();
            while let Some((span, format)) = find_date(rest) {
                pieces.push(Piece::Text(rest[..span.start].to_owned()));
                pieces.push(Piece::Field(Form::Date(format)));
                rest = &rest[span.end..];
            }
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Self::new(pieces)
    }

    fn fields(&self) -> usize {
        self.pieces.iter().filter(|piece| matches!(piece, Piece::Field(_))).count()
    }

    fn expression(&self) -> Option<&Regex> {
        let compile = || {
            let pieces = self.pieces.iter().map(|piece| match piece {
                Piece::Text(text) => regex::escape(text),
                Piece::Field(form) => format!("({})", form.expression()),
            });
            Regex::new(&format!("^{}$", pieces.collect::<String>())).ok()
        };
        self.expression.get_or_init(compile).as_ref()
    }

    /// Whether the line has all texts of the pattern: most lines have not, and this is quick.
    fn may_fit(&self, line: &str) -> bool {
        line.len() <= LONGEST
            && self.pieces.first().and_then(Piece::text).is_none_or(|text| line.starts_with(text))
            && self.pieces.last().and_then(Piece::text).is_none_or(|text| line.ends_with(text))
            && line.bytes().any(|byte| byte.is_ascii_digit())
    }

    /// Reads a line of this pattern; none if it has another one, or its versions disagree.
    pub(super) fn fit(&self, line: &str) -> Option<Fit> {
        if !self.may_fit(line) {
            return None;
        }
        let captures = self.expression()?.captures(line)?;
        let forms = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field(form) => Some(form),
            Piece::Text(_) => None,
        });
        let mut fit = Fit { version: None, short: None, is_text: true };
        for (form, text) in forms.zip(captures.iter().skip(1).flatten()) {
            if let Form::Date(_) = form {
                find_date(text.as_str()).filter(|(span, _)| span.len() == text.len())?;
                continue;
            }
            if let Form::Short { numbers } = form {
                fit.short = Some(*numbers);
            }
            fit.is_text &= matches!(form, Form::Full | Form::Short { .. });
            let version = form.read(text.as_str())?;
            if fit.version.as_ref().is_some_and(|first| *first != version) {
                return None;
            }
            fit.version = Some(version);
        }
        Some(fit)
    }

    /// Whether a version stands in a line.
    pub(super) fn states(line: &str, spelled: &str) -> bool {
        let mut found = line.match_indices(spelled);
        found.any(|(start, text)| stands_alone(&line[..start], &line[start + text.len()..]))
    }

    /// The line for a version and a date (`YYYY-MM-DD`); none if the line's form cannot express them.
    pub(super) fn render(&self, version: &Version, date: &str) -> Option<String> {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Field(form) => form.render(version, date),
        });
        pieces.collect()
    }
}

/// The first date in the text and its strftime format: those of changelogs, and the digits alone.
fn find_date(text: &str) -> Option<(Range<usize>, &'static str)> {
    let compact = COMPACT_DATE.find(text).map(|found| (found.range(), "%Y%m%d"));
    let other = date::find(text).map(|found| (found.span, found.format));
    compact.into_iter().chain(other).min_by_key(|(span, _)| span.start)
}

/// Whether more numbers go before or after those between these texts: `2, 9` of `(1, 2, 9, 0)`.
fn is_joined(before: &str, separator: &str, after: &str) -> bool {
    let is_digit = |letter: char| letter.is_ascii_digit();
    before.strip_suffix(separator).is_some_and(|before| before.ends_with(is_digit))
        || after.strip_prefix(separator).is_some_and(|after| after.starts_with(is_digit))
}

/// Whether a version between these texts is all of a version: `1.2` is none of `11.2`, `1.2.3` or `1.2rc1`.
fn stands_alone(before: &str, after: &str) -> bool {
    let digit = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
    let continues = digit(after)
        || after.strip_prefix(['.', '!', '-', '_']).is_some_and(digit)
        || ["rc", "a", "b", "c", "dev", "post", "pre", "alpha", "beta"].iter().any(|word| {
            let rest = after.strip_prefix(['.', '-', '_']).unwrap_or(after);
            rest.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphabetic()))
        });
    let mut backwards = before.chars().rev();
    let (last, second) = (backwards.next(), backwards.next());
    let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    let follows = is_digit(last) || (matches!(last, Some('.' | '!')) && is_digit(second));
    !continues && !follows
}

impl fmt::Display for LinePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Field(Form::Date(_)) => "{date}",
                Piece::Field(_) => "{version}",
            })
            .collect();
        f.write_str(shown.trim())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    /// The line of the next release, learned from what a release made of a line.
    fn next(before: &str, after: &str, released: &str, next: &str) -> Option<String> {
        let patterns = LinePattern::of(after, &version(released), released);
        let pattern = patterns.into_iter().find(|pattern| pattern.fit(before).is_some())?;
        pattern.render(&version(next), "2026-11-28")
    }

    #[test]
    fn writes_the_next_version_as_the_last_was_written() {
        for (before, after, released, following, expected) in [
            ("__version__ = '1.2'", "__version__ = '1.3'", "1.3", "1.10", "__version__ = '1.10'"),
            ("v = \"3.1.3.dev\"", "v = \"3.1.3\"", "3.1.3", "3.2.0", "v = \"3.2.0\""),
            ("    (1, 2, 3)", "    (1, 3, 0)", "1.3.0", "2.0.0", "    (2, 0, 0)"),
            ("(1, 3, 0, 'beta', 2)", "(1, 3, 0, 'final', 0)", "1.3.0", "1.4.0", "(1, 4, 0, 'final', 0)"),
            (
                "(1, 2, 0, \"final\", 0)",
                "(1, 3, 0, \"final\", 0)",
                "1.3.0",
                "2.0rc1",
                "(2, 0, 0, \"candidate\", 1)",
            ),
            ("release = '1.2'", "release = '1.3'", "1.3.0", "1.4.2", "release = '1.4'"),
            ("V(1, 2, 0, 'x')", "V(1, 3, 0, 'x')", "1.3", "1.3.1", "V(1, 3, 1, 'x')"),
            ("V(1, 2, 4, 'x')", "V(1, 3, 0, 'x')", "1.3", "2.0", "V(2, 0, 0, 'x')"),
            ("(1, 2)", "(1, 3)", "1.3", "1.3.1", "(1, 3, 1)"),
            ("a/1.2.3/a-1.2.3.zip", "a/1.3.0/a-1.3.0.zip", "1.3.0", "1.3.1", "a/1.3.1/a-1.3.1.zip"),
            ("rev: v4.16.5 # x", "rev: v4.17.0 # x", "4.17.0", "5.0.0", "rev: v5.0.0 # x"),
            ("build = 0x010203", "build = 0x010300", "1.3.0", "1.10.4", "build = 0x011004"),
            ("d = '20240102' # 1.2", "d = '20240203' # 1.3", "1.3", "1.4", "d = '20261128' # 1.4"),
            ("REL_1_2_3", "REL_1_3_0", "1.3.0", "1.3.1", "REL_1_3_1"),
            ("1.2.3 (2024-01-02)", "1.3.0 (2024-02-03)", "1.3.0", "1.3.1", "1.3.1 (2026-11-28)"),
            ("pip install d==1.2.3", "pip install d==1.3.0", "1.3.0", "1.3.1rc1", "pip install d==1.3.1rc1"),
        ] {
            assert_eq!(next(before, after, released, following).as_deref(), Some(expected), "{after}");
        }
    }

    #[test]
    fn takes_no_other_number_for_the_version() {
        for (before, after, released) in [
            ("timeout = 11.3", "timeout = 21.3", "1.3"),
            ("x = 1.2.3.4", "x = 1.3.0.4", "1.3.0"),
            ("x = '1.2'", "y = '1.3'", "1.3"),
            ("(1, 1, 2, 4)", "(1, 1, 3, 4)", "1.3"),
            ("x = 1.3rc1", "x = 1.3rc2", "1.3"),
        ] {
            assert_eq!(next(before, after, released, "2.0"), None, "{after}");
        }
        assert_eq!(next("(1, 2, 3)", "(1, 3, 0)", "1.3.0", "2.0.0rc1"), None);
    }

    proptest! {
        #[test]
        fn never_panics(line in ".{0,60}", other in ".{0,60}") {
            for pattern in LinePattern::of(&line, &version("1.2.3"), "1.2.3") {
                prop_assert!(pattern.fit(&line).is_some());
                let _ = (pattern.fit(&other), pattern.to_string());
            }
            let _ = LinePattern::of_date(&line);
        }

        #[test]
        fn writes_back_what_it_read(before in "[a-z =\"']{0,9}", after in "[ ;\"']{0,9}") {
            let line = format!("{before}1.2.3{after}");
            for pattern in LinePattern::of(&line, &version("1.2.3"), "1.2.3") {
                prop_assert_eq!(pattern.render(&version("1.2.3"), "2026-11-28"), Some(line.clone()));
            }
        }
    }
}
