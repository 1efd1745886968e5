//! Finds a project's changelog.

use std::path::Path;

use crate::python::changelog::{Changelog as Document, Format};
use crate::python::project::Files;
use crate::python::settings;
use crate::python::version::Version;

/// The names of changelogs without their suffix, the most usual first
const NAMES: [&str; 12] = [
    "changelog",
    "changes",
    "history",
    "news",
    "release-notes",
    "release_notes",
    "releasenotes",
    "change-log",
    "change_log",
    "releases",
    "versionhistory",
    "whatsnew",
];
const SUFFIXES: [&str; 5] = ["md", "rst", "txt", "", "markdown"];
/// The folders of documentation; a changelog may be in a folder of them
const DOCS: [&str; 2] = ["docs", "doc"];
/// The labels of [project.urls] for a changelog, without spaces and marks
const LABELS: [&str; 6] = ["changelog", "changes", "releasenotes", "whatsnew", "history", "news"];
/// The most files that are read to find the one that fits
const MOST_READ: usize = 12;

/// The project's changelog: of those that exist, outside the documentation if there is one, the one with a section for the version, else the first with a section
/// for what is not released, else the first.
///
/// `learned` are the files that earlier releases changed. They come first, after one that the settings of another tool
/// name.
pub(super) fn find(files: &dyn Files, learned: &[String], version: Option<&Version>) -> Option<String> {
    let named = settings::read(files).into_iter().find_map(|tool| tool.changelog);
    let mut candidates: Vec<String> = Vec::new();
    for path in named.into_iter().chain(learned.iter().cloned()).chain(usual(files, version)) {
        if candidates.len() < MOST_READ && !candidates.contains(&path) && files.read(&path).is_some() {
            candidates.push(path);
        }
    }
    if candidates.len() < 2 {
        return candidates.pop();
    }
    let documents: Vec<Option<Document>> = candidates
        .iter()
        .map(|path| {
            let text = String::from_utf8(files.read(path)?).ok()?;
            Document::parse(text.clone(), Format::of_text(path, &text)?).ok()
        })
        .collect();
    // A page of the documentation may only be about changelogs: it gives way to a changelog outside it.
    let is_page = |path: &String| {
        let in_docs =
            DOCS.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
        let is_series = version.is_some_and(|version| is_of_series(path, version));
        in_docs && !is_series && !learned.contains(path)
    };
    let has_sections =
        |document: &Option<Document>| document.as_ref().is_some_and(|one| !one.versions().is_empty());
    let mut outside = candidates.iter().zip(&documents).filter(|(path, _)| !is_page(path));
    let only_outside = outside.any(|(_, document)| has_sections(document));
    let first = |fits: &dyn Fn(&Document) -> bool| {
        let fits = |(path, document): (&String, &Option<Document>)| {
            !(only_outside && is_page(path)) && document.as_ref().is_some_and(fits)
        };
        candidates.iter().zip(&documents).position(fits)
    };
    let by_version = version.and_then(|version| first(&|document| document.names(version)));
    let at = by_version.or_else(|| first(&|document| document.unreleased().is_some())).unwrap_or(0);
    Some(candidates.swap_remove(at))
}

/// The paths of files that are changelogs by their names, or by what the project's metadata says.
pub(super) fn usual(files: &dyn Files, version: Option<&Version>) -> Vec<String> {
    let mut found = Vec::new();
    let listed = |folder: &str| -> Vec<String> {
        let levels = if folder.is_empty() { 0 } else { 3 };
        let below = |path: &String| path.matches('/').count() <= levels;
        files.list_near(folder, levels).into_iter().filter(below).collect()
    };
    let root = listed("");
    for suffix_of_name in NAMES.iter().flat_map(|name| SUFFIXES.map(|suffix| (*name, suffix))) {
        found.extend(root.iter().filter(|path| is_named(path, suffix_of_name)).cloned());
    }
    // A file that is not listed is read all the same.
    for name in ["CHANGELOG", "CHANGES", "HISTORY", "NEWS"] {
        found.extend(["md", "rst"].map(|suffix| format!("{name}.{suffix}")));
    }
    found.extend(of_urls(files));
    let mut documentation: Vec<String> = DOCS.iter().flat_map(|folder| listed(folder)).collect();
    documentation.sort_by_key(|path| path.matches('/').count());
    for suffix_of_name in NAMES.iter().flat_map(|name| SUFFIXES.map(|suffix| (*name, suffix))) {
        found.extend(documentation.iter().filter(|path| is_named(path, suffix_of_name)).cloned());
    }
    found.extend(of_manifest(files));
    if let Some(version) = version {
        found.extend(documentation.into_iter().filter(|path| is_of_series(path, version)));
    }
    found
}

/// Whether a file has the notes of a version's series: `docs/changes/8.2.rst` for 8.2.3.
fn is_of_series(path: &str, version: &Version) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let Some((stem, suffix)) = name.rsplit_once('.') else { return false };
    let in_folder = parts.any(|part| NAMES.contains(&part.to_ascii_lowercase().as_str()));
    let numbers: Vec<String> = version.release_segments().iter().map(ToString::to_string).collect();
    let series = stem.trim_start_matches(['v', 'V']);
    let series = series.strip_suffix(".x").unwrap_or(series);
    let is_prefix = (1..numbers.len()).any(|count| numbers[..count].join(".") == series);
    in_folder && is_prefix && SUFFIXES.contains(&suffix)
}

fn is_named(path: &str, (name, suffix): (&str, &str)) -> bool {
    let lower = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    match suffix {
        "" => lower == name,
        _ => lower.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) == Some(suffix),
    }
}

/// The file that a URL in [project.urls] shows.
fn of_urls(files: &dyn Files) -> Option<String> {
    let text = String::from_utf8(files.read("pyproject.toml")?).ok()?;
    let document: toml_edit::DocumentMut = text.parse().ok()?;
    let urls = document.get("project")?.get("urls")?.as_table_like()?;
    urls.iter().find_map(|(label, url)| {
        let label: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
        LABELS.contains(&label.to_ascii_lowercase().as_str()).then(|| shown_by(url.as_str()?)).flatten()
    })
}

/// The path in a URL of a forge's page of a file.
fn shown_by(url: &str) -> Option<String> {
    let url = url.split(['#', '?']).next()?;
    let (_, rest) =
        ["/blob/", "/src/branch/", "/tree/", "/raw/"].iter().find_map(|word| url.split_once(word))?;
    let (_, path) = rest.split_once('/')?;
    let is_plain = !path.is_empty() && !path.split('/').any(|part| part == ".." || part.is_empty());
    is_plain.then(|| path.to_owned())
}

/// The files with such a name that the source distribution includes.
fn of_manifest(files: &dyn Files) -> Vec<String> {
    let text = files.read("MANIFEST.in").and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let words =
        text.lines().filter_map(|line| line.trim().strip_prefix("include ")).flat_map(str::split_whitespace);
    words
        .filter(|path| {
            !path.contains(['*', '?', '[']) && Path::new(path).is_relative() && !path.contains("..")
        })
        .filter(|path| {
            NAMES.iter().any(|name| SUFFIXES.iter().any(|suffix| is_named(path, (*name, *suffix))))
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn found(files: &[(&str, &str)], learned: &[&str]) -> Option<String> {
        let files: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let learned: Vec<String> = learned.iter().map(|path| (*path).to_owned()).collect();
        find(&files, &learned, None)
    }

    #[test]
    fn a_page_about_changelogs_is_none() {
        let page = "# The command\n\n## Unreleased\n\n- An example\n\n## 1.0.0\n\n- Another\n";
        let own = ("CHANGELOG.md", "## 4.0.0 (2026-01-15)\n\n- a\n");
        let path = "docs/commands/changelog.md";
        assert_eq!(found(&[own, (path, page)], &[]).as_deref(), Some("CHANGELOG.md"));
        assert_eq!(
            found(&[("CHANGES.md", "See the documentation.\n"), (path, page)], &[]).as_deref(),
            Some(path)
        );
        assert_eq!(found(&[own, (path, page)], &[path]).as_deref(), Some(path));
    }

    #[test]
    fn finds_the_changelog_where_projects_have_it() {
        for path in [
            "CHANGES",
            "NEWS",
            "HISTORY.rst",
            "Changelog.rst",
            "changelog.md",
            "NEWS.txt",
            "RELEASE_NOTES.md",
            "docs/changelog.md",
            "docs/history.rst",
            "doc/source/changes.rst",
            "docs/release-notes.md",
        ] {
            let files = [
                ("pyproject.toml", ""),
                (path, "x\n"),
                ("docs/changes.py", ""),
                ("src/changelog/history.py", ""),
            ];
            assert_eq!(found(&files, &[]).as_deref(), Some(path), "{path}");
        }
        assert_eq!(found(&[("README.md", "")], &[]), None);
    }

    #[test]
    fn the_metadata_and_earlier_releases_name_it() {
        let toml = "[project.urls]\n\"Release notes\" = \"https://github.com/o/r/blob/main/site/pages/new.md#top\"\n";
        let files = [("pyproject.toml", toml), ("site/pages/new.md", "x")];
        assert_eq!(found(&files, &[]).as_deref(), Some("site/pages/new.md"));
        let files = [("MANIFEST.in", "include LICENSE demo/CHANGES.txt\n"), ("demo/CHANGES.txt", "x")];
        assert_eq!(found(&files, &[]).as_deref(), Some("demo/CHANGES.txt"));
        let files = [("CHANGES.md", "x"), ("notes/new.md", "x")];
        assert_eq!(found(&files, &["notes/gone.md", "notes/new.md"]).as_deref(), Some("notes/new.md"));
    }

    #[test]
    fn the_file_with_the_version_comes_first() {
        let files: BTreeMap<String, Vec<u8>> = [
            ("CHANGES.rst", "Release 8.3.0 (in development)\n------------------------------\n\n* x\n"),
            (
                "doc/changes/8.2.rst",
                "Release 8.2.3 (in development)\n------------------------------\n\n* x\n",
            ),
        ]
        .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
        .into();
        for (version, path) in
            [("8.2.3", "doc/changes/8.2.rst"), ("8.3.0", "CHANGES.rst"), ("9.0.0", "CHANGES.rst")]
        {
            let version = version.parse().unwrap();
            assert_eq!(find(&files, &[], Some(&version)).as_deref(), Some(path), "{version}");
        }
    }

    #[test]
    fn a_file_that_only_names_another_is_passed_over() {
        let files =
            [("CHANGELOG.md", "See docs/changelog.md.\n"), ("docs/changelog.md", "## Unreleased\n\n- x\n")];
        assert_eq!(found(&files, &[]).as_deref(), Some("docs/changelog.md"));
        let files = [("CHANGELOG.md", "See elsewhere.\n"), ("docs/changelog.md", "See elsewhere.\n")];
        assert_eq!(found(&files, &[]).as_deref(), Some("CHANGELOG.md"));
    }
}
