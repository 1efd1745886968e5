//! The settings of scriv (scriv.readthedocs.io, "Configuration") and its fragments.

use toml_edit::{DocumentMut, Item};

use super::{Collector, Fragment, Fragments, Problem, has_v, level, plain};
use crate::python::project::{Files, ini};
use crate::python::settings::{SCRIV, glob};

/// The usual categories (`categories` of scriv)
const CATEGORIES: [&str; 6] = ["Removed", "Added", "Changed", "Deprecated", "Fixed", "Security"];

/// The settings that decide about files
#[derive(Debug, Default)]
struct Settings {
    folder: Option<String>,
    changelog: Option<String>,
    format: Option<String>,
    skipped: Option<String>,
    template: Option<String>,
    /// The template of headings
    title: Option<String>,
}

impl Settings {
    fn of(value: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            folder: value("fragment_directory"),
            changelog: value("changelog"),
            format: value("format"),
            skipped: value("skip_fragments"),
            template: value("new_fragment_template"),
            title: value("entry_title_template"),
        }
    }
}

pub(super) fn find(files: &dyn Files) -> Option<Fragments> {
    let text = |path: &str| files.read(path).and_then(|bytes| String::from_utf8(bytes).ok());
    let of_ini = |(path, section): &(&str, &str)| {
        let text = text(path)?;
        let entries = ini::entries(&text);
        let has_section = ini::sections(&text).iter().any(|found| found == section);
        let settings = Settings::of(|key| {
            let entry = ini::find(&entries, section, key)?;
            entry.values(&text).next().map(str::to_owned)
        });
        has_section.then(|| ((*path).to_owned(), settings))
    };
    let of_toml = || {
        let document: DocumentMut = text("pyproject.toml")?.parse().ok()?;
        let table = document.get("tool")?.as_table_like()?.get("scriv")?.as_table_like()?;
        let settings = Settings::of(|key| table.get(key).and_then(Item::as_str).map(str::to_owned));
        Some(("pyproject.toml".to_owned(), settings))
    };
    let (path, settings) = SCRIV.iter().find_map(of_ini).or_else(of_toml)?;
    let folder = plain(settings.folder.as_deref().unwrap_or("changelog.d"));
    let format = settings.format.as_deref().unwrap_or("rst");
    let changelog = settings
        .changelog
        .map_or_else(|| format!("CHANGELOG.{format}"), |path| path.replace("${config:format}", format));
    let mut problems = Vec::new();
    if let Some(template) = settings.template.as_deref().and_then(|template| template.strip_prefix("file:")) {
        let named = format!("{folder}/{}", template.trim());
        if files.read(&named).is_none() && files.read(template.trim()).is_none() {
            problems.push(Problem::NoTemplate { path: template.trim().to_owned(), settings: path.clone() });
        }
    }
    let skipped = settings.skipped.unwrap_or_else(|| "README.*".to_owned());
    let ending = format!(".{format}");
    let found = files.list(&folder).into_iter().filter(|path| {
        let name = path.strip_prefix(&folder).unwrap_or(path).trim_start_matches('/');
        let is_skipped = skipped.split_whitespace().any(|pattern| glob::matches(pattern, name));
        !name.contains('/') && name.ends_with(&ending) && !is_skipped
    });
    let found = found.map(|path| {
        let kind = text(&path).and_then(|text| kind(&text));
        Fragment { path, kind }
    });
    let found = found.collect();
    Some(Fragments {
        collector: Collector::Scriv,
        settings: path,
        told_settings: None,
        folder,
        changelog,
        name: None,
        is_named: true,
        has_v: has_v(&[settings.title]),
        above: String::new(),
        files: found,
        problems,
    })
}

/// The category in a fragment that changes most for users; one in a comment is an example.
fn kind(text: &str) -> Option<String> {
    let mut is_comment = false;
    let mut kinds = Vec::new();
    for line in text.lines() {
        is_comment |= line.trim_start().starts_with("<!--");
        let word = line.trim_start_matches('#').trim();
        if !is_comment && CATEGORIES.contains(&word) {
            kinds.push(word);
        }
        is_comment &= !line.contains("-->");
    }
    kinds.into_iter().max_by_key(|kind| level(kind)).map(str::to_owned)
}
