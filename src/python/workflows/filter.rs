//! GitHub's patterns of tags and branches.

use regex::RegexBuilder;

use super::Likelihood;

/// The longest pattern in characters
const LONGEST: usize = 500;

/// Whether a list of patterns lets a name through: the last pattern that matches decides, and `!` excludes.
///
/// If the name is not known, the list lets through some names.
pub(super) fn allows(patterns: &[String], name: Option<&str>) -> Likelihood {
    let mut allowed = Likelihood::No;
    for pattern in patterns {
        let (excludes, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern.as_str()),
        };
        let fits = matches(pattern, name);
        allowed = if excludes { allowed.and(!fits) } else { allowed.or(fits) };
    }
    allowed
}

/// Whether one pattern matches the whole name.
pub(super) fn matches(pattern: &str, name: Option<&str>) -> Likelihood {
    if pattern == "**" {
        return Likelihood::Yes;
    }
    // `${{ }}` is not evaluated here, and a pattern that GitHub refuses says nothing.
    let (Some(name), Some(expression)) = (name, expression(pattern)) else { return Likelihood::Maybe };
    let built = RegexBuilder::new(&expression).size_limit(1 << 20).build();
    built.map_or(Likelihood::Maybe, |pattern| pattern.is_match(name).into())
}

/// The pattern as a regular expression: `?` and `+` repeat the character before them, as in one.
fn expression(pattern: &str) -> Option<String> {
    if pattern.chars().count() > LONGEST || pattern.contains("${{") {
        return None;
    }
    let mut expression = String::from("^(?s:");
    let mut rest = pattern.chars().peekable();
    let mut repeats = false;
    while let Some(letter) = rest.next() {
        let could_repeat = std::mem::replace(&mut repeats, true);
        match letter {
            '*' if rest.next_if_eq(&'*').is_some() => expression.push_str("(?:.*)"),
            '*' => expression.push_str("(?:[^/]*)"),
            '?' | '+' if could_repeat => {
                expression.push(letter);
                repeats = false;
            }
            '[' => {
                let set: String = rest.by_ref().take_while(|letter| *letter != ']').collect();
                let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
                if set.is_empty() || !set.chars().all(is_plain) {
                    return None;
                }
                expression.push_str(&format!("[{set}]"));
            }
            '\\' => expression.push_str(&regex::escape(&rest.next()?.to_string())),
            _ => expression.push_str(&regex::escape(&letter.to_string())),
        }
    }
    expression.push_str(")$");
    Some(expression)
}
