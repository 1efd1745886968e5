//! The bump that git-changelog makes of commits.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::suggestion::{Suggestion, largest};
use super::{Table, flag, string};
use crate::python::conventional::Commit;
use crate::python::version::{Bump, Version};

fn pattern(text: &str) -> Regex {
    let made = RegexBuilder::new(text).case_insensitive(true).multi_line(true).build();
    made.expect("a constant that the tests compile")
}

/// A line of a message that says what breaks
static BREAKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^break(?:s|ing changes?)?[ :].+$"));
/// A subject with a type that the tool knows
static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    let types = "build|chore|ci|deps|docs?|feat|fix|perf|ref|refactor|revert|style|tests?";
    let subject = format!(r"^({types})(?:\(.+\))?(!)?: .+$");
    Regex::new(&subject).expect("a constant that the tests compile")
});

/// How the tool reads messages
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Convention {
    /// `Add words`, after `subsystem: ` or at the start
    Words { has_subsystem: bool },
    /// `feat: words`, with a `!` for what breaks or without one
    Types { has_mark: bool },
}

/// The rules of the bump
#[derive(Debug, Clone)]
pub struct GitChangelogRules {
    convention: Convention,
    /// Whether what breaks is a minor release before 1.0.0
    keeps_zero: bool,
    fixed: Option<Bump>,
    /// Whether tags are versions of Python rather than semantic ones
    is_pep440: bool,
}

/// Whether the tool takes a tag for that of a version.
pub(super) fn is_version(tag: &str, is_pep440: bool) -> bool {
    let text = tag.strip_prefix('v').unwrap_or(tag);
    let Ok(version) = text.parse::<Version>() else { return false };
    is_pep440 || version.to_semver().is_some_and(|semantic| semantic == text)
}

impl GitChangelogRules {
    /// The rules of the bump, or why only git-changelog knows it.
    pub(super) fn new(table: &Table, bump: Option<&str>, is_pep440: bool) -> Result<Self, String> {
        if string(table, "filter_commits").is_some() {
            return Err("its setting `filter-commits` decides which commits count".to_owned());
        }
        let fixed = match bump {
            None | Some("auto") => None,
            Some("major") => Some(Bump::Major),
            Some("minor") => Some(Bump::Minor),
            Some("patch" | "micro") => Some(Bump::Patch),
            Some(_) => return Err("its setting `bump` decides".to_owned()),
        };
        let convention = match string(table, "convention") {
            Some("angular") => Convention::Types { has_mark: false },
            Some("conventional") => Convention::Types { has_mark: true },
            other => Convention::Words { has_subsystem: other == Some("linux") },
        };
        let keeps_zero = flag(table, "zerover").unwrap_or(true);
        Ok(Self { convention, keeps_zero, fixed, is_pep440 })
    }

    /// The bump that the commits since a tag call for: any commit is a patch at least.
    ///
    /// # Errors
    /// The tool does not know the tag.
    pub(super) fn suggested_bump(
        &self,
        commits: &[Commit],
        since: Option<&str>,
        is_before_one: bool,
    ) -> Result<Option<Suggestion>, String> {
        if let Some(tag) = since.filter(|tag| !is_version(tag, self.is_pep440)) {
            return Err(format!("it does not take the tag `{tag}` for that of a version"));
        }
        Ok(largest(commits, |commit| {
            let bump = self.fixed.clone().unwrap_or_else(|| self.convention.bump(&commit.message));
            Some(if bump == Bump::Major && is_before_one && self.keeps_zero { Bump::Minor } else { bump })
        }))
    }
}

impl Convention {
    fn bump(self, message: &str) -> Bump {
        // git joins the lines of the first paragraph.
        let (title, body) = message.trim().split_once("\n\n").unwrap_or((message.trim(), ""));
        let title = title.replace('\n', " ");
        let found = SUBJECT.captures(&title);
        let is_marked = found.as_ref().is_some_and(|found| found.get(2).is_some());
        let (is_minor, is_marked) = match self {
            Self::Words { has_subsystem } => {
                let after = title.split_once(':').filter(|_| has_subsystem);
                let words = after.map_or(title.as_str(), |(_, words)| words.trim_start());
                (words.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("add")), false)
            }
            Self::Types { has_mark } => {
                let is_feature = found.is_some_and(|found| &found[1] == "feat");
                (is_feature && (has_mark || !is_marked), has_mark && is_marked)
            }
        };
        if is_marked || BREAKS.is_match(&title) || BREAKS.is_match(body) {
            Bump::Major
        } else if is_minor {
            Bump::Minor
        } else {
            Bump::Patch
        }
    }
}
