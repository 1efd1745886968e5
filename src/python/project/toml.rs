//! Values of a TOML file with their positions, so that an edit can change only the version.

use std::ops::Range;

use toml_edit::{Document, Item, Value};

use super::{ProjectError, line_at};

/// A parsed TOML file
#[derive(Debug)]
pub(in crate::python) struct Toml {
    pub(in crate::python) path: String,
    document: Document<String>,
}

impl Toml {
    pub(in crate::python) fn parse(path: &str, text: &str) -> Result<Self, ProjectError> {
        let document = Document::parse(text.to_owned()).map_err(|error| ProjectError::Syntax {
            path: path.to_owned(),
            line: line_at(text, error.span().map_or(0, |span| span.start)),
            reason: error.message().lines().next().unwrap_or("not TOML").to_owned(),
        })?;
        Ok(Self { path: path.to_owned(), document })
    }

    pub(in crate::python) fn get(&self, keys: &[&str]) -> Option<&Item> {
        keys.iter().try_fold(self.document.as_item(), |item, key| item.as_table_like()?.get(key))
    }

    pub(in crate::python) fn has(&self, keys: &[&str]) -> bool {
        self.get(keys).is_some()
    }

    pub(in crate::python) fn is_true(&self, keys: &[&str]) -> bool {
        self.get(keys).and_then(Item::as_bool) == Some(true)
    }

    /// The string; none if it is missing, an error if it has another type.
    pub(in crate::python) fn string(&self, keys: &[&str]) -> Result<Option<&str>, ProjectError> {
        match self.get(keys) {
            None => Ok(None),
            Some(item) => item.as_str().map(Some).ok_or_else(|| self.wrong(keys, "a string")),
        }
    }

    /// The array of strings; none if it is missing, an error if it is anything else.
    pub(in crate::python) fn string_array(&self, keys: &[&str]) -> Result<Option<Vec<String>>, ProjectError> {
        let Some(item) = self.get(keys) else { return Ok(None) };
        let strings = item.as_array().and_then(|array| {
            array.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
        });
        strings.map(Some).ok_or_else(|| self.wrong(keys, "an array of strings"))
    }

    /// The strings of an array, or a single string; empty if missing.
    pub(in crate::python) fn strings(&self, keys: &[&str]) -> Vec<&str> {
        match self.get(keys) {
            Some(item) => match item.as_array() {
                Some(array) => array.iter().filter_map(|value| value.as_str()).collect(),
                None => item.as_str().into_iter().collect(),
            },
            None => Vec::new(),
        }
    }

    /// The keys and strings of a table, without other values.
    pub(in crate::python) fn pairs(&self, keys: &[&str]) -> Vec<(&str, &str)> {
        let table = self.get(keys).and_then(Item::as_table_like);
        table
            .into_iter()
            .flat_map(|table| table.iter())
            .filter_map(|(key, item)| Some((key, item.as_str()?)))
            .collect()
    }

    /// The byte range of a string in the file, between its quotes.
    pub(in crate::python) fn place(&self, keys: &[&str]) -> Result<Option<Range<usize>>, ProjectError> {
        if self.string(keys)?.is_none() {
            return Ok(None);
        }
        let span = self.get(keys).and_then(Item::span).ok_or_else(|| self.wrong(keys, "a string"))?;
        let quotes = self.quotes(span.start);
        Ok(Some(span.start + quotes..span.end - quotes))
    }

    /// Where the text of a string begins in the file, behind its quotes.
    pub(in crate::python) fn string_start(&self, value: &Value) -> usize {
        value.span().map_or(0, |span| span.start + self.quotes(span.start))
    }

    /// How many quotes are there.
    fn quotes(&self, at: usize) -> usize {
        let raw = &self.document.raw()[at..];
        if raw.starts_with("\"\"\"") || raw.starts_with("'''") { 3 } else { 1 }
    }

    pub(in crate::python) fn wrong(&self, keys: &[&str], expected: &'static str) -> ProjectError {
        ProjectError::WrongType { path: self.path.clone(), key: keys.join("."), expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_a_string_stands() {
        let text = "\u{feff}# c\r\n[a]\r\nb . c = '1.0' # c\r\nd = { e = \"2.0\" }\r\nf = \"\"\"3.0\"\"\"\r\n[a.g]\r\nh = 1\r\n";
        let toml = Toml::parse("x.toml", text).unwrap();
        let at = |keys: &[&str]| toml.place(keys).unwrap().map(|span| &text[span]);
        assert_eq!(at(&["a", "b", "c"]), Some("1.0"));
        assert_eq!(at(&["a", "d", "e"]), Some("2.0"));
        assert_eq!(at(&["a", "f"]), Some("3.0"));
        assert_eq!(at(&["a", "none"]), None);
        assert_eq!(at(&["a", "f", "deeper"]), None);
        assert_eq!(
            toml.place(&["a", "g", "h"]).unwrap_err().to_string(),
            "`a.g.h` in `x.toml` is not a string"
        );
    }

    #[test]
    fn names_the_line_of_a_mistake() {
        let error = Toml::parse("x.toml", "a = 1\nb = \n").unwrap_err();
        assert!(error.to_string().starts_with("failed to read `x.toml`, line 2: "), "{error}");
        assert!(Toml::parse("x.toml", &format!("a = {}", "[".repeat(100_000))).is_err());
    }
}
