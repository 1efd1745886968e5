//! What a commit has for an entry: its title, its number, its author.

use std::sync::LazyLock;

use regex::Regex;

use crate::python::conventional::Conventional;

/// The request at the end of a title: `(#12)`, `(!12)`
static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?P<title>.*\S)\s+\([#!](?P<number>[0-9]+)\)$").expect("a constant that the tests compile")
});
/// A merge of a request
static MERGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^Merge pull request #(?P<number>[0-9]+) from ").expect("a constant that the tests compile")
});
/// The address that GitHub gives to who hides theirs: `12345+name@users.noreply.github.com`
static HIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:[0-9]+\+)?(?P<login>[^@+]+)@users\.noreply\.github\.com$")
        .expect("a constant that the tests compile")
});

/// A commit of a release
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    pub id: String,
    pub message: String,
    pub author: String,
    pub email: String,
    pub is_merge: bool,
    /// Whether it is on the branch itself, not only on one that was merged
    pub is_on_branch: bool,
}

/// What decides about the form of an entry
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    has_scope: bool,
    has_number: bool,
}

/// Which commits have entries
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filter {
    /// Of what was merged, only the merge; else all but merges
    on_branch: bool,
    /// Only those of a request
    numbered: bool,
    /// None of a bot
    people: bool,
}

/// A commit, taken apart
#[derive(Debug, Clone)]
pub(super) struct Facts<'c> {
    pub(super) id: &'c str,
    pub(super) author: &'c str,
    pub(super) login: Option<String>,
    /// Without the number
    pub(super) title: String,
    pub(super) number: Option<String>,
    conventional: Option<Conventional>,
}

impl Filter {
    /// Those that are tried, the least selective first
    pub(super) const ALL: [Self; 8] = {
        const fn of(on_branch: bool, numbered: bool, people: bool) -> Filter {
            Filter { on_branch, numbered, people }
        }
        [
            of(true, false, false),
            of(false, false, false),
            of(true, false, true),
            of(false, false, true),
            of(true, true, false),
            of(false, true, false),
            of(true, true, true),
            of(false, true, true),
        ]
    };

    /// The commit's facts, if it may have an entry.
    pub(super) fn facts<'c>(&self, commit: &'c Made) -> Option<Facts<'c>> {
        let is_bot = commit.author.ends_with("[bot]") || commit.email.contains("[bot]@");
        let is_hidden = if self.on_branch { !commit.is_on_branch } else { commit.is_merge };
        if is_hidden || self.people && is_bot {
            return None;
        }
        let facts = Facts::of(commit)?;
        (!self.numbered || facts.number.is_some()).then_some(facts)
    }
}

impl<'c> Facts<'c> {
    fn of(commit: &'c Made) -> Option<Self> {
        let mut lines = commit.message.trim().lines().map(str::trim);
        let subject = lines.next()?;
        let (title, number) = match (MERGE.captures(subject), REQUEST.captures(subject)) {
            (Some(merge), _) => {
                (lines.find(|line| !line.is_empty())?.to_owned(), Some(merge["number"].to_owned()))
            }
            (None, Some(request)) => (request["title"].to_owned(), Some(request["number"].to_owned())),
            // A branch that was merged by hand says nothing.
            (None, None) if commit.is_merge => return None,
            (None, None) => (subject.to_owned(), None),
        };
        let login = HIDDEN.captures(&commit.email).map(|found| found["login"].to_owned());
        let conventional = Conventional::parse(&title);
        Some(Self { id: &commit.id, author: &commit.author, login, title, number, conventional })
    }

    /// The type of a conventional commit; empty for another one.
    pub(super) fn kind(&self) -> &str {
        self.conventional.as_ref().map_or("", |commit| &commit.kind)
    }

    pub(super) fn scope(&self) -> Option<&str> {
        self.conventional.as_ref()?.scope.as_deref()
    }

    /// The title without type and scope.
    pub(super) fn description(&self) -> &str {
        self.conventional.as_ref().map_or(&self.title, |commit| &commit.description)
    }

    pub(super) fn is_conventional(&self) -> bool {
        self.conventional.is_some()
    }

    pub(super) fn is_breaking(&self) -> bool {
        self.conventional.as_ref().is_some_and(|commit| commit.breaking.is_some())
    }

    /// What decides about the form of the entry.
    pub(super) fn key(&self) -> Key {
        Key { has_scope: self.scope().is_some(), has_number: self.number.is_some() }
    }
}
