//! Why an upload failed, what is known of the index afterwards, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::index::refusals::{help_for, is_final};
use crate::index::send::{CERTIFICATE_REQUIRED, innermost};
use crate::index::{CredentialsError, SimpleError};

/// The reply of a proxy that requires authentication
const PROXY_AUTHENTICATION: &str = "proxy authorization required";

/// Why a file was not uploaded, or may not have been
#[derive(Debug, Error)]
pub enum UploadError {
    #[error("failed to read `{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Nothing was sent, or not the whole file.
    #[error("`{file}` changed after it was built: its sha256 is {found}, but was {expected}")]
    Changed { file: String, expected: String, found: String },
    /// Nothing was stored.
    #[error("`{index}` refused `{file}`: {reason} (HTTP {status})")]
    Refused { index: String, file: String, status: u16, reason: String, retry_after: Option<Duration> },
    /// Nothing was stored.
    #[error("`{index}` did not accept `{file}`: its upload URL redirects to `{location}`")]
    Redirected { index: String, file: String, location: String },
    /// Nothing was stored: the index has a file of that name.
    #[error("`{index}` has {}", duplicate(.file, .ours, .existing, .reason))]
    Duplicate { index: String, file: String, ours: String, existing: ExistingFile, reason: String },
    /// The file may have been stored: check the index's listing before anything else.
    #[error("`{index}` may or may not have stored `{file}`: {cause}")]
    Ambiguous {
        index: String,
        file: String,
        status: Option<u16>,
        cause: String,
        retry_after: Option<Duration>,
    },
    /// The sender gave up. An incomplete file is not stored; a complete one may be.
    #[error("the upload of `{file}` to `{index}` was interrupted")]
    Stopped { index: String, file: String, all_sent: bool },
    /// Nothing was sent.
    #[error("no credentials to upload `{file}` to `{index}`")]
    Credentials {
        index: String,
        file: String,
        #[source]
        source: Box<CredentialsError>,
    },
    /// A probe was stored instead of refused.
    #[error("`{index}` stored the probe for `{file}`, which is not a distribution")]
    Kept { index: String, file: String },
    /// Nothing was sent.
    #[error("failed to reach `{index}` at `{host}`")]
    Unreachable {
        index: String,
        host: String,
        #[source]
        source: reqwest::Error,
    },
}

/// What is known of an existing file with the same name
#[derive(Debug)]
pub enum ExistingFile {
    /// Its sha256, which is different
    Sha256(String),
    /// The index lists no file of that name, but these bytes under another name
    Named(Box<str>),
    /// The index lists no file of that name
    Unlisted,
    /// The index's listing cannot be read
    Unknown(Box<SimpleError>),
}

fn duplicate(file: &str, ours: &str, existing: &ExistingFile, reason: &str) -> String {
    let why = match existing {
        ExistingFile::Sha256(existing) => {
            return format!("a different `{file}` already: its sha256 is {existing}, ours is {ours}");
        }
        ExistingFile::Named(other) => {
            return format!("the bytes of `{file}` already, as `{other}`");
        }
        ExistingFile::Unlisted => "the index does not list it".to_owned(),
        ExistingFile::Unknown(error) => error.to_string(),
    };
    format!(
        "a `{file}` already, according to its reply ({reason}), but it may be another one than ours (sha256 \
         {ours}): {why}"
    )
}

fn help_for_duplicate(existing: &ExistingFile, reason: &str) -> String {
    match existing {
        ExistingFile::Sha256(_) => {
            "the file name cannot be used again: release another version, or use the existing files"
        }
        ExistingFile::Named(_) => {
            "the index stores the same bytes only once: omit this file, or rebuild it"
        }
        // PyPI's text.
        _ if reason.contains("with blake2_256 hash") => {
            "an index with this reply accepts identical bytes again, so its file is different: the file name cannot be \
             used again, release another version"
        }
        ExistingFile::Unlisted => {
            "the index may list the file in some minutes: run the command again then, to compare hashes"
        }
        ExistingFile::Unknown(error) if matches!(**error, SimpleError::NoAddress { .. }) => {
            "to compare hashes, pass `--simple URL` or set `simple` in [index.NAME]"
        }
        ExistingFile::Unknown(error) => {
            error.help().unwrap_or("run the command again when the index can be reached, to compare hashes")
        }
    }
    .to_owned()
}

impl UploadError {
    /// Whether the index will never take the file.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { reason, .. } => is_final(reason),
            Self::Duplicate { existing: ExistingFile::Sha256(_) | ExistingFile::Named(_), .. } => true,
            _ => false,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Refused { status, reason, .. } => help_for(*status, reason),
            Self::Redirected { location, .. } => Some(if location.ends_with('/') && !location.contains('?') {
                format!("the URL may lack a slash at the end: set `{location}`, if it belongs to the index")
            } else {
                "set the URL that the index redirects to, if it belongs to the index".to_owned()
            }),
            Self::Duplicate { existing, reason, .. } => Some(help_for_duplicate(existing, reason)),
            Self::Changed { .. } => {
                Some("build again: the file is not the one that was checked".to_owned())
            }
            Self::Unreachable { source, .. } if innermost(source).contains(CERTIFICATE_REQUIRED) => Some(
                "the index requires a client certificate: set `client-certificate` of [index.NAME] to a file with \
                 yours and its key, or set `PYRELEASE_CLIENT_CERT_<INDEX>`"
                    .to_owned(),
            ),
            Self::Unreachable { source, .. } if innermost(source).contains(PROXY_AUTHENTICATION) => Some(
                "the proxy requires authentication: set `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`"
                    .to_owned(),
            ),
            Self::Unreachable { source, .. } if innermost(source).contains("certificate") => Some(
                "the server's certificate is not trusted: set `SSL_CERT_FILE` to the file of your authority, or \
                 `REQUESTS_CA_BUNDLE`; on a system without authorities, install `ca-certificates`"
                    .to_owned(),
            ),
            Self::Unreachable { .. } => Some("check the URL, the network and the proxy".to_owned()),
            Self::Credentials { source, .. } => source.help(),
            Self::Kept { .. } => Some(
                "the index does not check files as PyPI does: delete that file there, and do not pass `--probe`"
                    .to_owned(),
            ),
            Self::File { .. } => Some("restore the file: nothing of it was stored".to_owned()),
            Self::Ambiguous { .. } | Self::Stopped { .. } => None,
        }
    }

    /// Whether a retry may succeed; an untrusted certificate stays one.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => {
                let cause = innermost(source);
                ![CERTIFICATE_REQUIRED, "certificate", PROXY_AUTHENTICATION]
                    .iter()
                    .any(|word| cause.contains(word))
            }
            Self::Ambiguous { .. } => true,
            _ => false,
        }
    }

    /// Whether the error is typical of a server under too many parallel requests.
    pub fn is_overload(&self) -> bool {
        matches!(self, Self::Ambiguous { status: Some(500 | 502 | 503), .. })
    }

    /// Whether the server seems to be down for a while.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Ambiguous { status: None | Some(502..=504), retry_after: None, .. } => true,
            Self::Unreachable { .. } => self.is_transient(),
            _ => false,
        }
    }

    /// Whether the index may have the file nevertheless.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Ambiguous { .. } | Self::Stopped { all_sent: true, .. })
    }
}
