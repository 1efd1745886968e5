//! Finds every statement of a requirement on a member in the files of a project.

use super::error::WorkspaceError;
use super::names::Members;
use super::requirement::Requirement;
use super::statements::{RequirementFile, Statements, text};
use super::{inside, path_in, pyproject, setup};
use crate::python::project::Files;

/// The requirements that a member states, or the root.
pub(super) fn read(
    files: &dyn Files,
    members: &Members,
    of: Option<usize>,
) -> Result<Vec<Requirement>, WorkspaceError> {
    let mut found = Vec::new();
    let mut lists = Vec::new();
    for (name, read) in [
        ("pyproject.toml", pyproject::read as Reader),
        ("setup.cfg", setup::read_cfg as Reader),
        ("setup.py", setup::read_py as Reader),
    ] {
        let path = path_in(members.folder(of), name);
        if let Some(text) = text(files, &path)? {
            let mut statements = Statements::new(members, of, &path, &text);
            lists.extend(read(&mut statements)?);
            found.extend(statements.finish());
        }
    }
    for (file, key, kind) in lists {
        // What lies outside, or is made by the build, cannot be changed here.
        let Some(path) = inside(&path_in(members.folder(of), &file)) else { continue };
        if let Some(text) = text(files, &path)? {
            let mut statements = Statements::new(members, of, &path, &text);
            statements.list(&key, &kind)?;
            found.extend(statements.finish());
        }
    }
    Ok(found)
}

/// Reads one file; returns the requirement files that it names.
type Reader = fn(&mut Statements<'_>) -> Result<Vec<RequirementFile>, WorkspaceError>;
