//! `POST /legacy/`: checks an upload in PyPI's order, and answers in JSON if the client accepts it.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::Shared;
use super::accounts::{Account, PresentedToken};
use super::form::LARGEST_FILE;
use super::form::{drain, receive};
use super::refusal::{Refusal, refuse};
use super::rules::{check_filename, claim};

pub(super) async fn upload(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    multipart: Result<Multipart, MultipartRejection>,
) -> Response {
    let Ok(mut multipart) = multipart else {
        return answer(&headers, refuse("Invalid Form Data."));
    };
    let outcome = match authenticate(&headers, shared.account.as_deref()) {
        Ok(presented) => judge(&shared, presented.as_ref(), &mut multipart).await,
        Err(refused) => Err(refused),
    };
    if outcome.is_err() {
        drain(&mut multipart).await;
    }
    answer(&headers, outcome)
}

/// `/legacy`: PyPI also requires the trailing slash.
pub(super) async fn without_slash(headers: HeaderMap) -> Response {
    let message =
        "An upload was attempted to /legacy but the expected upload URL is /legacy/ (with a trailing slash)";
    let mut response = answer(&headers, Err(Refusal { status: 308, message: message.to_owned() }));
    response.headers_mut().insert(LOCATION, axum::http::HeaderValue::from_static("/legacy/"));
    response
}

async fn judge(
    shared: &Arc<Shared>,
    presented: Option<&PresentedToken>,
    multipart: &mut Multipart,
) -> Result<(), Refusal> {
    let (form, content) = receive(multipart, &|| shared.store.incoming()).await?;
    match form.get(":action") {
        Some("file_upload") => {}
        Some(_) => {
            return Err(Refusal { status: 410, message: "This action is no longer supported.".to_owned() });
        }
        None => return Err(Refusal { status: 404, message: "Not Found".to_owned() }),
    }
    let claim = claim(&form)?;
    let Some(content) = content else { return refuse("Upload payload does not have a file.") };
    if let (Some(account), Some(presented)) = (&shared.account, presented) {
        account.permit(presented, &claim.name, Timestamp::now())?;
    }
    check_filename(&claim, &content.filename)?;
    if content.image {
        return refuse("Invalid distribution file.");
    }
    if content.too_large {
        return refuse(format!(
            "File too large. Limit for project '{}' is {} MB.",
            claim.name,
            LARGEST_FILE >> 20
        ));
    }
    let digests = &content.digests;
    let agrees =
        |claimed: &Option<String>, found: &str| claimed.as_ref().is_none_or(|claimed| claimed == found);
    if !agrees(&claim.sha256, &digests.sha256) || !agrees(&claim.blake2_256, &digests.blake2_256) {
        return refuse("The digest supplied does not match a digest calculated from the uploaded file.");
    }
    let shared = shared.clone();
    spawn_blocking(move || shared.store.keep(&claim, content, Timestamp::now()))
        .await
        .unwrap_or_else(|error| Err(Refusal { status: 500, message: error.to_string() }))
}

/// The request's token, if one is needed; it must be one of the index's. Its restrictions are checked later, when the
/// project is known.
fn authenticate(headers: &HeaderMap, account: Option<&Account>) -> Result<Option<PresentedToken>, Refusal> {
    let Some(account) = account else { return Ok(None) };
    let forbidden = |message: &str| Err(Refusal { status: 403, message: message.to_owned() });
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
    if in_json {
        let title = status.canonical_reason().unwrap_or_default();
        let body = serde_json::json!({ "message": message, "code": code, "title": title });
        (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    } else {
        (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{code}\n")).into_response()
    }
}
