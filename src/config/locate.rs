//! Finds the project and its configuration from any of its directories.

use std::path::{Path, PathBuf};

use toml_edit::Document;

use super::{Config, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::input::read_text;

/// The files that may have the configuration
pub const FILES: [&str; 3] = ["release.toml", "pyrelease.toml", "pyproject.toml"];

/// The files that make a directory that of a Python project
const PROJECT_FILES: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];

/// Keys of cargo-release's `release.toml` that ours does not have
const CARGO_RELEASE_KEYS: [&str; 24] = [
    "allow-branch",
    "certs-source",
    "consolidate-commits",
    "dependent-version",
    "enable-all-features",
    "enable-features",
    "metadata",
    "owners",
    "pre-release-commit-message",
    "pre-release-hook",
    "pre-release-replacements",
    "publish",
    "push",
    "push-options",
    "push-remote",
    "rate-limit",
    "registry",
    "release",
    "shared-version",
    "sign-commit",
    "sign-tag",
    "tag",
    "tag-message",
    "tag-name",
];

/// A project's directory and configuration
#[derive(Debug)]
pub struct Location {
    pub root: PathBuf,
    pub config: Config,
}

/// Finds the project of `start`: the nearest directory at or above it with a configuration or a Python project.
///
/// # Errors
/// There is no project, there are two configurations, the configuration is not valid, or `manifest` does not exist.
pub fn locate(start: &Path, manifest: Option<&Path>) -> Result<Location> {
    if let Some(manifest) = manifest {
        let path = start.join(manifest);
        let text = read_text(&path).map_err(|error| unreadable(&path, error))?;
        let root = path.parent().unwrap_or(start).to_owned();
        return Ok(Location { root: canonical(&root)?, config: Config::parse(Source::new(manifest, text))? });
    }
    let start = canonical(start)?;
    for folder in start.ancestors() {
        if let Some(config) = configuration(folder)? {
            return Ok(Location { root: folder.to_owned(), config });
        }
        if PROJECT_FILES.iter().any(|name| folder.join(name).is_file()) {
            let own = Location { root: folder.to_owned(), config: Config::default_pipeline() };
            return Ok(workspace_of(folder)?.unwrap_or(own));
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    let message = format!("no Python project in `{}` or the folders above it", start.display());
    Err(Error::usage(message)
        .with_kind(ErrorKind::NoProject)
        .help("run pyrelease in a directory with a `pyproject.toml`, `setup.cfg` or `setup.py`, or pass `-C FOLDER`"))
}

/// The workspace in a directory above that of a project without a configuration of its own, in its repository.
fn workspace_of(project: &Path) -> Result<Option<Location>> {
    let inside = project.ancestors().take_while(|folder| !folder.join(".git").exists());
    for folder in inside.filter_map(Path::parent) {
        if let Some(config) = configuration(folder)? {
            let is_workspace = config.workspace().is_some();
            return Ok(is_workspace.then(|| Location { root: folder.to_owned(), config }));
        }
    }
    Ok(None)
}

fn canonical(folder: &Path) -> Result<PathBuf> {
    fs_err::canonicalize(folder)
        .map_err(|error| Error::usage("failed to open the project's folder").because(error))
}

/// A project's directory, and the configuration there, if any
#[derive(Debug)]
pub struct Root {
    pub folder: PathBuf,
    pub source: Option<Source>,
    /// Whether `release.toml` belongs to cargo-release
    pub is_foreign: bool,
}

/// Finds the project of `start` as [`locate`] does, without reading its configuration.
///
/// # Errors
/// There is no project, or there are two configurations.
pub fn locate_root(start: &Path, manifest: Option<&Path>) -> Result<Root> {
    if let Some(manifest) = manifest {
        let path = start.join(manifest);
        let source = match is_there(&path)? {
            true => {
                let text = read_text(&path).map_err(|error| unreadable(&path, error))?;
                Some(Source::new(manifest, text))
            }
            false => None,
        };
        let folder = canonical(path.parent().unwrap_or(start))?;
        return Ok(Root { folder, source, is_foreign: false });
    }
    let folder = match locate(start, None) {
        Ok(location) => location.root,
        Err(error) if error.kind() == ErrorKind::NoProject => return Err(error),
        // The configuration may be what is wrong.
        Err(_) => nearest_project(&canonical(start)?),
    };
    let (found, foreign) = sources(&folder)?;
    Ok(Root { source: only(found)?, folder, is_foreign: foreign.is_some() })
}

/// The nearest directory at or above `start` with a file of a project.
fn nearest_project(start: &Path) -> PathBuf {
    let names = ["release.toml", "pyrelease.toml", "pyproject.toml", "setup.py", "setup.cfg"];
    let is_project = |folder: &&Path| names.iter().any(|name| folder.join(name).is_file());
    start.ancestors().find(is_project).unwrap_or(start).to_owned()
}

fn configuration(folder: &Path) -> Result<Option<Config>> {
    let (found, foreign) = sources(folder)?;
    match (only(found)?, foreign) {
        (Some(source), _) => Config::parse(source).map(Some),
        (None, foreign) => foreign.map_or(Ok(None), Err),
    }
}

/// A configuration, and its place in a file with more
type Found = (Source, Option<std::ops::Range<usize>>);

/// The configurations in a directory, and the error for one that belongs to cargo-release.
fn sources(folder: &Path) -> Result<(Vec<Found>, Option<Error>)> {
    let mut found = Vec::new();
    let mut foreign = None;
    for name in FILES {
        let path = folder.join(name);
        if !is_there(&path)? {
            continue;
        }
        let text = read_text(&path).map_err(|error| unreadable(&path, error))?;
        let source = Source::new(name, text);
        if name == "pyproject.toml" {
            // Reading the project reports a `pyproject.toml` that is not valid TOML.
            let Ok(document) = Document::parse(source.text().to_owned()) else { continue };
            let Some(table) = document.get("tool").and_then(|tool| tool.get("pyrelease")) else { continue };
            let span = table.span();
            found.push((source, span));
        } else if let Some(error) = cargo_release(&source) {
            foreign = Some(error);
        } else {
            found.push((source, None));
        }
    }
    Ok((found, foreign))
}

/// Whether the file is there. What is there and cannot be read must not be passed over: the default stages publish to PyPI.
fn is_there(path: &Path) -> Result<bool> {
    if path.is_file() {
        return Ok(true);
    }
    let Ok(found) = fs_err::symlink_metadata(path) else { return Ok(false) };
    let what = if found.is_symlink() { "is a link that leads to no file" } else { "is not a file" };
    Err(Error::usage(format!("`{}` {what}", path.display()))
        .help("a configuration must be a UTF-8 text file in TOML; without one, the default stages are run"))
}

/// The only configuration.
fn only(found: Vec<Found>) -> Result<Option<Source>> {
    let mut found = found.into_iter();
    let (Some((first, _)), second) = (found.next(), found.next()) else { return Ok(None) };
    let Some((second, span)) = second else { return Ok(Some(first)) };
    let place = |source: &Source| match source.is_pyproject() {
        true => "[tool.pyrelease] in `pyproject.toml`".to_owned(),
        false => format!("`{}`", source.path().display()),
    };
    let message = format!("found two configurations: {} and {}", place(&first), place(&second));
    let help = "remove one of them";
    Err(second.error(&message, Some(span.unwrap_or_else(|| first_line(second.text()))), Some(help)))
}

/// The error for a `release.toml` that belongs to cargo-release, if it does.
fn cargo_release(source: &Source) -> Option<Error> {
    if source.path() != Path::new("release.toml") {
        return None;
    }
    let document = Document::parse(source.text().to_owned()).ok()?;
    if ["stages", "stage", "index", "carry"].iter().any(|key| document.get(key).is_some()) {
        return None;
    }
    let key = CARGO_RELEASE_KEYS.iter().find(|key| document.get(key).is_some())?;
    let span = document.key(key).and_then(toml_edit::Key::span);
    let help = "put pyrelease's settings into `pyrelease.toml` or [tool.pyrelease] of `pyproject.toml`";
    Some(source.error("this `release.toml` belongs to cargo-release", span, Some(help)))
}

fn first_line(text: &str) -> std::ops::Range<usize> {
    0..text.find('\n').unwrap_or(text.len())
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let error = Error::usage(format!("failed to read `{}`", path.display())).because(error);
    error.help("a configuration must be a UTF-8 text file in TOML")
}
