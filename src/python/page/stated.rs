//! The page of a project that is not built: its README, and what pyproject.toml states.

use thiserror::Error;
use toml_edit::{DocumentMut, Item, TableLike};

use super::Facts;
use crate::python::project::Files;
use crate::python::verdict::{ContentType, ContentTypeError, Description};

/// The usual names of a README, the most usual first
const READMES: [&str; 6] = ["README.md", "README.rst", "README.txt", "README", "readme.md", "readme.rst"];

/// What a project states without being built
#[derive(Debug, Clone)]
pub struct Stated {
    pub facts: Facts,
    pub description: Option<Description>,
    /// The file of the description
    pub readme: Option<String>,
    /// What only the build backend knows, by the names in `dynamic`
    pub dynamic: Vec<String>,
}

/// Why the page of a project cannot be made
#[derive(Debug, Error)]
pub enum StatedError {
    #[error("there is neither a pyproject.toml nor a README")]
    Nothing,
    #[error("`pyproject.toml` is not valid TOML: {0}")]
    Toml(String),
    #[error("`{0}`, the `readme` in pyproject.toml, does not exist")]
    NoReadme(String),
    #[error("`{0}` is not UTF-8")]
    NotUtf8(String),
    #[error("`readme` in pyproject.toml: {0}")]
    ContentType(#[from] ContentTypeError),
    #[error("`{0}` ends neither in `.md` nor in `.rst`, so pyproject.toml must state its `content-type`")]
    Ending(String),
}

impl Stated {
    /// Reads pyproject.toml and the README.
    ///
    /// # Errors
    /// There is neither, or one of them cannot be read.
    pub fn read(files: &dyn Files) -> Result<Self, StatedError> {
        let pyproject: Option<DocumentMut> =
            match files.read("pyproject.toml") {
                Some(bytes) => {
                    let text = String::from_utf8(bytes)
                        .map_err(|_| StatedError::NotUtf8("pyproject.toml".to_owned()))?;
                    Some(text.parse().map_err(|error: toml_edit::TomlError| {
                        StatedError::Toml(error.message().to_owned())
                    })?)
                }
                None => None,
            };
        let table = |keys: &[&str]| {
            let item = pyproject.as_ref().map(|document| document.as_item());
            keys.iter().try_fold(item?, |item, key| item.get(key))?.as_table_like()
        };
        let project = table(&["project"]).or_else(|| table(&["tool", "poetry"]));
        let readme = match project.and_then(|project| project.get("readme")) {
            Some(item) => Readme::of(item),
            None => Readme::default(),
        };
        let found = READMES.into_iter().find(|name| files.read(name).is_some());
        if project.is_none() && found.is_none() {
            return Err(StatedError::Nothing);
        }
        let dynamic = project.map(|project| strings(project.get("dynamic"))).unwrap_or_default();
        let is_declared = project.is_some() && !dynamic.iter().any(|name| name == "readme");
        let file = readme.file.or_else(|| {
            // A project that states no README has none, unless its backend adds one.
            let is_wanted = !is_declared || table(&["project"]).is_none();
            found.filter(|_| is_wanted && readme.text.is_none()).map(str::to_owned)
        });
        let description = match (&file, readme.text) {
            (Some(file), _) => Some(described(files, file, readme.content_type.as_deref())?),
            (None, Some(text)) => {
                let content_type = readme.content_type.as_deref().unwrap_or("text/x-rst").parse()?;
                Some(Description { text, content_type })
            }
            (None, None) => None,
        };
        let description = description.filter(|description| !description.text.trim().is_empty());
        Ok(Self { facts: project.map(facts).unwrap_or_default(), description, readme: file, dynamic })
    }
}

/// `readme`: a path, or a table
#[derive(Default)]
struct Readme {
    file: Option<String>,
    text: Option<String>,
    content_type: Option<String>,
}

impl Readme {
    fn of(item: &Item) -> Self {
        if let Some(file) = item.as_str() {
            return Self { file: Some(file.to_owned()), ..Self::default() };
        }
        // Poetry takes several files and joins them; the first is shown.
        let first = item.as_array().and_then(|files| files.get(0)?.as_str());
        let Some(table) = item.as_table_like() else {
            return Self { file: first.map(str::to_owned), ..Self::default() };
        };
        let text = |key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
        Self { file: text("file"), text: text("text"), content_type: text("content-type") }
    }
}

fn described(files: &dyn Files, file: &str, content_type: Option<&str>) -> Result<Description, StatedError> {
    let bytes = files.read(file).ok_or_else(|| StatedError::NoReadme(file.to_owned()))?;
    let text = String::from_utf8(bytes).map_err(|_| StatedError::NotUtf8(file.to_owned()))?;
    let lower = file.to_lowercase();
    let content_type = match content_type {
        Some(content_type) => content_type.parse()?,
        None if lower.ends_with(".md") || lower.ends_with(".markdown") => ContentType::Markdown,
        None if lower.ends_with(".rst") => ContentType::Restructured,
        None if lower.ends_with(".txt") || !lower.contains('.') => ContentType::Plain,
        None => return Err(StatedError::Ending(file.to_owned())),
    };
    Ok(Description { text, content_type })
}

fn facts(project: &dyn TableLike) -> Facts {
    let text = |key: &str| project.get(key).and_then(Item::as_str).map(str::to_owned);
    let table = |key: &str| project.get(key).and_then(Item::as_table_like);
    let mut links: Vec<(String, String)> = ["homepage", "repository", "documentation"]
        .into_iter()
        .filter_map(|key| Some((format!("{}{}", key[..1].to_uppercase(), &key[1..]), text(key)?)))
        .collect();
    links.extend(
        table("urls")
            .iter()
            .flat_map(|urls| urls.iter())
            .filter_map(|(label, url)| Some((label.to_owned(), url.as_str()?.to_owned()))),
    );
    let license_table = || table("license")?.get("text")?.as_str().map(str::to_owned);
    let extras = ["optional-dependencies", "extras"].into_iter().find_map(table);
    Facts {
        name: text("name").unwrap_or_default(),
        version: text("version"),
        summary: text("description"),
        links,
        license: text("license").or_else(license_table),
        requires_python: text("requires-python"),
        keywords: strings(project.get("keywords")),
        authors: people(project.get("authors")),
        maintainers: people(project.get("maintainers")),
        extras: extras
            .map(|extras| extras.iter().map(|(name, _)| name.to_owned()).collect())
            .unwrap_or_default(),
        classifiers: strings(project.get("classifiers")),
    }
}

fn strings(item: Option<&Item>) -> Vec<String> {
    let array = item.and_then(Item::as_array);
    array.iter().flat_map(|array| array.iter()).filter_map(|value| Some(value.as_str()?.to_owned())).collect()
}

/// People as tables with `name` and `email`, or as `Name <email>`.
fn people(item: Option<&Item>) -> Vec<String> {
    let array = item.and_then(Item::as_array);
    let person = |value: &toml_edit::Value| {
        let Some(table) = value.as_inline_table() else { return value.as_str().map(str::to_owned) };
        let text = |key: &str| table.get(key).and_then(|value| value.as_str());
        match (text("name"), text("email")) {
            (Some(name), Some(email)) => Some(format!("{name} <{email}>")),
            (one, other) => one.or(other).map(str::to_owned),
        }
    };
    array.iter().flat_map(|array| array.iter()).filter_map(person).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Memory(BTreeMap<&'static str, &'static str>);

    impl Files for Memory {
        fn read(&self, path: &str) -> Option<Vec<u8>> {
            self.0.get(path).map(|text| text.as_bytes().to_vec())
        }
    }

    fn read(files: &[(&'static str, &'static str)]) -> Result<Stated, StatedError> {
        Stated::read(&Memory(files.iter().copied().collect()))
    }

    #[test]
    fn a_project_states_its_page() {
        let pyproject = "[project]\nname = 'demo'\nversion = '1.0'\ndescription = 'Says hello'\nreadme = 'docs/hello.rst'\n\
license = 'MIT'\nkeywords = ['a']\nauthors = [{ name = 'Ada', email = 'ada@example.org' }, { name = 'Bo' }]\n\
urls.Source = 'https://example.org'\noptional-dependencies.fast = []\n";
        let stated = read(&[("pyproject.toml", pyproject), ("docs/hello.rst", "Hello\n=====\n")]).unwrap();
        assert_eq!(stated.description.unwrap().content_type, ContentType::Restructured);
        let facts = stated.facts;
        assert_eq!(facts.authors, ["Ada <ada@example.org>", "Bo"]);
        assert_eq!(
            (facts.extras.as_slice(), facts.license.as_deref()),
            (&["fast".to_owned()][..], Some("MIT"))
        );
        assert_eq!(facts.links, [("Source".to_owned(), "https://example.org".to_owned())]);
    }

    #[test]
    fn a_readme_that_is_not_stated_is_not_published() {
        let readme = ("README.md", "# demo\n");
        assert!(
            read(&[("pyproject.toml", "[project]\nname = 'demo'\n"), readme]).unwrap().description.is_none()
        );
        let dynamic = "[project]\nname = 'demo'\ndynamic = ['readme']\n";
        assert!(read(&[("pyproject.toml", dynamic), readme]).unwrap().description.is_some());
        assert!(read(&[readme]).unwrap().description.is_some());
        assert!(
            read(&[("pyproject.toml", "[tool.poetry]\nname = 'demo'\n"), readme])
                .unwrap()
                .description
                .is_some()
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = |files: &[(&'static str, &'static str)]| read(files).unwrap_err().to_string();
        assert_eq!(error(&[]), "there is neither a pyproject.toml nor a README");
        let missing = "[project]\nname = 'demo'\nreadme = 'READ.md'\n";
        assert_eq!(
            error(&[("pyproject.toml", missing)]),
            "`READ.md`, the `readme` in pyproject.toml, does not exist"
        );
        let odd = "[project]\nname = 'demo'\nreadme = 'READ.adoc'\n";
        assert!(error(&[("pyproject.toml", odd), ("READ.adoc", "x")]).contains("content-type"));
        let odd = "[project]\nname = 'demo'\nreadme = { text = 'x', content-type = 'text/html' }\n";
        assert!(error(&[("pyproject.toml", odd)]).contains("text/html"));
    }
}
