//! Translates the templates of other tools.

/// How a tool writes placeholders
#[derive(Clone, Copy)]
pub(super) enum Style {
    /// `{name}`, as in Python's `str.format`
    Format,
    /// `$name` or `${name}`, as in Python's `string.Template`
    Dollar,
}

/// A tool's placeholders and those of pyrelease that replace them
pub(super) type Fields = [(&'static str, &'static str)];

enum Part {
    Text(String),
    Placeholder(&'static str),
}

/// A template of pyrelease that renders as `text` does; else the reason, a sentence.
pub(super) fn translate(text: &str, style: Style, fields: &Fields) -> Result<String, String> {
    let parts = parse(text, style, fields)?;
    // In a template, a brace cannot be escaped.
    if parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains('{'))) {
        return Err("it has a literal `{`".to_owned());
    }
    Ok(joined(&parts))
}

/// The text of a `Pattern`, in which only `{version}` is a placeholder; else the reason.
pub(super) fn pattern(text: &str, fields: &Fields) -> Result<String, String> {
    let parts = parse(text, Style::Format, fields)?;
    let placeholders = parts.iter().filter(|part| matches!(part, Part::Placeholder(_))).count();
    let joined = joined(&parts);
    if joined.matches("{version}").count() != placeholders {
        return Err("it has a literal `{version}`".to_owned());
    }
    Ok(joined)
}

fn joined(parts: &[Part]) -> String {
    let text = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Placeholder(name) => format!("{{{name}}}"),
    };
    parts.iter().map(text).collect()
}

/// The next token of a template and what follows it
enum Token<'t> {
    Literal(char, &'t str),
    Name(&'t str, &'t str),
}

fn parse(text: &str, style: Style, fields: &Fields) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let inner = &rest[letter.len_utf8()..];
        let token = match style {
            Style::Format => format_token(letter, inner)?,
            Style::Dollar => dollar_token(letter, inner)?,
        };
        match token {
            Token::Literal(letter, after) => {
                literal.push(letter);
                rest = after;
            }
            Token::Name(name, after) => {
                let known = fields.iter().find(|(field, _)| *field == name);
                let shown = || name.chars().take(40).collect::<String>();
                let (_, placeholder) =
                    known.ok_or_else(|| format!("pyrelease has no placeholder for `{}`", shown()))?;
                parts.push(Part::Text(std::mem::take(&mut literal)));
                parts.push(Part::Placeholder(placeholder));
                rest = after;
            }
        }
    }
    parts.push(Part::Text(literal));
    Ok(parts)
}

fn format_token(letter: char, inner: &str) -> Result<Token<'_>, String> {
    match (letter, inner.chars().next()) {
        ('{' | '}', Some(next)) if next == letter => Ok(Token::Literal(letter, &inner[1..])),
        ('{', _) => match inner.split_once('}') {
            Some((name, after)) => Ok(Token::Name(name, after)),
            None => Err("it has a `{` without `}`".to_owned()),
        },
        ('}', _) => Err("it has a `}` without `{`".to_owned()),
        _ => Ok(Token::Literal(letter, inner)),
    }
}

fn dollar_token(letter: char, inner: &str) -> Result<Token<'_>, String> {
    if letter != '$' {
        return Ok(Token::Literal(letter, inner));
    }
    if let Some(after) = inner.strip_prefix('$') {
        return Ok(Token::Literal('$', after));
    }
    if let Some(braced) = inner.strip_prefix('{') {
        let found = braced.split_once('}').map(|(name, after)| Token::Name(name, after));
        return found.ok_or_else(|| "it has a `${` without `}`".to_owned());
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match inner.find(|c| !is_name(c)).unwrap_or(inner.len()) {
        0 => Ok(Token::Literal('$', inner)),
        end => Ok(Token::Name(&inner[..end], &inner[end..])),
    }
}
