//! Rules about what a distribution requires, provides and obsoletes (PEP 508), and its Python versions.

use super::metadata::{each, header_name};
use super::{Rule, Violation, of_metadata};
use crate::python::filename::is_project_name;
use crate::python::verdict::Subject;
use crate::python::verdict::grammar::{requirement, shown, specifier};

const FIELDS: &[&str] = &["obsoletes_dist", "provides_dist", "requires_dist"];

pub(super) const RULES: &[Rule] = &of_metadata([
    Rule::pypi(
        "requirement",
        "'…' is invalid for 'requires-dist'. | '…' is invalid: …",
        "every requirement is valid",
        requirements,
    )
    .by("PEP 508"),
    Rule::pypi("direct-dependency", "Can't have direct dependency: …", "no requirement is a URL", direct)
        .by("PEP 440"),
    Rule::pypi(
        "provides-extra",
        "'…' is invalid for 'provides-extra'.",
        "every extra has a valid name",
        extras,
    )
    .by("PEP 685"),
    Rule::pypi(
        "requires-python",
        "'…' is invalid for 'requires-python'.",
        "`Requires-Python` is a set of version specifiers",
        requires_python,
    )
    .by("PEP 440"),
]);

fn requirements(subject: &Subject) -> Vec<Violation> {
    each(subject, FIELDS, |field, header| {
        let problem = requirement::parse(&header.value).err()?;
        let found = Violation::new(format!("`{}` is not a valid requirement: {problem}", header.value));
        let value = shown(&header.value);
        Some(found.says(match field {
            "requires_dist" => format!("{value} is invalid for 'requires-dist'."),
            _ => format!("{value} is invalid: …"),
        }))
    })
}

fn direct(subject: &Subject) -> Vec<Violation> {
    each(subject, FIELDS, |field, header| {
        requirement::parse(&header.value).ok()?.url?;
        let found = Violation::new(format!("`{}` has a URL instead of a version", header.value));
        let says = match field {
            "requires_dist" => format!("Can't have direct dependency: {}.", header.value),
            _ => format!("Can't have direct dependency: {}.", shown(&header.value)),
        };
        let help = "PyPI accepts requirements only by name and version: put the URL into a requirements file";
        Some(found.help(help).says(says))
    })
}

fn extras(subject: &Subject) -> Vec<Violation> {
    each(subject, &["provides_extra"], |field, header| {
        (!is_project_name(&header.value)).then(|| {
            let found = Violation::new(format!("`{}` is not a valid extra name", header.value));
            let found =
                found.help("use letters, digits, `.`, `_` and `-`, and begin and end with a letter or digit");
            found.says(format!("{} is invalid for {}.", shown(&header.value), shown(&header_name(field))))
        })
    })
}

fn requires_python(subject: &Subject) -> Vec<Violation> {
    each(subject, &["requires_python"], |_, header| {
        (!specifier::is_specifier_set(&header.value)).then(|| {
            let found =
                Violation::new(format!("`{}` is not a valid set of version specifiers", header.value));
            let found = found.says(format!("{} is invalid for 'requires-python'.", shown(&header.value)));
            found.help("use a form such as `>=3.9` or `>=3.9, <4`")
        })
    })
}
