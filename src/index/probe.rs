//! Uploads that cannot succeed, to learn whether the index would accept a file: the form and the file name are right,
//! but the content is not a distribution. An index that inspects files refuses it for that last, after it has checked
//! the token, the permissions and the name. Nothing else reveals that a name was used and deleted.

use reqwest::header::CONTENT_TYPE;

use super::send::{Progress, send};
use super::{IndexClient, Submission, UploadError};
use crate::world::digest::Digests;

/// Sent instead of the file
const PROBE_BODY: &[u8] =
    b"This is not a distribution: pyrelease asks whether a file of this name would be accepted.\n";
/// The refusal of an index that would accept the real file
const INVALID_ARCHIVE: &str = "invalid distribution file";

impl IndexClient {
    /// Asks whether the index would accept a file of this name. Call it only if the index [follows
    /// PyPI](Self::follows_pypi): another one may store the upload.
    ///
    /// # Errors
    /// Why the index would refuse the file; or its answer is not known.
    pub fn probe(&self, submission: &Submission) -> Result<(), UploadError> {
        let distribution = &submission.distribution;
        let digests = Digests::of(PROBE_BODY).expect("it is read from memory");
        let envelope = submission.envelope(&digests, false);
        let body = [&envelope.head, PROBE_BODY, &envelope.tail].concat();
        let request = self.post(distribution, submission.field("name"))?;
        let request = request.header(CONTENT_TYPE, &envelope.kind).body(body);
        match send(&self.http, request, &Progress::without_file(), &|_| true) {
            Ok(reply)
                if reply.status == 400 && reply.reason.to_ascii_lowercase().contains(INVALID_ARCHIVE) =>
            {
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
