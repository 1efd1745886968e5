//! Rules about the long description.

use comrak::markdown_to_html;

use super::rule::{Rule, Source};
use crate::python::readme::markdown_options;
use crate::python::verdict::description::ContentType;
use crate::python::verdict::diagnostic::{Diagnostic, Violation};
use crate::python::verdict::subject::Subject;

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

pub(in crate::python::verdict) const RULES: &[Rule] = &[NOT_BLANK, RENDERS, COSTLY];

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

/// Whether the text has only blank lines, or only definitions of links and footnotes without references.
fn renders_to_nothing(text: &str) -> bool {
    let text = text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let is_definition = text.starts_with('[') && text.len() <= LONGEST;
    text.is_empty() || (is_definition && markdown_to_html(text, &markdown_options()).is_empty())
}

/// The finding that a description does not render, with the renderer's message.
pub fn does_not_render(said: &str) -> Diagnostic {
    let mut lines = said.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or("the renderer gave no reason");
    let found = Violation::new(format!("the description does not render on PyPI: {first}"));
    let about: Vec<&str> = lines.take(5).collect();
    RENDERS.diagnostic(if about.is_empty() {
        found
    } else {
        found.help(format!("the source is: {}", about.join(" / ")))
    })
}

/// The rule whose findings depend on the machine.
pub(in crate::python::verdict) const DEPENDING: &str = COSTLY.id;

/// The finding that rendering a description takes too long or too much memory.
pub fn is_too_costly(what: &str) -> Diagnostic {
    let found = Violation::new(format!("rendering the description was stopped: {what}"));
    COSTLY.diagnostic(found.help("it contains excessive nesting or repetition: simplify or remove that part"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_renderers_message_becomes_a_finding() {
        let found = does_not_render("line 4: ERROR: Unexpected section title.\n\nQuoted\n======\n");
        assert_eq!(
            found.finding.message,
            "the description does not render on PyPI: line 4: ERROR: Unexpected section title."
        );
        assert_eq!(found.finding.help.as_deref(), Some("the source is: Quoted / ======"));
        assert_eq!(crate::python::verdict::rule(found.rule).map(|rule| rule.id), Some("description-renders"));
    }

    /// As readme_renderer 46 has it, which PyPI runs.
    #[test]
    fn empty_markdown_is_recognised() {
        let nothing = [
            "\n",
            " ",
            "\t\n",
            "\r",
            "    \n    ",
            "\u{feff}\n",
            "[x]: /y\n",
            "[x]:\n/y\n[z]: /w 'title'\n",
            "[^1]: a\n",
        ];
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
}
