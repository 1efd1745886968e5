//! What our pages share: filling in templates, and making text safe in them.

use std::fmt::Write as _;

use crate::text::safe;

/// Fills in the values in one pass, so that placeholders within values stay as they are.
pub(super) fn fill(template: &str, values: &[(&str, String)]) -> String {
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

/// The text as content or as the value of an attribute; characters that reorder text are written out.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in safe(text).chars() {
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
pub(super) fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.fold(String::new(), |mut prose, (at, part)| {
        let part = escape(part);
        let _ = if at % 2 == 1 { write!(prose, "<code>{part}</code>") } else { write!(prose, "{part}") };
        prose
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_in_as_it_is() {
        let values = [("a", "@b@ and @".to_owned()), ("b", "2".to_owned())];
        assert_eq!(
            fill("x @a@ y @b@ z@example @media (x) @b@", &values),
            "x @b@ and @ y 2 z@example @media (x) 2"
        );
        assert_eq!(prose("a `<b>` & c"), "a <code>&lt;b&gt;</code> &amp; c");
        assert_eq!(escape("a\u{202e}b"), "a\\u{202e}b");
    }
}
