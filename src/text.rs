//! Makes untrusted text (file names, server replies, command output) safe for a terminal.

use std::borrow::Cow;

/// The beginning of a style sequence
const STYLE: &str = "\u{1b}[";

/// Whether a terminal only displays the character. Control characters can move the cursor, and bidirectional characters
/// can reorder the text.
pub fn is_safe(letter: char) -> bool {
    // A fast path for almost all characters.
    if matches!(letter, ' '..='~') {
        return true;
    }
    let is_bidirectional = matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !letter.is_control() && !is_bidirectional && !matches!(letter, '\u{2028}' | '\u{2029}')
}

/// The text with unsafe characters escaped, except line ends and tabs.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_kept) { text.into() } else { escaped(text).into() }
}

/// The text with all unsafe characters escaped, so that it is one line.
pub fn visible(text: &str) -> String {
    let shown = |letter: char| match is_safe(letter) {
        true => letter.to_string(),
        false => letter.escape_default().to_string(),
    };
    text.chars().map(shown).collect()
}

/// The digits of a digest that are shown
const SHOWN_DIGITS: usize = 12;
/// The digits of a SHA-256 digest
const DIGITS: usize = 64;

/// The first digits of a digest: enough to tell two apart.
pub fn short_digest(digest: &str) -> &str {
    digest.get(..SHOWN_DIGITS).unwrap_or(digest)
}

/// The text with only the first digits of every SHA-256 digest that is a word. Digests stay whole in paths and
/// in values to copy, such as `sha256:…` and `NAME=…`.
pub fn with_short_digests(text: &str) -> Cow<'_, str> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let joins = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"/\\-_.+=:".contains(byte))
    };
    let bytes = text.as_bytes();
    let (mut shortened, mut kept_to, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        let digits = bytes[at..].iter().take_while(|byte| is_digit(byte)).count();
        let is_word =
            !joins(at.checked_sub(1).and_then(|before| bytes.get(before))) && !joins(bytes.get(at + digits));
        if digits == DIGITS && is_word {
            shortened.push_str(&text[kept_to..at + SHOWN_DIGITS]);
            kept_to = at + DIGITS;
        }
        at += digits.max(1);
    }
    if kept_to == 0 {
        return text.into();
    }
    shortened.push_str(&text[kept_to..]);
    shortened.into()
}

/// The text for an HTML page, in an element or in a quoted attribute.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Converts text to HTML, with backticks as code.
pub fn prose_html(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.fold(String::new(), |prose, (at, part)| {
        let part = escape_html(part);
        if at % 2 == 1 { format!("{prose}<code>{part}</code>") } else { prose + &part }
    })
}

/// Fills the values into a page's `@name@` in one pass, so that placeholders within values stay as they are.
pub fn fill_template(template: &str, values: &[(&str, String)]) -> String {
    let mut parts = template.split('@');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    let mut is_placeholder = true;
    for part in parts {
        let value = values.iter().find(|(name, _)| is_placeholder && *name == part);
        match value {
            Some((_, value)) => filled.push_str(value),
            None if is_placeholder => {
                filled.push('@');
                filled.push_str(part);
                continue;
            }
            None => filled.push_str(part),
        }
        is_placeholder = !is_placeholder;
    }
    filled
}

/// Like [`safe`], for styled text: keeps colours and weights, and escapes all other sequences.
pub fn safe_styled(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_kept) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(STYLE) {
        shown.push_str(&escaped(&rest[..at]));
        let length = style(&rest[at..]).unwrap_or(1);
        let (sequence, after) = rest[at..].split_at(length);
        // Escape other sequences.
        if length > 1 {
            shown.push_str(sequence)
        } else {
            shown.push_str(&escaped(sequence))
        }
        rest = after;
    }
    shown.push_str(&escaped(rest));
    shown.into()
}

fn is_kept(letter: char) -> bool {
    is_safe(letter) || matches!(letter, '\n' | '\t')
}

fn escaped(text: &str) -> String {
    let shown = |letter: char| match is_kept(letter) {
        true => letter.to_string(),
        false => letter.escape_default().to_string(),
    };
    text.chars().map(shown).collect()
}

/// The length of the sequence at the beginning of the text, if it only changes the colour or the weight.
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
    fn control_characters_are_escaped() {
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
    fn digests_are_shortened_where_they_are_words() {
        let digest = "0a".repeat(32);
        let shown =
            with_short_digests(&format!("x.whl (sha256 {digest}, was `{digest}`) é {digest}")).into_owned();
        assert_eq!(shown, "x.whl (sha256 0a0a0a0a0a0a, was `0a0a0a0a0a0a`) é 0a0a0a0a0a0a");
        for kept in [
            format!("/cache/{digest}/x"),
            format!("{digest}.whl"),
            format!("{digest}0"),
            "ab".repeat(20),
            format!("X={digest} sha256:{digest}"),
        ] {
            assert_eq!(with_short_digests(&kept), kept);
        }
        assert_eq!(short_digest(&digest), "0a0a0a0a0a0a");
    }

    #[test]
    fn only_style_sequences_are_kept() {
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
