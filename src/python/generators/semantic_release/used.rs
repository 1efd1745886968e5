//! Which version of python-semantic-release a project uses.

use std::sync::LazyLock;

use regex::Regex;

use crate::python::project::Files;
use crate::python::settings::sources;

const WORKFLOWS: &str = ".github/workflows";
/// Files in which a workflow's script may be
const PIPELINES: [&str; 1] = [".gitlab-ci.yml"];
const LOCKS: [&str; 3] = ["uv.lock", "poetry.lock", "pdm.lock"];
const REQUIREMENTS: [&str; 4] =
    ["pyproject.toml", "requirements-dev.txt", "requirements/dev.txt", "dev-requirements.txt"];

/// Version 9.15 changed the form of sections; what is older writes as version 8 does
const FORM_OF_EIGHT: (u64, u64) = (9, 15);

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant that the tests compile")
}

/// The action: by a version, or by a commit with the version in a comment
static ACTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"/python-semantic-release@(?:[0-9a-f]{40}[ \t]*#[ \t]*)?v?([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:[.\s]|$)",
    )
});
/// A requirement: `python-semantic-release==9.21.0`, `~=9.0`, `= "^9.8"`, `@9`
static REQUIREMENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"\bpython-semantic-release(?:\[[^\]\n]*\])?(?:@|[ \t]*(?:===?|~=)[ \t]*|"?[ \t]*=[ \t]*"[=~^]*)v?([0-9]{1,4})(?:\.([0-9]{1,4}))?"#,
    )
});
/// A requirement with an upper bound: `python-semantic-release>=9,<10`
static BOUND: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\bpython-semantic-release[^\n#;]*<[ \t]*([0-9]{1,4})\b"));
static LOCKED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"name = "python-semantic-release"\r?\nversion = "([0-9]{1,4})\.([0-9]{1,4})"#)
});

/// The major version that writes as the one does that the project's workflows, lock files or requirements name.
pub(super) fn major(files: &dyn Files) -> Option<u64> {
    let mut workflows = files.list(WORKFLOWS);
    workflows.retain(|path| path.ends_with(".yml") || path.ends_with(".yaml"));
    let text = |path: &str| sources::text(files, path).ok().flatten();
    let of = |path: &str, pattern: &Regex| {
        let text = text(path)?;
        let found = pattern.captures(&text)?;
        let number = |group: usize| found.get(group)?.as_str().parse::<u64>().ok();
        Some((number(1)?, number(2)))
    };
    let scripts = || workflows.iter().map(String::as_str).chain(PIPELINES);
    let found = scripts()
        .find_map(|path| of(path, &ACTION))
        .or_else(|| scripts().find_map(|path| of(path, &REQUIREMENT)))
        .or_else(|| LOCKS.into_iter().find_map(|path| of(path, &LOCKED)))
        .or_else(|| REQUIREMENTS.into_iter().find_map(|path| of(path, &REQUIREMENT)));
    let bound = || {
        let bound = REQUIREMENTS.into_iter().find_map(|path| {
            let text = text(path)?;
            BOUND.captures(&text)?[1].parse::<u64>().ok()
        });
        bound.and_then(|above| Some((above.checked_sub(1)?, None)))
    };
    let (major, minor) = found.or_else(bound)?;
    form_of(major, minor)
}

/// The major version that writes in the form of a version; none if that is newer than those known.
pub(super) fn form_of(major: u64, minor: Option<u64>) -> Option<u64> {
    match (major, minor) {
        (major, Some(minor)) if major == FORM_OF_EIGHT.0 && (major, minor) < FORM_OF_EIGHT => Some(8),
        (major @ 7..=10, _) => Some(major),
        (older, _) if older < 7 => Some(7),
        _ => None,
    }
}

/// The major version that writes sections in the form of those in a changelog.
pub(super) fn major_of_sections(changelog: &str) -> Option<u64> {
    let mut lines = changelog.lines().skip_while(|line| !line.starts_with("### "));
    let heading = lines.next()?.trim_start_matches("### ").trim();
    let item = lines.find(|line| !line.trim().is_empty())?;
    match heading {
        "Breaking" | "Feature" | "Fix" | "Performance" | "Unknown" if item.starts_with("* ") => Some(8),
        "Features" | "Bug Fixes" | "Performance Improvements" if item.starts_with("- ") => {
            Some(if changelog.contains(super::FLAG_OF_MARKDOWN) { 10 } else { 9 })
        }
        _ => None,
    }
}
