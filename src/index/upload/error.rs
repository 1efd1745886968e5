//! Why an upload failed, what is known of the index afterwards, and what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::index::refusals::{help_for, is_final};
use crate::index::send::{CERTIFICATE_REQUIRED, innermost};
use crate::index::{CredentialsError, SimpleError};

/// What a proxy says to whoever has not said who they are
const PROXY_ASKS: &str = "proxy authorization required";

/// Why a file was not uploaded, or is not known to be
#[derive(Debug, Error)]
pub enum UploadError {
    #[error("failed to read `{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Nothing was sent, or not all of it.
    #[error("`{file}` changed after it was built: its sha256 is {found}, but was {expected}")]
    Changed { file: String, expected: String, found: String },
    /// Nothing was stored.
    #[error("`{index}` refused `{file}`: {reason} (HTTP {status})")]
    Refused { index: String, file: String, status: u16, reason: String, retry_after: Option<Duration> },
    /// Nothing was stored.
    #[error("`{index}` does not take `{file}` at its address: it redirects to `{location}`")]
    Redirected { index: String, file: String, location: String },
    /// Nothing was stored: the index has a file of that name.
    #[error("`{index}` has {}", duplicate(.file, .ours, .theirs, .reason))]
    Duplicate { index: String, file: String, ours: String, theirs: Theirs, reason: String },
    /// The file may be stored or not: ask the index for its hash before anything else.
    #[error("it is not known whether `{index}` stored `{file}`: {cause}")]
    Ambiguous {
        index: String,
        file: String,
        status: Option<u16>,
        cause: String,
        retry_after: Option<Duration>,
    },
    /// The sender gave up. What was not sent whole is not stored; the rest is not known.
    #[error("the upload of `{file}` to `{index}` was interrupted")]
    Stopped { index: String, file: String, all_sent: bool },
    /// Nothing was sent.
    #[error("there is nothing to sign in to `{index}` with, to upload `{file}`")]
    Credentials {
        index: String,
        file: String,
        #[source]
        source: Box<CredentialsError>,
    },
    /// What was sent to be refused was taken.
    #[error("`{index}` took something that is no distribution for `{file}`")]
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

/// What is known of a file that is in the way of another one
#[derive(Debug)]
pub enum Theirs {
    /// Its sha256, which is another one
    Sha256(String),
    /// The index lists no file of that name, and these very bytes under another one
    Named(Box<str>),
    /// The index lists no file of that name
    Unlisted,
    /// The index cannot be asked for it
    Unknown(Box<SimpleError>),
}

fn duplicate(file: &str, ours: &str, theirs: &Theirs, reason: &str) -> String {
    let why = match theirs {
        Theirs::Sha256(theirs) => {
            return format!("another `{file}` already: its sha256 is {theirs}, ours is {ours}");
        }
        Theirs::Named(other) => {
            return format!("the bytes of `{file}` already, under the name `{other}`");
        }
        Theirs::Unlisted => "it does not list it".to_owned(),
        Theirs::Unknown(error) => error.to_string(),
    };
    format!(
        "a `{file}` already, by its own words ({reason}); whether it is this one (sha256 {ours}) is not known: {why}"
    )
}

fn help_for_duplicate(theirs: &Theirs, reason: &str) -> String {
    match theirs {
        Theirs::Sha256(_) => {
            "a file name is taken for good: release another version, or use the files that are there"
        }
        Theirs::Named(_) => {
            "it takes the same bytes once, whatever they are called: do without this file, or build it anew under its name"
        }
        // PyPI's words.
        _ if reason.contains("with blake2_256 hash") => {
            "an index that says this takes the same bytes again, so that it has others: a file name is taken for good, \
             release another version"
        }
        Theirs::Unlisted => {
            "it may list the file in some minutes: say the same again then, and hashes decide"
        }
        Theirs::Unknown(error) if matches!(**error, SimpleError::NoAddress { .. }) => {
            "say where it lists files, and hashes decide: `--simple URL`, or `simple` in [index.NAME]"
        }
        Theirs::Unknown(error) => {
            error.help().unwrap_or("say the same again when it can be asked, and hashes decide")
        }
    }
    .to_owned()
}

impl UploadError {
    /// Whether the index will never take the file.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { reason, .. } => is_final(reason),
            Self::Duplicate { theirs: Theirs::Sha256(_) | Theirs::Named(_), .. } => true,
            _ => false,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Refused { status, reason, .. } => help_for(*status, reason),
            Self::Redirected { location, .. } => Some(if location.ends_with('/') && !location.contains('?') {
                format!("its address may lack a slash at the end: give `{location}`, if that is the index's own")
            } else {
                "give the address that the index redirects to, if it is the index's own".to_owned()
            }),
            Self::Duplicate { theirs, reason, .. } => Some(help_for_duplicate(theirs, reason)),
            Self::Changed { .. } => {
                Some("build again; what was checked is not what lies there now".to_owned())
            }
            Self::Unreachable { source, .. } if innermost(source).contains(CERTIFICATE_REQUIRED) => Some(
                "the index asks for a client's certificate: name the file of yours and its key in `client-certificate` \
                 of [index.NAME], or in `PYRELEASE_CLIENT_CERT_<INDEX>`"
                    .to_owned(),
            ),
            Self::Unreachable { source, .. } if innermost(source).contains(PROXY_ASKS) => Some(
                "the proxy asks who you are: put it into its address, `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`"
                    .to_owned(),
            ),
            Self::Unreachable { source, .. } if innermost(source).contains("certificate") => Some(
                "the server's certificate is not trusted: name the file of your authority in `SSL_CERT_FILE` or \
                 `REQUESTS_CA_BUNDLE`; a system without any needs its `ca-certificates` package"
                    .to_owned(),
            ),
            Self::Unreachable { .. } => Some("check the address, the network and the proxy".to_owned()),
            Self::Credentials { source, .. } => source.help(),
            Self::Kept { .. } => Some(
                "it does not look into files as PyPI does: delete that one there, and do without `--probe`"
                    .to_owned(),
            ),
            Self::File { .. } => Some("put the file back as it was: nothing of it was stored".to_owned()),
            Self::Ambiguous { .. } | Self::Stopped { .. } => None,
        }
    }

    /// Whether it may go away by itself: a certificate that is not trusted does not.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => {
                let cause = innermost(source);
                ![CERTIFICATE_REQUIRED, "certificate", PROXY_ASKS].iter().any(|word| cause.contains(word))
            }
            Self::Ambiguous { .. } => true,
            _ => false,
        }
    }

    /// Whether the server failed as one does that is asked for too much at once.
    pub fn is_overload(&self) -> bool {
        matches!(self, Self::Ambiguous { status: Some(500 | 502 | 503), .. })
    }

    /// Whether the server seems to be away for a while.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Ambiguous { status: None | Some(502..=504), retry_after: None, .. } => true,
            Self::Unreachable { .. } => self.is_passing(),
            _ => false,
        }
    }

    /// Whether the index may have the file all the same.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Ambiguous { .. } | Self::Stopped { all_sent: true, .. })
    }
}
