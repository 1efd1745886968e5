//! The strings in the lists and dictionaries that `setup` is given.

use std::ops::Range;

use super::{Placed, Token, Where, assigned, setup_value, statements};

/// A plain string, between its quotes, and the key before it if it stands in a dictionary
type Keyed = (Option<Range<usize>>, Range<usize>);

/// The plain strings that are whole items of a keyword argument of `setup`, or of the lists that it names.
pub(in crate::python) fn setup_strings(text: &str, argument: &str) -> Vec<Keyed> {
    let statements = statements(text, Where::Anywhere);
    let Some((_, rest)) = setup_value(&statements, argument) else { return Vec::new() };
    let value = &rest[..end(rest)];
    let mut found = items(value, None);
    // `install_requires=REQUIRES`, `extras_require={"x": EXTRA}`.
    for (name, key) in names(value) {
        for statement in &statements {
            let Some((targets, value)) = assigned(statement) else { continue };
            if targets.contains(&name) {
                found.extend(items(value, key.clone()));
            }
        }
    }
    found.sort_by_key(|(_, span)| span.start);
    found.dedup_by(|one, other| one.1 == other.1);
    found
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

/// The strings that are whole items. What is joined, formatted or indexed is none.
fn items(value: &[Placed<'_>], outer: Option<Range<usize>>) -> Vec<Keyed> {
    let mut found = Vec::new();
    let mut key = outer;
    for (index, (_, token)) in value.iter().enumerate() {
        let Token::Text(Some(span)) = token else { continue };
        let before = index.checked_sub(1).map(|at| &value[at].1);
        let behind = value.get(index + 1).map(|(_, token)| token);
        if behind == Some(&Token::Mark(':')) {
            key = Some(span.clone());
            continue;
        }
        let opens = matches!(before, None | Some(Token::Mark('[' | '(' | '{' | ',' | ':')));
        let ends = matches!(behind, None | Some(Token::Mark(']' | ')' | '}' | ',')));
        if opens && ends {
            found.push((key.clone(), span.clone()));
        }
    }
    found
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
    use super::*;

    fn strings(text: &str, argument: &str) -> Vec<String> {
        let found = setup_strings(text, argument).into_iter();
        found
            .map(|(key, span)| match key {
                Some(key) => format!("{}: {}", &text[key], &text[span]),
                None => text[span].to_owned(),
            })
            .collect()
    }

    #[test]
    fn finds_whole_items_only() {
        let text = "REQUIRES = ['core==1', # 'no'\n 'b' 'c', 'd' + e, 'f%s' % g, \"h\".format(), u'i']\n\
                    setup(name='x', install_requires=REQUIRES + ['j'], extras_require={'k': ['l', 'm'], 'n': O})\n\
                    def f():\n    O = ['p']\n";
        assert_eq!(strings(text, "install_requires"), ["core==1", "i", "j"]);
        assert_eq!(strings(text, "extras_require"), ["k: l", "k: m", "n: p"]);
        assert_eq!(strings(text, "tests_require"), [""; 0]);
        assert_eq!(strings("setup(install_requires='a')", "install_requires"), ["a"]);
        assert_eq!(strings("setup(install_requires=[", "install_requires"), [""; 0]);
        assert_eq!(strings("setup(**dict(install_requires=['a']))", "install_requires"), ["a"]);
    }
}
