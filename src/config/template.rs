//! Templates with the placeholders `{version}`, `{previous_version}`, `{name}`, `{date}` and `{tag}`.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::report;

const PLACEHOLDERS: [&str; 5] = ["version", "previous_version", "name", "date", "tag"];

/// The values of the placeholders in one release
#[derive(Debug, Clone, Default)]
pub struct Names {
    pub version: String,
    pub previous_version: String,
    pub name: String,
    /// `YYYY-MM-DD`
    pub date: String,
    pub tag: String,
}

/// A text with placeholders, all of them known
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct Template(String);

impl Template {
    /// Checks that every `{word}` is a known placeholder; other braces stand for themselves.
    ///
    /// # Errors
    /// The message names the unknown placeholder and the known ones.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        Self::with_more(text, &[])
    }

    /// The same with `more` placeholders, for [`Self::render_with`].
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_more(text: impl Into<String>, more: &[&str]) -> Result<Self, String> {
        let text = text.into();
        if text.contains('\0') {
            return Err("a NUL character, which neither git nor a command takes".to_owned());
        }
        let known = || PLACEHOLDERS.iter().chain(more).copied();
        for word in words(&text) {
            if !known().any(|one| one == word) {
                return Err(match report::nearest(word, known()) {
                    Some(nearest) => {
                        format!("unknown placeholder `{{{word}}}`: did you mean `{{{nearest}}}`?")
                    }
                    None => {
                        format!("unknown placeholder `{{{word}}}`: use {}", report::list(known()))
                    }
                });
            }
        }
        Ok(Self(text))
    }

    /// Refuses a text that is empty, for a message: git takes none.
    ///
    /// # Errors
    /// It is empty.
    pub fn into_message(self) -> Result<Self, String> {
        match self.0.trim() {
            "" => Err("the message is empty, which git refuses: write one, or remove the setting".to_owned()),
            _ => Ok(self),
        }
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// Replaces every placeholder in one pass: a value that looks like a placeholder stays as it is.
    pub fn render(&self, names: &Names) -> String {
        self.render_with(names, &[])
    }

    /// The same with the values of more placeholders.
    pub fn render_with(&self, names: &Names, more: &[(&str, &str)]) -> String {
        let usual = PLACEHOLDERS.iter().map(|word| (*word, names.value(word)));
        let known: Vec<(&str, &str)> = usual.chain(more.iter().copied()).collect();
        let mut rendered = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some(start) = rest.find('{') {
            rendered.push_str(&rest[..start]);
            rest = &rest[start..];
            let value = known.iter().find_map(|(word, value)| {
                let after = rest.strip_prefix('{')?.strip_prefix(word)?.strip_prefix('}')?;
                Some((after, *value))
            });
            match value {
                Some((after, value)) => {
                    rendered.push_str(value);
                    rest = after;
                }
                None => {
                    rendered.push('{');
                    rest = &rest[1..];
                }
            }
        }
        rendered.push_str(rest);
        rendered
    }
}

impl Names {
    fn value(&self, placeholder: &str) -> &str {
        match placeholder {
            "version" => &self.version,
            "previous_version" => &self.previous_version,
            "name" => &self.name,
            "date" => &self.date,
            _ => &self.tag,
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(word, _)| word).filter(|word| {
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
    })
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Reads the message of a commit or a tag.
///
/// # Errors
/// It is empty, or has an unknown placeholder.
pub fn message<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Template>, D::Error> {
    Template::deserialize(deserializer)?.into_message().map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names { version: "1.1.0".into(), name: "{version}".into(), ..Names::default() }
    }

    #[test]
    fn replaces_each_placeholder_once() {
        let template = Template::new("{name} {version}: { } {x: {version}}").unwrap();
        assert_eq!(template.render(&names()), "{version} 1.1.0: { } {x: 1.1.0}");
    }

    #[test]
    fn has_more_placeholders_where_they_are_known() {
        let template = Template::with_more("{next_version} after {version}", &["next_version"]).unwrap();
        assert_eq!(template.render_with(&names(), &[("next_version", "1.2")]), "1.2 after 1.1.0");
        assert!(Template::new("{next_version}").is_err());
        assert!(Template::new("1.0\0").is_err());
    }

    #[test]
    fn suggests_the_nearest_placeholder() {
        assert_eq!(
            Template::new("v{verson}").unwrap_err(),
            "unknown placeholder `{verson}`: did you mean `{version}`?"
        );
    }
}
