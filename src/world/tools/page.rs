//! Renders a description for the project page, as PyPI does.

use super::{ToolsError, Unrendered, rst_to_html};
use crate::python::page::Rendered;
use crate::python::verdict::{ContentType, Description};
use crate::world::Environment;

/// Renders a description; one that PyPI refuses to render is a page that says so.
///
/// # Errors
/// It is reStructuredText, and PyPI's renderer cannot be set up.
pub fn render_description(
    environment: &Environment,
    description: &Description,
    progress: &dyn Fn(&str),
) -> Result<Rendered, ToolsError> {
    let text = &description.text;
    Ok(match description.content_type {
        ContentType::Markdown => Rendered::markdown(text),
        ContentType::Plain => Rendered::plain(text),
        ContentType::Restructured => match rst_to_html(environment, text, progress)? {
            Ok(html) => Rendered::restructured(&html),
            Err(Unrendered::Refused(why)) => {
                Rendered::refused(format!("the description does not render on PyPI: {why}"))
            }
            Err(Unrendered::TooCostly(what)) => {
                Rendered::refused(format!("rendering the description was stopped: {what}"))
            }
        },
    })
}
