//! Dependencies between the folders of `src` point one way.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each layer and those it may use beside itself; `error`, `finding` and `text` are for all
const LAYERS: [(&str, &[&str]); 13] = [
    ("python", &[]),
    ("config", &["python"]),
    ("world", &["python"]),
    ("index", &["world", "python"]),
    ("plugin", &["config", "world", "python"]),
    ("engine", &["config", "index", "plugin", "world", "python"]),
    ("server", &["world", "python"]),
    ("ui", &["init", "drill", "engine", "world", "python"]),
    ("stages", &["engine", "config", "index", "plugin", "world", "python"]),
    ("init", &["stages", "engine", "config", "index", "world", "python"]),
    ("drill", &["server", "engine", "config", "index", "plugin", "world", "python"]),
    ("ops", &["init", "drill", "stages", "ui", "engine", "config", "index", "plugin", "world", "python"]),
    (
        "cli",
        &["ops", "drill", "stages", "server", "ui", "engine", "config", "index", "plugin", "world", "python"],
    ),
];

#[test]
fn dependencies_point_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (layer, allowed) in LAYERS {
        for file in files(&source.join(layer)) {
            if file.ends_with("tests.rs") {
                continue;
            }
            let text = fs_err::read_to_string(&file).unwrap();
            for used in text.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                let known = LAYERS.iter().any(|(name, _)| *name == used);
                if known && used != layer && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{} uses {used}", file.strip_prefix(&source).unwrap().display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_pure_does_nothing() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/python");
    let outside = [
        "std::fs",
        "fs_err::",
        "std::process",
        "duct::",
        "std::env",
        "std::net",
        "reqwest::",
        "::now(",
        "git2::",
        "SystemTime",
    ];
    for file in files(&python) {
        if file.ends_with("tests.rs") {
            continue;
        }
        let text = fs_err::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for name in outside {
            assert!(!code.contains(name), "{} uses {name}", file.display());
        }
    }
}

/// The engine from the ground up: each of its modules uses only those before it, and what others add to them.
const ENGINE: [&str; 28] = [
    "model",
    "event",
    "carry",
    "checkout",
    "release",
    "locks",
    "journal",
    "run",
    "recover",
    "effects",
    "tasks",
    "stage",
    "order",
    "pipeline",
    "repository_checks",
    "preflight",
    "resume_state",
    "execute",
    "edits",
    "adoption",
    "fetch",
    "check_credentials",
    "reconstruction",
    "status",
    "log",
    "transfer",
    "rehearsed",
    "prelude",
];

#[test]
fn the_engine_is_built_in_layers() {
    let layer = |name: &str| ENGINE.iter().position(|layer| *layer == name);
    let mut wrong = Vec::new();
    for (module, used) in imports() {
        let (["engine", own, ..], ["engine", other, ..]) = (module.as_slice(), used.as_slice()) else {
            continue;
        };
        match (layer(own), layer(other)) {
            (Some(own), Some(other)) if other <= own => {}
            (Some(_), Some(_)) => wrong.push(format!("{} uses {other}", module.join("::"))),
            _ => wrong.push(format!("ENGINE lacks `{own}` or `{other}`")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Files that use each other in a loop cannot be read one after the other. A module and those within it are one for
/// this: it hands on what they have, and they use what it defines.
#[test]
fn no_modules_use_each_other_in_a_loop() {
    let mut uses: BTreeMap<Vec<&str>, BTreeSet<Vec<&str>>> = BTreeMap::new();
    let imports = imports();
    for (module, used) in &imports {
        if !module.starts_with(used) && !used.starts_with(module) {
            uses.entry(module.clone()).or_default().insert(used.clone());
        }
    }
    // What uses nothing that is left is in no loop, and neither is what nothing that is left uses.
    loop {
        let before = uses.len();
        let left: BTreeSet<Vec<&str>> = uses.keys().cloned().collect();
        uses.retain(|_, used| {
            used.retain(|module| left.contains(module));
            !used.is_empty()
        });
        let used: BTreeSet<Vec<&str>> = uses.values().flatten().cloned().collect();
        uses.retain(|module, _| used.contains(module));
        if uses.len() == before {
            break;
        }
    }
    assert!(uses.is_empty(), "these modules use each other in a loop: {uses:#?}");
}

/// Each module of the source with each module that one of its paths names, tests left out.
fn imports() -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules: BTreeMap<Vec<&'static str>, &'static str> = BTreeMap::new();
    for file in files(&source) {
        let path = file.strip_prefix(&source).unwrap().with_extension("");
        let mut parts: Vec<&'static str> =
            path.iter().map(|part| &*part.to_str().unwrap().to_owned().leak()).collect();
        if parts.last() == Some(&"mod") {
            parts.pop();
        }
        if parts.iter().any(|part| ["tests", "main", "lib"].contains(part)) {
            continue;
        }
        let text = fs_err::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        modules.insert(parts, lines.collect::<Vec<_>>().join(" ").leak());
    }
    let mut found = Vec::new();
    for (module, code) in &modules {
        for path in paths(code) {
            let up = path.iter().take_while(|part| **part == "super").count();
            let mut full: Vec<&'static str> = match path[0] {
                "crate" => Vec::new(),
                _ => module[..module.len().saturating_sub(up)].to_vec(),
            };
            full.extend(path.iter().filter(|part| !["crate", "super", "self"].contains(part)));
            while !full.is_empty() && !modules.contains_key(&full) {
                full.pop();
            }
            if let Some((used, _)) = modules.get_key_value(&full)
                && used != module
            {
                found.push((module.clone(), used.clone()));
            }
        }
    }
    assert!(found.len() > 1_000, "only {} imports were found", found.len());
    found
}

/// The paths that code names, each of a `use` with braces for itself.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut paths = Vec::new();
    // The beginnings that open braces share, and what of the present path was read
    let (mut shared, mut path): (Vec<Vec<&str>>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut rest = code;
    while let Some(letter) = rest.chars().next() {
        if is_word(letter) {
            let end = rest.find(|letter: char| !is_word(letter)).unwrap_or(rest.len());
            path.push(&rest[..end]);
            rest = &rest[end..];
            if rest.starts_with("::") {
                rest = &rest[2..];
                if rest.starts_with('{') {
                    shared.push(path.clone());
                    rest = &rest[1..];
                }
                continue;
            }
            paths.push(std::mem::take(&mut path));
        } else {
            if letter == '}' {
                shared.pop();
            }
            path.clear();
            rest = &rest[letter.len_utf8()..];
        }
        path = if letter == ';' { Vec::new() } else { shared.last().cloned().unwrap_or_default() };
    }
    paths.retain(|path| path.len() > 1);
    paths
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).expect("a folder of the source") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
