//! Finds lines that state the current version and that the release does not change.

use crate::engine::prelude::*;
use crate::python::filename::normalize;
use crate::python::project::{Files as _, Pattern, VersionLocation};

/// Files that usually state the version of a project
const FILES: [&str; 27] = [
    "CITATION.cff",
    "codemeta.json",
    ".zenodo.json",
    "Dockerfile",
    "docker/Dockerfile",
    "package.json",
    "Cargo.toml",
    "meson.build",
    "CMakeLists.txt",
    "Doxyfile",
    "action.yml",
    "action.yaml",
    "mkdocs.yml",
    "antora.yml",
    "snapcraft.yaml",
    "snap/snapcraft.yaml",
    "sonar-project.properties",
    "meta.yaml",
    "recipe/meta.yaml",
    "conda.recipe/meta.yaml",
    "conda/meta.yaml",
    "docs/conf.py",
    "doc/conf.py",
    "docs/source/conf.py",
    "doc/source/conf.py",
    "VERSION",
    "version.txt",
];
/// Texts that may mention the version in what users copy
const TEXTS: [&str; 6] =
    ["README.md", "README.rst", "README", "docs/index.md", "docs/index.rst", "docs/installation.md"];
/// The most lines that are reported
const MOST: usize = 5;
/// In bytes; a larger file is generated
const LARGEST: usize = 200_000;

/// A warning for each place that states the current version and is not bumped, with what makes it so.
///
/// Modules of the package count if they assign `__version__`. In other files a line counts if it names the project, or
/// the word version or release. In a text it counts only if it names the project and is newer than the last release: what
/// was there before the last release, and still is, describes that version.
pub(super) fn unbumped(release: &Release, bumped: &[(String, Vec<u8>)]) -> Vec<Finding> {
    let version = release.target.previous.to_string();
    let mut findings: Vec<Finding> = modules(release, bumped)
        .map(|path| warning(release, &format!("`{path}`"), &format!("\"{path}\"")))
        .collect();
    let name = normalize(&release.target.project.name);
    for path in FILES.iter().chain(&TEXTS) {
        let Some(text) = committed(release, path, bumped) else { continue };
        let is_text = TEXTS.contains(path);
        let earlier = is_text.then(|| before_last_release(release, path)).flatten();
        for span in Pattern::occurrences(&text, &release.target.previous) {
            let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
            let end = text[span.end..].find(['\r', '\n']).map_or(text.len(), |at| span.end + at);
            let line = &text[start..end];
            let lower = line.to_lowercase();
            let is_whole_file = text.trim() == &text[span.clone()];
            let names_project = normalize(&lower).contains(&name);
            let names_it = is_whole_file
                || names_project
                || !is_text && ["version", "release"].iter().any(|word| lower.contains(word));
            let is_new = earlier.as_ref().is_none_or(|earlier| !earlier.lines().any(|other| other == line));
            if !is_new || !names_it {
                continue;
            }
            let number = text[..start].matches('\n').count() + 1;
            let search = format!("{}{{version}}{}", &text[start..span.start], &text[span.end..end]);
            let quoted = toml_edit::Value::from(search.trim());
            let entry = format!("{{ path = \"{path}\", search = {} }}", quoted.to_string().trim());
            findings.push(warning(release, &format!("`{path}`, line {number},"), &entry));
        }
    }
    let more = findings.len().saturating_sub(MOST);
    findings.truncate(MOST);
    if more > 0 {
        findings.push(Finding::warning(format!("{more} more lines state {version} and are not bumped")));
    }
    findings
}

fn warning(release: &Release, place: &str, entry: &str) -> Finding {
    let message = format!("{place} also states {}, but is not bumped", release.target.previous);
    // With `files`, the lines that earlier releases changed are no longer looked for.
    let learned = release.target.conventions.lines.iter().map(|line| {
        let quoted = toml_edit::Value::from(line.shown.trim());
        format!("{{ path = \"{}\", search = {} }}", line.path, quoted.to_string().trim())
    });
    let mut entries: Vec<String> = learned.collect();
    if entries.is_empty() {
        return Finding::warning(message).help(format!("add {entry} to `files` in [stage.version]"));
    }
    entries.push(entry.to_owned());
    Finding::warning(message)
        .help(format!("to bump it, set files = [{}] in [stage.version]", entries.join(", ")))
}

/// Modules of the project that state the current version and are not bumped.
fn modules<'a>(release: &'a Release, bumped: &'a [(String, Vec<u8>)]) -> impl Iterator<Item = String> + 'a {
    let package = release.target.project.import_name.replace('.', "/");
    let names = ["__init__.py", "__about__.py", "_version.py", "version.py"];
    let paths = ["src/", ""].into_iter().flat_map(move |folder| {
        let package = package.clone();
        names.into_iter().map(move |module| format!("{folder}{package}/{module}"))
    });
    paths.filter(|path| {
        let states = || {
            let place = VersionLocation::for_file(path, release).ok()?.into_iter().next()?;
            place.read(&release.text(path).ok()?).ok()?
        };
        let is_bumped = bumped.iter().any(|(bumped_path, _)| bumped_path == path);
        !is_bumped && states().is_some_and(|stated| stated == release.target.previous)
    })
}

/// A file as the release leaves it.
fn committed(release: &Release, path: &str, bumped: &[(String, Vec<u8>)]) -> Option<String> {
    let written = bumped.iter().find(|(bumped_path, _)| bumped_path == path).map(|(_, bytes)| bytes.clone());
    let bytes = written.or_else(|| release.read(path)).filter(|bytes| bytes.len() <= LARGEST)?;
    String::from_utf8(bytes).ok()
}

/// The file in the commit before the last release.
fn before_last_release(release: &Release, path: &str) -> Option<String> {
    let checkout = &release.checkout;
    let commit = release.target.conventions.before_releases.first()?;
    let bytes = checkout.repository.committed(commit, &format!("{}{path}", checkout.prefix))?;
    String::from_utf8(bytes).ok()
}
