//! A part of a file, underlined, with what is wrong with it.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::error::Excerpt;

/// The excerpt as styled text.
pub fn excerpt_text(excerpt: &Excerpt) -> String {
    let Excerpt { path, text, span, message } = excerpt;
    let annotation = AnnotationKind::Primary.span(span.clone());
    let snippet = Snippet::source(text).path(path).annotation(annotation);
    Renderer::styled().render(&[Level::ERROR.primary_title(message).element(snippet)])
}
