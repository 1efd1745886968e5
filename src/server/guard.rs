//! Protects the index from pages in the user's browser: a page of another site must neither upload (cross-site
//! requests) nor read (DNS rebinding), and what is uploaded must not run in pages of the index.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Shared;

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(super) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(request.headers(), shared.is_local) {
        Some(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CORP, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Why a request is not answered.
fn refusal(headers: &HeaderMap, is_local: bool) -> Option<&'static str> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(&HOST).unwrap_or_default();
    if host.is_empty() || headers.get_all(HOST).iter().count() > 1 {
        return Some("the request needs one Host header");
    }
    if is_local && !is_name_of_this_machine(host) {
        return Some("the Host header is not a name of this machine");
    }
    if let Some(origin) = text(&ORIGIN)
        && origin.strip_prefix("http://") != Some(host)
    {
        return Some("the request comes from a page of another site");
    }
    // A link from another site may lead here, and only show a page.
    let is_link = text(&HeaderName::from_static("sec-fetch-mode")) == Some("navigate");
    (matches!(text(&SITE), Some("cross-site" | "same-site")) && !is_link)
        .then_some("the request comes from a page of another site")
}

/// Whether a Host header is an address, which no name server can make up, or `localhost`.
fn is_name_of_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_localhost =
        name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    is_localhost || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        refusal(&headers.collect(), true).is_some()
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in
            ["127.0.0.1:80", "localhost", "LOCALHOST:8080", "[::1]:80", "index.localhost:1", "10.0.0.1"]
        {
            assert!(!is_refused(&[("host", host)]), "{host}");
        }
        for host in
            ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", ""]
        {
            assert!(is_refused(&[("host", host)]), "{host}");
        }
        assert!(is_refused(&[]));
    }

    #[test]
    fn a_page_of_another_site_gets_no_answer() {
        let host = ("host", "127.0.0.1:80");
        assert!(!is_refused(&[host, ("origin", "http://127.0.0.1:80")]));
        for origin in ["http://evil.example", "null", "http://127.0.0.1:81", "https://127.0.0.1:80"] {
            assert!(is_refused(&[host, ("origin", origin)]), "{origin}");
        }
        assert!(is_refused(&[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]));
        assert!(!is_refused(&[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(!is_refused(&[host, ("sec-fetch-site", "none")]));
    }
}
