//! The layout of a wheel (PEP 427).

use super::{Found, Rule};
use crate::python::distribution::Kind;
use crate::python::verdict::Subject;

pub(super) const RULES: &[Rule] = &[
    Rule::pypi(
        "wheel-file",
        "Invalid distribution file. WHEEL not found at …",
        "a wheel has a WHEEL in its `{name}-{version}.dist-info`",
        wheel_file,
    ),
    Rule::pypi(
        "wheel-metadata",
        "Wheel '…' does not contain the required METADATA file: …",
        "a wheel has a METADATA in its `{name}-{version}.dist-info`",
        metadata_file,
    ),
    Rule::stricter(
        "wheel-one-dist-info",
        "pip refuses to install a wheel with several",
        "a wheel has one `.dist-info` folder",
        one_dist_info,
    ),
];

/// Whether the wheel could be opened at all.
pub(super) fn is_open_wheel(subject: &Subject) -> bool {
    subject.kind == Some(Kind::Wheel) && !subject.contents.members.is_empty()
}

/// What is said of a file that ought to be in the metadata's folder and is not.
pub(super) fn missing(subject: &Subject, file: &str) -> Vec<Found> {
    let path = format!("{}/{file}", subject.dist_info());
    if !is_open_wheel(subject) || subject.contents.has_file(&path) {
        return Vec::new();
    }
    let found = Found::new(format!("the wheel has no `{path}`"));
    vec![match subject.dist_infos()[..] {
        [other] if other != subject.dist_info() => found
            .help(format!("its folder of metadata is `{other}`, which the file's name does not agree with")),
        _ => found,
    }]
}

fn wheel_file(subject: &Subject) -> Vec<Found> {
    missing(subject, "WHEEL")
}

fn metadata_file(subject: &Subject) -> Vec<Found> {
    missing(subject, "METADATA")
}

fn one_dist_info(subject: &Subject) -> Vec<Found> {
    let folders = subject.dist_infos();
    if !is_open_wheel(subject) || folders.len() < 2 {
        return Vec::new();
    }
    let others = folders.into_iter().filter(|folder| *folder != subject.dist_info());
    others.map(|folder| Found::new("the wheel has another folder of metadata").member(folder)).collect()
}
