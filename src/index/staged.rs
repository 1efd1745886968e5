//! What an index is to whoever uploads a release: files are put between a beginning and an end.
//!
//! By the legacy API nothing is staged: what is put is public at once, so the end does nothing and there is no way back.
//! An API with sessions (PEP 694, a draft) hides the files until the end, and takes them back where it is not reached.

use super::{FilePresence, IndexClient, Put, SimpleError, Submission, UploadError};
use crate::python::distribution::Distribution;

/// An index that takes the files of a release
pub trait Index: Sync {
    /// What it is called.
    fn name(&self) -> &str;

    /// Whether files stay hidden until [`Index::commit`], so that [`Index::abort`] takes them back.
    fn is_staged(&self) -> bool;

    /// Opens a version of a project for files.
    fn begin(&self, project: &str, version: &str) -> Result<(), UploadError>;

    /// Puts one file; `progress` is told the bytes sent so far, and says whether to go on.
    fn put(&self, submission: &Submission, progress: &dyn Fn(u64) -> bool) -> Result<Put, UploadError>;

    /// How a file compares with the one of its name that is there.
    fn standing(&self, project: &str, distribution: &Distribution) -> Result<FilePresence, SimpleError>;

    /// All files are there: they become public, where they were not.
    fn commit(&self) -> Result<(), UploadError>;

    /// Takes back what was put, where that is possible.
    fn abort(&self) -> Result<(), UploadError>;
}

impl Index for IndexClient {
    fn name(&self) -> &str {
        &self.address().name
    }

    fn is_staged(&self) -> bool {
        false
    }

    fn begin(&self, _: &str, _: &str) -> Result<(), UploadError> {
        Ok(())
    }

    fn put(&self, submission: &Submission, progress: &dyn Fn(u64) -> bool) -> Result<Put, UploadError> {
        Self::put(self, submission, progress)
    }

    fn standing(&self, project: &str, distribution: &Distribution) -> Result<FilePresence, SimpleError> {
        Self::standing(self, project, distribution)
    }

    fn commit(&self) -> Result<(), UploadError> {
        Ok(())
    }

    fn abort(&self) -> Result<(), UploadError> {
        Ok(())
    }
}
