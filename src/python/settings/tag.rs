//! The names of tags that a tool makes or reads.

use regex::{Captures, Regex, RegexBuilder};

use super::glob;
use crate::python::version::Version;

/// The longest expression in bytes
const LONGEST: usize = 1_000;

/// Forms of tag names, the more usual first
const USUAL: [&str; 8] = [
    "v{version}",
    "{version}",
    "{prefix}{version}",
    "{prefix}v{version}",
    "{name}-v{version}",
    "{name}-{version}",
    "release-{version}",
    "release/{version}",
];

/// What a tool says about the names of tags
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSetting {
    /// The name; `{version}` is in it once
    Template(String),
    /// The version is read from tags by a rule
    Rule(TagRule),
}

impl TagSetting {
    /// Whether the tool takes a tag for that version.
    pub fn accepts(&self, tag: &str, version: &Version) -> bool {
        match self {
            Self::Template(template) => tag == template.replace("{version}", &version.to_string()),
            Self::Rule(rule) => rule.version(tag).is_some_and(|read| read == *version),
        }
    }

    /// A template for tags that the tool takes for their versions: its own, or else the most usual one.
    pub fn template(&self, project: &str) -> Option<String> {
        let rule = match self {
            Self::Template(template) => return Some(template.clone()),
            Self::Rule(rule) => rule,
        };
        let samples: Vec<Version> =
            ["1.2.3", "20.10.1", "1.2.3rc1"].iter().filter_map(|text| text.parse().ok()).collect();
        let candidates =
            USUAL.iter().map(|form| form.replace("{prefix}", rule.own_prefix()).replace("{name}", project));
        candidates.into_iter().find(|template| {
            samples
                .iter()
                .all(|version| self.accepts(&template.replace("{version}", &version.to_string()), version))
        })
    }
}

/// How a tool reads a version from the name of a tag
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagRule {
    /// Other tags are ignored: a pattern for `git describe --match`
    pub filter: Option<String>,
    /// What the name must begin with; it is no part of the version
    pub prefix: String,
    /// What is removed from the beginning and the end, if it is there
    pub removed: (String, String),
    /// The expression whose group `version`, or else only group, is the version
    pub expression: Option<Expression>,
}

/// A regular expression for the rest of the name
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    pub(super) pattern: String,
    /// Whether the match must be at the beginning
    pub(super) anchored: bool,
    /// Whether a name without a match is refused, rather than taken as a whole
    pub(super) required: bool,
}

impl Expression {
    /// Checks an expression in Python's syntax; else returns the reason, a sentence.
    pub(super) fn new(pattern: &str, anchored: bool, required: bool) -> Result<Self, String> {
        compiled(pattern)?;
        Ok(Self { pattern: pattern.to_owned(), anchored, required })
    }
}

impl TagRule {
    /// The version that the tool reads from the tag; none if it ignores or refuses the tag.
    pub fn version(&self, tag: &str) -> Option<Version> {
        if self.filter.as_ref().is_some_and(|filter| !glob::matches(filter, tag)) {
            return None;
        }
        let rest = tag.strip_prefix(&self.prefix)?;
        let (beginning, end) = &self.removed;
        let rest = rest.strip_prefix(beginning).unwrap_or(rest);
        let rest = rest.strip_suffix(end).unwrap_or(rest);
        let Some(expression) = &self.expression else { return rest.parse().ok() };
        let found = compiled(&expression.pattern).ok()?;
        let found = found.captures(rest);
        // A match that begins there is the leftmost one.
        let found =
            found.filter(|found| !expression.anchored || found.get(0).is_some_and(|all| all.start() == 0));
        match found {
            Some(found) => version_of(&found)?.parse().ok(),
            None if expression.required => None,
            None => rest.parse().ok(),
        }
    }

    fn own_prefix(&self) -> &str {
        if self.prefix.is_empty() { &self.removed.0 } else { &self.prefix }
    }
}

fn version_of(found: &Captures<'_>) -> Option<String> {
    let group = |name: &str| found.name(name).map(|group| group.as_str());
    if let Some(base) = group("base") {
        let epoch = group("epoch").map(|epoch| format!("{epoch}!")).unwrap_or_default();
        return Some(format!(
            "{epoch}{base}{}{}",
            group("stage").unwrap_or(""),
            group("revision").unwrap_or("")
        ));
    }
    let only = || if found.len() == 2 { found.get(1) } else { found.get(0) };
    found.name("version").or_else(only).map(|group| group.as_str().to_owned())
}

fn compiled(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let expression = RegexBuilder::new(pattern).size_limit(1 << 20).build();
    expression.map_err(|error| {
        error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}
