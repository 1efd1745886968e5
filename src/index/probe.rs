//! An upload that cannot succeed, to learn whether one that can would be let in: the right form and the right file name,
//! but no distribution. An index that looks into files refuses it for that, and only after everything else: the token,
//! the rights, and whether the name is free, which nothing else tells of a name that was used and deleted.

use reqwest::header::CONTENT_TYPE;

use super::send::{Progress, send};
use super::{IndexClient, Submission, UploadError};
use crate::world::digest::Digests;

/// What is sent instead of the file
const NOTHING: &[u8] = b"This is no distribution: pyrelease asks whether one of this name would be taken.\n";
/// By what an index refuses it that would take the file itself
const NO_ARCHIVE: &str = "invalid distribution file";

impl IndexClient {
    /// Asks whether the index would take a file of this name, by one that is none. Only for an index that
    /// [follows PyPI](Self::follows_pypi): another one may keep what it is sent.
    ///
    /// # Errors
    /// Why it would not; or it is not known.
    pub fn probe(&self, submission: &Submission) -> Result<(), UploadError> {
        let distribution = &submission.distribution;
        let digests = Digests::of(NOTHING).expect("it is read from memory");
        let envelope = submission.envelope(&digests, false);
        let body = [&envelope.head, NOTHING, &envelope.tail].concat();
        let request = self.post(distribution, submission.field("name"))?;
        let request = request.header(CONTENT_TYPE, &envelope.kind).body(body);
        match send(&self.http, request, &Progress::of_nothing(), &|_| true) {
            Ok(reply) if reply.status == 400 && reply.reason.to_ascii_lowercase().contains(NO_ARCHIVE) => {
                Ok(())
            }
            Ok(reply) if (200..300).contains(&reply.status) => Err(UploadError::Kept {
                index: self.address().name.clone(),
                file: distribution.filename.clone(),
            }),
            Ok(reply) => Err(self.refused(distribution, reply)),
            Err(error) => Err(self.unsent(distribution, error)),
        }
    }
}
