//! Trusted publishing: exchanges an identity, signed by the platform that runs this machine, for an index token that
//! is valid for some minutes (<https://docs.pypi.org/trusted-publishers/>).
//!
//! The token is requested just before the first upload and never earlier, because that can create the project. It is
//! requested again if it would expire. After the last upload the index is asked to revoke it; PyPI's own server has no
//! such endpoint (404), so there the token is valid until it expires.

mod error;
mod identity;
mod signing;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

pub use error::OidcError;
use identity::Identity;
pub use signing::SigningIdentity;

use super::IndexAddress;
use crate::world::Environment;
use crate::world::http::{Http, HttpError, Timeouts, read_at_most};

/// `never`, or `always` to allow nothing else
pub(super) const VARIABLE: &str = "PYRELEASE_TRUSTED_PUBLISHING";
/// The timeout of a request; PyPI takes many seconds for an account with hundreds of projects
const PATIENCE: Duration = Duration::from_secs(60);
/// The timeout of the request that revokes a token
const BURN_TIMEOUT: Duration = Duration::from_secs(10);
/// The shortest remaining validity that an upload may start with, if another token can be had
const RESERVE: Duration = Duration::from_secs(5 * 60);
/// PyPI's tokens are valid for 15 minutes; do not require more than this of a new one
const LONGEST: Duration = Duration::from_secs(14 * 60);
/// Of a reply, in bytes
const LARGEST_REPLY: u64 = 64 << 10;

/// A trusted publisher: what runs here, as the index knows it
pub struct Publisher {
    index: String,
    /// `https://pypi.org/_/oidc/`
    base: Url,
    identity: Identity,
    environment: Environment,
    minted: Mutex<Vec<Minted>>,
}

/// A token that the index issued
struct Minted {
    token: SecretString,
    expires: Timestamp,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Audience {
    audience: String,
}

#[derive(Deserialize)]
struct Token {
    token: String,
    /// In seconds since 1970
    expires: Option<i64>,
}

/// The index's reply instead of a token
#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    code: String,
    #[serde(default)]
    description: String,
}

impl Publisher {
    /// The publisher, if the environment offers an identity and the index supports trusted publishing; sends nothing.
    pub(super) fn offered(environment: &Environment, index: &IndexAddress) -> Option<Self> {
        if !index.trusts_publishers() || environment.get(VARIABLE) == Some("never") {
            return None;
        }
        let identity = Identity::offered(environment, &index.name)?;
        let mut base = index.upload.clone();
        // PyPI has a separate host for uploads.
        if base.host_str() == Some("upload.pypi.org") {
            base.set_host(Some("pypi.org")).ok()?;
        }
        base.set_path("/_/oidc/");
        base.set_query(None);
        let (index, environment) = (index.name.clone(), environment.clone());
        Some(Self { index, base, identity, environment, minted: Mutex::default() })
    }

    /// The identity provider, for the user.
    pub(super) fn source(&self) -> String {
        format!("trusted publishing ({})", self.identity.provider())
    }

    /// Why PyPI will refuse it, however it is registered.
    pub(super) fn objection(&self) -> Option<&'static str> {
        let is_foreign = self.environment.get("GITHUB_EVENT_NAME") == Some("pull_request_target");
        (self.identity == Identity::GitHub && is_foreign)
            .then_some("PyPI does not accept trusted publishing from `pull_request_target` workflows")
    }

    /// Whether PyPI accepts attestations from it.
    pub(super) fn may_attest(&self) -> bool {
        !self.identity.is_from_activestate(&self.environment, &self.index)
    }

    /// A token that is valid long enough for an upload that takes `time`: the current one, or a new one.
    pub(super) fn token(&self, time: Duration, now: Timestamp) -> Result<SecretString, OidcError> {
        // While one thread requests a token, the others wait for it.
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |minted: &Minted| minted.expires.duration_since(now);
        let wanted = (RESERVE + time).min(LONGEST);
        let current = minted
            .last()
            .filter(|minted| left(minted).unsigned_abs() >= wanted && left(minted).is_positive());
        if let Some(current) = current {
            return Ok(current.token.clone());
        }
        match self.mint(now) {
            Ok(new) => {
                let token = new.token.clone();
                minted.push(new);
                Ok(token)
            }
            // GitLab's identity is valid for one token only; use what remains of that one.
            Err(error) => match minted.last().filter(|minted| left(minted).is_positive()) {
                Some(old) => Ok(old.token.clone()),
                None => Err(error),
            },
        }
    }

    fn mint(&self, now: Timestamp) -> Result<Minted, OidcError> {
        let https = |error| OidcError::Https(Box::new(error));
        let http = self.http().map_err(https)?;
        let url = self.address("audience");
        let request = http.get(url.clone()).timeout(PATIENCE);
        let Audience { audience } = self.reply(&url, request)?;
        // An index that asks for another service's audience could act there in our name.
        if is_for_another(&audience, self.base.host_str().unwrap_or_default()) {
            return Err(OidcError::Impostor { index: self.index.clone(), audience: error::plain(&audience) });
        }
        let identity = self.identity.token(
            &Http::new(&self.environment).map_err(https)?,
            &self.environment,
            &audience,
            PATIENCE,
        )?;
        if let Some(other) = identity::other_audience(identity.expose_secret(), &audience) {
            return Err(OidcError::Impostor { index: self.index.clone(), audience: error::plain(&other) });
        }
        let url = self.address("mint-token");
        let body = json!({ "token": identity.expose_secret() });
        let request = http.post(url.clone()).timeout(PATIENCE).json(&body);
        let token: Token = self
            .reply(&url, request)
            .map_err(|error| error.about(identity::claims(identity.expose_secret())))?;
        let fallback = now + jiff::SignedDuration::try_from(LONGEST).unwrap_or_default();
        let expires = token.expires.and_then(|expires| Timestamp::from_second(expires).ok());
        // An expiry in the past means that the clocks differ.
        let expires = expires.filter(|expires| *expires > now).unwrap_or(fallback);
        Ok(Minted { token: token.token.into(), expires })
    }

    /// The HTTP client for the index, with a client certificate if one is configured.
    fn http(&self) -> Result<Http, HttpError> {
        Http::for_index(&self.environment, &self.index, Timeouts::default())
    }

    fn address(&self, name: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{name}", self.base.path()));
        url
    }

    /// The index's reply, or why there is none.
    fn reply<T: DeserializeOwned>(
        &self,
        url: &Url,
        request: reqwest::blocking::RequestBuilder,
    ) -> Result<T, OidcError> {
        let response = request.send().map_err(|source| OidcError::Unreachable {
            url: url.to_string(),
            source: source.without_url(),
        })?;
        let status = response.status().as_u16();
        let body = read_at_most(response, LARGEST_REPLY).unwrap_or_default();
        if status == 200 {
            // Do not quote an invalid reply: it may hold a token.
            return serde_json::from_slice(&body).map_err(|_| OidcError::Nonsense { url: url.to_string() });
        }
        let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
        let index = self.index.clone();
        match refusal.errors.into_iter().next() {
            Some(Reason { code, description }) => Err(OidcError::Refused {
                index,
                code,
                description: error::plain(&description),
                claims: Vec::new(),
            }),
            None => Err(OidcError::Status { index, status, message: error::plain(&refusal.message) }),
        }
    }

    /// All tokens that the index issued, to redact them.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        let minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        minted.iter().map(|minted| minted.token.clone()).collect()
    }
}

/// Whether an audience names another service than the index at this host. An identity for a cloud grants whatever the
/// job may do there.
fn is_for_another(audience: &str, host: &str) -> bool {
    let within = |one: &str, other: &str| one == other || one.ends_with(&format!(".{other}"));
    let audience = audience.to_ascii_lowercase();
    match audience.as_str() {
        "pypi" | "testpypi" => !within(host, "pypi.org"),
        "sigstore" | "vault" => true,
        _ => {
            let named = audience.split_once("//").map_or(audience.as_str(), |(_, rest)| rest);
            let named = named.split(['/', ':']).next().unwrap_or_default();
            let is_address = audience.contains("//") || named.contains('.');
            is_address && !within(host, named) && !within(named, host)
        }
    }
}

/// Revokes the tokens; if that fails, they expire.
impl Drop for Publisher {
    fn drop(&mut self) {
        let minted = std::mem::take(self.minted.get_mut().unwrap_or_else(PoisonError::into_inner));
        let Some(http) = (!minted.is_empty()).then(|| self.http().ok()).flatten() else {
            return;
        };
        let mut url = self.base.clone();
        url.set_path(&format!("{}burn-token", self.base.path()));
        for minted in minted {
            let body = json!({ "token": minted.token.expose_secret() });
            let _ = http.post(url.clone()).timeout(BURN_TIMEOUT).json(&body).send();
        }
    }
}

#[cfg(test)]
mod tests;
