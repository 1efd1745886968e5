//! Errors at a position of the configuration.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Error, Excerpt};

/// The text of a configuration and its displayed path
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    pub fn new(path: impl Into<PathBuf>, text: String) -> Self {
        Self { path: path.into(), text }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the settings are the `[tool.pyrelease]` of a `pyproject.toml`.
    pub fn is_pyproject(&self) -> bool {
        self.path.file_name().is_some_and(|name| name == "pyproject.toml")
    }

    /// A configuration error at a position; without one it names only the file.
    pub fn error(&self, message: &str, span: Option<Range<usize>>, help: Option<&str>) -> Error {
        let path = self.path.display().to_string();
        let message = message.trim_end().replace('\n', ", ");
        let mut error = Error::usage(format!("{message} in `{path}`"));
        if let Some(help) = help {
            error = error.help(help);
        }
        let Some(span) = span.filter(|span| span.end <= self.text.len()) else { return error };
        error.at(Excerpt { path, text: self.text.clone(), span, message })
    }
}

/// The known name that is most similar to a mistyped one.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(name, candidate);
            (distance, candidate.len().abs_diff(name.len()), candidate)
        })
        .filter(|(distance, _, candidate)| *distance <= 1 + candidate.len().min(name.len()) / 4)
        .min()
        .map(|(_, _, candidate)| candidate)
}

/// The names in backticks, for a message: `a`, `b` and `c`.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.pop() {
        None => String::new(),
        Some(only) if quoted.is_empty() => only,
        Some(last) => format!("{} and {last}", quoted.join(", ")),
    }
}

/// The words of a text as an array of TOML. What needs a shell gets one.
pub(super) fn as_array(text: &str) -> Option<String> {
    let needs_a_shell = text.contains(['|', '&', ';', '<', '>', '$', '`', '*', '~']);
    let words = match needs_a_shell {
        true => vec!["sh".to_owned(), "-c".to_owned(), text.to_owned()],
        false => shlex::split(text)?.iter().map(|word| word.trim_end_matches(',').to_owned()).collect(),
    };
    let words: Vec<String> = words.into_iter().map(|word| toml_edit::Value::from(word).to_string()).collect();
    (!words.is_empty()).then(|| format!("[{}]", words.join(", ")))
}

pub(super) fn article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
