//! Patterns of paths and of tag names, as in the shell.

use regex::{Regex, RegexBuilder};

use crate::python::project::Files;

/// The longest pattern in bytes, and the most paths it may name
const LIMITS: (usize, usize) = (300, 200);

/// Whether the text has wildcards.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The files whose paths match, in order; as in Python, `*` leaves hidden ones out.
pub fn matching(files: &dyn Files, pattern: &str) -> Vec<String> {
    let Some(pattern) = PathPattern::new(pattern) else { return Vec::new() };
    let mut found = files.list(pattern.fixed_folder());
    found.retain(|path| pattern.matches(path));
    found.sort();
    found.truncate(LIMITS.1);
    found
}

/// A pattern of paths
#[derive(Debug)]
pub(in crate::python) struct PathPattern<'p> {
    text: &'p str,
    expression: Regex,
    names_hidden: bool,
}

impl<'p> PathPattern<'p> {
    /// None if it is too long or not valid.
    pub(in crate::python) fn new(text: &'p str) -> Option<Self> {
        let expression = compiled(text, Meaning::Path)?;
        Some(Self { text, expression, names_hidden: is_hidden(text) })
    }

    /// The pattern with `*` for hidden ones too.
    pub(in crate::python) fn with_hidden(self) -> Self {
        Self { names_hidden: true, ..self }
    }

    /// The folder in which everything is that matches.
    fn fixed_folder(&self) -> &'p str {
        let fixed = &self.text[..self.text.find(['*', '?', '[']).unwrap_or(self.text.len())];
        fixed.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The files in the folders that may match, and those below them as far as they are listed.
    pub(in crate::python) fn files_within(&self, files: &dyn Files) -> Vec<String> {
        let folder = self.fixed_folder();
        if self.text.contains("**") {
            return files.list(folder);
        }
        let levels = self.text[folder.len()..].trim_start_matches('/').matches('/').count() + 1;
        files.list_near(folder, levels)
    }

    /// Whether the path matches; as in Python, `*` leaves hidden ones out.
    pub(in crate::python) fn matches(&self, path: &str) -> bool {
        self.expression.is_match(path) && (self.names_hidden || !is_hidden(path))
    }
}

/// Whether a file or a folder of the path is hidden.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// Whether the text matches, as for `git describe --match`: `*` also matches `/`.
pub(in crate::python) fn matches(pattern: &str, text: &str) -> bool {
    compiled(pattern, Meaning::Name).is_some_and(|expression| expression.is_match(text))
}

/// Whether the path matches.
pub(super) fn matches_path(pattern: &str, path: &str) -> bool {
    compiled(pattern, Meaning::Path).is_some_and(|expression| expression.is_match(path))
}

#[derive(Clone, Copy, PartialEq)]
enum Meaning {
    Path,
    Name,
}

fn compiled(pattern: &str, meaning: Meaning) -> Option<Regex> {
    if pattern.len() > LIMITS.0 {
        return None;
    }
    let (any, one) = if meaning == Meaning::Path { ("[^/]*", "[^/]") } else { (".*", ".") };
    let mut expression = String::from(r"\A");
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let (part, after) = match letter {
            '*' if meaning == Meaning::Path && rest.starts_with("**/") => ("(?:.*/)?", &rest[3..]),
            '*' if meaning == Meaning::Path && rest.starts_with("**") => (".*", &rest[2..]),
            '*' => (any, &rest[1..]),
            '?' => (one, &rest[1..]),
            '[' => match rest[1..].split_once(']').filter(|(set, _)| !set.is_empty()) {
                Some((set, after)) => {
                    let (not, set) = match set.strip_prefix(['!', '^']) {
                        Some(set) => ("^", set),
                        None => ("", set),
                    };
                    let set = set.replace('\\', r"\\").replace('[', r"\[").replace('&', r"\&");
                    expression.push_str(&format!("[{not}{}]", set.replace('~', r"\~")));
                    ("", after)
                }
                None => (r"\[", &rest[1..]),
            },
            letter => {
                expression.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
                ("", &rest[letter.len_utf8()..])
            }
        };
        expression.push_str(part);
        rest = after;
    }
    expression.push_str(r"\z");
    RegexBuilder::new(&expression).size_limit(1 << 20).dot_matches_new_line(true).build().ok()
}
