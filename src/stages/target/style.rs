//! The form of the tags' names, from the configuration or from one release.

use crate::config::{Config, Names, Template};
use crate::engine::release::Release;
use crate::error::{Error, Result};
use crate::python::habits::TagStyle;
use crate::stages::tag::Tag;

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

/// Refuses a release from a file whose tag is not one of its version: by the configured name, or else by any name with the
/// version in it, because the file says how earlier releases were tagged.
///
/// # Errors
/// The tag is another one; or the settings of the stage are wrong.
pub fn expect_own_tag(config: &Config, release: &Release) -> Result<()> {
    let configured = config.settings::<Tag>("tag")?.name.filter(|_| !release.is_of_workspace());
    for release in release.of_each() {
        let (names, version) = (release.names(), &release.target.version);
        let style = match &configured {
            Some(name) => style_of_template(name, &names.name, &names.date),
            None => style_of_names(names),
        };
        if style.version(&names.tag).as_ref() != Some(version) {
            return Err(Error::refused(format!(
                "the tag in the file is `{}`, which is not one of {} {version}",
                names.tag.escape_debug(),
                names.name
            ))
            .help(
                "the file is not what pyrelease wrote for this release: get it from where the release began",
            ));
        }
    }
    Ok(())
}
