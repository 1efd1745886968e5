//! Checks the long description and its content type.

use thiserror::Error;

use crate::python::metadata::Metadata;

/// A long description that PyPI would render
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub text: String,
    pub content_type: ContentType,
}

/// The formats that PyPI renders
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// `text/markdown`; PyPI renders any text with comrak, so it fails only if it renders to nothing
    Markdown,
    /// `text/plain`; cannot fail
    Plain,
    /// `text/x-rst`, and the default without a content type; checked with PyPI's renderer in the tool environment
    Restructured,
}

/// Why PyPI does not accept a `Description-Content-Type`
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContentTypeError {
    #[error("the content type is `{0}`; PyPI renders `text/markdown`, `text/plain` and `text/x-rst`")]
    Unknown(String),
    #[error("the content type's charset is `{0}`; PyPI accepts only `UTF-8`, in this spelling")]
    Charset(String),
    #[error("the content type's variant is `{0}`; PyPI accepts `GFM` and `CommonMark`")]
    Variant(String),
}

impl Description {
    /// The description in the metadata; none if it is empty or `UNKNOWN`, because PyPI drops those.
    pub fn of(metadata: &Metadata) -> Option<Result<Self, ContentTypeError>> {
        let text = metadata.description().filter(|text| !text.is_empty() && text.trim() != "UNKNOWN")?;
        let content_type = match metadata.first("Description-Content-Type").map(str::trim) {
            None | Some("" | "UNKNOWN") => Ok(ContentType::Restructured),
            Some(value) => value.parse(),
        };
        Some(content_type.map(|content_type| Self { text, content_type }))
    }
}

impl std::str::FromStr for ContentType {
    type Err = ContentTypeError;

    /// Parses a `Description-Content-Type`, such as `text/markdown; charset=UTF-8; variant=GFM`.
    fn from_str(value: &str) -> Result<Self, ContentTypeError> {
        if value.contains(['\n', '\r']) {
            return Err(ContentTypeError::Unknown(value.escape_debug().to_string()));
        }
        let (essence, rest) = value.split_once(';').unwrap_or((value, ""));
        let essence = essence.trim().to_ascii_lowercase();
        let content_type = match essence.as_str() {
            "text/markdown" => Self::Markdown,
            "text/plain" => Self::Plain,
            "text/x-rst" => Self::Restructured,
            // A value that is not a type counts as plain text if it contains `text/plain`.
            other if other.matches('/').count() != 1 && value.to_lowercase().contains("text/plain") => {
                Self::Plain
            }
            _ => return Err(ContentTypeError::Unknown(value.to_owned())),
        };
        let read = |part: &'_ str| -> Option<(String, String)> {
            let (name, value) = match part.split_once('=') {
                // An empty value does not count, unless it is quoted.
                Some((name, value)) => match parameter_value(value) {
                    none if none.is_empty() && !value.trim_start().starts_with('"') => return None,
                    value => (name, value),
                },
                None => (part, String::new()),
            };
            is_token(name.trim()).then(|| (name.trim().to_ascii_lowercase(), value))
        };
        let parameters: Vec<(String, String)> = parameters(rest).into_iter().filter_map(read).collect();
        let parameter =
            |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if let Some(charset) = parameter("charset").filter(|charset| *charset != "UTF-8") {
            return Err(ContentTypeError::Charset(charset.to_owned()));
        }
        match parameter("variant") {
            Some(variant) if content_type == Self::Markdown && !matches!(variant, "GFM" | "CommonMark") => {
                Err(ContentTypeError::Variant(variant.to_owned()))
            }
            _ => Ok(content_type),
        }
    }
}

/// Whether a text is a valid parameter name (RFC 2045).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|letter: char| letter.is_whitespace() || "()<>@,:;\\\"/[]?=".contains(letter))
}

/// The parameters of a content type, split at every unquoted `;`; quotes begin only after a `=`.
fn parameters(text: &str) -> Vec<&str> {
    let (mut parameters, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped, mut before) = (false, false, ' ');
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted && before == '=',
            ';' if !quoted => {
                parameters.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if !letter.is_whitespace() {
            before = letter;
        }
    }
    parameters.push(&text[start..]);
    parameters
}

/// A parameter's value as Python's `email` reads it: in quotes, or up to a character that no token has.
fn parameter_value(value: &str) -> String {
    let value = value.trim();
    let Some(quoted) = value.strip_prefix('"') else {
        let ends = |letter: char| letter.is_whitespace() || "()<>@,:;\\\"/[]?=*'%".contains(letter);
        return value.split(ends).next().unwrap_or_default().to_owned();
    };
    let mut letters = quoted.chars();
    let mut found = String::new();
    while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
        match letter {
            '\\' => found.extend(letters.next()),
            letter => found.push(letter),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_read_as_pypi_does() {
        let read = |value: &str| value.parse::<ContentType>();
        assert_eq!(read("text/markdown; charset=UTF-8; variant=GFM"), Ok(ContentType::Markdown));
        assert_eq!(read("Text/X-RST; variant=GFM"), Ok(ContentType::Restructured));
        assert_eq!(read("text/plain; charset=\"UTF-8\""), Ok(ContentType::Plain));
        assert_eq!(read("text/markdown; charset=utf8"), Err(ContentTypeError::Charset("utf8".to_owned())));
        assert_eq!(read("text/markdown; variant=Foo"), Err(ContentTypeError::Variant("Foo".to_owned())));
        assert_eq!(read("text/markdown; charset=; variant=GFM (sic)"), Ok(ContentType::Markdown));
        assert_eq!(
            read("text/plain; charset=\"UTF-8;\""),
            Err(ContentTypeError::Charset("UTF-8;".to_owned()))
        );
        assert_eq!(read("text/plain; charset=\""), Err(ContentTypeError::Charset(String::new())));
        assert!(read("text/markdown\n; charset=UTF-8").is_err());
        assert_eq!(read("text/html"), Err(ContentTypeError::Unknown("text/html".to_owned())));
        assert_eq!(read("markdown"), Err(ContentTypeError::Unknown("markdown".to_owned())));
    }

    #[test]
    fn without_content_type_it_is_restructured_text() {
        let of = |text: &str| Description::of(&Metadata::parse(text.as_bytes()).unwrap());
        assert_eq!(of("Name: a\n"), None);
        assert_eq!(of("Name: a\n\nUNKNOWN\n"), None);
        assert_eq!(of("Name: a\n\nhi\n").unwrap().unwrap().content_type, ContentType::Restructured);
    }
}
