//! Names that nobody may give a new project.

use super::metadata::each;
use super::{Rule, Violation, of_metadata};
use crate::python::filename::normalize;
use crate::python::verdict::{Subject, lists};

/// The names that are prohibited for what they would catch; PyPI's own list of them is not public
const PROHIBITED: &[&str] = &["requirements-txt", "rrequirements-txt"];

/// Projects that PyPI has under the name of a module of Python's own, because they are that module for older Pythons
///
/// PyPI asks only whether the name is free when a project is new. So a file of one of these is its next release, and
/// not somebody's new project.
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
        "a new project is not named like a module of Python's own",
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
            let found = Violation::new(format!("`{name}` is a module of Python's own (as of {})", lists::MODULES_OF));
            let found = found.says(format!(
                "The name '{name}' isn't allowed (conflict with Python Standard Library module name)."
            ));
            found.help("a project that PyPI has already may keep the name: allow this rule for it; a new one may not")
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
