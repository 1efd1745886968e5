//! A project's metadata before a build: its name, its build backend, and where its version is written.
//!
//! All files are read through [`Files`], which can be a commit, a working tree, or a map in a test.

mod backend;
mod build_system;
mod bump;
mod computed;
mod crates;
mod description;
mod error;
mod incremental;
pub(in crate::python) mod ini;
mod json;
mod lines;
mod lock;
mod pattern;
mod place;
mod read;
mod script;
mod source;
mod statements;
#[cfg(test)]
mod tests;
mod toml;
mod tuple;
mod url;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::filename::normalize;

pub use backend::Backend;
pub use build_system::BuildSystem;
pub(super) use bump::edited;
pub use bump::{bump_all, current_version};
pub use crates::{learned_crates, lock_crates};
pub use description::is_project_name;
pub use error::ProjectError;
pub use lock::lock_all;
pub(super) use lock::{LockEntry, lock_entries};
pub use pattern::Pattern;
pub use place::{VersionLocation, VersionSyntax};
pub(super) use statements::{SetupString, setup_strings};
pub(super) use toml::Toml;
pub(super) use tuple::{leveled, read_leveled};

/// Files by their path relative to the project's root, with `/` as separator
pub trait Files {
    /// The file's bytes; none if there is no such file.
    fn read(&self, path: &str) -> Option<Vec<u8>>;

    /// The paths of all files in a folder and the folders in it; in the project if the folder is empty.
    ///
    /// Nothing if the files cannot be listed.
    fn list(&self, folder: &str) -> Vec<String> {
        let _ = folder;
        Vec::new()
    }

    /// The same, of the folder and so many levels of folders in it.
    fn list_near(&self, folder: &str, levels: usize) -> Vec<String> {
        let near = |path: &String| {
            let inside = path.strip_prefix(folder).unwrap_or(path);
            inside.trim_start_matches('/').matches('/').count() <= levels
        };
        self.list(folder).into_iter().filter(near).collect()
    }
}

impl Files for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).cloned()
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let inside = |path: &&String| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        self.keys().filter(inside).cloned().collect()
    }
}

/// A project, as far as a release needs it
#[derive(Debug, Clone)]
pub struct Project {
    /// As written in the project
    pub name: String,
    /// The backend, which determines what the other settings mean
    pub backend: Backend,
    /// A version specifier (PEP 440): `>=3.9`
    pub requires_python: Option<String>,
    /// The page of the repository on its forge
    pub repository_url: Option<String>,
    /// The module that users most likely import: from the configuration and the files, or else guessed from the name
    pub import_name: String,
    pub version: VersionSource,
}

/// Where the version comes from
#[derive(Debug, Clone)]
pub enum VersionSource {
    /// Files state it, in one place or in several that agree
    Static(Vec<VersionLocation>),
    /// A tool reads it from version control tags: nothing is written, the tag determines it
    Vcs { tool: String },
    /// It cannot be read without running the project's code; the user must configure its places for a release
    Unreadable(Arc<ProjectError>),
}

impl Project {
    /// The name in its canonical form (PEP 503): lower case, with `-` for every run of `-`, `_` and `.`.
    pub fn normalized_name(&self) -> String {
        normalize(&self.name)
    }
}

/// A replacement of a byte range
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

/// The line of a byte offset, counted from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The lines of sorted byte offsets, in one pass over the text.
pub(super) fn lines_at(text: &str, offsets: impl Iterator<Item = usize>) -> Vec<usize> {
    let (mut line, mut from) = (1, 0);
    offsets
        .map(|offset| {
            line += line_at(&text[from..], offset.saturating_sub(from)) - 1;
            from = offset;
            line
        })
        .collect()
}

/// The file as text.
pub(super) fn text_of(files: &dyn Files, path: &str) -> Result<String, ProjectError> {
    let bytes = files.read(path).ok_or_else(|| ProjectError::Missing { path: path.to_owned() })?;
    String::from_utf8(bytes).map_err(|_| ProjectError::NotUtf8 { path: path.to_owned() })
}
