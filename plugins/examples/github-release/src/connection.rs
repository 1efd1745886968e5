//! Requests to GitHub: made again where that is safe, put off where it wants that, and what it says in words.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyrelease_plugin::{Context, Error, Result};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

/// How often a request is made again that got no answer, or that of a server in trouble
const REPEATS: u32 = 3;
/// How often a request is made again that came too early
const LATER: u32 = 5;
/// How long is waited for GitHub to take requests again: the release is out, and nobody makes up for this stage
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// How long a request waits that was too many, when GitHub does not say
const WAIT: Duration = Duration::from_secs(60);

/// Whether a request may be made again when nobody knows whether it was done
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It asks, or does the same once more
    Safe,
    /// It would do it twice
    Unsafe,
}

pub(crate) struct Connection<'a> {
    client: Client,
    token: String,
    context: &'a Context<'a>,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(token: &str, context: &'a Context<'a>) -> Result<Self> {
        let client = Client::builder()
            .user_agent(concat!("pyrelease-github-release/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_secs(60))
            // A token is for the address that it was sent to.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, token: token.trim().to_owned(), context })
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client
            .request(method, url)
            // What GitHub advises, and what its description of the interface says that it gives
            .header(ACCEPT, "application/vnd.github+json, application/json")
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header("X-GitHub-Api-Version", "2022-11-28")
    }

    /// Makes a request until there is an answer that is one.
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
            self.context.info(format!("GitHub takes no more requests for {} seconds", wait.as_secs()));
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

/// How long GitHub wants to be left alone, where that is why it said no.
fn too_early(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let reset = UNIX_EPOCH + Duration::from_secs(number("x-ratelimit-reset")?);
        // Its clock is not ours.
        return Some(reset.duration_since(SystemTime::now()).unwrap_or_default() + Duration::from_secs(1));
    }
    (status == StatusCode::TOO_MANY_REQUESTS).then_some(WAIT)
}

/// The answer, unless it says no.
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
            error.hint(format!("the token has made too many requests; it may make more in {minutes} minutes"))
        }
        StatusCode::UNAUTHORIZED => error.hint("the token is wrong or has expired"),
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => error.hint(
            "the token needs `contents: write` for the repository, and `repository` has to be its name",
        ),
        _ if status.is_redirection() => error.hint(format!(
            "the repository has another name now, or `api` another address: it says {}",
            moved.unwrap_or_default()
        )),
        _ => error,
    })
}

/// What GitHub says is wrong, with its details.
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
