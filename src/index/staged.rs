//! The interface of an index to an upload: files are added between `begin` and `commit`.
//!
//! The legacy API has no staging: each file is public at once, so `commit` does nothing and `abort` cannot remove
//! files. An API with sessions (PEP 694, a draft) hides the files until `commit`, and `abort` discards them.

use super::{FilePresence, IndexClient, SimpleError, Submission, UploadError, UploadOutcome};
use crate::python::distribution::Distribution;

/// An index that accepts the files of a release
pub trait Index: Sync {
    /// Its name.
    fn name(&self) -> &str;

    /// Whether files stay hidden until [`Index::commit`], so that [`Index::abort`] can discard them.
    fn is_staged(&self) -> bool;

    /// Starts the upload of a version.
    fn begin(&self, project: &str, version: &str) -> Result<(), UploadError>;

    /// Uploads one file; `progress` gets the bytes sent so far and returns whether to continue.
    fn upload(
        &self,
        submission: &Submission,
        progress: &dyn Fn(u64) -> bool,
    ) -> Result<UploadOutcome, UploadError>;

    /// Compares a file with the one of its name that the index has.
    fn presence(&self, project: &str, distribution: &Distribution) -> Result<FilePresence, SimpleError>;

    /// Publishes the files after the last one, if they were hidden.
    fn commit(&self) -> Result<(), UploadError>;

    /// Discards the uploaded files, if that is possible.
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

    fn upload(
        &self,
        submission: &Submission,
        progress: &dyn Fn(u64) -> bool,
    ) -> Result<UploadOutcome, UploadError> {
        Self::upload(self, submission, progress)
    }

    fn presence(&self, project: &str, distribution: &Distribution) -> Result<FilePresence, SimpleError> {
        Self::presence(self, project, distribution)
    }

    fn commit(&self) -> Result<(), UploadError> {
        Ok(())
    }

    fn abort(&self) -> Result<(), UploadError> {
        Ok(())
    }
}
