//! The form of the tags' names, from the configuration or from one release.

use crate::config::{Names, Template};
use crate::python::habits::TagStyle;

/// The style that a template of `[stage.tag] name` describes.
pub(in crate::stages) fn style_of_template(template: &Template, name: &str, date: &str) -> TagStyle {
    // A character that no tag name may contain.
    const VERSION: &str = "\u{1}";
    let names = Names { version: VERSION.into(), name: name.into(), date: date.into(), ..Names::default() };
    let rendered = template.render(&names);
    let (prefix, suffix) = rendered.split_once(VERSION).unwrap_or((&rendered, ""));
    TagStyle { prefix: prefix.to_owned(), suffix: suffix.to_owned(), separator: '.' }
}

/// The style of one release's tag.
pub(in crate::stages) fn style_of_names(names: &Names) -> TagStyle {
    let underscored = names.version.replace('.', "_");
    for (version, separator) in [(names.version.as_str(), '.'), (underscored.as_str(), '_')] {
        if let Some((prefix, suffix)) = names.tag.split_once(version) {
            return TagStyle { prefix: prefix.to_owned(), suffix: suffix.to_owned(), separator };
        }
    }
    TagStyle { prefix: names.tag.clone(), suffix: String::new(), separator: '.' }
}
