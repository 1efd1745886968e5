//! The strings in the lists and dictionaries that `setup` is given.

use std::ops::Range;

use super::{Placed, Token, Where, assigned, setup_value, statements};

/// A string in a list or dictionary
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::python) struct SetupString {
    /// The key before it in a dictionary, between its quotes
    pub(in crate::python) key: Option<Range<usize>>,
    /// Between its quotes
    pub(in crate::python) span: Range<usize>,
    /// Whether it is an item as it stands; else it is formatted or joined with something
    pub(in crate::python) is_whole: bool,
}

/// The strings in a keyword argument of `setup` and in the lists that it names, which begin an item.
pub(in crate::python) fn setup_strings(text: &str, argument: &str) -> Vec<SetupString> {
    let statements = statements(text, Where::Anywhere);
    let Some((_, rest)) = setup_value(&statements, argument) else { return Vec::new() };
    let value = &rest[..end(rest)];
    let mut found = items(text, value, None);
    // `install_requires=REQUIRES`, `extras_require={"x": EXTRA}`.
    for (name, key) in names(value) {
        for statement in &statements {
            if let Some(value) = given_to(statement, name) {
                found.extend(items(text, value, key.clone()));
            }
        }
    }
    found.sort_by_key(|one| one.span.start);
    found.dedup_by(|one, other| one.span == other.span);
    found
}

/// What a statement assigns to the name, or adds to its list.
fn given_to<'s, 't>(statement: &'s [Placed<'t>], name: &str) -> Option<&'s [Placed<'t>]> {
    if let Some((targets, value)) = assigned(statement) {
        return targets.contains(&name).then_some(value);
    }
    match statement {
        [(_, Token::Name(found)), (_, Token::Mark('+')), (_, Token::Mark('=')), value @ ..]
        | [
            (_, Token::Name(found)),
            (_, Token::Mark('.')),
            (_, Token::Name("append" | "extend")),
            (_, Token::Mark('(')),
            value @ ..,
        ] => (*found == name).then_some(value),
        _ => None,
    }
}

/// The end of a value: before the comma or parenthesis behind it.
fn end(tokens: &[Placed<'_>]) -> usize {
    let mut depth = 0_usize;
    for (index, (_, token)) in tokens.iter().enumerate() {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') if depth == 0 => return index,
            Token::Mark(')' | ']' | '}') => depth -= 1,
            Token::Mark(',') if depth == 0 => return index,
            _ => {}
        }
    }
    tokens.len()
}

/// The strings that begin an item, each with the key before it.
fn items(text: &str, value: &[Placed<'_>], outer: Option<Range<usize>>) -> Vec<SetupString> {
    let mut found = Vec::new();
    let mut key = outer;
    for (index, (offset, token)) in value.iter().enumerate() {
        let Token::Text(plain) = token else { continue };
        let before = index.checked_sub(1).map(|at| &value[at].1);
        let behind = value.get(index + 1).map(|(_, token)| token);
        if behind == Some(&Token::Mark(':')) {
            key = plain.clone();
            continue;
        }
        if matches!(before, None | Some(Token::Mark('[' | '(' | '{' | ',' | ':'))) {
            let ends = matches!(behind, None | Some(Token::Mark(']' | ')' | '}' | ',')));
            let span = plain.clone().unwrap_or_else(|| inner(text, *offset));
            found.push(SetupString { key: key.clone(), span, is_whole: ends && plain.is_some() });
        }
    }
    found
}

/// What follows the prefix and the quotes of a string, up to the next quote.
fn inner(text: &str, at: usize) -> Range<usize> {
    let is_quote = |letter| matches!(letter, '"' | '\'');
    let literal = &text[at..];
    let quoted = literal.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let rest = quoted.trim_start_matches(is_quote);
    let start = at + literal.len() - rest.len();
    start..start + rest.find(is_quote).unwrap_or(rest.len())
}

/// The names in a value, each with the key before it.
fn names<'t>(value: &[Placed<'t>]) -> Vec<(&'t str, Option<Range<usize>>)> {
    let mut found = Vec::new();
    let mut key = None;
    for (index, (_, token)) in value.iter().enumerate() {
        match token {
            Token::Text(Some(span)) if matches!(value.get(index + 1), Some((_, Token::Mark(':')))) => {
                key = Some(span.clone());
            }
            Token::Name(name) if !name.starts_with(|letter: char| letter.is_ascii_digit()) => {
                found.push((*name, key.clone()));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strings(text: &str, argument: &str) -> Vec<String> {
        let shown = |SetupString { key, span, is_whole }: SetupString| {
            let key = key.map_or(String::new(), |key| format!("{}: ", &text[key]));
            format!("{key}{}{}", &text[span], if is_whole { "" } else { " …" })
        };
        setup_strings(text, argument).into_iter().map(shown).collect()
    }

    #[test]
    fn tells_whole_items_from_others() {
        let text = "REQUIRES = ['core==1', # 'no'\n 'b' 'c', 'd' + e, 'f%s' % g, \"h\".format(), u'i', e + 'j']\n\
                    setup(name='x', install_requires=REQUIRES + ['k', f'''l=={v}''', 'm\\x3d'], extras_require={'n': ['o', 'p'], 'q': R, f's': 't'})\n\
                    def f():\n    R = ['u']\n    R += ['v']\nelse:\n    R.append('w')\n    R.extend(['x', f'y'])\n    S.append('z')\n";
        assert_eq!(
            strings(text, "install_requires"),
            ["core==1", "b …", "d …", "f%s …", "h …", "i", "k", "l=={v} …", "m\\x3d …"]
        );
        assert_eq!(
            strings(text, "extras_require"),
            ["n: o", "n: p", "t", "q: u", "q: v", "q: w", "q: x", "q: y …"]
        );
        assert_eq!(strings(text, "tests_require"), [""; 0]);
        assert_eq!(strings("setup(install_requires='a')", "install_requires"), ["a"]);
        assert_eq!(strings("setup(install_requires=[", "install_requires"), [""; 0]);
        assert_eq!(strings("setup(install_requires=[f'a", "install_requires"), ["a …"]);
        assert_eq!(strings("setup(**dict(install_requires=['a']))", "install_requires"), ["a"]);
    }

    proptest! {
        #[test]
        fn hostile_text_never_panics(inner in r#"(\PC|["'\\\n#(){}\[\]=:., +]|f'|x=){0,40}"#) {
            let text = format!("x = [{inner}\nsetup(a=x + [{inner}");
            for one in setup_strings(&text, "a") {
                let _ = &text[one.span];
            }
        }
    }
}
