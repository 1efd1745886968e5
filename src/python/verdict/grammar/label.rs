//! Checks whether a label of a domain may be registered (IDNA 2008, RFC 5892), which is stricter than lookup (UTS
//! 46): no symbols, no emoji.

use std::sync::LazyLock;

use regex::Regex;

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

/// Letters, marks and digits, except those that RFC 5892 excludes
static ALLOWED: LazyLock<Regex> = LazyLock::new(|| {
    expression(concat!(
        r"^[-\p{Ll}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}\u{6fd}\u{6fe}\u{f0b}\u{3007}\u{200c}\u{200d}",
        r"\u{b7}\u{375}\u{5f3}\u{5f4}\u{30fb}",
        // Prolonged sound marks, and the parts of Hangul syllables
        r"&&[^\u{640}\u{7fa}\u{302e}\u{302f}\u{3031}-\u{3035}\u{303b}",
        r"\u{1100}-\u{11ff}\u{a960}-\u{a97f}\u{d7b0}-\u{d7ff}]]+$",
    ))
});
/// Characters that are allowed only beside certain others
static IN_CONTEXT: LazyLock<[(Regex, Regex); 4]> = LazyLock::new(|| {
    [
        ("\u{b7}", r"l\x{b7}l"),
        ("\u{375}", r"\x{375}\p{Greek}"),
        ("\u{5f3}", r"\p{Hebrew}\x{5f3}"),
        ("\u{5f4}", r"\p{Hebrew}\x{5f4}"),
    ]
    .map(|(letter, with)| (expression(letter), expression(with)))
});
static JAPANESE: LazyLock<Regex> =
    LazyLock::new(|| expression(r"[\p{Hiragana}\p{Katakana}\p{Han}--\x{30fb}]"));

/// Whether a label, in Unicode and mapped, has only what IDNA 2008 allows. The mapping has checked joiners and
/// directions.
pub(super) fn is_label(label: &str) -> bool {
    let starts_with_mark = || label.chars().next().is_none_or(is_mark);
    // A label that looks like another encoding is not valid.
    let is_tagged = || label.chars().skip(2).take(2).eq("--".chars());
    ALLOWED.is_match(label)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !is_tagged()
        && !starts_with_mark()
        && IN_CONTEXT
            .iter()
            .all(|(letter, with)| letter.find_iter(label).count() == with.find_iter(label).count())
        && (!label.contains('\u{30fb}') || JAPANESE.is_match(label))
        && !(label.contains(is_arabic_digit) && label.contains(is_extended_digit))
}

fn is_mark(letter: char) -> bool {
    static MARK: LazyLock<Regex> = LazyLock::new(|| expression(r"^\p{M}$"));
    MARK.is_match(letter.encode_utf8(&mut [0; 4]))
}

fn is_arabic_digit(letter: char) -> bool {
    ('\u{660}'..='\u{669}').contains(&letter)
}

fn is_extended_digit(letter: char) -> bool {
    ('\u{6f0}'..='\u{6f9}').contains(&letter)
}
