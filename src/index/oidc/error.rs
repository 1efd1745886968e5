//! What can go wrong with trusted publishing, in the index's words, and what to do about each.

use thiserror::Error;

use crate::world::http::HttpError;

/// Kept of what the other side says, in characters
const LONGEST: usize = 400;

/// Why there is no token
#[derive(Debug, Error)]
pub enum OidcError {
    #[error("HTTPS cannot be set up")]
    Https(#[source] Box<HttpError>),
    #[error("failed to reach `{url}`")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("`{url}` answered something that is no answer to the question")]
    Nonsense { url: String },
    #[error("`{index}` makes no token for a trusted publisher: HTTP {status} {message}")]
    Status { index: String, status: u16, message: String },
    /// In the index's own words; what the identity says of itself is no secret
    #[error("`{index}` makes no token for this trusted publisher: {description} ({code})")]
    Refused { index: String, code: String, description: String, claims: Vec<(String, String)> },
    #[error("`{index}` asks for an identity that is meant for `{audience}`, which is somebody else")]
    Impostor { index: String, audience: String },
    #[error("{provider} gives no identity: {reason}")]
    NoIdentity { provider: &'static str, reason: String },
}

impl OidcError {
    /// The same, with what the identity that was refused says of itself.
    pub(super) fn about(mut self, said: Vec<(String, String)>) -> Self {
        if let Self::Refused { claims, .. } = &mut self {
            *claims = said;
        }
        self
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Https(_) => "look at the certificates that the environment names".to_owned(),
            Self::Unreachable { .. } => "check the network and the proxy; nothing has been uploaded".to_owned(),
            Self::Nonsense { .. } | Self::Impostor { .. } => {
                "is `upload` the right address? An index without trusted publishing needs a token".to_owned()
            }
            Self::Status { status: 404, .. } => {
                "this index knows nothing of trusted publishing: leave out `trusted-publishing`, and use a token"
                    .to_owned()
            }
            Self::Status { .. } => {
                "try again; with a token, trusted publishing is not needed".to_owned()
            }
            Self::Refused { code, description, claims, .. } => for_code(code, description, claims),
            Self::NoIdentity { provider: "GitHub", .. } => {
                "the job needs `permissions: id-token: write`".to_owned()
            }
            Self::NoIdentity { provider: "Google Cloud", .. } => {
                "the machine needs a service account that may make identity tokens (`GOOGLE_SERVICE_ACCOUNT_NAME`)"
                    .to_owned()
            }
            Self::NoIdentity { .. } => {
                "the job needs `id_tokens` with the index's audience (docs.pypi.org/trusted-publishers)".to_owned()
            }
        }
    }
}

fn for_code(code: &str, description: &str, claims: &[(String, String)]) -> String {
    match code {
        "not-enabled" => {
            "the index has switched it off, perhaps for this issuer only and for a while: use a token meanwhile".to_owned()
        }
        "invalid-payload" if description.contains("issuer") => {
            "PyPI takes identities of GitHub, GitLab, Google Cloud and ActiveState: use a token".to_owned()
        }
        "invalid-payload" => "the identity is damaged: is the variable it comes from complete?".to_owned(),
        "invalid-token" => {
            "the identity does not hold: it may have expired, or be meant for another index; run the job again".to_owned()
        }
        "invalid-pending-publisher" => {
            "the project does not exist and nothing is registered that would create it: register a pending publisher \
             in the account's publishing settings; if its name was taken meanwhile, choose another"
                .to_owned()
        }
        "invalid-publisher" => {
            let claims = claims.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>();
            let seen = if claims.is_empty() { String::new() } else { format!("; this job is: {}", claims.join(", ")) };
            format!(
                "register this job in the project's publishing settings, or correct what is registered there: every \
                 name has to agree{seen}"
            )
        }
        "invalid-reuse-token" => {
            "an identity is good for one token, and this one has been used: run the job again, as a whole".to_owned()
        }
        _ => "the index's words are all that is known; a token does without trusted publishing".to_owned(),
    }
}

/// What somebody else has written, as one line that a terminal shows as it is.
pub(super) fn plain(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}
