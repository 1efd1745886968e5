//! Rules about the archive: whether it can be read, and whether its bytes are valid.

use std::collections::HashSet;

use super::{Rule, Violation};
use crate::python::archive::{Fault, MemberKind, Problem, ScanHit, ScanHitKind};
use crate::python::distribution::Kind;
use crate::python::verdict::Subject;

pub(super) const RULES: &[Rule] = &[
    Rule::pypi(
        "archive",
        "Invalid distribution file. File is not a zipfile | Invalid distribution file. File is not a tarfile",
        "a wheel is a ZIP archive, a source distribution a gzipped tar archive",
        archive,
    ),
    Rule::pypi(
        "compression-ratio",
        "Invalid distribution file. File exceeds compression ratio of 50",
        "the archive does not unpack to many times its size",
        ratio,
    ),
    Rule::pypi(
        "compression-method",
        "Invalid distribution file. File does not use a supported compression type",
        "the members of a wheel are stored or deflated",
        method,
    ),
    Rule::pypi(
        "zip-framing",
        "Invalid distribution file. ZIP archive not accepted: …",
        "the wheel's ZIP directory matches its members' headers",
        framing,
    ),
    Rule::pypi(
        "sparse-member",
        "Invalid distribution file. tar archive not accepted: Sparse members are not allowed.",
        "the source distribution has no sparse members",
        sparse,
    ),
    Rule::pypi(
        "encrypted-code",
        "Invalid distribution file. PyArmor-encrypted content is not allowed. | Invalid distribution file. \
         SourceDefender-encrypted content is not allowed.",
        "no `.py` or `.pye` file is encrypted with PyArmor or SourceDefender",
        encrypted_code,
    ),
    Rule::stricter(
        "damage",
        "PyPI accepts a damaged stream, but installers fail, and the file name is lost",
        "the archive can be read to its end and its checksums match",
        damage,
    ),
    Rule::stricter(
        "trailing-data",
        "PyPI accepts bytes after the end, but they have no use and change the hash",
        "nothing follows the archive's end",
        trailing,
    ),
    Rule::stricter("encrypted-member", "no installer can read it", "no member is encrypted", encrypted),
    Rule::stricter(
        "duplicate-metadata",
        "tools differ in which of them they read",
        "a source distribution has one PKG-INFO in its top folder",
        duplicate_metadata,
    ),
    Rule::stricter(
        "duplicate-member",
        "of two members with the same path only the last one counts",
        "no two members have the same path",
        duplicate,
    )
    .warning(),
    Rule::stricter(
        "archive-limits",
        "reading must take bounded time and memory",
        "the archive has no more and no larger members than any project needs",
        limits,
    ),
];

/// The faults that a rule is about.
fn faults(subject: &Subject, wanted: impl Fn(&Problem) -> bool) -> Vec<Violation> {
    let faults = subject.contents.faults.iter().filter(|fault| wanted(&fault.problem));
    faults
        .map(|fault| {
            let found = Violation::new(fault.problem.to_string());
            match &fault.member {
                Some(member) => found.member(member),
                None => found,
            }
        })
        .collect()
}

fn archive(subject: &Subject) -> Vec<Violation> {
    let what = if subject.kind == Some(Kind::Wheel) { "zipfile" } else { "tarfile" };
    let says = |found: Violation| found.says(format!("Invalid distribution file. File is not a {what}"));
    let found =
        faults(subject, |problem| matches!(problem, Problem::NotAnArchive { .. } | Problem::Unreadable(_)));
    found.into_iter().map(says).collect()
}

fn ratio(subject: &Subject) -> Vec<Violation> {
    faults(subject, |problem| matches!(problem, Problem::Ratio { .. }))
}

fn method(subject: &Subject) -> Vec<Violation> {
    faults(subject, |problem| matches!(problem, Problem::Compression(_)))
}

fn framing(subject: &Subject) -> Vec<Violation> {
    let framing = |fault: &Fault| match fault.problem {
        Problem::Framing(what) => Some(what),
        _ => None,
    };
    let found = |what: &str| {
        let found = Violation::new(format!("the archive's records do not match: {what}"));
        found.says(format!("Invalid distribution file. ZIP archive not accepted: {what}."))
    };
    subject.contents.faults.iter().filter_map(framing).map(found).collect()
}

fn sparse(subject: &Subject) -> Vec<Violation> {
    faults(subject, |problem| matches!(problem, Problem::Sparse))
}

fn encrypted_code(subject: &Subject) -> Vec<Violation> {
    let found = |hit: &ScanHit| {
        let ScanHitKind::Encrypted(tool) = hit.what else { return None };
        let found = Violation::new(format!("line {} has code encrypted with {tool}", hit.line));
        let says = format!("Invalid distribution file. {tool}-encrypted content is not allowed.");
        Some(found.member(&hit.member).says(says).help("PyPI accepts only readable code"))
    };
    subject.contents.scan_hits.iter().filter_map(found).collect()
}

fn damage(subject: &Subject) -> Vec<Violation> {
    faults(subject, |problem| matches!(problem, Problem::Damaged(_)))
}

fn trailing(subject: &Subject) -> Vec<Violation> {
    faults(subject, |problem| matches!(problem, Problem::Trailing(_)))
}

fn encrypted(subject: &Subject) -> Vec<Violation> {
    faults(subject, |problem| matches!(problem, Problem::Encrypted))
}

fn limits(subject: &Subject) -> Vec<Violation> {
    faults(subject, |problem| matches!(problem, Problem::TooManyMembers { .. } | Problem::TooLarge { .. }))
}

/// The files of a source distribution with the path of an earlier one. Folders may be repeated; in a wheel, repeated
/// records are inconsistent.
fn repeated<'a>(subject: &'a Subject) -> impl Iterator<Item = &'a str> {
    let mut seen = HashSet::new();
    let of_sdist = subject.kind == Some(Kind::Sdist);
    let files =
        subject.contents.members.iter().filter(move |member| of_sdist && member.kind != MemberKind::Folder);
    files.map(|member| member.path.as_str()).filter(move |path| !seen.insert(*path))
}

fn is_metadata(path: &str) -> bool {
    path.split_once('/').is_some_and(|(_, rest)| rest == "PKG-INFO")
}

fn duplicate_metadata(subject: &Subject) -> Vec<Violation> {
    let found = |path| Violation::new("the source distribution has this file twice").member(path);
    repeated(subject).filter(|path| is_metadata(path)).map(found).collect()
}

fn duplicate(subject: &Subject) -> Vec<Violation> {
    let found = |path| Violation::new("two members have the same path").member(path);
    repeated(subject).filter(|path| !is_metadata(path)).map(found).collect()
}
