//! Text that anybody may have written (names of files, replies of servers, what commands print), made safe for a terminal.

use std::borrow::Cow;

/// What a colour or a weight begins with
const STYLE: &str = "\u{1b}[";

/// Whether a terminal shows the letter and does nothing else: control characters move its cursor, and bidirectional ones
/// show other letters in an order that they do not have.
pub fn is_safe(letter: char) -> bool {
    // Nearly all of them, and there may be many.
    if matches!(letter, ' '..='~') {
        return true;
    }
    let is_bidirectional = matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !letter.is_control() && !is_bidirectional && !matches!(letter, '\u{2028}' | '\u{2029}')
}

/// The text with everything else spelled out; lines and tabs stay.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.chars().all(stays) { text.into() } else { spelled(text).into() }
}

/// The same of a text that is styled already: its colours and weights stay, as nothing else of such sequences does.
pub fn safe_styled(text: &str) -> Cow<'_, str> {
    if text.chars().all(stays) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(STYLE) {
        shown.push_str(&spelled(&rest[..at]));
        let length = style(&rest[at..]).unwrap_or(1);
        let (sequence, after) = rest[at..].split_at(length);
        // One that is no style loses what makes it a sequence.
        if length > 1 {
            shown.push_str(sequence)
        } else {
            shown.push_str(&spelled(sequence))
        }
        rest = after;
    }
    shown.push_str(&spelled(rest));
    shown.into()
}

fn stays(letter: char) -> bool {
    is_safe(letter) || matches!(letter, '\n' | '\t')
}

fn spelled(text: &str) -> String {
    let shown = |letter: char| match stays(letter) {
        true => letter.to_string(),
        false => letter.escape_default().to_string(),
    };
    text.chars().map(shown).collect()
}

/// The length of the sequence at the beginning, if it changes nothing but a colour of the letters or their weight.
fn style(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix(STYLE)?;
    let end = parameters.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    let numbers: Vec<u16> = parameters[..end].split(';').map(str::parse).collect::<Result<_, _>>().ok()?;
    let is_plain = |number: &u16| matches!(number, 0..=4 | 22..=24 | 30..=37 | 39 | 90..=97);
    let is_known = numbers.iter().all(is_plain) || matches!(numbers[..], [38, 5, 0..=255]);
    (is_known && parameters[end..].starts_with('m')).then_some(STYLE.len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        for (text, shown) in [
            ("a\u{9b}2Jb", "a\\u{9b}2Jb"),
            ("a\u{202e}b\u{2066}c\u{200f}", "a\\u{202e}b\\u{2066}c\\u{200f}"),
            ("100%\r200%", "100%\\r200%"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{7f}\u{85}\u{2028}\0", "\\u{7f}\\u{85}\\u{2028}\\u{0}"),
            ("Größe\tund\nZeile שלום 👩‍💻", "Größe\tund\nZeile שלום 👩‍💻"),
        ] {
            assert_eq!(safe(text), shown);
        }
    }

    #[test]
    fn styles_stay_and_no_other_sequence_does() {
        for styled in ["\u{1b}[1m\u{1b}[32mgood\u{1b}[0m\n", "\u{1b}[38;5;9mx\u{1b}[0m", "\u{1b}[1;31mx"] {
            assert_eq!(safe_styled(styled), styled);
        }
        for (text, shown) in [
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("\u{1b}[8mhidden\u{1b}[0m", "\\u{1b}[8mhidden\u{1b}[0m"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}[1mx\u{9b}2J\r\u{202e}", "\u{1b}[1mx\\u{9b}2J\\r\\u{202e}"),
            ("\u{1b}[", "\\u{1b}["),
            ("\u{1b}[999999m", "\\u{1b}[999999m"),
        ] {
            assert_eq!(safe_styled(text), shown);
        }
    }
}
