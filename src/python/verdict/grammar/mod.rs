//! Parsers for the small languages in metadata, which accept what PyPI accepts.
//!
//! PyPI uses `packaging`, `email-validator`, `rfc3986` and Python's `email` and `configparser`. Where these differ
//! from the specifications in details, this module follows the libraries.

pub(super) mod address;
mod cursor;
pub(super) mod email;
pub(super) mod entry_points;
mod label;
pub(super) mod license;
pub(super) mod platform;
pub(in crate::python) mod requirement;
pub(super) mod specifier;
pub(super) mod url;

/// A text as in Python's messages: in quotes, with `\` escapes.
pub(super) fn shown(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            letter if letter == quote => shown.extend(['\\', letter]),
            letter if letter.is_control() => shown.push_str(&format!("\\x{:02x}", u32::from(letter))),
            letter => shown.push(letter),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn texts_are_shown_as_python_shows_them() {
        assert_eq!(shown("a'b"), "\"a'b\"");
        assert_eq!(shown("a\\b"), r"'a\\b'");
        assert_eq!(shown("'\"\n\u{1}é"), r#"'\'"\n\x01é'"#);
    }
}
