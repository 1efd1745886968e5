//! The source distribution has what git has, and nothing else: maturin packs what `cargo package --list` lists, of this
//! package and of those that it depends on by a path.

use std::collections::BTreeSet;
use std::path::Path;

/// What is not for those who build: other workspaces, and what cargo makes itself
const LEFT_OUT: [&str; 2] = ["fuzz/", "benches/parts/"];
const MADE: [&str; 2] = [".cargo_vcs_info.json", "Cargo.toml.orig"];

fn lines(command: &duct::Expression) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = command.dir(root).stderr_null().read().unwrap_or_else(|error| panic!("{error}"));
    text.lines().map(str::to_owned).collect()
}

/// The packages of the workspace, each with its folder
const PACKAGES: [(&str, &str); 5] = [
    ("pyrelease", ""),
    ("pyrelease-plugin", "plugins/sdk/"),
    ("pyrelease-github-release", "plugins/examples/github-release/"),
    ("pyrelease-test-support", "tests/support/"),
    ("unruly-rust", "tests/plugin/unruly-rust/"),
];

/// The files that cargo packs of a package, relative to the repository.
fn packed((name, folder): (&str, &str)) -> Vec<String> {
    let arguments = ["package", "--list", "--allow-dirty", "--offline", "--locked", "--package", name];
    let listed = lines(&duct::cmd(env!("CARGO"), arguments));
    let own = listed.into_iter().filter(|file| !MADE.contains(&file.as_str()));
    own.map(|file| format!("{folder}{file}")).collect()
}

#[test]
fn the_source_distribution_has_what_git_has() {
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join(".git").exists() {
        // In a source distribution nothing tells what else there was.
        return;
    }
    let packed: BTreeSet<String> = PACKAGES.into_iter().flat_map(packed).collect();
    let listed = lines(&duct::cmd!("git", "ls-files", "--cached", "--others", "--exclude-standard"));
    let kept = listed.into_iter().filter(|file| !LEFT_OUT.iter().any(|folder| file.starts_with(folder)));
    let tracked: BTreeSet<String> = kept.filter(|file| Path::new(file).exists()).collect();
    // Packages in folders have a lock file only when they are packed.
    let unknown: Vec<_> = packed.difference(&tracked).filter(|file| !file.ends_with("/Cargo.lock")).collect();
    let missing: Vec<_> = tracked.difference(&packed).collect();
    assert!(unknown.is_empty() && missing.is_empty(), "unknown to git: {unknown:?}; not packed: {missing:?}");
    assert!(packed.len() > 1000, "{}", packed.len());
    assert!(packed.contains("src/main.rs") && packed.contains("templates/objects.json"));
}
