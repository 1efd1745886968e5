//! The rules by which generators choose the next version.

use regex::Regex;

use super::git_changelog_rules::GitChangelogRules;
use super::semantic_rules::SemanticRules;
use super::suggestion::{Suggestion, largest};
use crate::python::conventional::{Commit, Conventional};
use crate::python::version::Bump;

/// The rules of a tool
#[derive(Debug, Clone)]
pub enum Rules {
    GitCliff(GitCliff),
    Commitizen(Commitizen),
    GitChangelog(GitChangelogRules),
    SemanticRelease(SemanticRules),
}

/// git-cliff takes any conventional commit for a patch at least
#[derive(Debug, Clone)]
pub struct GitCliff {
    /// What is replaced in messages first
    pub(super) preprocessors: Vec<(Regex, String)>,
    /// The first that fits a commit decides whether it counts
    pub(super) parsers: Vec<Parser>,
    /// Whether a commit that no parser fits does not count
    pub(super) requires_parser: bool,
    pub(super) only_conventional: bool,
    /// Whether a parser cannot exclude what breaks
    pub(super) protects_breaking: bool,
    pub(super) fixed: Option<Bump>,
    /// Whether what breaks is a major release before 1.0.0 too
    pub(super) major_before_one: bool,
    /// Whether a feature is a minor release before 1.0.0 too
    pub(super) minor_before_one: bool,
    /// Tags that are none of releases
    pub(super) other_tags: Vec<Regex>,
    /// What each tag of a release fits
    pub(super) counted_tags: Vec<Regex>,
}

/// An entry of `commit_parsers`
#[derive(Debug, Clone)]
pub struct Parser {
    /// None if the entry looks at something else
    pub(super) message: Option<Regex>,
    pub(super) skips: bool,
}

/// commitizen looks at every line of every message
#[derive(Debug, Clone)]
pub struct Commitizen {
    /// Its first group is looked up
    pub(super) pattern: Regex,
    /// The first that fits decides
    pub(super) map: Vec<(Regex, Option<Bump>)>,
}

impl Rules {
    /// The bump that the commits since a tag call for; none if they call for no release.
    ///
    /// # Errors
    /// Why only the tool knows it.
    pub fn suggested_bump(
        &self,
        commits: &[Commit],
        (since, is_before_one): (Option<&str>, bool),
    ) -> Result<Option<Suggestion>, String> {
        match self {
            Self::GitCliff(rules) => rules.suggested_bump(commits, since, is_before_one),
            Self::Commitizen(rules) => Ok(largest(commits, |commit| rules.bump(&commit.message))),
            Self::GitChangelog(rules) => rules.suggested_bump(commits, since, is_before_one),
            Self::SemanticRelease(rules) => rules.suggested_bump(commits, is_before_one),
        }
    }

    /// Whether merge commits do not count.
    pub fn ignores_merges(&self) -> bool {
        matches!(self, Self::SemanticRelease(rules) if rules.ignores_merges)
    }
}

impl Commitizen {
    fn bump(&self, message: &str) -> Option<Bump> {
        // git joins the lines of the first paragraph.
        let (title, body) = message.trim().split_once("\n\n").unwrap_or((message.trim(), ""));
        let title = title.replace('\n', " ");
        let found = std::iter::once(title.as_str()).chain(body.split('\n')).filter_map(|line| {
            let keyword = self.pattern.captures(line)?.get(1)?.as_str();
            self.map.iter().find(|(pattern, _)| pattern.is_match(keyword))?.1.clone()
        });
        found.max_by_key(Bump::weight)
    }
}

impl GitCliff {
    fn suggested_bump(
        &self,
        commits: &[Commit],
        since: Option<&str>,
        is_before_one: bool,
    ) -> Result<Option<Suggestion>, String> {
        let fits = |tag: &str| {
            !self.other_tags.iter().any(|pattern| pattern.is_match(tag))
                && self.counted_tags.iter().all(|pattern| pattern.is_match(tag))
        };
        if since.is_some_and(|tag| !fits(tag)) {
            return Err("its settings name other tags as releases".to_owned());
        }
        if is_before_one && !(self.major_before_one && self.minor_before_one) && self.fixed.is_none() {
            return Err("its setting `[bump]` decides before 1.0.0".to_owned());
        }
        Ok(largest(commits, |commit| {
            let message = self.counted(&commit.message)?;
            let conventional = Conventional::parse(&message);
            let of_commit = match conventional {
                Some(commit) if commit.breaking.is_some() => Bump::Major,
                Some(commit) if commit.kind == "feat" => Bump::Minor,
                _ => Bump::Patch,
            };
            Some(self.fixed.clone().unwrap_or(of_commit))
        }))
    }

    /// The message of a commit that counts.
    fn counted(&self, message: &str) -> Option<String> {
        let mut message = message.trim_end().to_owned();
        for (pattern, replacement) in &self.preprocessors {
            message = pattern.replace_all(&message, replacement.as_str()).into_owned();
        }
        let conventional = Conventional::parse(&message);
        if self.only_conventional && conventional.is_none() {
            return None;
        }
        let is_protected = self.protects_breaking && conventional.is_some_and(|one| one.breaking.is_some());
        let is_fitting = |parser: &&Parser| {
            parser.message.as_ref().is_some_and(|pattern| pattern.is_match(message.trim()))
        };
        let counts = match self.parsers.iter().find(is_fitting) {
            Some(parser) => !parser.skips || is_protected,
            None => !self.requires_parser,
        };
        counts.then_some(message)
    }
}
