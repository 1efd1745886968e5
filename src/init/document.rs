//! The configuration as a text, with a comment for every line.

use std::fmt::Write as _;

use toml_edit::{Array, InlineTable, Value};

/// The longest line of the text
const WIDTH: usize = 100;

/// The configuration to write
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The settings at the top
    pub(super) top: Vec<Entry>,
    /// Tables in order: `stage.tag`
    pub(super) tables: Vec<(String, Vec<Entry>)>,
    /// What is left to the user, at the end
    pub(super) remarks: Vec<String>,
}

/// One setting
#[derive(Debug)]
pub(super) struct Entry {
    /// Lines above it
    pub(super) comment: Vec<String>,
    pub(super) key: &'static str,
    pub(super) value: Setting,
}

/// A value, with comments where it is a list
#[derive(Debug)]
pub(super) enum Setting {
    Value(Value),
    /// A line for each item, with its comment
    Lines(Vec<(Value, String)>),
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Value(Value::from(text))
    }
}

impl From<bool> for Setting {
    fn from(value: bool) -> Self {
        Self::Value(Value::from(value))
    }
}

/// A list of texts.
pub(super) fn texts<'t>(items: impl IntoIterator<Item = &'t str>) -> Setting {
    Setting::Value(Value::Array(items.into_iter().collect::<Array>()))
}

impl Document {
    /// Adds a setting to a table, which is made if needed.
    pub(super) fn set(&mut self, table: &str, key: &'static str, value: impl Into<Setting>, comment: &str) {
        let entry = Entry { comment: vec![comment.to_owned()], key, value: value.into() };
        match self.tables.iter_mut().find(|(name, _)| name == table) {
            Some((_, entries)) => entries.push(entry),
            None => self.tables.push((table.to_owned(), vec![entry])),
        }
    }

    /// The whole text: of a file of its own, or of `[tool.pyrelease]`.
    pub(super) fn text(&self, is_pyproject: bool) -> String {
        let mut text = String::new();
        let prefix = if is_pyproject { "tool.pyrelease." } else { "" };
        text.push_str("# Written by `pyrelease init`. A release does the rest as earlier ones did: see `pyrelease plan`.\n\n");
        if is_pyproject {
            text.push_str("[tool.pyrelease]\n");
        }
        self.top.iter().for_each(|entry| entry.write(&mut text));
        for (table, entries) in &self.tables {
            let _ = write!(text, "\n[{prefix}{table}]\n");
            entries.iter().for_each(|entry| entry.write(&mut text));
        }
        if !self.remarks.is_empty() {
            text.push_str("\n# Left to you:\n");
        }
        for remark in &self.remarks {
            write_comment(&mut text, &format!("- {remark}"));
        }
        text
    }
}

impl Entry {
    fn write(&self, text: &mut String) {
        self.comment.iter().filter(|line| !line.is_empty()).for_each(|line| write_comment(text, line));
        match &self.value {
            Setting::Value(value) => {
                let line = format!("{} = {}", self.key, value.to_string().trim());
                match value.as_array().filter(|_| line.len() > WIDTH) {
                    None => text.push_str(&line),
                    Some(items) => {
                        let _ = writeln!(text, "{} = [", self.key);
                        for item in items {
                            let _ = writeln!(text, "    {},", item.to_string().trim());
                        }
                        text.push(']');
                    }
                }
                text.push('\n');
            }
            Setting::Lines(items) => {
                let _ = writeln!(text, "{} = [", self.key);
                for (item, comment) in items {
                    let comment =
                        if comment.is_empty() { String::new() } else { format!("  # {}", plain(comment)) };
                    let _ = writeln!(text, "    {},{comment}", item.to_string().trim());
                }
                text.push_str("]\n");
            }
        }
    }
}

/// An inline table of texts.
pub(super) fn inline(entries: &[(&str, Value)]) -> Value {
    let mut table = InlineTable::new();
    for (key, value) in entries {
        table.insert(*key, value.clone());
    }
    table.fmt();
    Value::InlineTable(table)
}

/// A comment in lines of a readable width.
fn write_comment(text: &mut String, comment: &str) {
    let mut line = String::from("#");
    for word in plain(comment).split(' ') {
        if line.len() + 1 + word.len() > WIDTH && line.len() > 1 {
            let _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}

/// A text that stays in its comment.
fn plain(text: &str) -> String {
    crate::text::visible(text)
}
