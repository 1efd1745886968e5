//! Renders a description as PyPI does.

use std::sync::LazyLock;

use comrak::{Arena, html::format_document, parse_document};
use regex::{Captures, Regex};

use super::clean::{clean, clean_plain};
use super::loss::{Loss, LossKind};
use super::marks::{MOST_NESTED, mark};
use super::raw::Source;
use crate::python::readme::{ID_PREFIX, markdown_options};
use crate::text::escape_html;

/// The longest description that is rendered here, in bytes: hostile ones take many times their size in memory
const LONGEST: usize = 1 << 20;

/// A rendered description
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// As PyPI's, with marks
    pub html: String,
    /// By their numbers in the marks
    pub losses: Vec<Loss>,
    /// How many more there are
    pub more: usize,
}

impl Rendered {
    /// Renders Markdown.
    pub fn markdown(text: &str) -> Self {
        if text.len() > LONGEST {
            return Self::too_long();
        }
        if text.lines().any(is_deep_quotation) {
            return Self::too_deep();
        }
        let arena = Arena::new();
        let options = markdown_options();
        let document = parse_document(&arena, text, &options);
        let source = Source::of(document);
        let mut html = String::new();
        format_document(document, &options, &mut html).expect("a string takes any text");
        Self::marked(&shown_code(&prefixed_anchors(&html)), &source)
    }

    /// Renders plain text.
    pub fn plain(text: &str) -> Self {
        if text.len() > LONGEST {
            return Self::too_long();
        }
        let html = clean_plain(&escape_html(text).replace('\n', "<br>"));
        Self { html, losses: Vec::new(), more: 0 }
    }

    /// Marks what PyPI's renderer of reStructuredText has written.
    pub fn restructured(html: &str) -> Self {
        if html.len() > 4 * LONGEST {
            return Self::too_long();
        }
        Self::marked(html, &Source::default())
    }

    /// No description, because PyPI would not render it.
    pub fn refused(message: String) -> Self {
        let loss = Loss::new(LossKind::Description, message);
        Self { html: String::new(), losses: vec![loss], more: 0 }
    }

    fn too_long() -> Self {
        Self::refused(format!("the description is longer than {} MiB and not rendered here", LONGEST >> 20))
    }

    fn too_deep() -> Self {
        Self::refused(format!(
            "the description nests more than {MOST_NESTED} elements and is not rendered here"
        ))
    }

    fn marked(html: &str, source: &Source) -> Self {
        let Some((html, losses)) = mark(html, source) else { return Self::too_deep() };
        let (losses, more) = losses.into_list();
        Self { html: clean(&html), losses, more }
    }
}

/// Whether a line is a quotation within thousands of others, which takes the parser hours.
fn is_deep_quotation(line: &str) -> bool {
    let markers = line.bytes().take_while(|byte| matches!(byte, b'>' | b' ' | b'\t'));
    markers.filter(|byte| *byte == b'>').count() > MOST_NESTED
}

/// Gives the prefix of headings to links within the page, except to footnotes.
fn prefixed_anchors(html: &str) -> String {
    static ANCHOR: LazyLock<Regex> = LazyLock::new(|| expression("href=\"#([^\"]+)\""));
    let prefixed = |found: &Captures<'_>| {
        if found[1].starts_with("fn-") || found[1].starts_with("fnref-") {
            return found[0].to_owned();
        }
        format!("href=\"#{ID_PREFIX}{}\"", &found[1])
    };
    ANCHOR.replace_all(html, prefixed).into_owned()
}

/// Writes code with a language as PyPI does: without `<code>`, blank lines around it, and tags within it. PyPI also
/// puts `<span>` around its words, for their colours.
fn shown_code(html: &str) -> String {
    static CODE: LazyLock<Regex> = LazyLock::new(|| {
        expression(
            "(?s)(?:<pre><code class=\"language-|<pre lang=\")([^\"]+?)\">(?:<code>)?(.+?)</code></pre>",
        )
    });
    let shown = |found: &Captures<'_>| {
        let code = found[2].trim_matches('\n').replace('<', "&lt;").replace('>', "&gt;");
        format!("<pre lang=\"{}\">{code}\n</pre>", &found[1])
    };
    CODE.replace_all(html, shown).into_owned()
}

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}
