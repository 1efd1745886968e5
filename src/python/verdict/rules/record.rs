//! Rules about a wheel's RECORD and the archive. PyPI compares only the names, and only sends an email about
//! differences.

use std::collections::{HashMap, HashSet};

use super::wheel::missing;
use super::{Rule, Violation};
use crate::python::archive::{Entry, Member, MemberKind, encode_digest};
use crate::python::verdict::Subject;

const WHY: &str = "PyPI accepts the file with any RECORD, but installers verify it";

pub(super) const RULES: &[Rule] = &[
    Rule::pypi(
        "record-missing",
        "Wheel '…' does not contain the required RECORD file: …",
        "a wheel has a RECORD",
        record_missing,
    ),
    Rule::stricter("record-readable", WHY, "RECORD is CSV of three columns", readable),
    Rule::stricter("record-unlisted", WHY, "RECORD lists every file of the wheel", unlisted),
    Rule::stricter("record-absent", WHY, "every file that RECORD lists is in the wheel", absent),
    Rule::stricter("record-hash", WHY, "every file has its hash in RECORD", hash),
    Rule::stricter("record-size", WHY, "every file has its size in RECORD", size),
    Rule::stricter("record-repeated", WHY, "RECORD lists a file once", repeated).warning(),
    Rule::stricter(
        "record-algorithm",
        WHY,
        "RECORD's hashes are sha256, as all backends write them",
        algorithm,
    )
    .warning(),
];

/// The findings of a function about the rows of a RECORD that could be parsed.
fn rows(subject: &Subject, judge: impl FnOnce(&[Entry]) -> Vec<(usize, String)>) -> Vec<Violation> {
    let Some(Ok(record)) = &subject.record else { return Vec::new() };
    let path = subject.record_path();
    let found = judge(&record.entries).into_iter();
    found
        .map(|(row, message)| {
            let entry = &record.entries[row];
            let line = usize::try_from(entry.line).unwrap_or(usize::MAX);
            Violation::new(message).line(&path, line, entry.text())
        })
        .collect()
}

/// The files of the wheel by their paths.
fn files<'a>(subject: &'a Subject) -> HashMap<&'a str, &'a Member> {
    let files = subject.contents.members.iter().filter(|member| member.kind != MemberKind::Folder);
    files.map(|member| (member.path.as_str(), member)).collect()
}

/// Files that need not be listed, or need no hash: RECORD itself and its signatures (PEP 427).
fn is_exempt(path: &str, record: &str) -> bool {
    path.strip_prefix(record).is_some_and(|rest| matches!(rest, "" | ".jws" | ".p7s"))
}

fn record_missing(subject: &Subject) -> Vec<Violation> {
    missing(subject, "RECORD")
}

fn readable(subject: &Subject) -> Vec<Violation> {
    match &subject.record {
        Some(Err(error)) => vec![Violation::new(error.to_string()).member(subject.record_path())],
        _ => Vec::new(),
    }
}

fn unlisted(subject: &Subject) -> Vec<Violation> {
    let Some(Ok(record)) = &subject.record else { return Vec::new() };
    let path = subject.record_path();
    let listed: HashSet<&str> = record.entries.iter().map(|entry| entry.path.as_str()).collect();
    let members = subject.contents.members.iter().filter(|member| member.kind != MemberKind::Folder);
    members
        .filter(|member| !listed.contains(member.path.as_str()) && !is_exempt(&member.path, &path))
        .map(|member| Violation::new("the wheel has a file that RECORD does not list").member(&member.path))
        .collect()
}

fn absent(subject: &Subject) -> Vec<Violation> {
    // Some backends also list folders, with a `/` at the end.
    let members = subject.contents.members.iter();
    let paths: HashSet<&str> = members.map(|member| member.path.as_str()).collect();
    rows(subject, |entries| {
        let absent = |entry: &Entry| !paths.contains(entry.path.trim_end_matches('/'));
        let found = entries.iter().enumerate().filter(|(_, entry)| absent(entry));
        found.map(|(row, _)| (row, "RECORD lists a file that is not in the wheel".to_owned())).collect()
    })
}

fn hash(subject: &Subject) -> Vec<Violation> {
    let (files, path) = (files(subject), subject.record_path());
    rows(subject, |entries| {
        let wrong = |entry: &Entry| {
            let member = files.get(entry.path.as_str())?;
            if is_exempt(&entry.path, &path) {
                return None;
            }
            match entry.algorithm_and_value() {
                None => Some("RECORD has no hash for this file".to_owned()),
                Some((algorithm, value)) if algorithm == "sha256" => {
                    let actual = encode_digest(&member.sha256?);
                    (actual != value.trim_end_matches('='))
                        .then(|| format!("RECORD's hash differs from the file's, `sha256={actual}`"))
                }
                Some(_) => None,
            }
        };
        entries.iter().enumerate().filter_map(|(row, entry)| Some((row, wrong(entry)?))).collect()
    })
}

fn size(subject: &Subject) -> Vec<Violation> {
    let (files, path) = (files(subject), subject.record_path());
    rows(subject, |entries| {
        let wrong = |entry: &Entry| {
            let member = files.get(entry.path.as_str())?;
            let unsaid = entry.size.is_empty() || is_exempt(&entry.path, &path);
            (!unsaid && entry.size.parse() != Ok(member.size))
                .then(|| format!("RECORD's size differs from the file's, {} bytes", member.size))
        };
        entries.iter().enumerate().filter_map(|(row, entry)| Some((row, wrong(entry)?))).collect()
    })
}

fn repeated(subject: &Subject) -> Vec<Violation> {
    rows(subject, |entries| {
        let mut seen = HashSet::new();
        let again = entries.iter().enumerate().filter(|(_, entry)| !seen.insert(entry.path.as_str()));
        again.map(|(row, _)| (row, "RECORD lists a file twice".to_owned())).collect()
    })
}

fn algorithm(subject: &Subject) -> Vec<Violation> {
    rows(subject, |entries| {
        let other = |entry: &Entry| {
            let (algorithm, _) = entry.algorithm_and_value()?;
            (algorithm != "sha256").then(|| format!("RECORD's hash is `{algorithm}`, which is not compared"))
        };
        entries.iter().enumerate().filter_map(|(row, entry)| Some((row, other(entry)?))).collect()
    })
}
