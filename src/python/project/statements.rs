//! Just enough of Python's grammar to find `__version__ = "1.0"` where the interpreter would see it: not in a
//! docstring, a comment or a call.

mod lists;

use std::ops::Range;

pub(in crate::python) use lists::{SetupString, setup_strings};

/// What a module assigns to a name at its top level
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AssignedValue {
    /// A plain string; the byte range between its quotes
    Text(Range<usize>),
    /// `from .module import name`, or `module.name` as an argument: the dots, the module, and the name in that module
    Import { dots: usize, module: String, name: String },
    /// Another name, or the item of a dictionary with this key: `VERSION`, `about["__version__"]`
    Named(String),
    /// Anything that only the interpreter can evaluate
    Other,
}

/// An item of a tuple or list; its byte range
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TupleItem {
    Number(Range<usize>),
    /// A plain string; the byte range between its quotes
    Text(Range<usize>),
}

impl TupleItem {
    pub(super) fn span(&self) -> &Range<usize> {
        match self {
            Self::Number(span) | Self::Text(span) => span,
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// An assignment or import, and where it starts
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) offset: usize,
    pub(super) given: AssignedValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'t> {
    Name(&'t str),
    /// A string literal; the byte range between its quotes, if that is its value
    Text(Option<Range<usize>>),
    Mark(char),
}

/// A token and its position
type Placed<'t> = (usize, Token<'t>);

/// A logical line
type Statement<'t> = Vec<Placed<'t>>;

/// Which lines to read
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Those of the module itself
    Margin,
    /// Those of functions and conditions as well
    Anywhere,
}

/// Every assignment to `name` at the module's top level, and every import of it.
pub(super) fn assignments(text: &str, name: &str) -> Vec<Assignment> {
    statements(text, Where::Margin).iter().filter_map(|statement| assignment(statement, name)).collect()
}

/// Every tuple or list of plain numbers and strings at the module's top level, and the name that it is assigned to.
///
/// A call with such arguments counts as well: `version_info = VersionInfo(1, 2, 3)`.
pub(super) fn tuples(text: &str) -> Vec<(String, Vec<TupleItem>)> {
    let mut found = Vec::new();
    for statement in statements(text, Where::Margin) {
        let Some((targets, value)) = assigned(&statement) else { continue };
        let inner = match value {
            [(_, Token::Mark('(' | '[')), inner @ .., (_, Token::Mark(')' | ']'))]
            | [(_, Token::Name(_)), (_, Token::Mark('(')), inner @ .., (_, Token::Mark(')'))] => inner,
            bare => bare,
        };
        if let Some(items) = items(inner) {
            found.extend(targets.into_iter().map(|name| (name.to_owned(), items.clone())));
        }
    }
    found
}

/// The number that a module assigns to `name` at its top level; none if there are several.
pub(super) fn number(text: &str, name: &str) -> Option<Range<usize>> {
    let statements = statements(text, Where::Margin);
    let mut values = statements.iter().filter_map(|statement| {
        let (targets, value) = assigned(statement)?;
        targets.contains(&name).then_some(value)
    });
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    match items(value)?.as_slice() {
        [TupleItem::Number(span)] => Some(span.clone()),
        _ => None,
    }
}

/// The source of the first value that a module assigns to `name` at its top level, with the comments behind it.
pub(super) fn value_source<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let statements = statements(text, Where::Margin);
    let (index, value) = statements.iter().enumerate().find_map(|(index, statement)| {
        let (targets, value) = assigned(statement)?;
        targets.contains(&name).then_some((index, value))
    })?;
    let end =
        statements.get(index + 1).and_then(|next| next.first()).map_or(text.len(), |(offset, _)| *offset);
    text.get(value.first()?.0..end)
}

/// The items between commas, if they are plain numbers and strings.
fn items(tokens: &[Placed<'_>]) -> Option<Vec<TupleItem>> {
    let mut parts: Vec<_> = tokens.split(|(_, token)| *token == Token::Mark(',')).collect();
    if parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    let item = |part: &[Placed<'_>]| match part {
        [(offset, Token::Name(word))] if word.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(TupleItem::Number(*offset..offset + word.len()))
        }
        [(_, Token::Text(Some(span)))] => Some(TupleItem::Text(span.clone())),
        _ => None,
    };
    parts.into_iter().map(item).collect()
}

/// The keyword argument `name` of the first call of `setup`, or of a `dict` that it is given.
pub(super) fn setup_argument(text: &str, name: &str) -> Option<Assignment> {
    let statements = statements(text, Where::Anywhere);
    let (offset, value) = setup_value(&statements, name)?;
    let value: Vec<&Token<'_>> = value.iter().map(|(_, token)| token).take(9).collect();
    let given = match value.as_slice() {
        [Token::Text(Some(span)), Token::Mark(',' | ')'), ..] => AssignedValue::Text(span.clone()),
        [Token::Name(other), Token::Mark(',' | ')'), ..] => AssignedValue::Named((*other).to_owned()),
        [
            Token::Name(_),
            Token::Mark('['),
            Token::Text(Some(key)),
            Token::Mark(']'),
            Token::Mark(',' | ')'),
        ] => AssignedValue::Named(text[key.clone()].to_owned()),
        value => dotted(value).unwrap_or(AssignedValue::Other),
    };
    Some(Assignment { offset, given })
}

/// The tokens from the value of a keyword argument of `setup` on, and where the argument starts.
fn setup_value<'s, 't>(statements: &'s [Statement<'t>], name: &str) -> Option<(usize, &'s [Placed<'t>])> {
    let calls = |function: &'static str| {
        statements.iter().flat_map(move |tokens| {
            let at = tokens
                .windows(2)
                .enumerate()
                .filter(move |(_, pair)| pair[0].1 == Token::Name(function) && pair[1].1 == Token::Mark('('));
            at.map(move |(at, _)| &tokens[at + 2..])
        })
    };
    let setup = calls("setup").next()?;
    argument(setup, name).or_else(|| {
        let spreads =
            setup.windows(2).any(|pair| pair[0].1 == Token::Mark('*') && pair[1].1 == Token::Mark('*'));
        calls("dict").filter(|_| spreads).find_map(|call| argument(call, name))
    })
}

/// The tokens from the value of the argument `name` on, among those after a call's parenthesis.
fn argument<'s, 't>(call: &'s [Placed<'t>], name: &str) -> Option<(usize, &'s [Placed<'t>])> {
    let mut depth = 0_usize;
    for (index, (offset, token)) in call.iter().enumerate() {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            Token::Name(found)
                if depth == 0
                    && *found == name
                    && matches!(call.get(index + 1), Some((_, Token::Mark('=')))) =>
            {
                return Some((*offset, &call[index + 2..]));
            }
            _ => {}
        }
    }
    None
}

/// `demo.version.VERSION`, an attribute of a module.
fn dotted(value: &[&Token<'_>]) -> Option<AssignedValue> {
    let end = value.iter().position(|token| matches!(token, Token::Mark(',' | ')')))?;
    let mut parts = Vec::new();
    for (index, token) in value[..end].iter().enumerate() {
        match (index % 2, token) {
            (0, Token::Name(part)) => parts.push(*part),
            (1, Token::Mark('.')) => {}
            _ => return None,
        }
    }
    let name = parts.pop()?.to_owned();
    (!parts.is_empty() && end % 2 == 1).then(|| AssignedValue::Import {
        dots: 0,
        module: parts.join("."),
        name,
    })
}

/// The Python files and the files for a version that a script names, in one piece or joined:
/// `os.path.join(here, "demo", "version.py")`.
pub(super) fn named_files(text: &str) -> Vec<String> {
    let mut files = Vec::new();
    for tokens in statements(text, Where::Anywhere) {
        let mut parts: Vec<&str> = Vec::new();
        for (_, token) in &tokens {
            let Token::Text(Some(span)) = token else { continue };
            let part = text[span.clone()].trim_matches('/');
            parts.push(part);
            if part.ends_with(".py") || is_version_file(part) {
                // The joined path begins with any of the texts before.
                files.extend(
                    (0..parts.len().min(6)).rev().map(|count| parts[parts.len() - 1 - count..].join("/")),
                );
                parts.clear();
            }
        }
    }
    files
}

/// Whether a file with this path usually contains only a version.
pub(super) fn is_version_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    matches!(name.as_str(), "version" | "version.txt")
}

fn assignment(tokens: &Statement<'_>, name: &str) -> Option<Assignment> {
    let offset = tokens.first()?.0;
    let marks: Vec<&Token<'_>> = tokens.iter().map(|(_, token)| token).collect();
    if marks.first() == Some(&&Token::Name("from")) {
        return import(&marks[1..], name).map(|given| Assignment { offset, given });
    }
    let (targets, value) = assigned(tokens)?;
    let given = match value {
        [(_, Token::Text(Some(span)))] => AssignedValue::Text(span.clone()),
        // Two statements on a line.
        [(_, Token::Text(Some(span))), (_, Token::Mark(';')), ..] => AssignedValue::Text(span.clone()),
        [(_, Token::Name(other))] => AssignedValue::Named((*other).to_owned()),
        _ => AssignedValue::Other,
    };
    targets.contains(&name).then_some(Assignment { offset, given })
}

/// The names that a statement assigns to, and the value's tokens: `name = …`, `name: str = …`, `other = name = …`.
fn assigned<'s, 't>(tokens: &'s [Placed<'t>]) -> Option<(Vec<&'t str>, &'s [Placed<'t>])> {
    let mut targets = Vec::new();
    let mut rest = tokens;
    while let [(_, Token::Name(target)), after @ ..] = rest {
        let equals = match after.first() {
            Some((_, Token::Mark('='))) => 0,
            Some((_, Token::Mark(':'))) => after.iter().position(|(_, token)| *token == Token::Mark('='))?,
            _ => break,
        };
        if matches!(after.get(equals + 1), Some((_, Token::Mark('=')))) {
            return None;
        }
        targets.push(*target);
        rest = &after[equals + 1..];
    }
    (!targets.is_empty()).then_some((targets, rest))
}

fn import(tokens: &[&Token<'_>], name: &str) -> Option<AssignedValue> {
    let dots = tokens.iter().take_while(|token| ***token == Token::Mark('.')).count();
    let keyword = tokens.iter().position(|token| **token == Token::Name("import"))?;
    let module: String = tokens[dots..keyword]
        .iter()
        .filter_map(|token| match token {
            Token::Name(part) => Some((*part).to_owned()),
            Token::Mark('.') => Some(".".to_owned()),
            _ => None,
        })
        .collect();
    let imported = tokens[keyword + 1..].split(|token| matches!(token, Token::Mark(',' | '(' | ')' | ';')));
    for item in imported {
        let (original, local) = match item {
            [Token::Name(original)] => (original, original),
            [Token::Name(original), Token::Name("as"), Token::Name(local)] => (original, local),
            _ => continue,
        };
        if *local == name {
            return Some(AssignedValue::Import { dots, module, name: (*original).to_owned() });
        }
    }
    None
}

/// The logical lines.
fn statements(text: &str, place: Where) -> Vec<Statement<'_>> {
    let bytes = text.as_bytes();
    let mut statements: Vec<Statement<'_>> = Vec::new();
    let (mut at, mut depth) = (if text.starts_with('\u{feff}') { 3 } else { 0 }, 0_usize);
    // Whether the next token starts a line at the margin, and whether the current line started there.
    let (mut margin, mut kept) = (true, false);
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let token = match byte {
            b'\n' | b'\r' => {
                at += 1;
                if depth == 0 {
                    (margin, kept) = (true, false);
                }
                continue;
            }
            b' ' | b'\t' | 0x0c => {
                at += 1;
                margin &= place == Where::Anywhere;
                continue;
            }
            b'#' => {
                at += bytes[at..].iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count();
                continue;
            }
            b'\\' => {
                // A backslash continues the line.
                at += 1;
                at += match &bytes[at..] {
                    [b'\r', b'\n', ..] => 2,
                    [b'\n' | b'\r', ..] => 1,
                    _ => 0,
                };
                continue;
            }
            b'"' | b'\'' => {
                let (token, end) = string(text, at, "");
                at = end;
                token
            }
            _ if byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii() => {
                at += bytes[at..]
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || !b.is_ascii())
                    .count();
                let word = &text[start..at];
                let prefix = word.len() <= 2 && word.bytes().all(|b| b"rRbBuUfFtT".contains(&b));
                if prefix && matches!(bytes.get(at), Some(b'"' | b'\'')) {
                    let (token, end) = string(text, at, word);
                    at = end;
                    token
                } else {
                    Token::Name(word)
                }
            }
            _ => {
                at += 1;
                match byte {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                Token::Mark(char::from(byte))
            }
        };
        if margin {
            statements.push(Vec::new());
            kept = true;
            margin = false;
        }
        if kept && let Some(statement) = statements.last_mut() {
            statement.push((start, token));
        }
    }
    statements
}

/// The string literal at `at`, and its end; a single-quoted one ends with its line at the latest.
fn string<'t>(text: &'t str, at: usize, prefix: &str) -> (Token<'t>, usize) {
    let bytes = text.as_bytes();
    let quote = bytes[at];
    let triple = bytes[at..].starts_with(&[quote; 3]);
    let start = at + if triple { 3 } else { 1 };
    let mut end = start;
    let mut escaped = false;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'\\' => {
                escaped = true;
                end += 2;
            }
            b'\n' | b'\r' if !triple => return (Token::Text(None), end),
            _ if byte == quote && (!triple || bytes[end..].starts_with(&[quote; 3])) => {
                let plain = !escaped && !prefix.bytes().any(|b| b"bBfFtT".contains(&b));
                return (Token::Text(plain.then_some(start..end)), end + if triple { 3 } else { 1 });
            }
            _ => end += 1,
        }
    }
    (Token::Text(None), bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn given(text: &str) -> Vec<String> {
        assignments(text, "__version__")
            .into_iter()
            .map(|one| match one.given {
                AssignedValue::Text(span) => text[span].to_owned(),
                AssignedValue::Import { dots, module, name } => {
                    format!("{}{module}:{name}", ".".repeat(dots))
                }
                AssignedValue::Named(_) | AssignedValue::Other => "?".to_owned(),
            })
            .collect()
    }

    #[test]
    fn finds_what_the_interpreter_would_see() {
        for (text, expected) in [
            ("__version__ = \"1.0\"\n", "1.0"),
            ("\u{feff}__version__ = '1.0'  # the version\r\n", "1.0"),
            ("__version__: str = '1.0'", "1.0"),
            ("__version__: Final[str] = '1.0'", "1.0"),
            ("VERSION = __version__ = u'1.0'", "1.0"),
            ("__version__ = VERSION = '''1.0'''", "1.0"),
            ("__version__ = \\\n    '1.0'", "1.0"),
            ("__version__ = '1.0'; x = 1", "1.0"),
            ("from ._version import __version__", "._version:__version__"),
            ("from demo.about import (\n  a,\n  version as __version__,\n)", "demo.about:version"),
            ("__version__ = version('demo')", "?"),
            ("__version__ = '1' + '.0'", "?"),
            ("__version__ = f'{x}'", "?"),
            ("__version__ = ('1.0')", "?"),
            ("__version__ = '1.0", "?"),
            ("__version__ = '1\\x2e0'", "?"),
        ] {
            assert_eq!(given(text), [expected], "{text}");
        }
    }

    #[test]
    fn ignores_lookalikes() {
        for text in [
            "'''\n__version__ = '1.0'\n'''\n",
            "# __version__ = '1.0'",
            "def f():\n    __version__ = '1.0'\n",
            "f(\n__version__ = '1.0'\n)",
            "x.__version__ = '1.0'",
            "print(__version__)",
            "__version__ == '1.0'",
            "my__version__ = '1.0'",
            "\"\"\"doc \\\"\"\" __version__ = '1.0'\n\"\"\"",
            "from demo import version",
        ] {
            assert_eq!(given(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn finds_the_arguments_of_setup() {
        let text = "from setuptools import setup\nsetuptools.setup(\n    name='demo',\n    package_data={'x': f(name='y')},\n    version=\"1.0\",\n)\n";
        let argument = |name: &str| match setup_argument(text, name).map(|found| found.given) {
            Some(AssignedValue::Text(span)) => Some(&text[span]),
            _ => None,
        };
        assert_eq!((argument("name"), argument("version"), argument("x")), (Some("demo"), Some("1.0"), None));
        assert_eq!(setup_argument("setup(version=get())", "version").unwrap().given, AssignedValue::Other);
        assert_eq!(setup_argument("setup(version='1' + x)", "version").unwrap().given, AssignedValue::Other);
        assert_eq!(setup_argument("x = 1", "version"), None);
        let guarded = "if __name__ == '__main__':\n    setup(version='1.0')\n";
        assert!(matches!(setup_argument(guarded, "version").unwrap().given, AssignedValue::Text(_)));
    }

    proptest! {
        #[test]
        fn never_panics(text in r#"(\PC|["'\\\n#(){}=:. ]|__version__|from|import|setup){0,60}"#) {
            for found in assignments(&text, "__version__").into_iter().chain(setup_argument(&text, "version")) {
                if let AssignedValue::Text(span) = found.given {
                    let _ = &text[span];
                }
            }
        }
    }
}
