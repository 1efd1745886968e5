//! The words and marks by which changelogs say that something is not released yet.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Words that mean nothing else
const CERTAIN: &str = "unreleased|not yet released|not released yet|not released";
/// Words that are also other headings: they count only where a version's heading is expected
const POSSIBLE: &str = "in development|under development|work in progress|in progress|current development|\
                        development version|development|devel|develop|dev|next release|next version|next|\
                        latest changes|upcoming release|upcoming version|upcoming changes|upcoming|\
                        pending release|pending changes|pending|future release|to be released|\
                        changes since (?:the )?last release|since (?:the )?last release|head|trunk|main|master|\
                        tbd|tba|tbr|wip|in preparation|to be determined|draft|planned|unpublished|coming soon|soon";
/// What stands where the number of a version will stand
const NO_VERSION: &str = r"(?:(?:version|release) +)?(?:v\.?next|v?(?:x\.[xy](?:\.[xz])?|n\.n(?:\.n)?|#\.#(?:\.#)?|\?\.\?(?:\.\?)?))";
/// What stands where a date will stand
const NO_DATE: &str =
    "tbd|tba|not yet|future|planning|date|release date|yyyy[-/.]mm[-/.]dd|dd[-/.]mm[-/.]yyyy|x{2,}";
/// What is between words in a [`plain`] text: marks and spaces
pub(super) const GAP: &str = r"[\x00-/:-@\[-`{-\x7F]";
const MONTH: &str = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec";

/// An expression for [`plain`] texts. One that knows Unicode takes ten times as long to compile, and compiling is most
/// of what a short command does.
pub(super) fn of_plain_text(words: &str) -> Regex {
    Regex::new(&format!("(?i-u)^{words}$")).expect("a constant that the tests compile")
}

/// The text with marks, spaces and symbols beyond ASCII as spaces, and `…` as `...`; all at the same places.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '…' => plain.push_str("..."),
            '\u{80}'..='\u{BF}'
            | '\u{2000}'..='\u{2BFF}'
            | '\u{3000}'..='\u{303F}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{1F000}'..='\u{1FAFF}' => plain.extend(std::iter::repeat_n(' ', c.len_utf8())),
            c => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

static UNRELEASED: LazyLock<Regex> = LazyLock::new(|| {
    of_plain_text(&format!(r"{GAP}*(?:{CERTAIN}){GAP}*(?:changes|version|{NO_DATE})?{GAP}*(?:x+{GAP}*)*"))
});

static UNRELEASED_WITH_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[\[`*_ ]*(?i-u:unreleased)[\]`*_ ]*[:|–—-] *[^0-9]+$")
        .expect("a constant that the tests compile")
});

static POSSIBLY_UNRELEASED: LazyLock<Regex> = LazyLock::new(|| {
    of_plain_text(&format!(r"{GAP}*(?:{POSSIBLE}|{NO_VERSION}){GAP}*(?:{CERTAIN}|{NO_DATE})?{GAP}*"))
});

/// The words alone, or with what announces a date before them: `Release date: TBD`
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    of_plain_text(&format!(
        r"{GAP}*(?:(?:release date|released?|date)\b(?: on)?{GAP}*)?(?P<words>{CERTAIN}|{POSSIBLE}|{NO_DATE}){GAP}*(?:{NO_DATE})?{GAP}*"
    ))
});

/// A date of which something is open: `2026-05-??`, `May XX, 2026`, `(...)`, `????`
static OPEN_DATE: LazyLock<Regex> = LazyLock::new(|| {
    of_plain_text(&format!(
        r"[{GAP}--[_?.]]*(?:released?[{GAP}--[_?.]]+)?(?P<words>(?:(?:{MONTH})[a-z]*{GAP}+)?(?:[0-9x?]+{GAP}*)*(?:\?|xx|\.\.\.)[0-9x?\-/., ]*(?:(?:{MONTH})[a-z]*{GAP}*)?[0-9x?]*){GAP}*"
    ))
});

/// What somebody writes below a heading so that something is there
static NOTHING: LazyLock<Regex> = LazyLock::new(|| {
    of_plain_text(&format!(
        r"{GAP}*(?:nothing(?: (?:has )?changed?| new| here)?(?: yet| so far)?|no (?:unreleased )?changes(?: yet| so far)|no unreleased changes|none(?: yet)?|n/a|tbd|tba|todo|to be (?:written|added|announced|determined)){GAP}*"
    ))
});

/// Whether a heading stands for what is not released, whatever is around it.
pub(super) fn is_unreleased(title: &str) -> bool {
    UNRELEASED.is_match(&plain(title)) || is_misspelled(title)
}

/// Whether a title is that word with one letter too many, too few, wrong, or swapped with the next one.
fn is_misspelled(title: &str) -> bool {
    const RIGHT: &[u8] = b"unreleased";
    let word = title.trim_matches(|c: char| c.is_ascii_punctuation() || c == ' ').to_ascii_lowercase();
    let word = word.as_bytes();
    if word.len().abs_diff(RIGHT.len()) > 1 {
        return false;
    }
    let same = word.iter().zip(RIGHT).take_while(|(one, other)| one == other).count();
    match (&word[same..], &RIGHT[same..]) {
        ([_, word @ ..], right) if word == right => true,
        (word, [_, right @ ..]) if word == right => true,
        ([_, word @ ..], [_, right @ ..]) if word == right => true,
        ([a, b, word @ ..], [c, d, right @ ..]) => a == d && b == c && word == right,
        _ => false,
    }
}

/// Whether a heading is that word with others after a mark: `Unreleased: demo next`.
pub(super) fn is_unreleased_with_words(title: &str) -> bool {
    title.len() < 60
        && title.to_ascii_lowercase().contains("unreleased")
        && UNRELEASED_WITH_WORDS.is_match(title)
}

/// Whether a heading may stand for what is not released: `Next`, `Latest Changes`, `Dev`.
pub(super) fn may_be_unreleased(title: &str) -> bool {
    title.len() < 60 && POSSIBLY_UNRELEASED.is_match(&plain(title))
}

/// The place of the words that say, beside or below a version, that it is not released.
pub(super) fn placeholder(text: &str) -> Option<std::ops::Range<usize>> {
    // `What's new in demo 1.2?` is a question.
    if text.len() > 100 || text == "?" {
        return None;
    }
    let plain = plain(text);
    // Most of what stands beside a version is a date, which has neither.
    let has_words = plain.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_open = || ["?", "..", "xx"].iter().any(|open| plain.to_ascii_lowercase().contains(open));
    let found = has_words.then(|| PLACEHOLDER.captures(&plain)).flatten();
    let found = found.or_else(|| is_open().then(|| OPEN_DATE.captures(&plain)).flatten())?;
    let range = found.name("words")?.range();
    let words = text.get(range.clone())?;
    let start = range.start + words.len() - words.trim_start().len();
    Some(start..range.start + words.trim_end().len())
}

/// Whether a text says only that there is nothing: `Nothing changed yet.`
pub(super) fn says_nothing(text: &str) -> bool {
    text.len() < 100 && NOTHING.is_match(&plain(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_stands_beside_a_version_that_is_not_released() {
        for (text, words) in [
            (" (unreleased)", "unreleased"),
            (" (in development)", "in development"),
            (" - TBD", "TBD"),
            (" (2026-05-??)", "2026-05-??"),
            (" (...)", "..."),
            (" (????-??-??)", "????-??-??"),
            (" - XXXX-XX-XX", "XXXX-XX-XX"),
            (" (May XX, 2026)", "May XX, 2026"),
            (", released TBA", "TBA"),
            ("Release date: TBD", "TBD"),
            ("*UNRELEASED*", "UNRELEASED"),
            (" (YYYY-MM-DD)", "YYYY-MM-DD"),
        ] {
            let found = placeholder(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(&text[found], words, "{text}");
        }
        for text in [
            "",
            " (2024-01-31)",
            " - Codename",
            "]",
            " development of things",
            " (May 5, 2024)",
            ": what is new?",
        ] {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }

    #[test]
    fn forgives_one_mistake_in_the_word() {
        for title in
            ["[Unrelased]", "Unlreleased", "**UNRELAESED**", "Unreleasad", "Unreleased", "unreleasedd"]
        {
            assert!(is_unreleased(title), "{title}");
        }
        for title in ["Unrelated", "Released", "Unleaded", "", "Unr\u{e9}leased things"] {
            assert!(!is_unreleased(title), "{title}");
        }
    }

    #[test]
    fn knows_a_text_that_says_nothing() {
        for text in [
            "- Nothing changed yet.",
            "* nothing yet",
            "No unreleased changes.",
            "*None*",
            "- TBD",
            "No changes yet",
        ] {
            assert!(says_nothing(text), "{text}");
        }
        for text in ["No significant changes.", "- Nothing is printed any more", "No changes.", "- Fix"] {
            assert!(!says_nothing(text), "{text}");
        }
    }
}
