//! Finds a version in any text by the text around it.

use regex::{Regex, RegexBuilder};

use super::{Edit, ProjectError, line_at, lines_at};
use crate::python::version::{SPELLING, Version};

const PLACEHOLDER: &str = "{version}";

/// The longest `search` in bytes, and the most placeholders in it; more is a file pasted by mistake
const LIMITS: (usize, usize) = (10_000, 20);

/// A text to find and its replacement; `{version}` stands for the current version in `search`, and for the new one in
/// `replace`.
///
/// The version is found in any spelling, but only as a whole: `1.2.3` is not found in `11.2.3`, in `1.2.3.4` or in
/// `1.2.3rc1`. All other characters must match exactly; a line break matches both `\n` and `\r\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub search: String,
    /// If none, what was found with the new version in it
    pub replace: Option<String>,
    /// How often `search` must match; if none, at least once
    pub count: Option<usize>,
}

/// A match of the pattern
struct PatternMatch {
    whole: std::ops::Range<usize>,
    versions: Vec<std::ops::Range<usize>>,
}

impl Pattern {
    /// A pattern that must match once, and in which only the version changes.
    pub fn new(search: impl Into<String>) -> Self {
        Self { search: search.into(), replace: None, count: Some(1) }
    }

    /// A pattern that matches at least once, and in which only the version changes.
    pub fn every(search: impl Into<String>) -> Self {
        Self { count: None, ..Self::new(search) }
    }

    /// Where a text states a version, as a whole and in any spelling.
    pub fn occurrences(text: &str, version: &Version) -> Vec<std::ops::Range<usize>> {
        let canonical = version.to_string();
        let found = Self::every(PLACEHOLDER).find("", text, |stated| stated.to_string() == canonical);
        found.unwrap_or_default().into_iter().flat_map(|found| found.versions).collect()
    }

    fn allows(&self, matches: usize) -> bool {
        self.count.map_or(matches > 0, |count| matches == count)
    }

    /// The version in the text; none if the pattern alone cannot determine it.
    pub(super) fn read(&self, path: &str, text: &str) -> Result<Option<Version>, ProjectError> {
        // A pattern without other text would match every number in the file.
        let bare = self.search.replace(PLACEHOLDER, "").trim().is_empty();
        if bare || !self.search.contains(PLACEHOLDER) {
            return Ok(None);
        }
        let found = self.find(path, text, |_| true)?;
        let versions = found.iter().flat_map(|found| &found.versions);
        let mut versions: Vec<Version> =
            versions.filter_map(|span| text[span.clone()].parse().ok()).collect();
        versions.dedup();
        Ok(if self.allows(found.len()) && versions.len() == 1 { versions.pop() } else { None })
    }

    pub(super) fn edits(
        &self,
        path: &str,
        text: &str,
        old: &Version,
        new: &Version,
    ) -> Result<Vec<Edit>, ProjectError> {
        let replace = self.replace.as_ref().unwrap_or(&self.search);
        if self.search.trim().is_empty() || !replace.contains(PLACEHOLDER) {
            return Err(ProjectError::NoPlaceholder { path: path.to_owned(), search: self.search.clone() });
        }
        let canonical = old.to_string();
        // `1.2` equals `1.2.0`, but they are different texts.
        let found = self.find(path, text, |version| version.to_string() == canonical)?;
        if !self.allows(found.len()) {
            return Err(ProjectError::Count {
                path: path.to_owned(),
                search: self.search.replace(PLACEHOLDER, &canonical),
                expected: self.count.unwrap_or(1),
                lines: lines_at(text, found.iter().map(|found| found.whole.start)),
                other: self.other(path, text, &canonical),
            });
        }
        let new = new.spelled();
        let edits = found.into_iter().flat_map(|found| match &self.replace {
            None => found.versions.into_iter().map(|span| Edit { span, text: new.clone() }).collect(),
            Some(replace) => {
                let mut written = replace.replace(PLACEHOLDER, &new);
                if text[found.whole.clone()].contains("\r\n") {
                    written = written.replace("\r\n", "\n").replace('\n', "\r\n");
                }
                vec![Edit { span: found.whole, text: written }]
            }
        });
        Ok(edits.collect())
    }

    /// A place where the pattern would match another version.
    fn other(&self, path: &str, text: &str, canonical: &str) -> Option<(String, usize)> {
        if self.search.replace(PLACEHOLDER, "").trim().is_empty() {
            return None;
        }
        let found = self.find(path, text, |version| version.to_string() != canonical).ok()?;
        let span = found.first()?.versions.first()?.clone();
        Some((text[span.clone()].to_owned(), line_at(text, span.start)))
    }

    /// The matches of the pattern with a wanted version.
    fn find(
        &self,
        path: &str,
        text: &str,
        wanted: impl Fn(&Version) -> bool,
    ) -> Result<Vec<PatternMatch>, ProjectError> {
        let expression = self.expression(path)?;
        let mut found = Vec::new();
        for captures in expression.captures_iter(text) {
            let Some(whole) = captures.get(0) else { continue };
            let versions: Vec<_> = captures.iter().skip(1).flatten().map(|version| version.range()).collect();
            let fits = |span: &std::ops::Range<usize>| {
                text[span.clone()].parse().is_ok_and(|version| wanted(&version))
            };
            if versions.iter().all(fits) {
                found.push(PatternMatch { whole: whole.range(), versions });
            }
        }
        Ok(found)
    }

    fn expression(&self, path: &str) -> Result<Regex, ProjectError> {
        let bad = |reason: String| ProjectError::BadPattern {
            path: path.to_owned(),
            pattern: self.search.chars().take(80).collect(),
            reason,
        };
        let (length, placeholders) = LIMITS;
        if self.search.len() > length || self.search.matches(PLACEHOLDER).count() > placeholders {
            return Err(bad(format!(
                "it is longer than {length} bytes or has more than {placeholders} placeholders"
            )));
        }
        let literal = |part: &str| regex::escape(&part.replace("\r\n", "\n")).replace('\n', "\r?\n");
        let parts: Vec<String> = self.search.split(PLACEHOLDER).map(literal).collect();
        let expression = RegexBuilder::new(&parts.join(&format!("({SPELLING})"))).build();
        expression.map_err(|error| bad(error.to_string().lines().last().unwrap_or_default().to_owned()))
    }
}
