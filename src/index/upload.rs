//! Uploads by the legacy API: one request for each file, streamed from disk. The outcome tells what is known of the
//! index afterwards (<https://docs.pypi.org/api/upload/>).

mod error;

use std::io::{self, Read, Seek as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fs_err::File;
use jiff::Timestamp;
use reqwest::RequestBuilder;
use reqwest::blocking::multipart::Form;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::ExposeSecret as _;

pub use error::{ExistingFile, UploadError};

use super::refusals::{help_for_nobody, help_for_publisher};
use super::reply::{Reply, may_hide_a_duplicate, says_duplicate};
use super::send::{Outgoing, Progress, SendError, innermost, send};
use super::submission::Submission;
use super::{Credentials, FilePresence, IndexAddress, NewHost};
use crate::error::Error;
use crate::python::distribution::{Distribution, Kind};
use crate::world::Environment;
use crate::world::digest::Digests;
use crate::world::hashes::FileStamp;
use crate::world::http::Http;

/// The result of a successful upload
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadOutcome {
    /// The index accepted the file. PyPI and devpi reply the same if they already had these bytes.
    Uploaded,
    /// The index refused the file because it has one of that name, and it has the same sha256.
    AlreadyThere,
}

/// The client of one index
#[derive(Debug, Clone)]
pub struct IndexClient {
    pub(super) http: Http,
    pub(super) address: IndexAddress,
    pub(super) credentials: Option<Credentials>,
    /// Whether it was seen to be pyrelease's own test server, which has PyPI's rules
    pub(super) is_test_server: Arc<AtomicBool>,
    /// Whether it was seen to list files only with credentials
    pub(super) requires_login: Arc<AtomicBool>,
}

impl IndexClient {
    /// A client that sends the credentials only to the index's own URLs.
    pub fn new(http: Http, address: IndexAddress, credentials: Option<Credentials>) -> Self {
        Self { http, address, credentials, is_test_server: Arc::default(), requires_login: Arc::default() }
    }

    /// The credentials that it uses, if any.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The host that nothing of a release is sent to before the user allows it.
    ///
    /// # Errors
    /// The file with the user's answers cannot be read.
    pub fn new_host(&self, environment: &Environment) -> Result<Option<NewHost>, Error> {
        match &self.credentials {
            Some(credentials) => Ok(credentials.new_host().cloned()),
            None => NewHost::of_moved(environment, &self.address),
        }
    }

    pub fn address(&self) -> &IndexAddress {
        &self.address
    }

    /// Whether the index is known to have PyPI's rules.
    pub fn follows_pypi(&self) -> bool {
        self.address.is_pypi() || self.is_test_server.load(Ordering::Relaxed)
    }

    /// Turns a failed upload into an error for the user.
    pub fn explain(&self, error: UploadError) -> Error {
        let help = self.help_for(&error);
        let unauthorised = matches!(error, UploadError::Refused { status: 401 | 403, .. });
        let mut converted = Error::failed(error.to_string());
        if let Some(source) = std::error::Error::source(&error) {
            converted = converted.because(innermost(source));
        }
        if let (true, Some(credentials)) = (unauthorised, self.credentials()) {
            converted = converted.help(format!("the credentials are from {}", credentials.source()));
        }
        help.into_iter().fold(converted, Error::help)
    }

    /// What to do about an upload that came to nothing, for whoever asked for it.
    fn help_for(&self, error: &UploadError) -> Option<String> {
        let UploadError::Refused { status: 401 | 403, reason, .. } = error else { return error.help() };
        match &self.credentials {
            None => help_for_nobody(&self.address.name, reason).or_else(|| error.help()),
            Some(credentials) if credentials.use_trusted_publishing() => {
                help_for_publisher(reason).or_else(|| error.help())
            }
            Some(_) => error.help(),
        }
    }

    /// Uploads a file, whose bytes must be unchanged since its hashes were computed.
    ///
    /// An index that allows overwriting (pypiserver with `--overwrite`, devpi's volatile indexes) replaces an
    /// existing file: check its [`FilePresence`] first. PyPI never does.
    ///
    /// `progress` gets the bytes sent so far and returns whether to continue.
    pub fn upload(
        &self,
        submission: &Submission,
        progress: &dyn Fn(u64) -> bool,
    ) -> Result<UploadOutcome, UploadError> {
        let distribution = &submission.distribution;
        let (file, stamp) = open_unmodified(submission)?;
        let file = UnmodifiedFile { file, stamp, left: submission.digests.size };
        let envelope = submission.envelope(&submission.digests, self.sends_attestations());
        let project = submission.field("name");
        let (body, way) = Outgoing::body(file, submission.digests.size, envelope.head, envelope.tail);
        let request = self.post(distribution, project)?.header(CONTENT_TYPE, &envelope.kind).body(body);
        match send(&self.http, request, &way, progress) {
            Ok(reply) if (200..=299).contains(&reply.status) && !way.is_complete() => {
                let cause = format!("it replied HTTP {} before all of the file was sent", reply.status);
                Err(self.ambiguous(distribution, None, cause, None))
            }
            Ok(reply) => self.outcome(submission, reply),
            Err(SendError::Cut { sent, total }) => {
                // Reading the file may have caused the error.
                open_unmodified(submission)?;
                Err(self.cut(distribution, project, (envelope.kind, envelope.empty), (sent, total)))
            }
            Err(SendError::Lost(cause)) => Err(self.ambiguous(distribution, None, cause, None)),
            Err(SendError::Stopped { all_sent }) => Err(UploadError::Stopped {
                index: self.address.name.clone(),
                file: distribution.filename.clone(),
                all_sent,
            }),
            Err(SendError::Unreachable(source)) => Err(self.unreachable(source)),
        }
    }

    /// A request with the credentials for this file.
    pub(super) fn post(
        &self,
        distribution: &Distribution,
        project: &str,
    ) -> Result<RequestBuilder, UploadError> {
        let request = self.http.upload(self.address.upload.clone()).header(ACCEPT, "application/json");
        let Some(credentials) = &self.credentials else { return Ok(request) };
        let login =
            credentials.for_upload(project, distribution.size, Timestamp::now()).map_err(|source| {
                let source = Box::new(source);
                UploadError::Credentials {
                    index: self.address.name.clone(),
                    file: distribution.filename.clone(),
                    source,
                }
            })?;
        Ok(request.basic_auth(&login.username, Some(login.secret.expose_secret())))
    }

    /// What a reply means for the file.
    fn outcome(&self, submission: &Submission, reply: Reply) -> Result<UploadOutcome, UploadError> {
        let distribution = &submission.distribution;
        let reason = self.redact(&reply.reason);
        match reply.status {
            200..=299 => Ok(UploadOutcome::Uploaded),
            status if says_duplicate(status, &reason) => self.compare(submission, reason),
            404 if may_hide_a_duplicate(&reason) => {
                match self.presence(submission.field("name"), distribution) {
                    Ok(FilePresence::Absent) | Err(_) => Err(self.refused(distribution, reply)),
                    Ok(_) => self.compare(submission, reason),
                }
            }
            500.. => {
                let cause = format!("the server failed with HTTP {} {reason}", reply.status);
                let cause = cause.trim_end().to_owned();
                Err(self.ambiguous(distribution, Some(reply.status), cause, reply.retry_after))
            }
            _ => Err(self.refused(distribution, reply)),
        }
    }

    /// Whether the existing file of that name is the same file.
    fn compare(&self, submission: &Submission, reason: String) -> Result<UploadOutcome, UploadError> {
        let distribution = &submission.distribution;
        let existing = match self.listing(submission.field("name")) {
            Err(error) => ExistingFile::Unknown(Box::new(error)),
            Ok(listing) => match self.presence_in(listing.as_ref(), distribution) {
                Ok(FilePresence::Identical) => return Ok(UploadOutcome::AlreadyThere),
                Ok(FilePresence::Different { sha256 }) => ExistingFile::Sha256(sha256),
                // The index refused the file in any case; only the hash is unknown.
                Ok(FilePresence::Absent) => {
                    let other = listing.as_ref().and_then(|listing| listing.file_with(&distribution.sha256));
                    other.map_or(ExistingFile::Unlisted, |other| {
                        ExistingFile::Named(other.filename.as_str().into())
                    })
                }
                Err(error) => ExistingFile::Unknown(Box::new(error)),
            },
        };
        Err(UploadError::Duplicate {
            index: self.address.name.clone(),
            file: distribution.filename.clone(),
            ours: distribution.sha256.clone(),
            existing,
            reason: if reason.is_empty() { "the index gave no reason".to_owned() } else { reason },
        })
    }

    /// A server that refuses early may close the connection during the transfer, and its reply is lost. Sending the
    /// form without the file gets that reply, and cannot store anything.
    fn cut(
        &self,
        distribution: &Distribution,
        project: &str,
        (kind, empty): (String, Vec<u8>),
        (sent, total): (u64, u64),
    ) -> UploadError {
        // In one piece, so that this reply cannot be lost in the same way.
        match self.send_without_file(distribution, project, (kind, empty)) {
            Err(error) => error,
            Ok(()) => {
                let cause = format!("the connection broke after {sent} of {total} bytes");
                self.ambiguous(distribution, None, cause, None)
            }
        }
    }

    /// Sends the form of a file without the file, which cannot store anything.
    ///
    /// # Errors
    /// The index cannot be reached, or refuses the file for another reason than that it is missing.
    pub fn ask_without_file(&self, submission: &Submission) -> Result<(), UploadError> {
        let envelope = submission.envelope(&submission.digests, false);
        let form = (envelope.kind, envelope.empty);
        self.send_without_file(&submission.distribution, submission.field("name"), form)
    }

    /// Asks whether the index takes files of a release, by a form with its name and version and without a file, which cannot
    /// store anything.
    ///
    /// # Errors
    /// The index cannot be reached, or refuses the form for another reason than that the file is missing.
    pub fn ask_for_rights(&self, project: &str, version: &str) -> Result<(), UploadError> {
        let fields = [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.1"),
            ("name", project),
            ("version", version),
            ("filetype", "sdist"),
            ("pyversion", "source"),
        ];
        let fields = fields.into_iter().map(|(field, value)| (field.to_owned(), value.to_owned()));
        let form = fields.fold(Form::new(), |form, (field, value)| form.text(field, value));
        let kind = format!("multipart/form-data; boundary={}", form.boundary());
        let mut body = Vec::new();
        form.into_reader().read_to_end(&mut body).expect("it is read from memory");
        let release = Distribution {
            path: PathBuf::new(),
            filename: format!("{project} {version}"),
            kind: Kind::Sdist,
            size: 0,
            sha256: String::new(),
        };
        self.send_without_file(&release, project, (kind, body))
    }

    fn send_without_file(
        &self,
        distribution: &Distribution,
        project: &str,
        (kind, empty): (String, Vec<u8>),
    ) -> Result<(), UploadError> {
        let request = self.post(distribution, project)?.header(CONTENT_TYPE, kind).body(empty);
        match send(&self.http, request, &Progress::without_file(), &|_| true) {
            Ok(reply) if matches!(reply.status, 300..=399 | 401 | 403 | 404 | 405 | 410 | 429) => {
                Err(self.refused(distribution, reply))
            }
            Err(SendError::Unreachable(source)) => Err(self.unreachable(source)),
            _ => Ok(()),
        }
    }

    /// The error of a request without a file that got no reply.
    pub(super) fn unsent(&self, distribution: &Distribution, error: SendError) -> UploadError {
        match error {
            SendError::Unreachable(source) => self.unreachable(source),
            lost => self.ambiguous(distribution, None, lost.to_string(), None),
        }
    }

    pub(super) fn refused(&self, distribution: &Distribution, reply: Reply) -> UploadError {
        let (index, file) = (self.address.name.clone(), distribution.filename.clone());
        match reply.location.filter(|_| (300..=399).contains(&reply.status)) {
            Some(location) => UploadError::Redirected { index, file, location: self.redact(&location) },
            None => {
                let reason = match self.redact(&reply.reason) {
                    reason if reason.is_empty() => "no reason given".to_owned(),
                    reason => reason,
                };
                let (status, retry_after) = (reply.status, reply.retry_after);
                UploadError::Refused { index, file, status, reason, retry_after }
            }
        }
    }

    fn ambiguous(
        &self,
        distribution: &Distribution,
        status: Option<u16>,
        cause: String,
        retry_after: Option<Duration>,
    ) -> UploadError {
        UploadError::Ambiguous {
            index: self.address.name.clone(),
            file: distribution.filename.clone(),
            status,
            cause,
            retry_after,
        }
    }

    /// Whether the index accepts attestations with these credentials.
    pub fn sends_attestations(&self) -> bool {
        self.credentials.as_ref().is_some_and(Credentials::may_attest)
    }

    fn unreachable(&self, source: reqwest::Error) -> UploadError {
        UploadError::Unreachable {
            index: self.address.name.clone(),
            host: self.address.upload.host_str().unwrap_or_default().to_owned(),
            source,
        }
    }

    pub(super) fn redact(&self, text: &str) -> String {
        self.credentials.as_ref().map_or_else(|| text.to_owned(), |found| found.redact(text))
    }
}

/// A file being sent. It withholds its last bytes if anyone has written to it meanwhile, so that the server stores
/// nothing
struct UnmodifiedFile {
    file: File,
    stamp: FileStamp,
    /// In bytes
    left: u64,
}

impl Read for UnmodifiedFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.left = self.left.saturating_sub(read as u64);
        if self.left == 0 && self.stamp.was_written_before(&FileStamp::of(&self.file)?) {
            return Err(io::Error::other("the file was modified during the upload"));
        }
        Ok(read)
    }
}

/// Opens the file and checks that its digests still match; returns its current stamp.
fn open_unmodified(submission: &Submission) -> Result<(File, FileStamp), UploadError> {
    let distribution = &submission.distribution;
    let unreadable = |source| UploadError::File { path: distribution.path.clone(), source };
    let mut file = File::open(&distribution.path).map_err(unreadable)?;
    let stamp = FileStamp::of(&file).map_err(unreadable)?;
    if stamp == submission.stamp {
        return Ok((file, stamp));
    }
    let digests = Digests::of(&mut file).map_err(unreadable)?;
    if digests != submission.digests {
        return Err(UploadError::Changed {
            file: distribution.filename.clone(),
            expected: submission.digests.sha256.clone(),
            found: digests.sha256,
        });
    }
    file.rewind().map_err(unreadable)?;
    Ok((file, stamp))
}
