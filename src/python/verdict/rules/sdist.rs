//! The layout of a source distribution (PEP 625, core metadata).

use super::{Found, Rule};
use crate::python::archive::Problem;
use crate::python::distribution::Kind;
use crate::python::verdict::Subject;

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
        "PEP 625 says so, and tools look for the folder by the file's name",
        "a source distribution's top folder is named `{name}-{version}` as the file is",
        folder_name,
    ),
];

/// The top folders of a source distribution that was read to its end or nearly so.
fn tops<'a>(subject: &'a Subject) -> Option<Vec<&'a str>> {
    let unread = |problem: &Problem| matches!(problem, Problem::NotAnArchive { .. } | Problem::Unreadable(_));
    let read = !subject.contents.faults.iter().any(|fault| unread(&fault.problem));
    (subject.kind == Some(Kind::Sdist) && read).then(|| subject.contents.top_levels())
}

fn top_folder(subject: &Subject) -> Vec<Found> {
    match tops(subject) {
        Some(tops) if tops.is_empty() => vec![Found::new("the source distribution is empty")],
        Some(tops) if tops.len() > 1 => {
            let shown: Vec<String> = tops.iter().take(5).map(|top| format!("`{top}`")).collect();
            let more = if tops.len() > shown.len() { " and more" } else { "" };
            let message = format!("the source distribution has {} top folders, not one", tops.len());
            vec![Found::new(message).help(format!("they are {}{more}", shown.join(", ")))]
        }
        _ => Vec::new(),
    }
}

fn pkg_info(subject: &Subject) -> Vec<Found> {
    let Some(&[top]) = tops(subject).as_deref() else { return Vec::new() };
    let path = format!("{top}/PKG-INFO");
    if subject.contents.has_file(&path) {
        return Vec::new();
    }
    vec![Found::new(format!("the source distribution has no `{path}`"))]
}

fn folder_name(subject: &Subject) -> Vec<Found> {
    match tops(subject).as_deref() {
        Some(&[top]) if top != subject.stem() => {
            let message = format!("the top folder is `{top}`, it must be `{}`", subject.stem());
            vec![Found::new(message).member(top)]
        }
        _ => Vec::new(),
    }
}
