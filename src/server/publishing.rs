//! Trusted publishing: exchanges the identity of a job, a JWT that its platform signed, for a token of the index.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256};
use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;

use super::Shared;
use super::settings::Publisher;
use crate::input;
use crate::world::http::{Http, check_url, read_at_most};

/// How long a token is valid, in seconds, as on PyPI
const VALIDITY: i64 = 900;
/// How far clocks may differ, in seconds
const LEEWAY: i64 = 30;
/// How long an issuer's keys are kept
const KEYS_FOR: Duration = Duration::from_secs(300);
/// The limit for a reply of an issuer, in bytes
const LARGEST_REPLY: u64 = 1 << 20;
/// How many used identities are remembered; each is forgotten when it expires
const MOST_USED: usize = 100_000;

/// The state of trusted publishing
#[derive(Default)]
pub(super) struct Exchange {
    /// By issuer
    keys: Mutex<HashMap<String, KnownKeys>>,
    /// The identities that were exchanged, by issuer and `jti`, and when they expire
    used: Mutex<HashMap<(String, String), i64>>,
}

/// The keys of an issuer
#[derive(Clone)]
struct KnownKeys {
    read: Instant,
    keys: Arc<Vec<Key>>,
}

/// A public key of an issuer (RFC 7517)
#[derive(Debug, Clone, Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

#[derive(Deserialize)]
struct KeySet {
    /// Some may be of kinds that are not known
    keys: Vec<Value>,
}

/// Why an identity is not exchanged, in PyPI's words
#[derive(Debug)]
struct Denial {
    code: &'static str,
    description: String,
}

fn deny<T>(code: &'static str, description: impl Into<String>) -> Result<T, Denial> {
    Err(Denial { code, description: description.into() })
}

/// `GET /_/oidc/audience`
pub(super) async fn audience(State(shared): State<Arc<Shared>>) -> Response {
    let publishing = &shared.settings.trusted_publishing;
    if publishing.publisher.is_empty() {
        let message = json!({ "message": "Trusted publishing functionality not enabled" });
        return reply(StatusCode::FORBIDDEN, &message);
    }
    reply(StatusCode::OK, &json!({ "audience": publishing.audience }))
}

/// `POST /_/oidc/mint-token`
pub(super) async fn mint(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let minted = spawn_blocking(move || exchange(&shared, &body, Timestamp::now())).await;
    match minted.unwrap_or_else(|error| deny("invalid-payload", error.to_string())) {
        Ok(token) => reply(StatusCode::OK, &token),
        Err(Denial { code, description }) => {
            let errors = json!([{ "code": code, "description": description }]);
            let body = json!({ "message": "Token request failed", "errors": errors });
            reply(StatusCode::UNPROCESSABLE_ENTITY, &body)
        }
    }
}

fn reply(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn exchange(shared: &Shared, body: &[u8], now: Timestamp) -> Result<Value, Denial> {
    #[derive(Deserialize)]
    struct Request {
        token: String,
    }
    let publishers = &shared.settings.trusted_publishing.publisher;
    let Some(account) = shared.account.as_ref().filter(|_| !publishers.is_empty()) else {
        return deny("not-enabled", "Trusted publishing functionality not enabled");
    };
    let request: Request = serde_json::from_slice(body)
        .or_else(|error| deny("invalid-payload", format!("the request is not valid: {error}")))?;
    let Some(identity) = Identity::parse(&request.token) else {
        return deny("invalid-payload", "malformed JWT");
    };
    let issuer = identity.text("iss");
    let of_issuer: Vec<&Publisher> =
        publishers.iter().filter(|publisher| Some(publisher.issuer.as_str()) == issuer).collect();
    let Some(first) = of_issuer.first() else {
        return deny("invalid-payload", "unknown trusted publishing issuer");
    };
    let keys = shared.exchange.keys(shared, first)?;
    if !keys.iter().any(|key| identity.is_signed_by(key)) {
        return deny("invalid-token", "malformed or invalid token");
    }
    identity.check(&shared.settings.trusted_publishing.audience, now.as_second())?;
    let Some(publisher) = of_issuer.iter().find(|publisher| identity.is_of(publisher)) else {
        return deny(
            "invalid-publisher",
            "valid token, but no corresponding publisher (Publisher with matching claims was not found)",
        );
    };
    shared.exchange.use_once(&identity, now.as_second())?;
    let expires = now.as_second() + VALIDITY;
    let token = account.token_for(publisher, now, expires);
    Ok(json!({ "success": true, "token": token.expose_secret(), "expires": expires }))
}

/// A JWT, taken apart
struct Identity {
    /// What is signed
    signed: String,
    signature: Vec<u8>,
    algorithm: String,
    key: Option<String>,
    claims: Map<String, Value>,
}

impl Identity {
    fn parse(token: &str) -> Option<Self> {
        let (signed, signature) = token.trim().rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| {
            serde_json::from_slice::<Map<String, Value>>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let header = object(header)?;
        Some(Self {
            signed: signed.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            algorithm: header.get("alg")?.as_str()?.to_owned(),
            key: header.get("kid").and_then(Value::as_str).map(str::to_owned),
            claims: object(claims)?,
        })
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    fn is_signed_by(&self, key: &Key) -> bool {
        if self.key.is_some() && key.kid.is_some() && self.key != key.kid {
            return false;
        }
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let signed = self.signed.as_bytes();
        match (self.algorithm.as_str(), key.kty.as_str()) {
            ("RS256", "RSA") => RsaPublicKeyComponents { n: decode(&key.n), e: decode(&key.e) }
                .verify(&RSA_PKCS1_2048_8192_SHA256, signed, &self.signature)
                .is_ok(),
            ("ES256", "EC") => {
                let point = [vec![4], decode(&key.x), decode(&key.y)].concat();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(signed, &self.signature).is_ok()
            }
            _ => false,
        }
    }

    /// Checks that it is for this index and for now.
    fn check(&self, audience: &str, now: i64) -> Result<(), Denial> {
        let is_for = match self.claims.get("aud") {
            Some(Value::Array(several)) => several.len() == 1 && several[0] == audience,
            Some(one) => one == audience,
            None => false,
        };
        let second = |claim: &str| self.claims.get(claim).and_then(Value::as_f64).map(|at| at as i64);
        let is_valid = second("exp").is_some_and(|expires| now < expires + LEEWAY)
            && second("nbf").is_none_or(|begins| begins <= now + LEEWAY)
            && second("iat").is_none_or(|issued| issued <= now + LEEWAY);
        if is_for && is_valid { Ok(()) } else { deny("invalid-token", "malformed or invalid token") }
    }

    fn is_of(&self, publisher: &Publisher) -> bool {
        publisher.claims.iter().all(|(name, wanted)| {
            let found = match self.claims.get(name) {
                Some(Value::String(text)) => text.clone(),
                Some(other @ (Value::Number(_) | Value::Bool(_))) => other.to_string(),
                _ => return false,
            };
            match wanted.strip_suffix('*') {
                Some(beginning) => found.starts_with(beginning),
                None => found == *wanted,
            }
        })
    }
}

impl Exchange {
    /// Refuses an identity that was exchanged before.
    fn use_once(&self, identity: &Identity, now: i64) -> Result<(), Denial> {
        let Some(id) = identity.text("jti") else {
            return deny("invalid-token", "malformed or invalid token");
        };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, expires| *expires + LEEWAY > now);
        let key = (identity.text("iss").unwrap_or_default().to_owned(), id.to_owned());
        if used.contains_key(&key) || used.len() >= MOST_USED {
            return deny("invalid-reuse-token", "invalid token: already used");
        }
        let expires = identity.claims.get("exp").and_then(Value::as_f64).unwrap_or_default();
        used.insert(key, expires as i64);
        Ok(())
    }

    fn keys(&self, shared: &Shared, publisher: &Publisher) -> Result<Arc<Vec<Key>>, Denial> {
        let known = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&publisher.issuer).cloned();
        if let Some(known) = known.filter(|known| known.read.elapsed() < KEYS_FOR) {
            return Ok(known.keys);
        }
        let read = match &publisher.keys {
            Some(path) => read_keys(path),
            None => fetch_keys(shared, &publisher.issuer),
        };
        let keys = read.or_else(|why| {
            deny("not-enabled", format!("the keys of {} cannot be read: {why}", publisher.issuer))
        })?;
        let set: KeySet = serde_json::from_slice(&keys).or_else(|error| {
            deny("not-enabled", format!("the keys of {} are not a JWK Set: {error}", publisher.issuer))
        })?;
        let keys = Arc::new(set.keys.iter().filter_map(|key| Key::deserialize(key).ok()).collect::<Vec<_>>());
        let mut known = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(publisher.issuer.clone(), KnownKeys { read: Instant::now(), keys: Arc::clone(&keys) });
        Ok(keys)
    }
}

fn read_keys(path: &Path) -> Result<Vec<u8>, String> {
    input::read(path, LARGEST_REPLY).map_err(|error| error.to_string())
}

/// The keys that an issuer publishes (OpenID Connect Discovery).
fn fetch_keys(shared: &Shared, issuer: &str) -> Result<Vec<u8>, String> {
    let environment = shared.environment.as_ref().ok_or("this index has no network")?;
    let http = Http::new(environment).map_err(|error| error.to_string())?;
    let get = |address: &str| {
        let url = check_url(address).map_err(|error| error.to_string())?;
        let reply = http.get(url).send().and_then(reqwest::blocking::Response::error_for_status);
        let reply = reply.map_err(|error| error.to_string())?;
        read_at_most(reply, LARGEST_REPLY).map_err(|error| error.to_string())
    };
    let discovery = get(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))?;
    let discovery: Value = serde_json::from_slice(&discovery).map_err(|error| error.to_string())?;
    get(discovery["jwks_uri"].as_str().ok_or("it names no `jwks_uri`")?)
}
