//! The settings of towncrier (towncrier.readthedocs.io, "Configuration Reference") and its fragments.

use super::{Collector, Fragment, Fragments, Problem, has_v, plain};
use crate::python::project::{Files, Project, VersionSource, VersionSyntax};
use crate::python::settings::glob;
use toml_edit::{DocumentMut, Item, TableLike};

/// The types of fragments, if the settings name none
const TYPES: [&str; 5] = ["feature", "bugfix", "doc", "removal", "misc"];
/// Files in the folder that towncrier leaves alone, in lower case
const IGNORED: [&str; 6] = [".gitignore", ".gitkeep", ".keep", "readme", "readme.md", "readme.rst"];
/// Suffixes of texts, which are no types
const SUFFIXES: [&str; 3] = ["md", "rst", "txt"];

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
    let own_package = string("package").filter(|package| !package.is_empty());
    let package = own_package.or(standard.as_deref());
    // The folder of a section is in the folder of all, or has a folder of fragments of its own.
    let (base, below) = match (string("directory"), package) {
        (Some(folder), _) => (plain(folder), ""),
        (None, package) => {
            let package = package.unwrap_or_default().replace('.', "/");
            (joined(&[&plain(string("package_dir").unwrap_or(".")), &package]), "newsfragments")
        }
    };
    // Versions before 24.7 knew no name but the settings', as later ones do if they are told where those are.
    let without_package = plain(string("package_dir").unwrap_or("."));
    let is_older = string("directory").is_none()
        && own_package.is_none()
        && files.list(&joined(&[&base, below])).is_empty()
        && !files.list(&joined(&[&without_package, below])).is_empty();
    let base = if is_older { without_package } else { base };
    let folder = joined(&[&base, below]);
    let sections = sections(table).into_iter().map(|section| joined(&[&base, &plain(&section), below]));
    let mut problems = Vec::new();
    let template = string("template").filter(|template| !template.contains(':')).map(plain);
    if let Some(path) = template.as_ref().filter(|path| files.read(path).is_none()) {
        problems.push(Problem::NoTemplate { path: path.clone(), settings: settings.clone() });
    }
    let types = types(table);
    let ignored: Vec<String> = strings(table.get("ignore")).map(str::to_lowercase).collect();
    let mut found = Vec::new();
    let template_name = template.as_deref().and_then(|path| path.rsplit('/').next()).map(str::to_lowercase);
    let is_in = |folder: &str, path: &str| {
        path.strip_prefix(folder).is_some_and(|rest| rest.matches('/').count() <= 1 && rest.starts_with('/'))
    };
    let listed = sections.flat_map(|folder| {
        let mut listed = files.list(&folder);
        listed.retain(|path| is_in(&folder, path));
        listed
    });
    for path in listed {
        let name = path.rsplit('/').next().unwrap_or(&path);
        let lower = name.to_lowercase();
        let is_ignored = IGNORED.contains(&lower.as_str())
            || template_name.as_ref() == Some(&lower)
            || ignored.iter().any(|pattern| glob::matches(pattern, &lower));
        if is_ignored {
            continue;
        }
        match kind(name, &types) {
            Ok(kind) => found.push(Fragment { path, kind: Some(kind) }),
            // Hidden files, and templates that no setting names
            Err(_) if name.starts_with('.') || lower.contains("template") => {}
            Err(Some(kind)) if !SUFFIXES.contains(&kind.as_str()) => problems.push(Problem::UnknownType {
                path,
                declaration: declaration(table, &kind),
                kind,
                settings: settings.clone(),
                known: types.join(", "),
            }),
            Err(_) => problems.push(Problem::BadName { path }),
        }
    }
    let name = match string("name") {
        Some(name) if !name.is_empty() => None,
        _ if standard.is_some() => standard.clone().filter(|_| is_older),
        _ => package.map(|package| heading_name(package, project)),
    };
    let changelog = plain(string("filename").unwrap_or("NEWS.rst"));
    Some(Fragments {
        collector: Collector::Towncrier,
        told_settings: is_older.then(|| settings.clone()),
        settings,
        folder,
        changelog,
        name,
        is_named: string("name").is_some_and(|name| !name.is_empty()),
        has_v: has_v(&[string("title_format").map(str::to_owned), template.as_deref().and_then(text)]),
        above: String::new(),
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
    let of_type = |table: &dyn TableLike| {
        let string = |key: &str| table.get(key).and_then(Item::as_str);
        string("directory").map(str::to_owned).or_else(|| string("name").map(str::to_lowercase))
    };
    let mut types: Vec<String> = tables(table.get("type")).into_iter().filter_map(of_type).collect();
    if let Some(named) = table.get("fragment").and_then(Item::as_table_like) {
        types.extend(named.iter().map(|(kind, _)| kind.to_owned()));
    }
    if types.is_empty() { TYPES.map(str::to_owned).to_vec() } else { types }
}

/// How another type is declared beside those in the settings; none if there are none.
fn declaration(table: &dyn TableLike, kind: &str) -> Option<String> {
    if table.get("type").is_some() {
        return Some(format!("`[[tool.towncrier.type]]` with `directory = \"{kind}\"`"));
    }
    table.get("fragment").map(|_| format!("`[tool.towncrier.fragment.{kind}]`"))
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

/// The folders of the sections, relative to the folder of all.
fn sections(table: &dyn TableLike) -> Vec<String> {
    let path = |table: &dyn TableLike| table.get("path").and_then(Item::as_str).map(str::to_owned);
    let sections: Vec<String> = tables(table.get("section")).into_iter().filter_map(path).collect();
    if sections.is_empty() { vec![String::new()] } else { sections }
}

/// The tables of an array, in either notation.
fn tables(item: Option<&Item>) -> Vec<&dyn TableLike> {
    match item {
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(|table| table as &dyn TableLike).collect(),
        Some(item) => {
            let inline = item.as_array().into_iter().flatten().filter_map(toml_edit::Value::as_inline_table);
            inline.map(|table| table as &dyn TableLike).collect()
        }
        None => Vec::new(),
    }
}

/// The parts of a path that are not empty, as one.
fn joined(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty() && *part != ".").collect();
    parts.join("/")
}
