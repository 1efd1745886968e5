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
    let found = strings_at(text, start, &["version"]);
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

/// The byte ranges of the versions that package-lock.json records for the package itself: at the top, and since its second
/// form in the package with an empty path. None if the text is not JSON.
pub(super) fn locked_versions(text: &str) -> Vec<Range<usize>> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    if serde_json::from_str::<serde::de::IgnoredAny>(&text[start..]).is_err() {
        return Vec::new();
    }
    [strings_at(text, start, &["version"]), strings_at(text, start, &["packages", "", "version"])].concat()
}

/// The string values at a path of keys, from the whole object on.
fn strings_at(text: &str, start: usize, path: &[&str]) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    // The present key of each object or list that is open
    let mut keys: Vec<Option<Range<usize>>> = Vec::new();
    // The string before a colon is a key; the one after it is a value.
    let (mut last, mut named) = (None::<Range<usize>>, false);
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at + 1);
                let is_there = named && keys.len() == path.len();
                let is_key = |(key, name): (&Option<Range<usize>>, &&str)| {
                    key.clone().is_some_and(|span| text.get(span) == Some(*name))
                };
                if is_there && keys.iter().zip(path).all(is_key) {
                    found.push(at + 1..end);
                }
                last = (!named).then_some(at + 1..end);
                named = false;
                at = end;
            }
            b'{' | b'[' => {
                keys.push(None);
                named = false;
            }
            b'}' | b']' => {
                keys.pop();
            }
            b':' => {
                if let Some(key) = keys.last_mut() {
                    *key = last.take();
                    named = key.is_some();
                }
            }
            b',' => {
                if let Some(key) = keys.last_mut() {
                    *key = None;
                }
                named = false;
            }
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
    fn finds_what_a_lock_file_records_for_the_package_itself() {
        let text = r#"{"name": "x", "version": "1.0", "packages": {"": {"a": ["version", {"version": "7"}], "version": "2.0"},
            "node_modules/y": {"version": "8", "": {"version": "9"}}}, "dependencies": {"y": {"version": "8"}}}"#;
        let found = |text: &str| -> Vec<String> {
            locked_versions(text).into_iter().map(|span| text[span].to_owned()).collect()
        };
        assert_eq!(found(text), ["1.0", "2.0"]);
        assert_eq!(found(&format!("\u{feff}{text}")), ["1.0", "2.0"]);
        for text in ["", "[]", "{", r#"{"version": 1, "packages": {"": "version"}}"#] {
            assert!(found(text).is_empty(), "{text}");
        }
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
            strings_at(&text, 0, &["version"]);
            strings_at(&text, 0, &["", "version"]);
            locked_versions(&text);
        }
    }
}
