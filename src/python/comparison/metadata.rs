//! Compares core metadata field by field.

use std::collections::BTreeSet;

use super::{Difference, examples};
use crate::python::filename::normalize;
use crate::python::metadata::Metadata;
use crate::python::version::ExactVersion;

/// The fields that decide what an installer does
const SERIOUS: [&str; 5] = ["Name", "Version", "Requires-Dist", "Requires-Python", "Provides-Extra"];

/// How the published metadata differs from that of the file that was built here.
pub fn of_metadata(built: &Metadata, published: &Metadata) -> Vec<Difference> {
    let mut fields: Vec<&str> = Vec::new();
    for header in built.headers().iter().chain(published.headers()) {
        let name = header.name.as_str();
        if !name.eq_ignore_ascii_case("Description")
            && !fields.iter().any(|known| known.eq_ignore_ascii_case(name))
        {
            fields.push(name);
        }
    }
    let mut differences: Vec<Difference> =
        fields.into_iter().filter_map(|field| of_field(field, built, published)).collect();
    let text = |metadata: &Metadata| {
        let description = metadata.description().unwrap_or_default();
        description.trim().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
    };
    let (ours, theirs) = (text(built), text(published));
    if ours != theirs {
        let line = ours.iter().zip(&theirs).take_while(|(ours, theirs)| ours == theirs).count() + 1;
        differences.push(Difference::minor(format!("the description differs from its line {line} on")));
    }
    differences
}

fn of_field(field: &str, built: &Metadata, published: &Metadata) -> Option<Difference> {
    let values = |metadata: &Metadata| -> BTreeSet<(String, String)> {
        metadata.all(field).map(|value| (compared(field, value), value.trim().to_owned())).collect()
    };
    let (ours, theirs) = (values(built), values(published));
    // Values that mean the same may be written in two ways.
    let only = |these: &BTreeSet<(String, String)>, those: &BTreeSet<(String, String)>| {
        let lacks = |(value, _): &&(String, String)| !those.iter().any(|(other, _)| other == value);
        these.iter().filter(lacks).map(|(_, shown)| format!("`{}`", shown.escape_debug())).collect::<Vec<_>>()
    };
    let (here, there) = (only(&ours, &theirs), only(&theirs, &ours));
    let text = match (here.as_slice(), there.as_slice()) {
        ([], []) => return None,
        (here, []) => format!("{field}: {} is only in the one built here", examples(here)),
        ([], there) => format!("{field}: {} is only in the published one", examples(there)),
        (here, there) => {
            format!("{field}: {} is published, and {} was built here", examples(there), examples(here))
        }
    };
    let is_serious = SERIOUS.iter().any(|serious| serious.eq_ignore_ascii_case(field));
    Some(Difference { is_serious, text })
}

/// A field's value without what tools write differently.
fn compared(field: &str, value: &str) -> String {
    let plain: String = value
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| if letter == '"' { '\'' } else { letter })
        .collect();
    match field.to_ascii_lowercase().as_str() {
        "name" | "provides-extra" => normalize(&plain),
        "version" => plain.parse::<ExactVersion>().map_or(plain, |version| version.to_string()),
        "requires-python" => {
            let mut parts: Vec<&str> = plain.split(',').collect();
            parts.sort_unstable();
            parts.join(",")
        }
        "requires-dist" => plain.replace(['(', ')'], "").to_lowercase(),
        _ => value.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(built: &str, published: &str) -> Vec<(bool, String)> {
        let parse = |text: &str| Metadata::parse(text.as_bytes()).unwrap();
        let found = of_metadata(&parse(built), &parse(published));
        found.into_iter().map(|difference| (difference.is_serious, difference.text)).collect()
    }

    #[test]
    fn what_tools_write_differently_is_the_same() {
        let one = "Name: My.Demo\nVersion: 1.0\nRequires-Python: >=3.9,<4\nRequires-Dist: a (>=1); python_version < \"3.11\"\n\
                   Classifier: A\nClassifier: B\n\nText \n";
        let other = "Name: my-demo\nVersion: 1.0\nClassifier: B\nClassifier: A\nRequires-Python: <4, >=3.9\n\
                     Requires-Dist: a>=1;python_version<'3.11'\n\nText\n\n";
        assert_eq!(differences(one, other), []);
    }

    #[test]
    fn each_field_is_compared() {
        let built = "Metadata-Version: 2.4\nName: demo\nVersion: 1.1\nRequires-Dist: a>=1\nSummary: One\n\nOne\nTwo\n";
        let published = "Metadata-Version: 2.3\nName: demo\nVersion: 1.2\nRequires-Dist: a>=1\nRequires-Dist: evil\n\nOne\nThree\n";
        assert_eq!(
            differences(built, published),
            [
                (false, "Metadata-Version: `2.3` is published, and `2.4` was built here".to_owned()),
                (true, "Version: `1.2` is published, and `1.1` was built here".to_owned()),
                (true, "Requires-Dist: `evil` is only in the published one".to_owned()),
                (false, "Summary: `One` is only in the one built here".to_owned()),
                (false, "the description differs from its line 2 on".to_owned()),
            ]
        );
    }
}
