//! Rules about licenses (PEP 639): the expression, and the listed files.

use super::metadata::{each, of};
use super::{Meant, Rule, Violation};
use crate::python::distribution::Kind;
use crate::python::verdict::grammar::{license, shown};
use crate::python::verdict::{Subject, lists};

const PEP: &str = "PEP 639";

pub(super) const RULES: &[Rule] = &[
    Rule::pypi(
        "license-and-expression",
        "License is deprecated when License-Expression is present. Only License-Expression should be present.",
        "there is no `License` beside a `License-Expression`",
        both,
    )
    .by(PEP)
    .of_metadata(),
    Rule::pypi(
        "license-expression",
        "'…' is invalid for 'license-expression'.",
        "the license expression is valid, with identifiers known to PyPI",
        expression,
    )
    .by(PEP)
    .of_metadata(),
    Rule::pypi(
        "license-file",
        "'…' is invalid for 'license-file', …",
        "every `License-File` is a plain path within the distribution",
        path,
    )
    .by(PEP)
    .of_metadata(),
    Rule::pypi(
        "license-file-missing",
        "License-File … does not exist in distribution file … at …",
        "every `License-File` is in the archive",
        missing,
    )
    .by(PEP),
];

fn both(subject: &Subject) -> Vec<Violation> {
    of(subject, |member, metadata| {
        let expression = metadata.sent("license_expression");
        match (metadata.sent("license").first(), expression.first()) {
            (Some(header), Some(_)) => {
                let found = Violation::new("`License` and `License-Expression` are both present")
                    .header(member, header);
                vec![found.help("keep only the expression: `license = \"…\"` in pyproject.toml, not a table, or `license_expression` in setup.cfg")]
            }
            _ => Vec::new(),
        }
    })
}

fn expression(subject: &Subject) -> Vec<Violation> {
    let meant = Meant::default();
    each(subject, &["license_expression"], |_, header| {
        let problem = license::check(&header.value).err()?;
        let found =
            Violation::new(format!("`{}` is not a valid license expression: {problem}", header.value));
        let found = found.says(format!("{} is invalid for 'license-expression'.", shown(&header.value)));
        Some(match meant.nearest(|| license::nearest(&header.value)) {
            Some(nearest) => found.help(format!("did you mean `{nearest}`?")),
            None => found.help(format!(
                "use identifiers of SPDX {}, or `LicenseRef-` and a name of your own",
                lists::SPDX
            )),
        })
    })
}

/// PyPI's message about a path, after `is invalid for 'license-file', `.
fn path_problem(path: &str) -> Option<&'static str> {
    if path.contains("..") {
        return Some("parent directory indicators are not allowed");
    }
    if path.contains('*') {
        return Some("paths must be resolved");
    }
    let bytes = path.as_bytes();
    let has_drive = bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'/' | b'\\');
    if path.starts_with('/') || path.starts_with("\\\\") || has_drive {
        return Some("paths must be relative");
    }
    // On Windows, `C:` alone is not a root.
    let drive = bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    let below = if drive { &path[2..] } else { path };
    let plain = path == "." || below.split('/').all(|part| !matches!(part, "" | "."));
    (!plain || path.contains('\\')).then_some("paths must use '/' delimiter")
}

fn path(subject: &Subject) -> Vec<Violation> {
    each(subject, &["license_file"], |_, header| {
        let problem = path_problem(&header.value)?;
        let found = Violation::new(format!("the license file path `{}` is not valid", header.value));
        let found = found.says(format!("{} is invalid for 'license-file', {problem}.", shown(&header.value)));
        Some(found.help("use a path relative to the project, with `/`, and without `.`, `..` and `*`"))
    })
}

fn missing(subject: &Subject) -> Vec<Violation> {
    let folder = match subject.kind {
        Some(Kind::Wheel) => format!("{}/licenses", subject.dist_info()),
        Some(Kind::Sdist) => subject.stem().to_owned(),
        None => return Vec::new(),
    };
    if subject.contents.members.is_empty() {
        return Vec::new();
    }
    each(subject, &["license_file"], |_, header| {
        let path = format!("{folder}/{}", header.value);
        if path_problem(&header.value).is_some() || subject.contents.has(&path) {
            return None;
        }
        let found = Violation::new(format!("the license file `{path}` is missing"));
        let found = found.says(format!(
            "License-File {} does not exist in distribution file {} at {path}",
            header.value, subject.file
        ));
        Some(found.help("add the file to the archive, or remove it from `license-files`"))
    })
}
