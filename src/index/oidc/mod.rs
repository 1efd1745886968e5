//! Trusted publishing: an identity that whoever runs this machine vouches for, exchanged with the index for a token that
//! is good for some minutes (<https://docs.pypi.org/trusted-publishers/>).
//!
//! A token is made just before the first upload and never earlier, because its making can create the project. It is
//! made again where it would expire. After the last upload the index is asked to forget it; PyPI's own server has no such
//! address (404), so that its token is good until it expires.

mod error;
mod identity;

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

use super::IndexAddress;
use crate::world::Environment;
use crate::world::http::{Http, HttpError, Patience, read_at_most};

/// `never`, or `always` for nothing else
pub(super) const VARIABLE: &str = "PYRELEASE_TRUSTED_PUBLISHING";
/// For one request; an account with hundreds of projects keeps PyPI busy for many seconds
const PATIENCE: Duration = Duration::from_secs(60);
/// For saying that a token is not needed any more
const FAREWELL: Duration = Duration::from_secs(10);
/// A token that is good for less than this is not begun an upload with, if another can be had
const RESERVE: Duration = Duration::from_secs(5 * 60);
/// PyPI's tokens are good for 15 minutes, so that no new one is good for longer than this
const LONGEST: Duration = Duration::from_secs(14 * 60);
/// Of a reply, in bytes
const LARGEST_REPLY: u64 = 64 << 10;

/// Whoever runs this, as an index knows it
pub struct Publisher {
    index: String,
    /// `https://pypi.org/_/oidc/`
    base: Url,
    identity: Identity,
    environment: Environment,
    minted: Mutex<Vec<Minted>>,
}

/// A token that the index made for us
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

/// What the index says instead of giving a token
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
    /// Where the environment offers an identity and the index takes such; nobody is asked yet.
    pub(super) fn offered(environment: &Environment, index: &IndexAddress) -> Option<Self> {
        if !index.trusts_publishers() || environment.get(VARIABLE) == Some("never") {
            return None;
        }
        let identity = Identity::offered(environment, &index.name)?;
        let mut base = index.upload.clone();
        // PyPI takes uploads at another host than the one that has all else.
        if base.host_str() == Some("upload.pypi.org") {
            base.set_host(Some("pypi.org")).ok()?;
        }
        base.set_path("/_/oidc/");
        base.set_query(None);
        let (index, environment) = (index.name.clone(), environment.clone());
        Some(Self { index, base, identity, environment, minted: Mutex::default() })
    }

    /// Who vouches for whom, for the user.
    pub(super) fn source(&self) -> String {
        format!("trusted publishing ({})", self.identity.provider())
    }

    /// What PyPI will say no to whatever is registered there.
    pub(super) fn objection(&self) -> Option<&'static str> {
        let is_foreign = self.environment.get("GITHUB_EVENT_NAME") == Some("pull_request_target");
        (self.identity == Identity::GitHub && is_foreign)
            .then_some("PyPI trusts no workflow that `pull_request_target` has started")
    }

    /// Whether PyPI takes attestations from it.
    pub(super) fn may_attest(&self) -> bool {
        !self.identity.is_activestates(&self.environment, &self.index)
    }

    /// A token that will be good for an upload which may take `time`: the one at hand, or a new one.
    pub(super) fn token(&self, time: Duration, now: Timestamp) -> Result<SecretString, OidcError> {
        // Of several that ask at once, the first has it made and the others wait for it.
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |minted: &Minted| minted.expires.duration_since(now);
        let wanted = (RESERVE + time).min(LONGEST);
        let local_runs = minted
            .last()
            .filter(|minted| left(minted).unsigned_abs() >= wanted && left(minted).is_positive());
        if let Some(local_runs) = local_runs {
            return Ok(local_runs.token.clone());
        }
        match self.mint(now) {
            Ok(new) => {
                let token = new.token.clone();
                minted.push(new);
                Ok(token)
            }
            // An identity of GitLab's is good for one token; what is left of that may do.
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
        // An index that asks for what is meant for another would act there in our name.
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
        let said = token.expires.and_then(|expires| Timestamp::from_second(expires).ok());
        // One that is over already says that the clocks differ.
        let expires = said.filter(|expires| *expires > now).unwrap_or(fallback);
        Ok(Minted { token: token.token.into(), expires })
    }

    /// Who speaks to the index, which may ask for a client's certificate.
    fn http(&self) -> Result<Http, HttpError> {
        Http::for_index(&self.environment, &self.index, Patience::default())
    }

    fn address(&self, name: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{name}", self.base.path()));
        url
    }

    /// The index's answer, or why it gave none.
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
            // Whatever is wrong with it, it may hold a token.
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

    /// Everything that the index has made for us, for whoever has to strike it out of a text.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        let minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        minted.iter().map(|minted| minted.token.clone()).collect()
    }
}

/// Whether an audience is known to be, or names, somebody else than the index at a host: an identity that is meant for a
/// cloud opens what the job may do there.
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

/// Asks the index to forget the tokens, which are not needed any more. Where it does not, they expire.
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
            let _ = http.post(url.clone()).timeout(FAREWELL).json(&body).send();
        }
    }
}

#[cfg(test)]
mod tests;
