//! Rules about the layout of a source distribution (PEP 625, core metadata).

use super::{Rule, Violation, shortened};
use crate::python::archive::Problem;
use crate::python::distribution::Kind;
use crate::python::filename::normalize;
use crate::python::verdict::Subject;
use crate::python::version::ExactVersion;

pub(super) const RULES: &[Rule] = &[
    Rule::pypi(
        "sdist-top-folder",
        "Invalid distribution file. Incorrect number of top-level directories in sdist",
        "a source distribution has one top folder",
        top_folder,
    ),
    Rule::pypi(
        "sdist-pkg-info",
        "Invalid distribution file. PKG-INFO not found at …",
        "a source distribution's top folder has a PKG-INFO",
        pkg_info,
    ),
    Rule::stricter(
        "sdist-folder-name",
        "PEP 625 requires it, and tools look for the folder by the file name",
        "a source distribution's top folder is named `{name}-{version}`, like the file",
        folder_name,
    )
    .by("PEP 625"),
    Rule::stricter(
        "sdist-folder-spelling",
        "PEP 625 requires it, but most tools accept the other spelling",
        "the name of a source distribution's top folder is normalized, like the file name",
        folder_spelling,
    )
    .warning()
    .by("PEP 625"),
];

/// The common folder of all members of a source distribution, as Python's `os.path.commonpath` finds it; an empty
/// path or `/` does not count. None if the archive could not be opened.
fn common_folder(subject: &Subject) -> Option<String> {
    let unread = |problem: &Problem| matches!(problem, Problem::NotAnArchive { .. } | Problem::Unreadable(_));
    if subject.kind != Some(Kind::Sdist) || subject.contents.faults.iter().any(|fault| unread(&fault.problem))
    {
        return None;
    }
    let mut paths = subject.contents.members.iter().map(|member| member.path.as_str());
    let parts = |path: &'_ str| -> Vec<String> {
        path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect()
    };
    let Some(first) = paths.next() else { return Some(String::new()) };
    let mut common = parts(first);
    for path in paths {
        let shared = common.iter().zip(path.split('/').filter(|part| !matches!(*part, "" | ".")));
        let shared = shared.take_while(|(one, other)| one.as_str() == *other).count();
        common.truncate(shared);
    }
    let slash = if first.starts_with('/') { "/" } else { "" };
    Some(format!("{slash}{}", common.join("/")))
}

fn top_folder(subject: &Subject) -> Vec<Violation> {
    let Some(common) = common_folder(subject) else { return Vec::new() };
    let tops = subject.contents.top_levels();
    let absolute = subject.contents.members.iter().filter(|member| member.path.starts_with('/')).count();
    if absolute > 0 && absolute < subject.contents.members.len() {
        return vec![
            Violation::new("the source distribution has absolute and relative paths")
                .says("ValueError: Can't mix absolute and relative paths"),
        ];
    }
    match &tops[..] {
        [] => vec![Violation::new("the source distribution is empty")],
        _ if common.trim_matches('/').is_empty() => {
            let shown: Vec<String> = tops.iter().take(5).map(|top| format!("`{}`", shortened(top))).collect();
            let more = if tops.len() > shown.len() { " and more" } else { "" };
            let message = format!("the source distribution has {} top folders instead of one", tops.len());
            vec![Violation::new(message).help(format!("they are {}{more}", shown.join(", ")))]
        }
        _ => Vec::new(),
    }
}

fn pkg_info(subject: &Subject) -> Vec<Violation> {
    let Some(common) = common_folder(subject).filter(|common| !common.is_empty()) else { return Vec::new() };
    let path = format!("{}/PKG-INFO", common.trim_end_matches('/'));
    if subject.contents.has(&path) {
        return Vec::new();
    }
    let found = Violation::new(format!("the source distribution has no `{}`", shortened(&path)));
    vec![found.says(format!("Invalid distribution file. PKG-INFO not found at {}", shortened(&path)))]
}

/// The top folder if it is not named like the file, and whether it names the same project and version nevertheless.
fn other_folder(subject: &Subject) -> Option<(String, bool)> {
    let top = common_folder(subject)?;
    let first = top.split('/').next().unwrap_or_default();
    if top.is_empty() || first == subject.stem() {
        return None;
    }
    let parts = |stem: &'_ str| -> Option<(String, ExactVersion)> {
        let (name, version) = stem.rsplit_once('-')?;
        Some((normalize(name), version.parse().ok()?))
    };
    let same = parts(first).is_some_and(|found| parts(subject.stem()) == Some(found));
    Some((shortened(&top), same))
}

fn folder_name(subject: &Subject) -> Vec<Violation> {
    let Some((top, false)) = other_folder(subject) else { return Vec::new() };
    vec![Violation::new(format!("the top folder is `{top}`, but must be `{}`", subject.stem())).member(top)]
}

fn folder_spelling(subject: &Subject) -> Vec<Violation> {
    let Some((top, true)) = other_folder(subject) else { return Vec::new() };
    vec![
        Violation::new(format!("the top folder is `{top}` instead of the normalized `{}`", subject.stem()))
            .member(top),
    ]
}
