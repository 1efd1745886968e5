//! Rules about the core metadata as a whole, and the fields that PyPI checks first.

use super::{CORE_METADATA, Rule, Violation, of_metadata};
use crate::python::filename::is_project_name;
use crate::python::metadata::{Header, Metadata};
use crate::python::verdict::grammar::shown;
use crate::python::verdict::{Described, Subject};
use crate::python::version::ExactVersion;

/// The versions of core metadata that PyPI accepts
const KNOWN_VERSIONS: &[&str] = &["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"];
/// The fields of the form that must not be repeated
const SINGLE: &[&str] = &[
    "metadata_version",
    "name",
    "version",
    "author",
    "author_email",
    "description",
    "description_content_type",
    "download_url",
    "home_page",
    "keywords",
    "license",
    "license_expression",
    "maintainer",
    "maintainer_email",
    "requires_python",
    "summary",
];
/// The fields that are newer than metadata 1.0, by their names in the form, with the version that introduced them
const INTRODUCED: &[(&str, &str)] = &[
    ("classifiers", "1.1"),
    ("download_url", "1.1"),
    ("obsoletes", "1.1"),
    ("provides", "1.1"),
    ("requires", "1.1"),
    ("supported_platform", "1.1"),
    ("maintainer", "1.2"),
    ("maintainer_email", "1.2"),
    ("obsoletes_dist", "1.2"),
    ("project_urls", "1.2"),
    ("provides_dist", "1.2"),
    ("requires_dist", "1.2"),
    ("requires_external", "1.2"),
    ("requires_python", "1.2"),
    ("description_content_type", "2.1"),
    ("provides_extra", "2.1"),
    ("dynamic", "2.2"),
    ("license_expression", "2.4"),
    ("license_file", "2.4"),
    ("import_name", "2.5"),
    ("import_namespace", "2.5"),
];

pub(super) const RULES: &[Rule] = &of_metadata([
    Rule::pypi(
        "metadata-readable",
        "'' is an invalid value for Name. Error: This field is required.",
        "the metadata can be parsed",
        readable,
    )
    .by(CORE_METADATA),
    Rule::pypi(
        "metadata-version",
        "'…' is not a valid metadata version.",
        "PyPI supports the metadata's version",
        metadata_version,
    )
    .by(CORE_METADATA),
    Rule::pypi(
        "name",
        "'…' is an invalid value for Name. Error: Start and end with a letter or numeral containing only ASCII \
         numeric and '.', '_' and '-'.",
        "the project has a valid name",
        name,
    )
    .by("PEP 508"),
    Rule::pypi(
        "version",
        "'version' is a required field. | '…' is invalid for 'version'.",
        "the project has a version",
        version,
    )
    .by("PEP 440"),
    Rule::pypi(
        "local-version",
        "The use of local versions in '…' is not allowed.",
        "the version has no local part",
        local_version,
    )
    .by("PEP 440"),
    Rule::pypi("repeated-field", "'…' has invalid data.", "a single field is not repeated", repeated)
        .by(CORE_METADATA),
    Rule::pypi(
        "field-too-new",
        "… introduced in metadata version …, not ….",
        "the metadata's version supports every field in it",
        too_new,
    )
    .by(CORE_METADATA),
    Rule::stricter(
        "metadata-line",
        "Python's parser treats the rest of the metadata as the description, or drops the line",
        "every line before the description is a header or continues one",
        line,
    )
    .warning(),
]);

/// The findings of a function about the metadata, if it could be parsed.
pub(super) fn of(subject: &Subject, judge: impl Fn(&str, &Metadata) -> Vec<Violation>) -> Vec<Violation> {
    subject.metadata().map(|(member, metadata)| judge(member, metadata)).unwrap_or_default()
}

/// The findings of a function about every header that PyPI gets as one of these fields of the form.
pub(super) fn each(
    subject: &Subject,
    fields: &[&str],
    judge: impl Fn(&str, &Header) -> Option<Violation>,
) -> Vec<Violation> {
    of(subject, |member, metadata| {
        let headers = fields
            .iter()
            .flat_map(|field| metadata.sent(field).into_iter().map(move |header| (*field, header)));
        headers.filter_map(|(field, header)| Some(judge(field, header)?.header(member, header))).collect()
    })
}

/// A field of the form as in metadata and in PyPI's messages: `requires-dist` for `requires_dist`.
pub(super) fn header_name(field: &str) -> String {
    match field {
        "classifiers" => "classifier".to_owned(),
        "project_urls" => "project-url".to_owned(),
        field => field.replace('_', "-"),
    }
}

fn readable(subject: &Subject) -> Vec<Violation> {
    match subject.metadata.as_deref() {
        Some(Described { member, metadata: Err(error), .. }) => {
            vec![Violation::new(error.to_string()).member(member)]
        }
        _ => Vec::new(),
    }
}

fn metadata_version(subject: &Subject) -> Vec<Violation> {
    of(subject, |member, metadata| match metadata.sent("metadata_version").first() {
        None => {
            let found = Violation::new("the metadata has no `Metadata-Version`").member(member);
            vec![found.says("None is not a valid metadata version.")]
        }
        Some(header) if !KNOWN_VERSIONS.contains(&header.value.as_str()) => {
            let message = format!("`{}` is not a core metadata version that PyPI supports", header.value);
            let found = Violation::new(message).header(member, header);
            let found = found.says(format!("{} is not a valid metadata version.", shown(&header.value)));
            vec![found.help(format!("PyPI supports {}", KNOWN_VERSIONS.join(", ")))]
        }
        Some(_) => Vec::new(),
    })
}

fn name(subject: &Subject) -> Vec<Violation> {
    const REQUIRED: &str = "'' is an invalid value for Name. Error: This field is required.";
    of(subject, |member, metadata| match metadata.sent("name").first() {
        None => vec![Violation::new("the metadata has no `Name`").member(member).says(REQUIRED)],
        Some(header) if !is_project_name(&header.value) => {
            let message = format!("`{}` is not a valid project name", header.value);
            let help = "use letters, digits, `.`, `_` and `-`, and begin and end with a letter or digit";
            let says = format!(
                "{} is an invalid value for Name. Error: Start and end with a letter or numeral containing only \
                 ASCII numeric and '.', '_' and '-'.",
                shown(&header.value)
            );
            vec![Violation::new(message).header(member, header).help(help).says(says)]
        }
        Some(_) => Vec::new(),
    })
}

fn version(subject: &Subject) -> Vec<Violation> {
    of(subject, |member, metadata| match metadata.sent("version").first() {
        None => {
            let found = Violation::new("the metadata has no `Version`").member(member);
            vec![found.says("'version' is a required field.")]
        }
        Some(header) => match header.value.trim().parse::<ExactVersion>() {
            Ok(_) => Vec::new(),
            Err(_) => {
                let message = format!("`{}` is not a valid version (PEP 440)", header.value);
                let says = format!("{} is invalid for 'version'.", shown(&header.value));
                vec![Violation::new(message).header(member, header).says(says)]
            }
        },
    })
}

fn local_version(subject: &Subject) -> Vec<Violation> {
    each(subject, &["version"], |_, header| {
        let version = header.value.trim().parse::<ExactVersion>().ok().filter(ExactVersion::is_local)?;
        let found = Violation::new(format!("the version `{version}` has a local part"));
        let says = format!("The use of local versions in '{version}' is not allowed.");
        Some(found.help("remove `+` and what follows it; a version that comes from git tags has none on a tagged commit").says(says))
    })
}

fn repeated(subject: &Subject) -> Vec<Violation> {
    of(subject, |member, metadata| {
        let repeated = |field: &&str| match metadata.sent(field)[..] {
            [first, second, ..] => {
                let message = format!("`{}` is repeated; it is already on line {}", first.name, first.line);
                let says = format!("{} has invalid data.", shown(field));
                Some(Violation::new(message).header(member, second).says(says))
            }
            _ => None,
        };
        SINGLE.iter().filter_map(repeated).collect()
    })
}

fn too_new(subject: &Subject) -> Vec<Violation> {
    of(subject, |member, metadata| {
        let Some(declared) = metadata.sent("metadata_version").first().map(|header| header.value.clone())
        else {
            return Vec::new();
        };
        let age = |version: &str| KNOWN_VERSIONS.iter().position(|known| *known == version);
        let Some(declared_age) = age(&declared) else { return Vec::new() };
        let newer = INTRODUCED.iter().filter(|(_, since)| age(since) > Some(declared_age));
        let found = |(field, since): &(&str, &str)| {
            let header = *metadata.sent(field).first()?;
            let message =
                format!("`{}` needs metadata {since}, but this is metadata {declared}", header.name);
            let says =
                format!("{} introduced in metadata version {since}, not {declared}.", header_name(field));
            let help = "use a current build backend, which writes the version that its fields need";
            Some(Violation::new(message).header(member, header).says(says).help(help))
        };
        newer.filter_map(found).collect()
    })
}

fn line(subject: &Subject) -> Vec<Violation> {
    of(subject, |member, metadata| {
        let defects = metadata.defects().iter();
        defects
            .map(|defect| {
                let message = format!("a line of the metadata is not valid: {}", defect.what);
                Violation::new(message).line(member, defect.line, defect.text.clone())
            })
            .collect()
    })
}
