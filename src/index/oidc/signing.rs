//! The identity that a trusted publisher signs attestations with: the job's, for the audience `sigstore`.

use secrecy::{ExposeSecret as _, SecretString};

use super::identity::{Identity, other_audience, payload};
use super::{OidcError, PATIENCE, Publisher};
use crate::python::attestation::{Attester, is_private};
use crate::world::http::Http;

/// What Sigstore's certificate authority expects identities to be for
const AUDIENCE: &str = "sigstore";
/// Where GitLab puts the identity for that audience
const VARIABLE: &str = "SIGSTORE_ID_TOKEN";

/// A job's identity for signing
pub struct SigningIdentity {
    pub token: SecretString,
    /// Who the job is, as PyPI knows it
    pub attester: Attester,
    /// Whether the job's repository is not public
    pub is_private: bool,
}

impl Publisher {
    /// Why the job has no identity to sign with, and what to do about it, as far as can be said without a request.
    pub(in crate::index) fn cannot_sign(&self) -> Option<(String, &'static str)> {
        let on_a_platform = "attestations are made in jobs of GitHub Actions and GitLab CI";
        match self.identity {
            _ if !self.may_attest() => {
                Some(("PyPI accepts no attestations from ActiveState".to_owned(), on_a_platform))
            }
            Identity::Google => Some(("Google Cloud's identity does not sign".to_owned(), on_a_platform)),
            Identity::Variable if self.environment.get(VARIABLE).is_none() => Some((
                format!("`{VARIABLE}` is not set"),
                "add to the job's `id_tokens`: `SIGSTORE_ID_TOKEN: { aud: sigstore }`",
            )),
            Identity::Variable | Identity::GitHub => None,
        }
    }

    /// Requests the job's identity to sign with.
    pub(in crate::index) fn signing_identity(&self) -> Result<SigningIdentity, OidcError> {
        let none = |reason: String| OidcError::NoIdentity { provider: self.identity.provider(), reason };
        if let Some((reason, _)) = self.cannot_sign() {
            return Err(OidcError::CannotSign { reason });
        }
        let http = Http::new(&self.environment).map_err(|error| OidcError::Https(Box::new(error)))?;
        let token = self.identity.token(&http, &self.environment, AUDIENCE, PATIENCE)?;
        // Another service could act with an identity that is for it.
        if let Some(other) = other_audience(token.expose_secret(), AUDIENCE) {
            return Err(none(format!("it is for `{other}`, not for `{AUDIENCE}`")));
        }
        let claims =
            payload(token.expose_secret()).ok_or_else(|| none("it is not a JSON Web Token".to_owned()))?;
        let attester = Attester::of(&claims).map_err(|reason| OidcError::CannotSign { reason })?;
        Ok(SigningIdentity { token, attester, is_private: is_private(&claims) })
    }
}
