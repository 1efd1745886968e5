//! Makes and verifies attestations (PEP 740) with PyPI's own library. Signing takes a certificate for the job's identity
//! and writes a public log entry for each file, both at a Sigstore instance; verifying needs no network.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{Environment, ToolEnvironment, ToolsError};
use crate::python::attestation::Attester;
use crate::world::process::LineEvent;

const SCRIPT: &str = include_str!("../../../templates/tools/attest.py");
/// The longest wait for one file, which takes at most four requests of 30 s
const PATIENCE: Duration = Duration::from_secs(150);
/// Names a file with the client trust config of another Sigstore instance than the public one
const TRUST_CONFIG: &str = "PYRELEASE_SIGSTORE_TRUST_CONFIG";

/// The Sigstore instance that signs and is trusted
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreInstance {
    /// Its client trust config; none for the public instance, whose keys the library has
    trust_config: Option<PathBuf>,
}

/// A distribution, and its attestation
#[derive(Debug, Clone)]
pub struct AttestationFile<'a> {
    pub name: &'a str,
    pub sha256: &'a str,
    /// Where the attestation is, or will be
    pub path: PathBuf,
}

/// What to make or to verify
#[derive(Debug)]
pub struct AttestationRequest<'a> {
    pub files: &'a [AttestationFile<'a>],
    /// To sign: the job's identity for the audience `sigstore`. Without it, the files are verified.
    pub token: Option<&'a SecretString>,
    /// Who must have signed; none for anybody
    pub attester: Option<&'a Attester>,
    pub instance: &'a SigstoreInstance,
}

/// Why a file has no valid attestation
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttestationFailure {
    /// The certificate authority or the log does not answer, or says that it cannot
    Outage,
    /// The attestation does not verify
    Unverified,
    Failed,
}

/// The reply for one file
#[derive(Debug, Clone, Deserialize)]
pub struct AttestationReply {
    pub name: String,
    /// None if it is valid
    #[serde(default)]
    pub kind: Option<AttestationFailure>,
    /// Why it is not valid; empty if it is
    #[serde(default)]
    pub error: String,
    /// The index of its log entry, if it has one
    #[serde(default)]
    pub log_index: Option<u64>,
    /// The subject of its certificate: the address of a workflow at a commit or ref
    #[serde(default)]
    pub identity: String,
}

impl SigstoreInstance {
    /// The public instance, unless the environment names another.
    ///
    /// # Errors
    /// The file that it names does not exist.
    pub fn of(environment: &Environment) -> Result<Self, String> {
        let trust_config = environment.path(TRUST_CONFIG);
        match trust_config.as_ref().filter(|path| !path.is_file()) {
            Some(path) => Err(format!("`{}` (set by `{TRUST_CONFIG}`) is not a file", path.display())),
            None => Ok(Self { trust_config }),
        }
    }
}

impl ToolEnvironment {
    /// Makes the attestations of the files, in their order, or verifies those that exist. Each reply is given as soon as
    /// there is one. Stops signing after the first failure. A new attestation has been verified when its file is
    /// written, which happens whole or not at all.
    ///
    /// # Errors
    /// The library cannot be run.
    pub fn attest(
        &self,
        request: &AttestationRequest<'_>,
        on_reply: &mut dyn FnMut(AttestationReply),
    ) -> Result<(), ToolsError> {
        let files = request.files.iter().map(|file| {
            let path = file.path.to_str().unwrap_or_default();
            json!({ "name": file.name, "sha256": file.sha256, "path": path })
        });
        let input = json!({
            "files": files.collect::<Vec<_>>(),
            "token": request.token.map(|token| token.expose_secret()),
            "publisher": request.attester,
            "trust": request.instance.trust_config,
        });
        let process = self.process().arg("-c").arg(SCRIPT);
        let mut replies =
            process.line_stream(format!("{input}\n").into_bytes()).map_err(ToolsError::Attest)?;
        for file in request.files {
            let line = match replies.next(PATIENCE).map_err(ToolsError::Attest)? {
                LineEvent::Line(line) => line,
                LineEvent::TooLate => {
                    on_reply(AttestationReply {
                        name: file.name.to_owned(),
                        kind: Some(AttestationFailure::Outage),
                        error: format!("no answer within {} s", PATIENCE.as_secs()),
                        log_index: None,
                        identity: String::new(),
                    });
                    return Ok(());
                }
                LineEvent::Ended(ended) => return Err(ToolsError::Attest(ended.error)),
            };
            let reply: AttestationReply = serde_json::from_str(&line)
                .map_err(|error| ToolsError::Answer(format!("{error} in the reply for {}", file.name)))?;
            let is_last = reply.kind.is_some() && request.token.is_some();
            on_reply(reply);
            if is_last {
                break;
            }
        }
        Ok(())
    }
}
