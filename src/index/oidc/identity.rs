//! Gets an identity: the platform that runs this machine signs a statement (a JWT) about the job, for one audience.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use reqwest::blocking::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::error::plain;
use super::{LARGEST_REPLY, OidcError, VARIABLE};
use crate::world::Environment;
use crate::world::http::{Http, check_url, read_at_most};

/// Where GitHub's runner issues identities, and the token for that
const REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
const SERVICE_ACCOUNT: &str = "GOOGLE_SERVICE_ACCOUNT_NAME";
/// Variables of Google's own tools that override the default hosts
const METADATA: (&str, &str) = ("GCE_METADATA_HOST", "metadata.google.internal");
const IAM: (&str, &str) =
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", "https://iamcredentials.googleapis.com/");
/// ActiveState's issuer. It uploads from its own platform, where only its own publishing program gets an identity.
/// One can only come here by hand, in `<AUDIENCE>_ID_TOKEN`.
const ACTIVESTATE: &str = "https://platform.activestate.com/api/v1/oauth/oidc";
/// The claims by which the index recognises an identity
const IDENTIFYING_CLAIMS: [&str; 13] = [
    "sub",
    "repository",
    "repository_owner",
    "job_workflow_ref",
    "workflow_ref",
    "environment",
    "project_path",
    "ci_config_ref_uri",
    "email",
    "organization",
    "project",
    "actor",
    "builder",
];

/// The platform that issues the identity
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// GitHub Actions
    GitHub,
    /// Any issuer, by `<AUDIENCE>_ID_TOKEN`: GitLab by convention, others by hand
    Variable,
    /// Google Cloud, for the machine's account or one that it may impersonate
    Google,
}

impl Identity {
    /// The first that the environment offers.
    pub(super) fn offered(environment: &Environment, index: &str) -> Option<Self> {
        let has = |name: &str| environment.get(name).is_some();
        if has("GITHUB_ACTIONS") && has(REQUEST_URL) && has(REQUEST_TOKEN) {
            Some(Self::GitHub)
        } else if has(&variable(index)) {
            Some(Self::Variable)
        } else if has(SERVICE_ACCOUNT) || environment.get(VARIABLE) == Some("always") {
            Some(Self::Google)
        } else {
            None
        }
    }

    /// Whether ActiveState is the issuer; PyPI accepts no attestations from its publishers.
    pub(super) fn is_from_activestate(self, environment: &Environment, index: &str) -> bool {
        let identity = environment.get(&variable(index)).filter(|_| self == Self::Variable);
        let issuer = identity.and_then(|identity| payload(identity)?.get("iss")?.as_str().map(str::to_owned));
        issuer.is_some_and(|issuer| issuer == ACTIVESTATE)
    }

    pub(super) fn provider(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::Variable => "an identity token in the environment",
            Self::Google => "Google Cloud",
        }
    }

    /// The identity for an audience.
    pub(super) fn token(
        self,
        http: &Http,
        environment: &Environment,
        audience: &str,
        patience: Duration,
    ) -> Result<SecretString, OidcError> {
        let none = |reason: String| OidcError::NoIdentity { provider: self.provider(), reason };
        match self {
            Self::GitHub => {
                let address = environment.get(REQUEST_URL).unwrap_or_default();
                let mut url =
                    check_url(address).map_err(|error| none(format!("`{REQUEST_URL}`: {error}")))?;
                url.query_pairs_mut().append_pair("audience", audience);
                let request = http.get(url).bearer_auth(environment.get(REQUEST_TOKEN).unwrap_or_default());
                field(request.timeout(patience), "value").map_err(none)
            }
            Self::Variable => {
                let name = variable(audience);
                let token = environment.get(&name).ok_or_else(|| none(format!("`{name}` is not set")))?;
                Ok(token.trim().into())
            }
            Self::Google => {
                let metadata = environment.get(METADATA.0).unwrap_or(METADATA.1);
                let ask = |path: &str, query: &[(&str, &str)]| {
                    let address = format!(
                        "http://{metadata}/computeMetadata/v1/instance/service-accounts/default/{path}"
                    );
                    let mut url =
                        Url::parse(&address).map_err(|_| format!("`{}` is not a valid host", METADATA.0))?;
                    url.query_pairs_mut().extend_pairs(query);
                    Ok::<_, String>(http.get(url).timeout(patience).header("Metadata-Flavor", "Google"))
                };
                let Some(account) = environment.get(SERVICE_ACCOUNT) else {
                    let request =
                        ask("identity", &[("audience", audience), ("format", "full")]).map_err(none)?;
                    return text(request).map(SecretString::from).map_err(none);
                };
                let access = field(ask("token", &[]).map_err(none)?, "access_token").map_err(none)?;
                let iam = environment.get(IAM.0).unwrap_or(IAM.1);
                let url = check_url(iam)
                    .ok()
                    .and_then(|url| {
                        url.join(&format!("v1/projects/-/serviceAccounts/{account}:generateIdToken")).ok()
                    })
                    .ok_or_else(|| none(format!("`{}` is not a valid URL", IAM.0)))?;
                let body = json!({ "audience": audience, "includeEmail": true });
                let request =
                    http.post(url).timeout(patience).bearer_auth(access.expose_secret()).json(&body);
                field(request, "token").map_err(none)
            }
        }
    }
}

/// The variable for an audience: `PYPI_ID_TOKEN` for `pypi`.
fn variable(audience: &str) -> String {
    let letters = audience.chars().map(|letter| match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_uppercase(),
        _ => '_',
    });
    format!("{}_ID_TOKEN", letters.collect::<String>())
}

fn text(request: RequestBuilder) -> Result<String, String> {
    let response = request.send().map_err(|error| error.without_url().to_string())?;
    let status = response.status();
    let body = read_at_most(response, LARGEST_REPLY).map_err(|error| error.to_string())?;
    let body = String::from_utf8(body).map_err(|_| "the reply is not UTF-8".to_owned())?;
    if status.is_success() {
        Ok(body.trim().to_owned())
    } else {
        Err(format!("HTTP {status} {}", plain(&body)))
    }
}

/// A field of a JSON reply. Errors do not quote the reply, which may hold secrets.
fn field(request: RequestBuilder, name: &str) -> Result<SecretString, String> {
    let text = text(request)?;
    let value: Value = serde_json::from_str(&text).map_err(|_| "the reply is not JSON".to_owned())?;
    value
        .get(name)
        .and_then(Value::as_str)
        .map(SecretString::from)
        .ok_or_else(|| format!("the reply has no `{name}`"))
}

/// The claims of an identity that must match the registered publisher. Verifies nothing, and leaves out the
/// signature.
pub(super) fn claims(identity: &str) -> Vec<(String, String)> {
    let claims = payload(identity).unwrap_or_default();
    let value = |name: &str| Some((name.to_owned(), plain(claims.get(name)?.as_str()?)));
    IDENTIFYING_CLAIMS.iter().filter_map(|name| value(name)).collect()
}

/// The audience of an identity, if it is another one than this. The index would refuse such an identity, and must not
/// get it.
pub(super) fn other_audience(identity: &str, audience: &str) -> Option<String> {
    let claims = payload(identity)?;
    let named: Vec<&str> = match claims.get("aud")? {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    (!named.contains(&audience)).then(|| named.join(", "))
}

pub(super) fn payload(identity: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(identity.trim().split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}
