//! The settings of git-cliff (git-cliff.org, "Configuration").

use serde_json::Value;

use super::rules::{GitCliff, Parser, Rules};
use super::{Generated, Generator, Settings, Table, flag, regex, string, table};
use crate::python::project::Files;
use crate::python::version::Bump;

/// Where the settings may be: the first file that has them counts
const PLACES: [(&str, &[&str]); 6] = [
    ("cliff.toml", &[]),
    ("Cargo.toml", &["workspace", "metadata", "git-cliff"]),
    ("Cargo.toml", &["package", "metadata", "git-cliff"]),
    ("pyproject.toml", &["tool", "git-cliff"]),
    (".cliff.toml", &[]),
    (".config/cliff.toml", &[]),
];

/// What git-cliff skips unless `commit_parsers` says otherwise
const SKIPPED: [&str; 4] =
    [r"^chore\(release\): prepare for", r"^chore\(deps.*\)", r"^chore\(pr\)", r"^chore\(pull\)"];

/// Settings that decide which commits count, and that are not followed here
const UNFOLLOWED: [&str; 5] =
    ["include_paths", "exclude_paths", "limit_commits", "recurse_submodules", "split_commits"];

pub(super) fn find(files: &dyn Files) -> Option<Generated> {
    PLACES.iter().find_map(|(path, keys)| match read(files, path, keys) {
        Ok(None) => None,
        Ok(Some(table)) => Some(settings(path, &table)),
        Err(reason) => Some(Generated::unreadable(Generator::GitCliff, path, reason)),
    })
}

fn read(files: &dyn Files, path: &str, keys: &[&str]) -> Settings {
    table(files, path, keys)
}

fn settings(path: &str, table: &Table) -> Generated {
    let mut generated = Generated::new(Generator::GitCliff, path);
    let empty = Table::new();
    let part = |name: &str| table.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let (changelog, git, bump) = (part("changelog"), part("git"), part("bump"));
    generated.changelog = string(changelog, "output").map(|path| path.trim_start_matches("./").to_owned());
    generated.writes_whole = generated.changelog.is_some();
    generated.footer = string(changelog, "footer").filter(|text| !text.trim().is_empty()).map(str::to_owned);
    for reason in invalid(changelog, git) {
        generated.problem(&reason);
    }
    generated.rules = rules(git, bump).map(Rules::GitCliff);
    generated
}

/// The regular expressions that git-cliff would refuse.
fn invalid(changelog: &Table, git: &Table) -> Vec<String> {
    let mut reasons = Vec::new();
    for (table, list, keys) in [
        (changelog, "postprocessors", &["pattern"] as &[&str]),
        (git, "commit_preprocessors", &["pattern"]),
        (git, "commit_parsers", &["message", "body", "footer", "pattern"]),
        (git, "link_parsers", &["pattern"]),
    ] {
        for entry in entries(table, list) {
            let patterns = keys.iter().filter_map(|key| string(entry, key));
            reasons.extend(patterns.filter_map(|pattern| regex(list, pattern).err()));
        }
    }
    let alone = ["tag_pattern", "skip_tags", "ignore_tags", "count_tags"];
    let alone = alone.iter().filter_map(|key| Some((*key, string(git, key)?)));
    reasons.extend(alone.filter_map(|(key, pattern)| regex(key, pattern).err()));
    reasons
}

/// The tables of a list.
fn entries<'t>(table: &'t Table, key: &str) -> impl Iterator<Item = &'t Table> {
    table.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// The rules of the bump, or why only git-cliff knows it.
fn rules(git: &Table, bump: &Table) -> Result<GitCliff, String> {
    let is_set = |table: &Table, key: &str| match table.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    if let Some(key) = UNFOLLOWED.iter().find(|key| is_set(git, key)) {
        return Err(format!("its setting `{key}` decides which commits count"));
    }
    let own = ["custom_major_increment_regex", "custom_minor_increment_regex", "no_increment_regex"];
    if let Some(key) = own.iter().find(|key| is_set(bump, key)) {
        return Err(format!("its setting `{key}` decides"));
    }
    let always = |key: &str| flag(bump, key).unwrap_or(true);
    let preprocessors = entries(git, "commit_preprocessors").map(|entry| {
        let pattern = string(entry, "pattern").unwrap_or_default();
        match entry.get("replace").and_then(Value::as_str) {
            Some(replacement) => Ok((regex("commit_preprocessors", pattern)?, replacement.to_owned())),
            None => Err("its `commit_preprocessors` run commands".to_owned()),
        }
    });
    let parsers: Vec<Parser> = match git.contains_key("commit_parsers") {
        true => entries(git, "commit_parsers").map(parser).collect::<Result<_, _>>()?,
        false => {
            let skipped = |pattern| Ok(Parser { message: Some(regex("message", pattern)?), skips: true });
            SKIPPED.into_iter().map(skipped).collect::<Result<_, String>>()?
        }
    };
    let filters = flag(git, "filter_commits").unwrap_or(false);
    // A parser of another kind decides nothing here if none excludes commits.
    let decides = filters || parsers.iter().any(|parser| parser.skips);
    if decides && parsers.iter().any(|parser| parser.message.is_none()) {
        return Err("its `commit_parsers` look at more than the message".to_owned());
    }
    let tags = |key: &str| string(git, key).map(|pattern| regex(key, pattern)).transpose();
    let conventional = flag(git, "conventional_commits").unwrap_or(true);
    let filters_unconventional = flag(git, "filter_unconventional").unwrap_or(true);
    Ok(GitCliff {
        preprocessors: preprocessors.collect::<Result<_, _>>()?,
        parsers,
        requires_parser: filters,
        only_conventional: conventional && filters_unconventional,
        protects_breaking: conventional && flag(git, "protect_breaking_commits").unwrap_or(false),
        fixed: match string(bump, "bump_type") {
            Some("major") => Some(Bump::Major),
            Some("minor") => Some(Bump::Minor),
            Some("patch") => Some(Bump::Patch),
            _ => None,
        },
        major_before_one: always("breaking_always_bump_major"),
        minor_before_one: always("features_always_bump_minor"),
        other_tags: [tags("skip_tags")?, tags("ignore_tags")?].into_iter().flatten().collect(),
        counted_tags: [tags("tag_pattern")?, tags("count_tags")?].into_iter().flatten().collect(),
    })
}

fn parser(entry: &Table) -> Result<Parser, String> {
    let is_plain = !["sha", "body", "footer", "field"].iter().any(|key| entry.contains_key(*key));
    let message = string(entry, "message").filter(|_| is_plain);
    let message = message.map(|pattern| regex("commit_parsers", pattern)).transpose()?;
    Ok(Parser { message, skips: flag(entry, "skip").unwrap_or(false) })
}
