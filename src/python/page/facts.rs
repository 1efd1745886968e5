//! What PyPI shows beside the description, from the core metadata.

use serde::Serialize;

use crate::python::metadata::Metadata;

/// The metadata that PyPI's page shows
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    pub name: String,
    /// None if only the build backend knows it
    pub version: Option<String>,
    pub summary: Option<String>,
    /// Label and URL
    pub links: Vec<(String, String)>,
    pub license: Option<String>,
    pub requires_python: Option<String>,
    pub keywords: Vec<String>,
    /// Name or address, or both
    pub authors: Vec<String>,
    pub maintainers: Vec<String>,
    pub extras: Vec<String>,
    pub classifiers: Vec<String>,
}

impl Facts {
    /// The facts in a distribution's metadata.
    pub fn of(metadata: &Metadata) -> Self {
        let text = |name: &str| metadata.first(name).and_then(present);
        let all = |name: &str| metadata.all(name).filter_map(present).collect::<Vec<_>>();
        let mut links: Vec<(String, String)> = Vec::new();
        for (field, label) in [("Home-page", "Homepage"), ("Download-URL", "Download")] {
            links.extend(text(field).map(|url| (label.to_owned(), url)));
        }
        let labelled = all("Project-URL");
        links.extend(labelled.iter().filter_map(|line| {
            let (label, url) = line.split_once(',')?;
            Some((label.trim().to_owned(), url.trim().to_owned()))
        }));
        Self {
            name: text("Name").unwrap_or_default(),
            version: text("Version"),
            summary: text("Summary"),
            links,
            license: text("License-Expression").or_else(|| text("License").map(|text| first_line(&text))),
            requires_python: text("Requires-Python"),
            keywords: text("Keywords").map(|text| keywords(&text)).unwrap_or_default(),
            authors: people(text("Author"), text("Author-email")),
            maintainers: people(text("Maintainer"), text("Maintainer-email")),
            extras: all("Provides-Extra"),
            classifiers: all("Classifier"),
        }
    }
}

/// A value that counts: neither empty nor `UNKNOWN`.
fn present(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty() && value != "UNKNOWN").then(|| value.to_owned())
}

/// A license may be a whole text.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Keywords are separated by commas, or else by blanks.
fn keywords(text: &str) -> Vec<String> {
    let by_comma = text.contains(',');
    let words = text.split(|letter: char| if by_comma { letter == ',' } else { letter.is_whitespace() });
    words.map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The people of a name and an address field: addresses may hold names, and may be several.
fn people(names: Option<String>, addresses: Option<String>) -> Vec<String> {
    let in_addresses: Vec<String> = addresses
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect();
    match (names, in_addresses.as_slice()) {
        (Some(name), [only]) if !only.contains('<') => vec![format!("{name} <{only}>")],
        (names, _) => names.into_iter().chain(in_addresses).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_of_metadata() {
        let text = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nSummary: Says hello\nHome-page: UNKNOWN\n\
Project-URL: Source, https://example.org/demo\nLicense: MIT License\n        Permission is granted\n\
Keywords: greeting, hello world\nAuthor: Ada\nAuthor-email: ada@example.org\n\
Maintainer-email: Bo <bo@example.org>, c@example.org\nProvides-Extra: fast\nClassifier: Topic :: Utilities\n";
        let facts = Facts::of(&Metadata::parse(text.as_bytes()).unwrap());
        assert_eq!(facts.links, [("Source".to_owned(), "https://example.org/demo".to_owned())]);
        assert_eq!(facts.license.as_deref(), Some("MIT License"));
        assert_eq!(facts.keywords, ["greeting", "hello world"]);
        assert_eq!(facts.authors, ["Ada <ada@example.org>"]);
        assert_eq!(facts.maintainers, ["Bo <bo@example.org>", "c@example.org"]);
        assert_eq!(
            (&facts.extras[..], &facts.classifiers[..]),
            (&["fast".to_owned()][..], &["Topic :: Utilities".to_owned()][..])
        );
    }
}
