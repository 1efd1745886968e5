//! Names that nobody may give a new project.

use super::metadata::each;
use super::{Found, Rule, of_metadata};
use crate::python::filename::normalize;
use crate::python::verdict::{Subject, lists};

/// The names that are prohibited for what they would catch; PyPI's own list of them is not public
const PROHIBITED: &[&str] = &["requirements-txt", "rrequirements-txt"];

pub(super) const RULES: &[Rule] = &of_metadata([
    Rule::pypi(
        "standard-library-name",
        "The name '…' isn't allowed (conflict with Python Standard Library module name).",
        "the project is not named like a module of Python's own",
        standard_library,
    ),
    Rule::pypi(
        "prohibited-name",
        "The name '…' isn't allowed.",
        "the project's name is not prohibited",
        prohibited,
    ),
]);

fn standard_library(subject: &Subject) -> Vec<Found> {
    each(subject, &["name"], |_, header| {
        lists::is_module(&normalize(&header.value)).then(|| {
            let name = &header.value;
            let found = Found::new(format!("`{name}` is a module of Python's own (as of {})", lists::MODULES_OF));
            let found = found.says(format!(
                "The name '{name}' isn't allowed (conflict with Python Standard Library module name)."
            ));
            found.help("a project that PyPI has already may keep the name: allow this rule for it; a new one may not")
        })
    })
}

fn prohibited(subject: &Subject) -> Vec<Found> {
    each(subject, &["name"], |_, header| {
        let name = &header.value;
        let prohibited = PROHIBITED.contains(&normalize(name).as_str());
        let found = || Found::new(format!("`{name}` is a name that PyPI prohibits"));
        prohibited.then(|| found().says(format!("The name '{name}' isn't allowed.")))
    })
}
