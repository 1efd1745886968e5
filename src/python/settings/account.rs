//! What becomes of every setting of another tool.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sources::Table;

/// The most settings of one tool that are listed
const MOST: usize = 500;
/// The deepest nesting of tables
const DEEPEST: usize = 20;

/// A setting of another tool
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the tool's table: `files[0].search`
    pub key: String,
    pub fate: Fate,
}

impl Setting {
    /// All settings of a file that cannot be read.
    pub(super) fn unreadable(reason: String) -> Self {
        Self { key: String::new(), fate: Fate::NeedsUser(reason.into()) }
    }
}

/// What becomes of a setting
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It decides a part of the release
    Decides(Part),
    /// pyrelease does so anyway, and why
    Same(Cow<'static, str>),
    /// It has no counterpart, and why
    Dropped(Cow<'static, str>),
    /// Only the user can decide, and what
    NeedsUser(Cow<'static, str>),
}

/// A part of a release that another tool's settings may decide
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The tool's own record of the version
    Record,
    /// The places of the version
    Places,
    TagName,
    /// Whether the tag is annotated
    TagKind,
    TagMessage,
    /// Whether the tag is signed
    Signature,
    CommitMessage,
    Changelog,
    /// Versions by the calendar
    Calver,
    /// Versions and changelog from commits
    Commits,
    /// Whether a breaking change before 1.0.0 makes it 1.0.0
    Stable,
    /// The next development version
    Reopen,
    /// Whether wheels are built
    Wheels,
    /// Commands
    Hooks,
}

/// Commands that the tool runs at a release
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The setting
    pub key: String,
    /// A name for them
    pub name: String,
    pub time: HookTime,
    /// Each for a shell; templates as in messages
    pub commands: Vec<String>,
}

/// Words of commands that do what a stage does anyway
const OWN_WORK: [(&str, &str); 8] = [
    ("twine upload", "pyrelease uploads"),
    ("twine check", "the stage `check` does it"),
    ("publish", "pyrelease publishes"),
    ("setup.py upload", "pyrelease uploads"),
    ("flit publish", "pyrelease publishes"),
    ("python -m build", "the stage `build` does it"),
    ("git push", "the stage `push` does it"),
    ("git tag", "the stage `tag` does it"),
];

/// Commands that collect fragments into the changelog
const COLLECTING: [&str; 2] = ["towncrier build", "scriv collect"];

/// Why no stage is needed for a command, if so. `collects` is whether the stage `changelog` collects fragments, and
/// `generator` the tool that it has generate the changelog.
pub fn own_work(command: &str, collects: bool, generator: Option<&str>) -> Option<&'static str> {
    let collects = collects && COLLECTING.iter().any(|words| command.contains(words));
    let generates = generator.is_some_and(|name| command.replace("git cliff", "git-cliff").contains(name));
    if collects || generates {
        return Some("the stage `changelog` does it");
    }
    OWN_WORK.iter().find(|(words, _)| command.contains(words)).map(|(_, reason)| *reason)
}

/// When a hook runs
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookTime {
    /// Before any file changes
    First,
    /// After the version was bumped
    BeforeCommit,
    /// After the tag was made
    AfterCommit,
    AfterPush,
}

/// The fates of a tool's settings. In a key, `*` stands for any name or index, and `**` at the end for all that follows.
pub(super) struct Fates {
    pub(super) on: &'static [(&'static str, Fate)],
    /// Those of settings that are off (false or empty), where that matters
    pub(super) off: &'static [(&'static str, Fate)],
}

pub(super) const fn decides(part: Part) -> Fate {
    Fate::Decides(part)
}

pub(super) const fn same(reason: &'static str) -> Fate {
    Fate::Same(Cow::Borrowed(reason))
}

pub(super) const fn dropped(reason: &'static str) -> Fate {
    Fate::Dropped(Cow::Borrowed(reason))
}

pub(super) const fn needs(reason: &'static str) -> Fate {
    Fate::NeedsUser(Cow::Borrowed(reason))
}

/// An entry whose fate is known
pub(super) type Settled = (String, Fate);

/// A setting or entry that cannot be followed, and why
pub(super) type Refused = (String, String);

/// What becomes of every setting in a tool's table. `settled` are entries whose fate is known, `refused` those that cannot
/// be followed.
pub(super) fn of(
    table: &Table,
    fates: &Fates,
    (settled, refused): (&[Settled], &[Refused]),
    tool: &str,
) -> Vec<Setting> {
    let mut leaves = Vec::new();
    for (key, value) in table {
        flatten(vec![key.clone()], value, &mut leaves);
    }
    let mut account: Vec<Setting> = Vec::new();
    for (path, value) in leaves {
        let key = shown(&path);
        let reason = refused.iter().find(|(of, _)| !of.is_empty() && covers(of, &key));
        let reason = reason.map(|(_, reason)| reason.as_str());
        let known = settled.iter().find(|(of, _)| !of.is_empty() && covers(of, &key));
        let fate = match known {
            Some((_, fate)) => fate.clone(),
            None => fate_of(&path, value, fates, reason, tool),
        };
        account.push(Setting { key, fate });
    }
    // What is wrong with the whole
    let whole = refused.iter().filter(|(of, _)| of.is_empty());
    account.extend(
        whole.map(|(_, reason)| Setting { key: String::new(), fate: Fate::NeedsUser(reason.clone().into()) }),
    );
    account
}

/// What becomes of one setting; `reason` tells why it cannot be followed.
fn fate_of(path: &[String], value: &Value, fates: &Fates, reason: Option<&str>, tool: &str) -> Fate {
    let row = |rows: &'static [(&'static str, Fate)]| {
        rows.iter().find(|(pattern, _)| fits(pattern, path)).map(|(_, fate)| fate.clone())
    };
    if !is_on(value)
        && let Some(off) = row(fates.off)
    {
        return off;
    }
    match (row(fates.on), reason) {
        (Some(Fate::Same(_) | Fate::Dropped(_) | Fate::NeedsUser(_)), _) if !is_on(value) => {
            same("it is off, as it is here")
        }
        (Some(final_one @ Fate::Dropped(_)), _) => final_one,
        (_, Some(reason)) => Fate::NeedsUser(reason.to_owned().into()),
        (Some(on), None) => on,
        (None, None) => {
            Fate::Dropped(format!("{tool} does not know it, or a release does not need it").into())
        }
    }
}

/// Whether a refusal of the setting `of` covers `key`: the same, or one in it, or of an entry in it.
fn covers(of: &str, key: &str) -> bool {
    let begins = |whole: &str, part: &str| {
        whole.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    begins(key, of) || begins(of, key)
}

/// Whether a setting is neither false nor empty.
pub(super) fn is_on(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => {
            let text = text.trim();
            !["", "false", "no", "off", "0"].iter().any(|off| text.eq_ignore_ascii_case(off))
        }
        Value::Array(items) => !items.is_empty(),
        Value::Object(table) => !table.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// The settings within a value, each by its path. A list of texts is one, unless it lists files.
fn flatten<'v>(path: Vec<String>, value: &'v Value, leaves: &mut Vec<(Vec<String>, &'v Value)>) {
    if leaves.len() >= MOST {
        return;
    }
    let inner = |part: String| [path.clone(), vec![part]].concat();
    match value {
        Value::Object(table) if !table.is_empty() && path.len() < DEEPEST => {
            table.iter().for_each(|(key, value)| flatten(inner(key.clone()), value, leaves));
        }
        Value::Array(items)
            if path.len() < DEEPEST && (items.iter().any(Value::is_object) || lists_files(&path)) =>
        {
            items.iter().enumerate().for_each(|(at, item)| flatten(inner(format!("[{at}]")), item, leaves));
        }
        _ => leaves.push((path, value)),
    }
}

/// Whether a setting is a list with an entry for each file.
fn lists_files(path: &[String]) -> bool {
    path.last().is_some_and(|key| {
        ["version_files", "version_toml", "version_variables", "version_variable", "version_pattern"]
            .contains(&key.as_str())
    })
}

fn shown(path: &[String]) -> String {
    let mut shown = String::new();
    for part in path {
        if !shown.is_empty() && !part.starts_with('[') {
            shown.push('.');
        }
        shown.push_str(part);
    }
    shown
}

fn fits(pattern: &str, path: &[String]) -> bool {
    let mut parts = path.iter();
    for wanted in pattern.split('.') {
        match (wanted, parts.next()) {
            ("**", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(part)) if wanted == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FATES: Fates = Fates {
        on: &[
            ("tag_name", decides(Part::TagName)),
            ("commit_args", needs("pass them")),
            ("files.*.**", decides(Part::Places)),
            ("parse", same("as PEP 440")),
        ],
        off: &[("tag", dropped("a release is tagged"))],
    };

    #[test]
    fn every_setting_has_a_fate() {
        let table: Table = serde_json::from_str(
            r#"{"tag": false, "tag_name": "x", "commit_args": "", "parse": "y", "own": 1,
                "files": [{"filename": "a"}, {"filename": "b", "search": "c"}], "list": ["a", "b"]}"#,
        )
        .unwrap();
        let refused = [("files[1]".to_owned(), "`b` does not exist".to_owned())];
        let found = of(&table, &FATES, (&[], &refused), "tool");
        let fate = |key: &str| found.iter().find(|one| one.key == key).map(|one| one.fate.clone()).unwrap();
        assert_eq!(fate("tag"), dropped("a release is tagged"));
        assert_eq!(fate("tag_name"), decides(Part::TagName));
        assert_eq!(fate("commit_args"), same("it is off, as it is here"));
        assert_eq!(fate("files[0].filename"), decides(Part::Places));
        assert_eq!(fate("files[1].search"), needs("`b` does not exist"));
        assert!(matches!(fate("own"), Fate::Dropped(_)));
        assert!(matches!(fate("list"), Fate::Dropped(_)));
        assert_eq!(found.len(), 9);
    }

    #[test]
    fn a_refused_entry_does_not_refuse_its_neighbours() {
        assert!(covers("files[1]", "files[1].search"));
        assert!(covers("version_files[1]", "version_files"));
        assert!(!covers("files[1]", "files[10].search"));
        assert!(!covers("tag", "tag_name"));
    }
}
