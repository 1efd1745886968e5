//! Requests to GitHub: retried where safe, delayed by rate limits, with GitHub's error messages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyrelease_plugin::{Context, Error, Result};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

/// Retries after a missing reply or a server error
const REPEATS: u32 = 3;
/// Retries after rate limiting
const LATER: u32 = 5;
/// The longest wait for GitHub's rate limit: the release is out, and nothing else completes this stage
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// The wait after rate limiting, if GitHub does not specify one
const WAIT: Duration = Duration::from_secs(60);

/// Whether a request may be repeated if its outcome is unknown
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It reads, or is idempotent
    Safe,
    /// It would be done twice
    Unsafe,
}

pub(crate) struct Connection<'a> {
    client: Client,
    token: String,
    context: &'a Context<'a>,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(token: &str, context: &'a Context<'a>) -> Result<Self> {
        // Fails if there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("pyrelease-github-release/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_secs(60))
            // Do not follow redirects: the token is for this host only.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, token: token.trim().to_owned(), context })
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client
            .request(method, url)
            // As GitHub recommends, and as its API description declares
            .header(ACCEPT, "application/vnd.github+json, application/json")
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header("X-GitHub-Api-Version", "2022-11-28")
    }

    /// Sends a request until there is a final reply.
    pub(crate) fn send(
        &self,
        repeat: Repeat,
        request: impl Fn() -> Result<RequestBuilder>,
    ) -> Result<Response> {
        let (mut repeats, mut later) = (0, 0);
        loop {
            let sent = request()?.send();
            let wait = match &sent {
                Ok(response) => too_early(response.status(), response.headers()),
                Err(_) => None,
            };
            let in_trouble = sent.as_ref().map_or(true, |response| response.status().is_server_error());
            let wait = match wait {
                Some(wait) if wait <= LONGEST_WAIT && later < LATER => {
                    later += 1;
                    wait
                }
                None if in_trouble && repeat == Repeat::Safe && repeats < REPEATS => {
                    repeats += 1;
                    Duration::from_millis(250 << repeats)
                }
                _ => return Ok(sent?),
            };
            self.wait(wait)?;
        }
    }

    pub(crate) fn wait(&self, wait: Duration) -> Result<()> {
        if wait > Duration::from_secs(5) {
            self.context.info(format!("waiting {} seconds for GitHub's rate limit", wait.as_secs()));
        }
        let until = SystemTime::now() + wait;
        while let Ok(left) = until.duration_since(SystemTime::now()) {
            if self.context.is_cancelled() {
                return Err(Error::cancelled());
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
        Ok(())
    }
}

/// How long GitHub asks us to wait, if it refused the request for that reason.
fn too_early(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let reset = UNIX_EPOCH.checked_add(Duration::from_secs(number("x-ratelimit-reset")?))?;
        // GitHub's clock may differ from ours.
        return Some(reset.duration_since(SystemTime::now()).unwrap_or_default() + Duration::from_secs(1));
    }
    (status == StatusCode::TOO_MANY_REQUESTS).then_some(WAIT)
}

/// The reply, if it is a success.
pub(crate) fn checked(response: Response, what: &str) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let early = too_early(status, response.headers());
    let moved = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
    let said = said(&response.text().unwrap_or_default());
    let error = Error::new(format!("GitHub did not {what}: {status}{said}"));
    Err(match status {
        _ if early.is_some() || said.contains("rate limit") => {
            let minutes = early.unwrap_or(WAIT).as_secs().div_ceil(60);
            error.hint(format!("the token's rate limit is exceeded; try again in {minutes} minutes"))
        }
        StatusCode::UNAUTHORIZED => error.hint("the token is not valid or has expired"),
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => error.hint(
            "check that the token has `contents: write` for the repository, and that `repository` is its name",
        ),
        _ if status.is_redirection() => error.hint(format!(
            "update `repository` or `api`: GitHub redirects to {}",
            moved.unwrap_or_default()
        )),
        _ => error,
    })
}

/// GitHub's error message, with its details.
fn said(body: &str) -> String {
    let reply: Value = serde_json::from_str(body).unwrap_or_default();
    let mut said: Vec<String> = reply["message"].as_str().map(str::to_owned).into_iter().collect();
    for error in reply["errors"].as_array().into_iter().flatten() {
        let text = |key: &str| error[key].as_str().filter(|text| !text.is_empty());
        said.extend(text("message").map(str::to_owned).or_else(|| {
            let field = text("field").map(|field| format!("`{field}` ")).unwrap_or_default();
            Some(format!("{field}{}", text("code")?.replace('_', " ")))
        }));
    }
    said.iter().map(|said| format!(": {said}")).collect()
}
