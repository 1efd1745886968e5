//! Checks the long description and its content type.

use comrak::{Options, markdown_to_html};
use thiserror::Error;

use super::Subject;
use super::finding::{RuleFinding, Violation};
use super::rules::{Rule, Source};
use crate::python::metadata::Metadata;

const RENDERS: Rule = Rule::elsewhere(
    "description-renders",
    Source::Pypi(
        "The description failed to render for 'text/x-rst'. | The description failed to render in the default \
         format of reStructuredText.",
    ),
    "a description in reStructuredText renders",
);

const COSTLY: Rule = Rule::elsewhere(
    "description-too-costly",
    Source::Stricter(
        "PyPI limits rendering to the minutes that an upload may take, so it may fail there, and a hostile description \
         would keep a machine busy for days",
    ),
    "a description in reStructuredText renders within a minute of processor time and a GiB of memory",
);

const NOT_BLANK: Rule = Rule::pypi(
    "description-not-blank",
    "The description failed to render for 'text/markdown'.",
    "a description in Markdown does not render to nothing",
    blank,
)
.of_metadata();

pub(super) const RULES: &[Rule] = &[NOT_BLANK, RENDERS, COSTLY];

/// The longest description that is checked for rendering to nothing, in bytes: such descriptions are short
const LONGEST: usize = 64 << 10;

fn blank(subject: &Subject) -> Vec<Violation> {
    let Some(Ok(description)) = subject.description() else { return Vec::new() };
    if description.content_type != ContentType::Markdown || !renders_to_nothing(&description.text) {
        return Vec::new();
    }
    let found = Violation::new("the description renders to nothing, which PyPI treats as a failure");
    vec![found.help("write one, or remove it together with its content type: PyPI accepts no description")]
}

/// Whether the text has only blank lines, or only definitions without references.
fn renders_to_nothing(text: &str) -> bool {
    let text = text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let is_definition = text.starts_with('[') && text.len() <= LONGEST;
    text.is_empty() || (is_definition && markdown_to_html(text, &Options::default()).is_empty())
}

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
    pub(super) fn of(metadata: &Metadata) -> Option<Result<Self, ContentTypeError>> {
        let text = metadata.description().filter(|text| !text.is_empty() && text.trim() != "UNKNOWN")?;
        let content_type = match metadata.first("Description-Content-Type").map(str::trim) {
            None | Some("" | "UNKNOWN") => Ok(ContentType::Restructured),
            Some(value) => value.parse(),
        };
        Some(content_type.map(|content_type| Self { text, content_type }))
    }
}

/// The finding that a description does not render, with the renderer's message.
pub fn does_not_render(said: &str) -> RuleFinding {
    let mut lines = said.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or("the renderer gave no reason");
    let found = Violation::new(format!("the description does not render on PyPI: {first}"));
    let about: Vec<&str> = lines.take(5).collect();
    RENDERS.finding(if about.is_empty() {
        found
    } else {
        found.help(format!("the source is: {}", about.join(" / ")))
    })
}

/// The rule whose findings depend on the machine.
pub(super) const DEPENDING: &str = COSTLY.id;

/// The finding that rendering a description takes too long or too much memory.
pub fn is_too_costly(what: &str) -> RuleFinding {
    let found = Violation::new(format!("rendering the description was stopped: {what}"));
    COSTLY.finding(found.help("it contains excessive nesting or repetition: simplify or remove that part"))
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
    fn the_renderers_message_becomes_a_finding() {
        let finding = does_not_render("line 4: ERROR: Unexpected section title.\n\nQuoted\n======\n");
        assert_eq!(
            finding.message,
            "the description does not render on PyPI: line 4: ERROR: Unexpected section title."
        );
        assert_eq!(finding.help.as_deref(), Some("the source is: Quoted / ======"));
        assert_eq!(
            crate::python::verdict::rule(finding.rule).map(|rule| rule.id),
            Some("description-renders")
        );
    }

    /// As readme_renderer 45 has it, which PyPI runs.
    #[test]
    fn empty_markdown_is_recognised() {
        let nothing =
            ["\n", " ", "\t\n", "\r", "    \n    ", "\u{feff}\n", "[x]: /y\n", "[x]:\n/y\n[z]: /w 'title'\n"];
        for text in nothing {
            assert!(renders_to_nothing(text), "{text:?}");
        }
        let something = [
            "\u{a0}",
            "\u{c}\n",
            "\u{b}",
            "\u{200b}",
            "<!-- a -->\n",
            "> \n",
            "[x]: /y\n\n[x]\n",
            "\0",
            "#\n",
        ];
        for text in something {
            assert!(!renders_to_nothing(text), "{text:?}");
        }
    }

    #[test]
    fn without_content_type_it_is_restructured_text() {
        let of = |text: &str| Description::of(&Metadata::parse(text.as_bytes()).unwrap());
        assert_eq!(of("Name: a\n"), None);
        assert_eq!(of("Name: a\n\nUNKNOWN\n"), None);
        assert_eq!(of("Name: a\n\nhi\n").unwrap().unwrap().content_type, ContentType::Restructured);
    }
}
