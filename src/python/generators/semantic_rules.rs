//! The bump that python-semantic-release makes of conventional commits.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::suggestion::{Suggestion, largest};
use super::{Table, flag, regex};
use crate::python::conventional::Commit;
use crate::python::version::Bump;

const OTHERS: [&str; 7] = ["build", "chore", "ci", "docs", "style", "refactor", "test"];
/// What `git merge --squash` writes
const SQUASHED: &str = "Squashed commit of the following:";

/// A line that a footer may follow: `Reviewed-by: Z`
static FOOTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^ {0,2}[\w-]*: .+$").expect("a constant that the tests compile"));
/// What begins a line of a squashed commit before its type
static BULLET: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\t ]*(?:[*-][\t ]+)?").expect("a constant that the tests compile"));

/// The rules of its parser of conventional commits
#[derive(Debug, Clone)]
pub struct SemanticRules {
    /// The first line of a commit that counts
    header: Regex,
    minor: Vec<String>,
    patch: Vec<String>,
    /// The bump of other types
    other: Option<Bump>,
    /// Whether a message may be that of several commits
    splits_squashed: bool,
    /// Whether merge commits do not count
    pub ignores_merges: bool,
    /// Whether a line of a paragraph of footers says what breaks, too
    reads_footers: bool,
    before_one: BeforeOne,
}

/// What a release before 1.0.0 is
#[derive(Debug, Clone, Copy)]
enum BeforeOne {
    /// 1.0.0, whatever the commits are
    First,
    /// At most a minor release
    Minor,
    /// As after 1.0.0
    Usual,
}

impl SemanticRules {
    /// The rules of a major version of the tool, or why only the tool knows them.
    pub(super) fn new(table: &Table, major: u64) -> Result<Self, String> {
        let empty = Table::new();
        let options = table.get("commit_parser_options").and_then(Value::as_object).unwrap_or(&empty);
        let listed = |key: &str, older: &str| match major {
            7 => texts(table, &format!("parser_angular_{older}")),
            _ => texts(options, key),
        };
        let owned = |types: &[&str]| types.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>();
        let minor = listed("minor_tags", "minor_types").unwrap_or_else(|| owned(&["feat"]));
        let patch = listed("patch_tags", "patch_types").unwrap_or_else(|| owned(&["fix", "perf"]));
        let others = || texts(options, "other_allowed_tags").unwrap_or_else(|| owned(&OTHERS));
        let allowed = listed("allowed_tags", "allowed_types");
        let allowed = allowed.unwrap_or_else(|| [minor.clone(), patch.clone(), others()].concat());
        let types = allowed.join("|");
        let header = format!(r"^(?P<type>{types})(?:\([^\n]+\))?(?P<mark>!)?:\s+(?P<subject>[^\n]+)");
        let header = regex("allowed_tags", &header)
            .map_err(|_| "its types of commits are regular expressions of Python only".to_owned())?;
        let other = match (major, number(options, "default_bump_level")) {
            (7, _) => match table.get("parser_angular_default_level_bump").and_then(Value::as_str) {
                Some("patch") => Some(Bump::Patch),
                Some("minor") => Some(Bump::Minor),
                Some("major") => Some(Bump::Major),
                _ => None,
            },
            (_, None | Some(0)) => None,
            (_, Some(2)) => Some(Bump::Patch),
            (_, Some(3)) => Some(Bump::Minor),
            (_, Some(4)) => Some(Bump::Major),
            (_, Some(_)) => return Err("its setting `default_bump_level` decides".to_owned()),
        };
        if major == 7 && is_on(table, "patch_without_tag", false) {
            return Err("its setting `patch_without_tag` decides".to_owned());
        }
        let before_one =
            match (is_on(table, "allow_zero_version", major < 10), is_on(table, "major_on_zero", true)) {
                (false, _) => BeforeOne::First,
                (true, true) => BeforeOne::Usual,
                (true, false) => BeforeOne::Minor,
            };
        Ok(Self {
            header,
            minor,
            patch,
            other,
            splits_squashed: is_on(options, "parse_squash_commits", major >= 10),
            ignores_merges: is_on(options, "ignore_merge_commits", major >= 10),
            reads_footers: major >= 9,
            before_one,
        })
    }

    /// The bump that the commits call for; none if they call for no release.
    ///
    /// # Errors
    /// Why only the tool knows it.
    pub(super) fn suggested_bump(
        &self,
        commits: &[Commit],
        is_before_one: bool,
    ) -> Result<Option<Suggestion>, String> {
        if self.splits_squashed && commits.iter().any(|commit| commit.message.contains(SQUASHED)) {
            return Err("a message is that of several commits".to_owned());
        }
        let suggested = largest(commits, |commit| self.bump(&commit.message));
        if !is_before_one {
            return Ok(suggested);
        }
        Ok(match self.before_one {
            BeforeOne::Usual => suggested,
            BeforeOne::First => suggested
                .or_else(|| largest(commits, |_| Some(Bump::Major)))
                .map(|suggested| Suggestion { bump: Bump::Major, ..suggested }),
            BeforeOne::Minor => suggested.map(|suggested| match suggested.bump {
                Bump::Major => Suggestion { bump: Bump::Minor, ..suggested },
                _ => suggested,
            }),
        })
    }

    /// The largest bump of the commits that a message is of.
    fn bump(&self, message: &str) -> Option<Bump> {
        let message = message.replace('\r', "");
        if !self.splits_squashed {
            return self.bump_of_one(&message);
        }
        let mut messages: Vec<String> = Vec::new();
        for paragraph in message.trim().split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            let plain = BULLET.replace(paragraph, "").into_owned();
            // `fix: #12` is a footer rather than a commit.
            let begins = self.header.captures(&plain).is_some_and(|found| found["subject"].contains(' '));
            match messages.last_mut() {
                Some(last) if !begins => *last += &format!("\n\n{paragraph}"),
                _ => messages.push(if begins { plain } else { paragraph.to_owned() }),
            }
        }
        messages.iter().filter_map(|one| self.bump_of_one(one)).max_by_key(Bump::weight)
    }

    fn bump_of_one(&self, message: &str) -> Option<Bump> {
        let found = self.header.captures(message)?;
        let body = message[found.get(0)?.end()..].strip_prefix("\n\n").unwrap_or_default();
        if found.name("mark").is_some() || body.split("\n\n").any(|paragraph| self.breaks(paragraph)) {
            return Some(Bump::Major);
        }
        let is_of = |types: &[String]| types.iter().any(|kind| *kind == found["type"]);
        match () {
            () if is_of(&self.minor) => Some(Bump::Minor),
            () if is_of(&self.patch) => Some(Bump::Patch),
            () => self.other.clone(),
        }
    }

    /// Whether a paragraph says what breaks.
    fn breaks(&self, paragraph: &str) -> bool {
        let lines: Vec<&str> = paragraph.lines().collect();
        let begins = |line: &str| {
            let text =
                ["BREAKING CHANGE:", "BREAKING-CHANGE:"].iter().find_map(|word| line.strip_prefix(word));
            text.is_some_and(|text| !self.reads_footers || !text.trim().is_empty())
        };
        let follows = |at: usize| at == 0 || self.reads_footers && FOOTER.is_match(lines[at - 1]);
        (0..lines.len()).any(|at| begins(lines[at].trim_start()) && follows(at))
    }
}

/// A number, which an INI file has as a text.
fn number(table: &Table, key: &str) -> Option<u64> {
    let value = table.get(key)?;
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Texts, which older versions have in one, with commas.
fn texts(table: &Table, key: &str) -> Option<Vec<String>> {
    match table.get(key)? {
        Value::String(text) => Some(text.split(',').map(|part| part.trim().to_owned()).collect()),
        Value::Array(parts) => {
            Some(parts.iter().filter_map(|part| part.as_str().map(str::to_owned)).collect())
        }
        _ => None,
    }
}

fn is_on(table: &Table, key: &str, usual: bool) -> bool {
    flag(table, key).unwrap_or(usual)
}
