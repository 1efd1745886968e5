//! Finds a version in the lines that match a regular expression.

use regex::{Regex, RegexBuilder};

use super::{Edit, Pattern, ProjectError};
use crate::python::version::{SPELLING, Version};

const PLACEHOLDER: &str = "{version}";

/// The name of the group for the placeholder, which no pattern uses itself
const GROUP: &str = "pyrelease_version";

/// The longest expression in bytes, and the most memory for a compiled one
const LIMITS: (usize, usize) = (1_000, 1 << 18);

/// The longest line in bytes that is searched; a longer one is data
const LONGEST_LINE: usize = 10_000;

/// Replaces `old` in every line that `pattern` matches: at its `{version}` if it has one, else wherever it stands there.
pub(super) fn edits(
    path: &str,
    text: &str,
    pattern: &str,
    (old, new): (&Version, &Version),
) -> Result<Vec<Edit>, ProjectError> {
    let expression = compiled(path, pattern)?;
    let edits = match pattern.contains(PLACEHOLDER) {
        true => captured(text, &expression, (old, new)),
        false => {
            let mut edits = Pattern::every(PLACEHOLDER).edits(path, text, old, new)?;
            edits.retain(|edit| {
                let start = text[..edit.span.start].rfind('\n').map_or(0, |at| at + 1);
                let end = text[edit.span.end..].find('\n').map_or(text.len(), |at| edit.span.end + at);
                let line = text[start..end].trim_end_matches('\r');
                line.len() <= LONGEST_LINE && expression.is_match(line)
            });
            edits
        }
    };
    if edits.is_empty() {
        let what = format!("line with `{old}` that matches `{pattern}`");
        return Err(ProjectError::NotFound { path: path.to_owned(), what });
    }
    Ok(edits)
}

/// Replaces the version in each match.
fn captured(text: &str, expression: &Regex, (old, new): (&Version, &Version)) -> Vec<Edit> {
    let (old, new) = (old.to_string(), new.spelled());
    let is_old = |found: &str| found.parse().is_ok_and(|version: Version| version.to_string() == old);
    let mut edits = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        if content.len() <= LONGEST_LINE {
            let found = expression.captures_iter(content).filter_map(|found| found.name(GROUP));
            edits.extend(
                found.filter(|found| is_old(found.as_str())).map(|found| Edit {
                    span: start + found.start()..start + found.end(),
                    text: new.clone(),
                }),
            );
        }
        start += line.len();
    }
    edits
}

fn compiled(path: &str, pattern: &str) -> Result<Regex, ProjectError> {
    let bad = |reason: &str| ProjectError::BadPattern {
        path: path.to_owned(),
        pattern: pattern.chars().take(80).collect(),
        reason: reason.to_owned(),
    };
    let (length, size) = LIMITS;
    if pattern.len() > length {
        return Err(bad(&format!("it is longer than {length} bytes")));
    }
    if pattern.matches(PLACEHOLDER).count() > 1 {
        return Err(bad("it has more than one `{version}`"));
    }
    let whole = pattern.replace(PLACEHOLDER, &format!("(?P<{GROUP}>{SPELLING})"));
    let expression = RegexBuilder::new(&whole).size_limit(size).build();
    expression.map_err(|error| {
        bad(error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, pattern: &str) -> Result<String, ProjectError> {
        let (old, new) = ("1.2.3".parse().unwrap(), "1.3.0".parse().unwrap());
        let edits = edits("f", text, pattern, (&old, &new))?;
        Ok(crate::python::project::bump::edited(text, edits))
    }

    #[test]
    fn changes_only_the_lines_that_match() {
        let text = "version = '1.2.3'\r\nneeds = '1.2.3'\r\nversion: 1.2.3, 1.2.3\nversion 11.2.3";
        assert_eq!(
            changed(text, "^version\\b").unwrap(),
            "version = '1.3.0'\r\nneeds = '1.2.3'\r\nversion: 1.3.0, 1.3.0\nversion 11.2.3"
        );
        assert_eq!(
            changed("b = 1.2.3\nc: 1.2.3, b = 1.2.3, b = 1.2.34\n", "b = {version}").unwrap(),
            "b = 1.3.0\nc: 1.2.3, b = 1.3.0, b = 1.2.34\n"
        );
    }

    #[test]
    fn says_why_there_is_none() {
        let message = |text, pattern| changed(text, pattern).unwrap_err().to_string();
        assert_eq!(message("a 1.2.3", "^b"), "`f` has no line with `1.2.3` that matches `^b`");
        assert_eq!(message("a 1.2.4", "^a"), "`1.2.3` was found nowhere in `f` instead of once");
        for pattern in ["(?<!a)b", "(", "{version}{version}", "((a{1000}){1000}){1000}", &"a".repeat(2_000)] {
            let message = message("a 1.2.3", pattern);
            assert!(message.starts_with("the pattern `"), "{message}");
        }
    }
}
