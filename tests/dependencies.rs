//! Dependencies have the licences, and the versions beside one another, that `deny.toml` allows.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use toml_edit::{DocumentMut, Table};

fn read(name: &str) -> DocumentMut {
    fs_err::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap().parse().unwrap()
}

fn strings(document: &DocumentMut, table: &str, key: &str) -> BTreeSet<String> {
    document[table][key].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// The crates that `deny.toml` lists under `bans`, with the reasons.
fn listed(document: &DocumentMut, key: &str) -> BTreeMap<String, String> {
    let rows = document["bans"][key].as_array().unwrap().iter().map(|row| row.as_inline_table().unwrap());
    let text = |row: &toml_edit::InlineTable, key| row[key].as_str().unwrap().to_owned();
    rows.map(|row| (text(row, "crate"), text(row, "reason"))).collect()
}

/// The crates of Cargo.lock, for every platform, each with its versions: the parts that make versions incompatible.
fn locked() -> BTreeMap<String, BTreeSet<Vec<u64>>> {
    let mut versions: BTreeMap<String, BTreeSet<Vec<u64>>> = BTreeMap::new();
    let lock = read("Cargo.lock");
    let text = |package: &Table, key| package[key].as_str().unwrap().to_owned();
    for package in lock["package"].as_array_of_tables().unwrap() {
        let version: semver::Version = text(package, "version").parse().unwrap();
        let version = match (version.major, version.minor) {
            (0, 0) => vec![0, 0, version.patch],
            (0, minor) => vec![0, minor],
            (major, _) => vec![major],
        };
        versions.entry(text(package, "name")).or_default().insert(version);
    }
    versions
}

#[test]
fn a_crate_in_two_versions_has_its_reason() {
    let skipped = listed(&read("deny.toml"), "skip");
    let without: Vec<_> = skipped.iter().filter(|(_, reason)| reason.trim().is_empty()).collect();
    assert!(without.is_empty(), "no reason for {without:?}");
    let mut older = BTreeSet::new();
    for (name, mut versions) in locked() {
        versions.pop_last();
        older.extend(versions.iter().map(|version| {
            let version: Vec<String> = version.iter().map(u64::to_string).collect();
            format!("{name}@{}", version.join("."))
        }));
    }
    let skipped: BTreeSet<String> = skipped.into_keys().collect();
    assert_eq!(older, skipped, "the older versions in Cargo.lock, and `skip` in deny.toml");
}

#[test]
fn no_crate_is_banned() {
    let (banned, locked) = (listed(&read("deny.toml"), "deny"), locked());
    let found: Vec<_> = banned.iter().filter(|(name, _)| locked.contains_key(*name)).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn licences_are_allowed() {
    let allowed = strings(&read("deny.toml"), "licenses", "allow");
    let platform = duct::cmd!(env!("CARGO"), "-vV").dir(env!("CARGO_MANIFEST_DIR")).read().unwrap();
    let platform = platform.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    // Crates of other platforms may not be on this machine.
    let metadata = duct::cmd!(
        env!("CARGO"),
        "metadata",
        "--offline",
        "--locked",
        "--format-version=1",
        "--filter-platform",
        platform
    );
    let metadata = metadata.dir(env!("CARGO_MANIFEST_DIR")).stderr_null().read().unwrap();
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or_default(), &allowed))
        .map(|package| format!("{} ({})", package["name"].as_str().unwrap(), package["license"]))
        .collect();
    assert!(refused.is_empty(), "not allowed by deny.toml: {refused:?}");
    let used = packages.iter().filter_map(|package| package["license"].as_str()).flat_map(words);
    let used: BTreeSet<String> = used.map(str::to_owned).collect();
    let unused: Vec<_> = allowed.difference(&used).collect();
    assert!(unused.is_empty(), "no crate has {unused:?}");
}

/// The words and parentheses of an SPDX expression; `/` is an old `OR`.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split_inclusive(['(', ')', '/', ' '])
        .flat_map(|part| {
            let (word, end) = part.split_at(part.len() - usize::from(part.ends_with(['(', ')', '/', ' '])));
            [word, end]
        })
        .filter(|word| !word.trim().is_empty())
}

/// Whether some choice of an SPDX expression consists of allowed licences.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let words: Vec<&str> = words(expression).collect();
    let mut rest = &words[..];
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut any = all_of(rest, allowed);
    while let [word, after @ ..] = *rest
        && matches!(*word, "OR" | "/")
    {
        *rest = after;
        any |= all_of(rest, allowed);
    }
    any
}

fn all_of(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut all = true;
    loop {
        match *rest {
            ["(", after @ ..] => {
                *rest = after;
                all &= any_of(rest, allowed);
                let [")", after @ ..] = *rest else { return false };
                *rest = after;
            }
            // An exception only gives further rights.
            [license, "WITH", _, after @ ..] | [license, after @ ..] => {
                all &= allowed.contains(*license);
                *rest = after;
            }
            [] => return false,
        }
        let ["AND", after @ ..] = *rest else { return all };
        *rest = after;
    }
}

#[test]
fn expressions_are_understood() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("MIT AND ISC", true),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("MIT OR GPL-3.0 AND ISC", true),
        ("(MIT OR ISC) AND GPL-3.0", false),
        ("MIT WITH LLVM-exception", true),
        ("(MIT", false),
        ("MIT)", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}
