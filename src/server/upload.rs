//! `POST /legacy/`: checks an upload in PyPI's order, and answers in JSON if the client accepts it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::ext::ReasonPhrase;
use jiff::Timestamp;
use tokio::task::{block_in_place, spawn_blocking};

use super::accounts::{Account, PresentedToken};
use super::attested::provenance;
use super::form::{Content, Form, LARGEST_FILE, Receiver};
use super::multipart::Multipart;
use super::refusal::{Refusal, refuse};
use super::rules::{check_filename, claim};
use super::settings::{Publisher, Status};
use super::store::Upload;
use super::{Rules, Shared};
use crate::python::filename::normalize;

/// The limit of a whole upload, in bytes. It is higher than that of a file, so that a file that is too large gets
/// PyPI's reply.
const LARGEST_UPLOAD: u64 = 4 * LARGEST_FILE;
/// The limits of a file and of an upload that need not be PyPI's, in bytes
const LENIENT_LIMIT: u64 = 8 << 30;

pub(super) async fn upload(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (largest_file, largest) = match shared.rules {
        Rules::Pypi => (LARGEST_FILE, LARGEST_UPLOAD),
        Rules::Lenient => (LENIENT_LIMIT, LENIENT_LIMIT),
    };
    let Some(multipart) = Multipart::new(&headers, body, largest) else {
        return answer(&headers, refuse("Invalid Form Data."));
    };
    let incoming = || shared.store.incoming();
    let mut receiver = Receiver { multipart, memory: &shared.memory, largest_file, incoming: &incoming };
    let outcome = match authenticate(&headers, shared.account.as_deref()) {
        Ok(presented) => match receiver.receive().await {
            Ok((form, content)) => {
                let action = form.get(":action").or_else(|| action_in(&uri)).map(str::to_owned);
                judge(&shared, presented.as_ref(), action.as_deref(), form, content).await
            }
            Err(refused) => Err(refused),
        },
        Err(refused) => Err(refused),
    };
    receiver.multipart.drain().await;
    answer(&headers, outcome)
}

/// The action in the URL, where PyPI also accepts it.
fn action_in(uri: &Uri) -> Option<&str> {
    let mut parameters = uri.query()?.split('&').filter_map(|parameter| parameter.split_once('='));
    parameters
        .find(|(name, _)| matches!(*name, ":action" | "%3Aaction" | "%3aaction"))
        .map(|(_, value)| value)
}

/// `/legacy`: PyPI also requires the trailing slash.
pub(super) async fn without_slash(headers: HeaderMap) -> Response {
    let message =
        "An upload was attempted to /legacy but the expected upload URL is /legacy/ (with a trailing slash)";
    let mut response = answer(&headers, Err(Refusal::with_status(308, message)));
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/legacy/"));
    response
}

async fn judge(
    shared: &Arc<Shared>,
    presented: Option<&PresentedToken>,
    action: Option<&str>,
    form: Form,
    content: Option<Content>,
) -> Result<(), Refusal> {
    match action {
        Some("file_upload") => {}
        Some("submit" | "submit_pkg_info" | "doc_upload") => {
            return Err(Refusal::with_status(410, "This action is no longer supported."));
        }
        _ => return Err(Refusal::with_status(404, "Not Found")),
    }
    let claim = block_in_place(|| claim(&form, shared.rules))?;
    let Some(content) = content else { return refuse("Upload payload does not have a file.") };
    let now = Timestamp::now();
    shared.store.check_project(&claim)?;
    let publishers = &shared.settings.trusted_publishing.publisher;
    let publisher = match (&shared.account, presented) {
        (Some(account), Some(presented)) => account.permit(presented, &claim.name, publishers, now)?,
        _ => None,
    };
    shared.check_status(&claim.name, publisher)?;
    claim.check_rendered()?;
    // It is kept until the file is stored, also if the client is gone by then.
    let turn = Arc::clone(&shared.judging).acquire_owned().await;
    shared.check_rendering(&claim).await?;
    check_filename(&claim, &content.filename)?;
    if content.image && shared.rules == Rules::Pypi {
        return refuse("Invalid distribution file.");
    }
    if content.too_large {
        let largest = if shared.rules == Rules::Pypi { LARGEST_FILE } else { LENIENT_LIMIT };
        return refuse(format!(
            "File too large. Limit for project '{}' is {} MB.",
            claim.name,
            largest >> 20
        ));
    }
    let digests = &content.digests;
    let agrees =
        |claimed: &Option<String>, found: &str| claimed.as_ref().is_none_or(|claimed| claimed == found);
    if !agrees(&claim.sha256, &digests.sha256) || !agrees(&claim.blake2_256, &digests.blake2_256) {
        return refuse("The digest supplied does not match a digest calculated from the uploaded file.");
    }
    let provenance =
        provenance(form.filled("attestations"), publisher, shared.rules, &content.filename, &digests.sha256)?;
    let upload = Upload { claim, form, content, provenance };
    let shared = Arc::clone(shared);
    let keep = move || {
        let kept = shared.store.keep(upload, now);
        drop(turn);
        kept
    };
    spawn_blocking(keep).await.unwrap_or_else(|error| Err(Refusal::with_status(500, error.to_string())))
}

impl Shared {
    /// Refuses new files of a project that is archived or, for trusted publishers, quarantined.
    fn check_status(&self, project: &str, publisher: Option<&Publisher>) -> Result<(), Refusal> {
        let refuse = |who: &str| {
            let message = format!("{who} isn't allowed to upload to project '{project}'.");
            Err(Refusal::with_status(403, message))
        };
        match (self.settings.project(&normalize(project)).status, publisher) {
            (Status::Archived, None) => refuse("The user 'pyrelease'"),
            (Status::Archived | Status::Quarantined, Some(_)) => refuse("The given token"),
            _ => Ok(()),
        }
    }
}

/// The request's token, if one is needed; it must be one of the index's. Its restrictions are checked later, when the
/// project is known.
fn authenticate(headers: &HeaderMap, account: Option<&Account>) -> Result<Option<PresentedToken>, Refusal> {
    let Some(account) = account else { return Ok(None) };
    let forbidden = |message: &str| Err(Refusal::with_status(403, message));
    let unknown = "Invalid or non-existent authentication information.";
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some((scheme, value)) = header.split_once(' ') else { return forbidden(unknown) };
    let given = match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => value.trim().to_owned(),
        "basic" => {
            let decoded =
                BASE64_STANDARD.decode(value.trim()).ok().and_then(|pair| String::from_utf8(pair).ok());
            let Some((user, password)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) else {
                return forbidden(unknown);
            };
            if user != "__token__" {
                return forbidden(
                    "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted \
                     Publishers instead.",
                );
            }
            password.trim().to_owned()
        }
        _ => return forbidden(unknown),
    };
    match account.recognize(&given) {
        Some(presented) => Ok(Some(presented)),
        None => forbidden(unknown),
    }
}

fn answer(headers: &HeaderMap, outcome: Result<(), Refusal>) -> Response {
    let Err(Refusal { status, message }) = outcome else { return StatusCode::OK.into_response() };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let in_json = headers
        .get_all(ACCEPT)
        .iter()
        .any(|accepted| accepted.to_str().is_ok_and(|accepted| accepted.contains("application/json")));
    let code = format!("{} {message}", status.as_u16());
    let mut response = if in_json {
        let title = status.canonical_reason().unwrap_or_default();
        let body = serde_json::json!({ "message": message, "code": code, "title": title });
        (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    } else {
        (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{code}\n")).into_response()
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    // As on PyPI: many clients show nothing but the reason.
    let visible: Vec<u8> =
        message.bytes().map(|byte| if matches!(byte, b' '..=b'~') { byte } else { b'?' }).collect();
    if let Ok(reason) = ReasonPhrase::try_from(visible) {
        response.extensions_mut().insert(reason);
    }
    response
}
