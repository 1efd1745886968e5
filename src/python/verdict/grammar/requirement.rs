//! Parses requirements, such as `requests[security]>=2; python_version < "3.12"` (PEP 508), as
//! `packaging.requirements` does.

use std::ops::Range;

use super::cursor::{Cursor, is_word};
use super::specifier::{is_specifier_set, take_specifier};

/// The deepest nesting of parentheses in a marker; Python's parser has a limit too
const DEEPEST: usize = 100;

/// The variables of a marker; old setuptools wrote `.` instead of some `_`
const VARIABLES: &[&str] = &[
    "python_version",
    "python_full_version",
    "os_name",
    "os.name",
    "sys_platform",
    "sys.platform",
    "platform_release",
    "platform_system",
    "platform_version",
    "platform.version",
    "platform_machine",
    "platform.machine",
    "platform_python_implementation",
    "platform.python_implementation",
    "python_implementation",
    "implementation_name",
    "implementation_version",
    "extras",
    "extra",
    "dependency_groups",
];

/// A parsed requirement
#[derive(Debug, PartialEq, Eq)]
pub(in crate::python) struct Requirement<'a> {
    pub(in crate::python) name: &'a str,
    /// The URL after `@`
    pub(in crate::python) url: Option<&'a str>,
    /// The byte range of the version specifiers, without parentheses; empty and behind name and extras if there are none
    pub(in crate::python) specifier: Range<usize>,
}

/// Parses a requirement; the error tells what was expected.
pub(in crate::python) fn parse(text: &str) -> Result<Requirement<'_>, &'static str> {
    let mut cursor = Cursor::new(text);
    cursor.skip_blanks();
    let name = identifier(&mut cursor).ok_or("expected a package's name at the start")?;
    cursor.skip_blanks();
    if cursor.take("[") {
        extras(&mut cursor)?;
    }
    let at = |cursor: &Cursor<'_>| text.len() - cursor.rest().len();
    let mut specifier = at(&cursor)..at(&cursor);
    cursor.skip_blanks();
    let mut url = None;
    if cursor.take("@") {
        cursor.skip_blanks();
        let found = cursor.take_while(|letter| !matches!(letter, ' ' | '\t'));
        if found.is_empty() {
            return Err("expected a URL after `@`");
        }
        url = Some(found);
        cursor.skip_blanks();
    } else {
        let start = at(&cursor);
        specifiers(&mut cursor)?;
        let written = text[start..at(&cursor)].trim_end();
        let inner = written.trim_start_matches('(').trim_start();
        let trimmed = inner.trim_end_matches(')').trim_end();
        // `===` also takes a comma, and a specifier must follow it nevertheless.
        if !is_specifier_set(trimmed) {
            return Err("expected a version specifier after the comma");
        }
        if !trimmed.is_empty() {
            let start = start + written.len() - inner.len();
            specifier = start..start + trimmed.len();
        }
        cursor.skip_blanks();
    }
    if cursor.is_at_end() {
        return Ok(Requirement { name, url, specifier });
    }
    if !cursor.take(";") {
        return Err("expected the end, a comma, or a semicolon and a marker");
    }
    marker(&mut cursor, 0)?;
    cursor.skip_blanks();
    if !cursor.is_at_end() {
        return Err("expected the end after the marker");
    }
    Ok(Requirement { name, url, specifier })
}

/// A name or extra: letters, digits, `.`, `_`, `-`, up to the end of a word.
fn identifier<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    if !cursor.peek()?.is_ascii_alphanumeric() {
        return None;
    }
    let rest = cursor.rest();
    let inside = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let mut length = rest.find(|letter| !inside(letter)).unwrap_or(rest.len());
    let word_at = |at: usize| rest[at..].chars().next().is_some_and(is_word);
    while length > 0 && word_at(length - 1) == word_at(length) {
        length -= 1;
    }
    (length > 0).then(|| cursor.advance(length))
}

fn extras(cursor: &mut Cursor<'_>) -> Result<(), &'static str> {
    cursor.skip_blanks();
    if identifier(cursor).is_some() {
        loop {
            cursor.skip_blanks();
            if !cursor.take(",") {
                break;
            }
            cursor.skip_blanks();
            identifier(cursor).ok_or("expected an extra's name after the comma")?;
        }
    }
    cursor.skip_blanks();
    if cursor.take("]") { Ok(()) } else { Err("expected `]` after the extras") }
}

fn specifiers(cursor: &mut Cursor<'_>) -> Result<(), &'static str> {
    let enclosed = cursor.take("(");
    cursor.skip_blanks();
    while take_specifier(cursor) {
        if cursor.rest().starts_with(".*") {
            return Err("`.*` is valid only after `==` and `!=`");
        }
        let mut ahead = *cursor;
        if ahead.take("+") && ahead.peek().is_some_and(|letter| letter.is_ascii_alphanumeric()) {
            return Err("a local version is valid only after `==` and `!=`");
        }
        cursor.skip_blanks();
        if !cursor.take(",") {
            break;
        }
        cursor.skip_blanks();
    }
    cursor.skip_blanks();
    if enclosed && !cursor.take(")") {
        return Err("expected `)` after the version specifier");
    }
    Ok(())
}

fn marker(cursor: &mut Cursor<'_>, depth: usize) -> Result<(), &'static str> {
    if depth > DEEPEST {
        return Err("the marker's parentheses are nested too deeply");
    }
    loop {
        cursor.skip_blanks();
        if cursor.take("(") {
            marker(cursor, depth + 1)?;
            cursor.skip_blanks();
            if !cursor.take(")") {
                return Err("expected `)` in the marker");
            }
        } else {
            operand(cursor)?;
            cursor.skip_blanks();
            operator(cursor)?;
            cursor.skip_blanks();
            operand(cursor)?;
        }
        cursor.skip_blanks();
        if !cursor.take_word("or") && !cursor.take_word("and") {
            return Ok(());
        }
    }
}

fn operand(cursor: &mut Cursor<'_>) -> Result<(), &'static str> {
    if VARIABLES.iter().any(|variable| cursor.take_word(variable)) {
        return Ok(());
    }
    for quote in ["'", "\""] {
        if !cursor.take(quote) {
            continue;
        }
        let text = cursor.take_while(|letter| !quote.starts_with(letter));
        // Python evaluates it as a string literal, which these characters end or break.
        let is_string = has_whole_escapes(text) && !text.contains(['\n', '\r', '\0']);
        return if cursor.take(quote) && is_string {
            Ok(())
        } else {
            Err("expected the end of a quoted text in the marker")
        };
    }
    Err("expected a marker variable or a quoted text")
}

/// Whether every `\` is a complete escape in Python: a character follows, and digits if it needs them.
fn has_whole_escapes(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let mut behind = rest[at + 1..].chars();
        let Some(letter) = behind.next() else { return false };
        let digits = match letter {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            // A named character, which no marker has.
            'N' => return false,
            _ => 0,
        };
        rest = behind.as_str();
        if digits > 0 {
            let number = rest.get(..digits).map(|number| u32::from_str_radix(number, 16));
            match number {
                Some(Ok(number)) if number <= 0x10_ffff && !rest.starts_with('+') => {}
                _ => return false,
            }
        }
    }
    true
}

fn operator(cursor: &mut Cursor<'_>) -> Result<(), &'static str> {
    if cursor.take_word("in") {
        return Ok(());
    }
    if cursor.take_word("not") {
        return if cursor.skip_blanks() && cursor.take_word("in") {
            Ok(())
        } else {
            Err("expected `in` after `not`")
        };
    }
    let found = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"].iter().any(|operator| cursor.take(operator));
    if found { Ok(()) } else { Err("expected an operator in the marker") }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn requirements_are_read_as_packaging_reads_them() {
        for right in [
            "requests",
            "requests>=2",
            "requests (>=2,<3)",
            "requests[security,socks]>=2; python_version<'3.12'",
            "importlib-metadata;python_version<'3.8'",
            "a[]",
            "a>=1,",
            "foo==1.0+local",
            "foo_ >=1",
            "a; (os.name == 'nt' or extra == \"x\") and python_version not in '2.7 3.0'",
            "a @ https://example.org/a.whl ; python_version>'3'",
            "a\n",
        ] {
            assert!(parse(right).is_ok(), "{right}: {:?}", parse(right));
        }
        for wrong in [
            "",
            "-e .",
            "requests = 2",
            "requests>=x",
            "requests>=2.0.*",
            "requests[",
            "foo bar",
            "foo>dev",
            "foo>=1.0+local",
            "requests>=2; foo=='x'",
            "requests>=2; python_version<3",
            "a @",
            "a;",
            "a[b c]",
            "a>=1 b",
            "a-",
            "é",
            "a; python_version == '3' garbage",
            "a===1,b",
            "a; os_name == 'a\\'",
            "a; os_name == '\\x4'",
            "a; os_name == '\\N{BULLET}'",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse("a @ git+https://example.org").unwrap().url, Some("git+https://example.org"));
    }

    #[test]
    fn nesting_is_limited() {
        assert!(parse(&format!("a; {}", "(".repeat(1_000_000))).is_err());
    }
}
