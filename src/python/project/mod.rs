//! What a project says of itself: its name, who builds it, and where its version is written.
//!
//! Everything is read through [`Files`], so that a commit, a working tree or a map in a test will do.

mod backend;
mod bump;
mod error;
mod ini;
mod json;
mod lock;
mod pattern;
mod place;
mod read;
mod source;
mod statements;
#[cfg(test)]
mod tests;
mod toml;
mod url;

use std::collections::BTreeMap;
use std::ops::Range;

use super::filename::normalize;

pub use backend::Backend;
pub use bump::{bump_all, current_version};
pub use error::ProjectError;
pub use lock::{LockFile, lock_files};
pub use pattern::Pattern;
pub use place::{VersionLocation, VersionSyntax};

/// Files by their path relative to the project's root, with `/` between the parts
pub trait Files {
    /// The file's bytes; None where there is no such file.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
}

impl Files for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).cloned()
    }
}

/// A project, as far as a release needs to know it
#[derive(Debug)]
pub struct Project {
    /// As the project writes it
    pub name: String,
    /// Whose rules decide what the rest means
    pub backend: Backend,
    /// A version specifier (PEP 440): `>=3.9`
    pub requires_python: Option<String>,
    /// The page of the repository on its forge
    pub repository_url: Option<String>,
    /// What a user most likely imports; told from the configuration and the files, otherwise guessed from the name
    pub import_name: String,
    pub version: VersionSource,
}

/// Where the version comes from
#[derive(Debug)]
pub enum VersionSource {
    /// It is written in files, in one place or in several that agree
    Static(Vec<VersionLocation>),
    /// A tool reads it from the version control's tags: nothing is written, the tag decides
    Vcs { tool: String },
    /// It is not where it could be read without running the project's code; a release needs places from the user
    Unreadable(Box<ProjectError>),
}

impl Project {
    /// The name in its canonical form (PEP 503): lower case, with `-` for every run of `-`, `_` and `.`.
    pub fn normalized_name(&self) -> String {
        normalize(&self.name)
    }
}

/// A replacement of some bytes of a text
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    span: Range<usize>,
    text: String,
}

/// The line of a byte, counted from 1.
fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The lines of bytes that are in order, in one pass over the text.
fn lines_at(text: &str, offsets: impl Iterator<Item = usize>) -> Vec<usize> {
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
fn text_of(files: &dyn Files, path: &str) -> Result<String, ProjectError> {
    let bytes = files.read(path).ok_or_else(|| ProjectError::Missing { path: path.to_owned() })?;
    String::from_utf8(bytes).map_err(|_| ProjectError::NotUtf8 { path: path.to_owned() })
}
