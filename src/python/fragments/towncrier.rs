//! The settings of towncrier (towncrier.readthedocs.io, "Configuration Reference") and its fragments.

use super::{Collector, Fragment, Fragments, Problem, plain};
use crate::python::project::{Files, Project, VersionSource, VersionSyntax};
use toml_edit::{DocumentMut, Item, TableLike};

/// The types of fragments, if the settings name none
const TYPES: [&str; 5] = ["feature", "bugfix", "doc", "removal", "misc"];
/// Files in the folder that are not fragments, in lower case
const IGNORED: [&str; 9] = [
    ".gitignore",
    ".gitkeep",
    ".keep",
    "readme",
    "readme.md",
    "readme.rst",
    ".readme.rst",
    "changelog.rst",
    ".template.rst",
];

pub(super) fn find(files: &dyn Files, project: &Project) -> Option<Fragments> {
    let text = |path: &str| files.read(path).and_then(|bytes| String::from_utf8(bytes).ok());
    let (settings, document) = ["towncrier.toml", "pyproject.toml"].into_iter().find_map(|path| {
        let document: DocumentMut = text(path)?.parse().ok()?;
        let table = document.get("tool")?.as_table_like()?.get("towncrier")?;
        table.is_table_like().then_some(())?;
        Some((path.to_owned(), document))
    })?;
    let table = document.get("tool")?.as_table_like()?.get("towncrier")?.as_table_like()?;
    let string = |key: &str| table.get(key).and_then(Item::as_str);
    // Without a package of its own, the project's standard name stands for it, and for the name in headings.
    let standard = text("pyproject.toml").and_then(|text| text.parse::<DocumentMut>().ok());
    let standard = standard.as_ref().and_then(|document| {
        document.get("project")?.as_table_like()?.get("name")?.as_str().map(str::to_owned)
    });
    let package = string("package").filter(|package| !package.is_empty()).or(standard.as_deref());
    let folder = match (string("directory"), package) {
        (Some(folder), _) => plain(folder),
        (None, Some(package)) => {
            let root = plain(string("package_dir").unwrap_or("."));
            let root = if root == "." || root.is_empty() { String::new() } else { format!("{root}/") };
            format!("{root}{}/newsfragments", package.replace('.', "/"))
        }
        (None, None) => "newsfragments".to_owned(),
    };
    let mut problems = Vec::new();
    let template = string("template").filter(|template| !template.contains(':')).map(plain);
    if let Some(path) = template.as_ref().filter(|path| files.read(path).is_none()) {
        problems.push(Problem::NoTemplate { path: path.clone(), settings: settings.clone() });
    }
    let types = types(table);
    let ignored: Vec<String> = strings(table.get("ignore")).map(str::to_lowercase).collect();
    let mut found = Vec::new();
    for path in files.list(&folder) {
        let name = path.rsplit('/').next().unwrap_or(&path);
        let lower = name.to_lowercase();
        let is_ignored = IGNORED.contains(&lower.as_str())
            || ignored.iter().any(|pattern| matches(pattern, &lower))
            || template.as_ref() == Some(&path)
            || name.starts_with('.')
            || lower.contains("template");
        if is_ignored {
            continue;
        }
        match kind(name, &types) {
            Ok(kind) => found.push(Fragment { path, kind: Some(kind) }),
            Err(Some(kind)) => problems.push(Problem::UnknownType {
                path,
                kind,
                settings: settings.clone(),
                known: types.join(", "),
            }),
            Err(None) => problems.push(Problem::BadName { path }),
        }
    }
    let name = match string("name") {
        Some(name) if !name.is_empty() => None,
        _ if standard.is_some() => None,
        _ => package.map(|package| heading_name(package, project)),
    };
    let changelog = plain(string("filename").unwrap_or("NEWS.rst"));
    Some(Fragments {
        collector: Collector::Towncrier,
        settings,
        folder,
        changelog,
        name,
        files: found,
        problems,
    })
}

/// What towncrier calls a project that states its package only. It imports the package for that; pyrelease does not.
fn heading_name(package: &str, project: &Project) -> String {
    let uses_incremental = match &project.version {
        VersionSource::Static(places) => places.iter().any(|place| place.how == VersionSyntax::Incremental),
        VersionSource::Vcs { .. } | VersionSource::Unreadable(_) => false,
    };
    if uses_incremental {
        return package.to_owned();
    }
    // As `str.title()` of Python.
    let mut after_letter = false;
    let title = |letter: char| {
        let shown = if after_letter { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() };
        after_letter = letter.is_alphabetic();
        shown
    };
    package.chars().map(title).collect()
}

/// The types of fragments in the settings.
fn types(table: &dyn TableLike) -> Vec<String> {
    let mut types: Vec<String> = Vec::new();
    let mut add = |table: &dyn TableLike| {
        let string = |key: &str| table.get(key).and_then(Item::as_str);
        let named = || string("name").map(str::to_lowercase);
        types.extend(string("directory").map(str::to_owned).or_else(named));
    };
    match table.get("type") {
        Some(Item::ArrayOfTables(tables)) => tables.iter().for_each(|table| add(table)),
        Some(item) => {
            let inline = item.as_array().into_iter().flatten();
            inline.filter_map(toml_edit::Value::as_inline_table).for_each(|table| add(table));
        }
        None => {}
    }
    if let Some(tables) = table.get("fragment").and_then(Item::as_table_like) {
        types.extend(tables.iter().map(|(kind, _)| kind.to_owned()));
    }
    if types.is_empty() { TYPES.map(str::to_owned).to_vec() } else { types }
}

fn strings(item: Option<&Item>) -> impl Iterator<Item = &str> {
    item.and_then(Item::as_array).into_iter().flatten().filter_map(toml_edit::Value::as_str)
}

/// The type of a fragment's name; else the part where a type should be, if there is one.
fn kind(name: &str, types: &[String]) -> Result<String, Option<String>> {
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() < 2 {
        return Err(None);
    }
    // The last part that is a type: the issue may have dots as well.
    let found = parts.iter().skip(1).rev().find(|part| types.iter().any(|known| known == *part));
    match found {
        Some(kind) => Ok((*kind).to_owned()),
        None => Err(parts.get(1).map(|part| (*part).to_owned())),
    }
}

/// Whether a name matches a pattern with `*`.
fn matches(pattern: &str, name: &str) -> bool {
    let mut rest = name;
    let mut parts = pattern.split('*').peekable();
    let Some(first) = parts.next() else { return false };
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}
