//! Puts a name where the output has what differs from run to run.

use std::path::Path;

/// `[ROOT]` for the sandbox, `[PORT]` for a port of the loopback, `[RUN]` for a run, `[DATE]` for a day, `[OID]` and
/// `[SHA256]` for digests.
pub(crate) fn redact(text: &str, root: &Path) -> String {
    let text = text.replace(&root.display().to_string(), "[ROOT]");
    let mut redacted = String::with_capacity(text.len());
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| is_word(letter) != is_word(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        let is_port = redacted.ends_with("127.0.0.1:") || redacted.ends_with("localhost:");
        match name_of(piece) {
            _ if is_port && piece.bytes().all(|byte| byte.is_ascii_digit()) => redacted.push_str("[PORT]"),
            Some(name) => redacted.push_str(name),
            None if is_word(first) => {
                let parts: Vec<&str> = piece.split('-').map(|part| name_of(part).unwrap_or(part)).collect();
                redacted.push_str(&parts.join("-"));
            }
            None => redacted.push_str(piece),
        }
        rest = after;
    }
    redacted
}

fn name_of(word: &str) -> Option<&'static str> {
    if is_shape(word, "99999999T999999999-99999") {
        return Some("[RUN]");
    }
    if is_shape(word, "9999-99-99") {
        return Some("[DATE]");
    }
    let is_hex = word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    match word.len() {
        64 if is_hex => Some("[SHA256]"),
        40 if is_hex => Some("[OID]"),
        // A word such as `defaced` is not a digest, nor is a number.
        7..=39 if is_hex && word.contains(|letter: char| letter.is_ascii_digit()) => {
            word.contains(|letter: char| letter.is_ascii_alphabetic()).then_some("[OID]")
        }
        _ => None,
    }
}

/// Whether `word` has a digit for every `9` of the shape, and otherwise its letters.
fn is_shape(word: &str, shape: &str) -> bool {
    word.len() == shape.len()
        && word.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'9' => byte.is_ascii_digit(),
            _ => byte == wanted,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_gets_a_name_and_the_rest_stays() {
        let text = "Tagged v1.1.0 at 0a1b2c3 (2026-11-24), see /tmp/x/demo/.git/pyrelease/runs/20261124T010203004-00042/;\n\
                    http://127.0.0.1:34567/simple/ defaced 1234567 demo-1.1.0-py3-none-any.whl";
        assert_eq!(
            redact(text, Path::new("/tmp/x")),
            "Tagged v1.1.0 at [OID] ([DATE]), see [ROOT]/demo/.git/pyrelease/runs/[RUN]/;\n\
             http://127.0.0.1:[PORT]/simple/ defaced 1234567 demo-1.1.0-py3-none-any.whl"
        );
        assert_eq!(redact(&"ab12".repeat(16), Path::new("/x")), "[SHA256]");
    }
}
