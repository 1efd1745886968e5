//! Reads a project: its metadata, and where its version is.

use super::description::Description;
use super::{Files, Project, ProjectError, VersionSource, source};
use std::sync::Arc;

impl Project {
    /// Reads the project.
    ///
    /// # Errors
    /// As for [`Project::read_as`].
    pub fn read(files: &dyn Files) -> Result<Self, ProjectError> {
        Self::read_as(files, None)
    }

    /// Reads the project; `name` is used instead of the one in its files.
    ///
    /// # Errors
    /// There is no project, its files cannot be read, or it has no name. A version that cannot be read is not an
    /// error here but [`VersionSource::Unreadable`]: the user may configure its place.
    pub fn read_as(files: &dyn Files, name: Option<&str>) -> Result<Self, ProjectError> {
        let description = Description::of(files)?;
        let name = match name {
            Some(name) => name.to_owned(),
            None => description.name()?,
        };
        let version = source::version_source(&description, &name)
            .unwrap_or_else(|error| VersionSource::Unreadable(Arc::new(error)));
        Ok(Self {
            requires_python: description.requires_python(),
            repository_url: description.repository_url(),
            import_name: description.import_name(&name),
            version,
            backend: description.backend,
            name,
        })
    }
}
