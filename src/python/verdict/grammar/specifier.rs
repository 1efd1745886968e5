//! Parses version specifiers, such as `>=3.9, !=3.9.7` (PEP 440), as `packaging.specifiers` does.

use super::cursor::Cursor;

/// Whether the text is a set of specifiers; it may be empty.
pub(in crate::python::verdict) fn is_specifier_set(text: &str) -> bool {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
        let mut cursor = Cursor::new(part);
        take_specifier(&mut cursor) && cursor.rest().is_empty()
    })
}

/// Takes one specifier, if one is next.
pub(super) fn take_specifier(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = *cursor;
    if ahead.take("===") {
        ahead.take_while(char::is_whitespace);
        ahead.take_while(|letter| !letter.is_whitespace() && !matches!(letter, ';' | ')'));
        *cursor = ahead;
        return true;
    }
    let exact = ahead.take("==") || ahead.take("!=");
    let compatible = !exact && ahead.take("~=");
    if !exact && !compatible && !["<=", ">=", "<", ">"].iter().any(|operator| ahead.take(operator)) {
        return false;
    }
    ahead.take_while(char::is_whitespace);
    let Some(numbers) = take_release(&mut ahead) else { return false };
    if compatible && numbers < 2 {
        return false;
    }
    if !(exact && ahead.take(".*")) {
        take_suffixes(&mut ahead);
        if exact {
            take_local(&mut ahead);
        }
    }
    *cursor = ahead;
    true
}

fn digits<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.take_while(|letter| letter.is_ascii_digit())
}

/// Takes `v`, an epoch and the release numbers; returns their count.
fn take_release(cursor: &mut Cursor<'_>) -> Option<usize> {
    cursor.take_ignoring_case("v");
    let mut ahead = *cursor;
    if !digits(&mut ahead).is_empty() && ahead.take("!") {
        *cursor = ahead;
    }
    if digits(cursor).is_empty() {
        return None;
    }
    let mut numbers = 1;
    loop {
        let mut ahead = *cursor;
        if !ahead.take(".") || digits(&mut ahead).is_empty() {
            return Some(numbers);
        }
        *cursor = ahead;
        numbers += 1;
    }
}

fn take_separator(cursor: &mut Cursor<'_>) {
    if matches!(cursor.peek(), Some('-' | '_' | '.')) {
        cursor.advance(1);
    }
}

/// Takes one of the words with its separators and number, if one is next.
fn take_part(cursor: &mut Cursor<'_>, words: &[&str]) -> bool {
    let mut ahead = *cursor;
    take_separator(&mut ahead);
    let found = words.iter().any(|word| ahead.take_ignoring_case(word));
    if found {
        take_separator(&mut ahead);
        digits(&mut ahead);
        *cursor = ahead;
    }
    found
}

/// Takes a pre-release, a post-release and a development release, each optional.
fn take_suffixes(cursor: &mut Cursor<'_>) {
    take_part(cursor, &["alpha", "beta", "preview", "pre", "a", "b", "c", "rc"]);
    let mut ahead = *cursor;
    if ahead.take("-") && !digits(&mut ahead).is_empty() {
        *cursor = ahead;
    } else {
        take_part(cursor, &["post", "rev", "r"]);
    }
    let mut ahead = *cursor;
    take_separator(&mut ahead);
    if ahead.take_ignoring_case("dev") {
        take_separator(&mut ahead);
        digits(&mut ahead);
        *cursor = ahead;
    }
}

/// Takes a local version, if one is next.
fn take_local(cursor: &mut Cursor<'_>) {
    let mut ahead = *cursor;
    if !ahead.take("+") {
        return;
    }
    loop {
        if ahead.take_while(|letter| letter.is_ascii_alphanumeric()).is_empty() {
            return;
        }
        *cursor = ahead;
        if !matches!(ahead.peek(), Some('-' | '_' | '.')) {
            return;
        }
        ahead.advance(1);
    }
}

#[cfg(test)]
mod tests {
    use super::is_specifier_set;

    #[test]
    fn specifiers_are_read_as_packaging_reads_them() {
        for right in [
            "",
            ">=3.9",
            ">=3.9,<4",
            " >= 3.9 , ",
            "==3.*",
            "!=3.9.*",
            "~=3.9",
            "==1.0+local.1",
            "===any+thing",
            "<=3",
            ">1!2.0a1.post2.dev3",
            "==V1.0-1",
            ">=1.0RC1",
            ">=1.0.post",
        ] {
            assert!(is_specifier_set(right), "{right}");
        }
        for wrong in [
            "3.9",
            ">=3.x",
            ">=3.9;",
            "3.9+",
            ">=2.0.*",
            ">=1.0+local",
            "~=3",
            "=3",
            ">=",
            ">=3.9 <4",
            "=>3",
            "==1.*.*",
        ] {
            assert!(!is_specifier_set(wrong), "{wrong}");
        }
    }
}
