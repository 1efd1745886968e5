//! Rules about names that a new project cannot have.

use super::metadata::each;
use super::{Rule, Violation, of_metadata};
use crate::python::filename::normalize;
use crate::python::verdict::{Subject, lists};

/// Prohibited names that are likely typos of commands; PyPI's own list is not public
const PROHIBITED: &[&str] = &["requirements-txt", "rrequirements-txt"];

/// Projects on PyPI with the name of a standard library module, which provide that module for older Pythons
///
/// PyPI checks the name only when a project is created. So a file of one of these is its next release, not a new
/// project.
const BACKPORTS: &[&str] = &[
    "argparse",
    "configparser",
    "contextvars",
    "dataclasses",
    "importlib-metadata",
    "importlib-resources",
    "ipaddress",
    "pathlib",
    "typing",
];

pub(super) const RULES: &[Rule] = &of_metadata([
    Rule::pypi(
        "standard-library-name",
        "The name '…' isn't allowed (conflict with Python Standard Library module name).",
        "a new project does not have the name of a standard library module",
        standard_library,
    ),
    Rule::pypi(
        "prohibited-name",
        "The name '…' isn't allowed.",
        "the project's name is not prohibited",
        prohibited,
    ),
]);

fn standard_library(subject: &Subject) -> Vec<Violation> {
    each(subject, &["name"], |_, header| {
        let normal = normalize(&header.value);
        (lists::is_module(&normal) && !BACKPORTS.contains(&normal.as_str())).then(|| {
            let name = &header.value;
            let found = Violation::new(format!(
                "`{name}` is a module of Python's standard library (as of {})",
                lists::MODULES_OF
            ));
            let found = found.says(format!(
                "The name '{name}' isn't allowed (conflict with Python Standard Library module name)."
            ));
            found.help("a project that is already on PyPI may keep the name: allow this rule for it")
        })
    })
}

fn prohibited(subject: &Subject) -> Vec<Violation> {
    each(subject, &["name"], |_, header| {
        let name = &header.value;
        let prohibited = PROHIBITED.contains(&normalize(name).as_str());
        let found = || Violation::new(format!("`{name}` is a name that PyPI prohibits"));
        prohibited.then(|| found().says(format!("The name '{name}' isn't allowed.")))
    })
}
