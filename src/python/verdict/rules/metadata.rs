//! The core metadata. PyPI reports `Metadata-Version`, `Name` and `Version` first.

use pep440_rs::Version;

use super::{Found, Rule};
use crate::python::filename::is_project_name;
use crate::python::metadata::{Header, Metadata};
use crate::python::verdict::Subject;

/// The versions of core metadata that PyPI takes
const KNOWN_VERSIONS: &[&str] = &["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"];
/// The headers that may be there once only
const SINGLE: &[&str] = &[
    "Metadata-Version",
    "Name",
    "Version",
    "Summary",
    "Description",
    "Description-Content-Type",
    "Keywords",
    "Home-page",
    "Download-URL",
    "Author",
    "Author-email",
    "Maintainer",
    "Maintainer-email",
    "License",
    "License-Expression",
    "Requires-Python",
];

pub(super) const RULES: &[Rule] = &[
    Rule::pypi(
        "metadata-readable",
        "'' is an invalid value for Name. Error: This field is required.",
        "the metadata can be read",
        readable,
    ),
    Rule::pypi(
        "metadata-version",
        "'…' is not a valid metadata version.",
        "the metadata's version is one that PyPI knows",
        metadata_version,
    ),
    Rule::pypi(
        "name",
        "'…' is an invalid value for Name. Error: Start and end with a letter or numeral containing only ASCII \
         numeric and '.', '_' and '-'.",
        "the project has a valid name",
        name,
    ),
    Rule::pypi(
        "version",
        "'version' is a required field. | '…' is invalid for 'version'.",
        "the project has a version (PEP 440)",
        version,
    ),
    Rule::pypi(
        "local-version",
        "The use of local versions in '…' is not allowed.",
        "the version has no local part",
        local_version,
    ),
    Rule::pypi("repeated-field", "'…' has invalid data.", "a single field is there once", repeated),
    Rule::pypi(
        "content-type",
        "'description-content-type' must be one of …, not '…'.",
        CONTENT_TYPE,
        content_type,
    ),
    Rule::stricter(
        "metadata-line",
        "Python's parser takes the rest of the metadata for the description, or drops the line",
        "every line of the metadata's head is a header or continues one",
        line,
    )
    .warning(),
];

const CONTENT_TYPE: &str = "the description's content type is one that PyPI renders";

/// The header as its line, to be shown.
fn shown(found: Found, member: &str, header: &Header) -> Found {
    found.line(member, header.line, format!("{}: {}", header.name, header.value))
}

/// What a function about readable metadata finds.
fn of(subject: &Subject, judge: impl Fn(&str, &Metadata) -> Vec<Found>) -> Vec<Found> {
    subject.metadata().map(|(member, metadata)| judge(member, metadata)).unwrap_or_default()
}

fn readable(subject: &Subject) -> Vec<Found> {
    match &subject.metadata {
        Some((member, Err(error))) => vec![Found::new(error.to_string()).member(member)],
        _ => Vec::new(),
    }
}

fn metadata_version(subject: &Subject) -> Vec<Found> {
    of(subject, |member, metadata| match metadata.header("Metadata-Version") {
        None => vec![Found::new("the metadata has no `Metadata-Version`").member(member)],
        Some(header) if !KNOWN_VERSIONS.contains(&header.value.as_str()) => {
            let message = format!("`{}` is no version of core metadata that PyPI knows", header.value);
            let help = format!("PyPI takes {}", KNOWN_VERSIONS.join(", "));
            vec![shown(Found::new(message), member, header).help(help)]
        }
        Some(_) => Vec::new(),
    })
}

fn name(subject: &Subject) -> Vec<Found> {
    of(subject, |member, metadata| match metadata.header("Name") {
        None => vec![Found::new("the metadata has no `Name`").member(member)],
        Some(header) if !is_project_name(header.value.trim()) => {
            let message = format!("`{}` is not a project's name", header.value);
            let help = "letters, digits, `.`, `_` and `-`; the first and the last a letter or digit";
            vec![shown(Found::new(message), member, header).help(help)]
        }
        Some(_) => Vec::new(),
    })
}

fn version(subject: &Subject) -> Vec<Found> {
    of(subject, |member, metadata| match metadata.header("Version") {
        None => vec![Found::new("the metadata has no `Version`").member(member)],
        Some(header) => match header.value.trim().parse::<Version>() {
            Ok(_) => Vec::new(),
            Err(_) => {
                let message = format!("`{}` is not a version (PEP 440)", header.value);
                vec![shown(Found::new(message), member, header)]
            }
        },
    })
}

fn local_version(subject: &Subject) -> Vec<Found> {
    of(subject, |member, metadata| {
        let Some(header) = metadata.header("Version") else { return Vec::new() };
        match header.value.trim().parse::<Version>() {
            Ok(version) if version.is_local() => {
                let message = format!("the version `{version}` has a local part");
                vec![shown(Found::new(message), member, header).help("drop `+` and what follows it")]
            }
            _ => Vec::new(),
        }
    })
}

fn repeated(subject: &Subject) -> Vec<Found> {
    of(subject, |member, metadata| {
        let mut found = Vec::new();
        for field in SINGLE {
            let mut headers =
                metadata.headers().iter().filter(|header| header.name.eq_ignore_ascii_case(field));
            if let (Some(first), Some(second)) = (headers.next(), headers.next()) {
                let message = format!("`{field}` is there again; line {} has it already", first.line);
                found.push(shown(Found::new(message), member, second));
            }
        }
        found
    })
}

fn content_type(subject: &Subject) -> Vec<Found> {
    of(subject, |member, metadata| {
        let Some(header) = metadata.header("Description-Content-Type") else { return Vec::new() };
        match header.value.trim() {
            "" | "UNKNOWN" => Vec::new(),
            value => match value.parse::<crate::python::verdict::ContentType>() {
                Ok(_) => Vec::new(),
                Err(error) => vec![shown(Found::new(error.to_string()), member, header)],
            },
        }
    })
}

fn line(subject: &Subject) -> Vec<Found> {
    of(subject, |member, metadata| {
        let defects = metadata.defects().iter();
        defects
            .map(|defect| {
                let message = format!("a line of the metadata is wrong: {}", defect.what);
                Found::new(message).line(member, defect.line, defect.text.clone())
            })
            .collect()
    })
}
