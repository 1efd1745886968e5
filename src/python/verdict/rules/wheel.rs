//! Rules about the layout of a wheel (PEP 427).

use super::{Rule, Violation};
use crate::python::archive::Problem;
use crate::python::distribution::Kind;
use crate::python::filename::Filename;
use crate::python::verdict::Subject;
use crate::python::verdict::grammar::{entry_points, platform};

pub(super) const RULES: &[Rule] = &[
    Rule::pypi(
        "wheel-file",
        "Invalid distribution file. WHEEL not found at …",
        "a wheel has a WHEEL in its `{name}-{version}.dist-info`",
        wheel_file,
    )
    .by("PEP 427"),
    Rule::pypi(
        "wheel-metadata",
        "Wheel '…' does not contain the required METADATA file: …",
        "a wheel has a METADATA in its `{name}-{version}.dist-info`",
        metadata_file,
    )
    .by("PEP 427"),
    Rule::pypi(
        "platform-tag",
        "Binary wheel '…' has an unsupported platform tag '…'.",
        "PyPI accepts wheels for the wheel's platforms",
        platform_tag,
    )
    .by("PEP 425, 600, 656, 730, 738 and 783"),
    Rule::pypi(
        "entry-points",
        "Wheel '…' has invalid entry points defined in the entry_points.txt file",
        "entry_points.txt can be parsed, and its commands have valid names",
        entry_points,
    )
    .by("entry points specification"),
    Rule::stricter(
        "wheel-one-dist-info",
        "pip refuses to install a wheel with several",
        "a wheel has one `.dist-info` folder",
        one_dist_info,
    ),
];

/// Whether the wheel could be opened at all.
pub(super) fn is_open_wheel(subject: &Subject) -> bool {
    let unread = |problem: &Problem| matches!(problem, Problem::NotAnArchive { .. } | Problem::Unreadable(_));
    let read = !subject.contents.faults.iter().any(|fault| unread(&fault.problem));
    subject.kind == Some(Kind::Wheel) && read
}

/// The findings if a file is missing in the metadata's folder.
pub(super) fn missing(subject: &Subject, file: &str) -> Vec<Violation> {
    let path = format!("{}/{file}", subject.dist_info());
    if !is_open_wheel(subject) || subject.contents.has(&path) {
        return Vec::new();
    }
    let found = Violation::new(format!("the wheel has no `{path}`"));
    let found = found.says(match file {
        "WHEEL" => format!("Invalid distribution file. WHEEL not found at {path}"),
        _ => format!("Wheel '{}' does not contain the required {file} file: {path}", subject.file),
    });
    vec![match subject.dist_infos()[..] {
        [other] if other != subject.dist_info() => {
            found.help(format!("its metadata folder is `{other}`, which does not match the file name"))
        }
        _ => found,
    }]
}

fn wheel_file(subject: &Subject) -> Vec<Violation> {
    missing(subject, "WHEEL")
}

fn metadata_file(subject: &Subject) -> Vec<Violation> {
    missing(subject, "METADATA")
}

fn platform_tag(subject: &Subject) -> Vec<Violation> {
    let Ok(Filename::Wheel { platform, .. }) = &subject.name else { return Vec::new() };
    let tags = platform.split('.').filter(|tag| !platform::is_taken(tag));
    let found = |tag: &str| {
        let found = Violation::new(format!("PyPI does not accept wheels for platform `{tag}`"));
        let found =
            found.says(format!("Binary wheel '{}' has an unsupported platform tag '{tag}'.", subject.file));
        match tag.strip_prefix("linux_") {
            Some(_) => found.help(
                "repair the wheel with `auditwheel`, which turns it into a manylinux or musllinux wheel",
            ),
            None if tag.starts_with("macosx_") => {
                found.help("above macOS 10, use minor version 0 in the tag, as in `macosx_11_0_arm64`")
            }
            None => found,
        }
    };
    tags.map(found).collect()
}

fn entry_points(subject: &Subject) -> Vec<Violation> {
    let path = format!("{}/entry_points.txt", subject.dist_info());
    let Some(content) = subject.contents.content(&path) else { return Vec::new() };
    let Err(problem) = entry_points::check(content) else { return Vec::new() };
    let found = Violation::new(format!("a line of entry_points.txt is not valid: {}", problem.what));
    let says =
        format!("Wheel '{}' has invalid entry points defined in the entry_points.txt file", subject.file);
    vec![found.line(&path, problem.line, problem.text).says(says)]
}

fn one_dist_info(subject: &Subject) -> Vec<Violation> {
    let folders = subject.dist_infos();
    if !is_open_wheel(subject) || folders.len() < 2 {
        return Vec::new();
    }
    let others = folders.into_iter().filter(|folder| *folder != subject.dist_info());
    others.map(|folder| Violation::new("the wheel has another metadata folder").member(folder)).collect()
}
