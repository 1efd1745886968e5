//! Finds the version in package.json.

use std::ops::Range;

use super::{ProjectError, lines_at};

/// The byte range of the top-level `version`, between its quotes.
pub(super) fn version(path: &str, text: &str) -> Result<Range<usize>, ProjectError> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let value: serde_json::Value = serde_json::from_str(&text[start..]).map_err(|error| {
        ProjectError::Syntax { path: path.to_owned(), line: error.line(), reason: error.to_string() }
    })?;
    let not_found = || ProjectError::NotFound { path: path.to_owned(), what: "`version`".to_owned() };
    if value.get("version").ok_or_else(not_found)?.as_str().is_none() {
        return Err(ProjectError::WrongType {
            path: path.to_owned(),
            key: "version".to_owned(),
            expected: "a string",
        });
    }
    // From here on the text is known to be a JSON object.
    let found = top_level(text, start, "version");
    match found.as_slice() {
        [span] => Ok(span.clone()),
        [] => Err(not_found()),
        _ => Err(ProjectError::Several {
            path: path.to_owned(),
            what: "`version`".to_owned(),
            lines: lines_at(text, found.iter().map(|span| span.start)),
        }),
    }
}

/// The string values of every top-level `key`.
fn top_level(text: &str, start: usize, key: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut found) = (start, 0_usize, Vec::new());
    // The string before a colon is a key; the one after it is a value.
    let (mut last, mut named) = (None::<Range<usize>>, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at + 1);
                let span = at + 1..end;
                if depth == 1 && named {
                    found.push(span.clone());
                }
                named = false;
                last = (depth == 1).then_some(span);
                at = end;
            }
            b'{' | b'[' => {
                depth += 1;
                named = false;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 1 => named = last.take().is_some_and(|span| &text[span] == key),
            b',' => named = false,
            _ => {}
        }
        at += 1;
    }
    found
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_version_of_the_package_only() {
        let text = "\u{feff}{\n  \"a\": {\"version\": \"9\"}, \"b\": [\"version\", \"8\"],\n  \"note\": \"\\\"version\\\": 7\",\n  \"version\" : \"1.0.0\"\n}";
        assert_eq!(&text[version("package.json", text).unwrap()], "1.0.0");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, expected) in [
            ("{}", "`package.json` has no `version`"),
            ("[]", "`package.json` has no `version`"),
            (r#"{"version": 1}"#, "`version` in `package.json` is not a string"),
            (
                "{\"version\": \"1\",\n\"version\": \"2\"}",
                "`package.json` has `version` more than once, on lines 1, 2",
            ),
        ] {
            assert_eq!(version("package.json", text).unwrap_err().to_string(), expected);
        }
        assert!(version("p", "{\n,").unwrap_err().to_string().starts_with("failed to read `p`, line 2: "));
        assert!(version("p", &"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in r#"(\PC|[\n{}\[\]:,"\\]|"version"){0,60}"#) {
            let _ = version("package.json", &text);
            top_level(&text, 0, "version");
        }
    }
}
