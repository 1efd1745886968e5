//! Dependencies between the folders of `src` point one way.

use std::path::Path;

/// Each layer and those it may use beside itself; `error` is everybody's
const LAYERS: [(&str, &[&str]); 12] = [
    ("python", &[]),
    ("config", &["python"]),
    ("world", &["python"]),
    ("index", &["world", "python"]),
    ("plugin", &["config", "world", "python"]),
    ("engine", &["config", "index", "plugin", "world", "python"]),
    ("server", &["world", "python"]),
    ("ui", &["engine", "world"]),
    ("stages", &["engine", "config", "index", "plugin", "world", "python"]),
    ("drill", &["server", "engine", "config", "index", "plugin", "world", "python"]),
    ("ops", &["stages", "ui", "engine", "config", "index", "plugin", "world", "python"]),
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
