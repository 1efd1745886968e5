//! Why trusted publishing fails, in the index's words, and what to do about it.

use thiserror::Error;

use crate::world::http::HttpError;

/// The longest quote of a reply, in characters
const LONGEST: usize = 400;

/// Why there is no token
#[derive(Debug, Error)]
pub enum OidcError {
    #[error("failed to set up HTTPS")]
    Https(#[source] Box<HttpError>),
    #[error("failed to reach `{url}`")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("the reply of `{url}` is not valid")]
    Nonsense { url: String },
    #[error("`{index}` refused a token for trusted publishing: HTTP {status} {message}")]
    Status { index: String, status: u16, message: String },
    /// In the index's words; the identity's claims are not secret
    #[error("`{index}` refused a token for this trusted publisher: {description} ({code})")]
    Refused { index: String, code: String, description: String, claims: Vec<(String, String)> },
    #[error("`{index}` asks for an identity for `{audience}`, which is another service")]
    Impostor { index: String, audience: String },
    #[error("failed to get an identity from {provider}: {reason}")]
    NoIdentity { provider: &'static str, reason: String },
    #[error("the job cannot sign attestations: {reason}")]
    CannotSign { reason: String },
}

impl OidcError {
    /// Adds the claims of the identity that was refused.
    pub(super) fn about(mut self, refused: Vec<(String, String)>) -> Self {
        if let Self::Refused { claims, .. } = &mut self {
            *claims = refused;
        }
        self
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Https(_) => "check the certificate variables in the environment".to_owned(),
            Self::Unreachable { .. } => {
                "check the network and the proxy; nothing has been uploaded".to_owned()
            }
            Self::Nonsense { .. } | Self::Impostor { .. } => {
                "check the index's `upload` URL; an index without trusted publishing needs a token".to_owned()
            }
            Self::Status { status: 404, .. } => {
                "this index does not support trusted publishing: remove `trusted-publishing` and use a token"
                    .to_owned()
            }
            Self::Status { .. } => "try again, or use a token instead".to_owned(),
            Self::Refused { code, description, claims, .. } => for_code(code, description, claims),
            Self::CannotSign { .. } => {
                "attestations are made by a workflow that is itself registered as a trusted publisher"
                    .to_owned()
            }
            Self::NoIdentity { provider: "GitHub", .. } => {
                "set `permissions: id-token: write` for the job".to_owned()
            }
            Self::NoIdentity { provider: "Google Cloud", .. } => {
                "set `GOOGLE_SERVICE_ACCOUNT_NAME` to a service account that may create identity tokens"
                    .to_owned()
            }
            Self::NoIdentity { .. } => {
                "set `id_tokens` with the index's audience for the job (docs.pypi.org/trusted-publishers)"
                    .to_owned()
            }
        }
    }
}

fn for_code(code: &str, description: &str, claims: &[(String, String)]) -> String {
    match code {
        "not-enabled" => {
            "the index has disabled it, perhaps temporarily for this issuer: use a token until then".to_owned()
        }
        "invalid-payload" if description.contains("issuer") => {
            "PyPI supports GitHub, GitLab, Google Cloud and ActiveState as issuers: use a token".to_owned()
        }
        "invalid-payload" => "the identity is damaged: check that the variable with it is complete".to_owned(),
        "invalid-token" => {
            "the identity is not valid: it may have expired or be for another index; run the job again".to_owned()
        }
        "invalid-pending-publisher" => {
            "the project does not exist, and no pending publisher would create it: register a pending publisher \
             in the account's publishing settings; if the name has been taken since, choose another"
                .to_owned()
        }
        "invalid-publisher" => {
            let claims = claims.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>();
            let seen = if claims.is_empty() { String::new() } else { format!("; this job is: {}", claims.join(", ")) };
            format!(
                "register this job in the project's publishing settings, or correct the publisher there: every \
                 value must match{seen}"
            )
        }
        "invalid-reuse-token" => {
            "an identity is valid for one token, and this one has been used: run the whole job again".to_owned()
        }
        _ => "use a token instead of trusted publishing".to_owned(),
    }
}

/// Turns text from a server into one line without control characters, cut at [`LONGEST`].
pub(super) fn plain(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}
