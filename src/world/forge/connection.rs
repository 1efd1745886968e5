//! Requests to a forge: retried where that is safe, delayed as the forge asks, with the forge's own words for errors.

use std::io::{Cursor, Read as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::blocking::{Body, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LINK, LOCATION};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use super::address::{ForgeAddress, ForgeKind};
use super::asset::Asset;
use super::failure::{Failure, ForgeResult};
use super::token::Token;
use crate::error::{Error, Result};
use crate::text::safe;
use crate::world::Environment;
use crate::world::http::{self, Http, read_at_most};
use crate::world::process::Since;

/// Retries after a missing reply or a server error
const REPEATS: u32 = 3;
/// Retries after the forge asked to wait
const LATER: u32 = 5;
/// The longest wait that a forge may ask for: longer ones end the command
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// The wait if the forge does not say how long
const WAIT: Duration = Duration::from_secs(60);
/// The time for a reply; uploads have more
const PATIENCE: Duration = Duration::from_secs(60);
/// The slowest accepted upload, in bytes per second
const SLOWEST: u64 = 32 << 10;
/// The longest reply that is read, in bytes
const LARGEST: u64 = 32 << 20;
/// Entries per page of a list: what every forge allows
pub(super) const PAGE: usize = 50;
/// Pages of a list that are read
const PAGES: usize = 200;
/// Between the parts of a form; no distribution has it, since it is text of our own between line ends
const BOUNDARY: &str = "pyrelease-form-7d1b8c0f5a";

/// A forge, as far as it is asked about one repository
pub struct Forge<'a> {
    pub(super) address: &'a ForgeAddress,
    http: Http,
    pub(super) token: &'a Token,
    began: Since,
    /// Is told why a request waits
    tell: &'a dyn Fn(&str),
}

/// Whether a request may be repeated if its outcome is not known
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It reads, or does nothing a second time
    Safe,
    /// It would be done twice
    Unsafe,
}

/// What a request sends
#[derive(Clone, Copy)]
pub(super) enum Payload<'a> {
    Nothing,
    Json(&'a Value),
    File(&'a Path, &'a Asset),
    /// A file as the field `attachment` of a form
    Form(&'a Path, &'a Asset),
}

/// A reply, whatever its status
pub(super) struct Reply {
    pub(super) status: StatusCode,
    early: Option<Duration>,
    location: Option<String>,
    has_next: bool,
    body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl<'a> Forge<'a> {
    /// Connects to a forge. `tell` is told why a request waits.
    ///
    /// # Errors
    /// The HTTP client could not be set up, or the token would be sent unencrypted.
    pub fn new(
        address: &'a ForgeAddress,
        token: &'a Token,
        environment: &Environment,
        tell: &'a dyn Fn(&str),
    ) -> Result<Self> {
        // The address may come from a journal.
        http::check_url(&address.api).map_err(|error| Error::failed(error.to_string()))?;
        let http =
            Http::new(environment).map_err(|error| Error::failed("failed to set up HTTPS").because(error))?;
        Ok(Self { address, http, token, began: Since::now(), tell })
    }

    /// A URL of the repository in the API: each part is escaped.
    pub(super) fn url(&self, parts: &[&str]) -> Result<Url> {
        let mut url = Url::parse(&self.address.api).map_err(|error| Error::failed(error.to_string()))?;
        let own = self.address.parts();
        let mut path = url.path_segments_mut().map_err(|()| Error::failed("a URL without a path"))?;
        path.pop_if_empty().extend(own.iter().chain(parts));
        drop(path);
        Ok(url)
    }

    /// Sends a request until there is a final reply.
    pub(super) fn send(
        &self,
        repeat: Repeat,
        method: &Method,
        url: &Url,
        payload: Payload<'_>,
    ) -> ForgeResult<Reply> {
        let (mut repeats, mut later) = (0, 0);
        loop {
            let reply = self.send_once(method, url, payload);
            let early = reply.as_ref().ok().and_then(|reply| reply.early);
            let in_trouble = reply
                .as_ref()
                .map_or_else(|failure| failure.in_doubt, |reply| reply.status.is_server_error());
            let wait = match early {
                Some(wait) if wait <= LONGEST_WAIT && later < LATER => {
                    later += 1;
                    wait
                }
                None if in_trouble && repeat == Repeat::Safe && repeats < REPEATS => {
                    repeats += 1;
                    Duration::from_millis(125 << repeats)
                }
                _ => return reply,
            };
            self.wait(wait)
                .map_err(|error| Failure { error, in_doubt: in_trouble && repeat == Repeat::Unsafe })?;
        }
    }

    fn send_once(&self, method: &Method, url: &Url, payload: Payload<'_>) -> ForgeResult<Reply> {
        let kind = self.address.kind;
        let secret = self.token.expose();
        let request = self.http.request(method.clone(), url.clone()).timeout(PATIENCE);
        let request = match kind {
            ForgeKind::Github => request
                // As GitHub recommends, and as its API description declares
                .header(ACCEPT, "application/vnd.github+json, application/json")
                .header("X-GitHub-Api-Version", "2022-11-28")
                .header(AUTHORIZATION, format!("Bearer {secret}")),
            ForgeKind::Gitlab if self.token.is_job_token() => request.header("JOB-TOKEN", secret),
            ForgeKind::Gitlab => request.header("PRIVATE-TOKEN", secret),
            ForgeKind::Gitea => request.header(AUTHORIZATION, format!("token {secret}")),
        };
        let open = |path: &Path, file: &Asset| {
            let open = fs_err::File::open(path).map_err(|error| Failure::refused(error.into()))?;
            Ok((open.into_file(), Duration::from_secs(300 + file.size / SLOWEST)))
        };
        let request = match payload {
            Payload::Nothing => request,
            Payload::Json(json) => request.json(json),
            Payload::File(path, file) => {
                let (open, limit) = open(path, file)?;
                request
                    .header(CONTENT_TYPE, "application/octet-stream")
                    .timeout(limit)
                    .body(Body::sized(open, file.size))
            }
            Payload::Form(path, file) => {
                let (open, limit) = open(path, file)?;
                let name = file.filename.replace('"', "%22");
                let head = format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"attachment\"; filename=\"{name}\"\r\n\
                     Content-Type: application/octet-stream\r\n\r\n"
                );
                let tail = format!("\r\n--{BOUNDARY}--\r\n");
                let size = (head.len() + tail.len()) as u64 + file.size;
                let form = Cursor::new(head).chain(open.take(file.size)).chain(Cursor::new(tail));
                request
                    .header(CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
                    .timeout(limit)
                    .body(Body::sized(form, size))
            }
        };
        request.send().map_err(|error| self.lost(error)).and_then(|response| self.read(response))
    }

    fn read(&self, response: Response) -> ForgeResult<Reply> {
        let headers = response.headers();
        let text =
            |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let has_next = headers.get(LINK).is_some_and(|link| text(link).contains("rel=\"next\""));
        let location = headers.get(LOCATION).map(text);
        let (status, early) = (response.status(), too_early(response.status(), headers));
        let body = read_at_most(response, LARGEST).map_err(|error| self.lost(error))?;
        Ok(Reply { status, early, location, has_next, body })
    }

    fn lost(&self, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
        let error = Error::failed(format!("{} did not answer", self.address.host)).because(error);
        Failure { error, in_doubt: true }
    }

    /// Waits before a repeated request.
    pub(super) fn wait(&self, wait: Duration) -> Result<()> {
        if wait > Duration::from_secs(2) {
            (self.tell)(&format!("waiting {} s, as {} asks", wait.as_secs(), self.address.host));
        }
        let until = SystemTime::now() + wait;
        while let Ok(left) = until.duration_since(SystemTime::now()) {
            if self.began.is_interrupted() {
                return Err(Error::interrupted());
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
        Ok(())
    }

    /// The body of a successful reply.
    pub(super) fn checked(&self, reply: Reply, what: &str) -> ForgeResult<Value> {
        let status = reply.status;
        if status.is_success() {
            return Ok(reply.json());
        }
        let (host, kind) = (&self.address.host, self.address.kind);
        let said = said(&reply.json());
        let error = Error::failed(format!("{host} did not {what}: {status}{}", safe(&said)));
        let error = match status {
            _ if reply.early.is_some() || said.contains("rate limit") => {
                let minutes = reply.early.unwrap_or(WAIT).as_secs().div_ceil(60);
                error.help(format!("the token's rate limit is exceeded; try again in {minutes} minutes"))
            }
            StatusCode::UNAUTHORIZED => {
                error.help(format!("the token in {} is not valid or has expired", self.token.source))
            }
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => error.help(format!(
                "check that {} is the repository, and that the token in {} has {}",
                self.address.repository,
                self.token.source,
                kind.permission()
            )),
            _ if status.is_redirection() => error.help(format!(
                "{host} redirects to {}: update the remote's URL, or `url` and `repository` in [stage.forge-release]",
                safe(&reply.location.unwrap_or_default())
            )),
            _ => error,
        };
        Err(Failure { error, in_doubt: status.is_server_error() })
    }

    /// Fetches an object; none if it does not exist.
    pub(super) fn find(&self, parts: &[&str], what: &str) -> ForgeResult<Option<Value>> {
        let url = self.url(parts).map_err(Failure::refused)?;
        let reply = self.send(Repeat::Safe, &Method::GET, &url, Payload::Nothing)?;
        match reply.status {
            StatusCode::NOT_FOUND => Ok(None),
            _ => self.checked(reply, what).map(Some),
        }
    }

    /// Fetches all pages of a list, with these parameters.
    pub(super) fn list(&self, parts: &[&str], query: &[(&str, &str)], what: &str) -> ForgeResult<Vec<Value>> {
        let mut all = Vec::new();
        let size = if self.address.kind == ForgeKind::Gitea { "limit" } else { "per_page" };
        for page in 1..=PAGES {
            let mut url = self.url(parts).map_err(Failure::refused)?;
            let mut pairs = url.query_pairs_mut();
            pairs.extend_pairs(query);
            pairs.append_pair(size, &PAGE.to_string()).append_pair("page", &page.to_string());
            drop(pairs);
            let reply = self.send(Repeat::Safe, &Method::GET, &url, Payload::Nothing)?;
            let has_next = reply.has_next;
            let Value::Array(items) = self.checked(reply, what)? else {
                let error = format!("{} did not {what}: its reply is not a list", self.address.host);
                return Err(Failure::refused(Error::failed(error)));
            };
            let is_last = !has_next || items.is_empty();
            all.extend(items);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Sends a change and returns the reply's body.
    pub(super) fn change(
        &self,
        repeat: Repeat,
        method: Method,
        parts: &[&str],
        json: &Value,
        what: &str,
    ) -> ForgeResult<Value> {
        let url = self.url(parts).map_err(Failure::refused)?;
        self.checked(self.send(repeat, &method, &url, Payload::Json(json))?, what)
    }

    /// Deletes an object; succeeds if it does not exist.
    pub(super) fn delete(&self, parts: &[&str], what: &str) -> ForgeResult<()> {
        let url = self.url(parts).map_err(Failure::refused)?;
        let reply = self.send(Repeat::Safe, &Method::DELETE, &url, Payload::Nothing)?;
        match reply.status {
            StatusCode::NOT_FOUND => Ok(()),
            _ => self.checked(reply, what).map(drop),
        }
    }
}

/// How long the forge asks to wait, if it refused the request for that reason.
///
/// GitHub's secondary limits come as 403 with `Retry-After`, its primary one with `X-RateLimit-Remaining: 0`; GitLab and
/// Gitea answer 429.
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
        // The forge's clock may differ from ours.
        return Some(reset.duration_since(SystemTime::now()).unwrap_or_default() + Duration::from_secs(1));
    }
    (status == StatusCode::TOO_MANY_REQUESTS).then_some(WAIT)
}

/// The forge's error message, with its details: a text, a list or an object, by its kind.
fn said(reply: &Value) -> String {
    let mut said = Vec::new();
    for key in ["message", "error"] {
        match &reply[key] {
            Value::String(text) if !text.is_empty() => said.push(text.clone()),
            Value::Null | Value::String(_) => {}
            other => said.push(other.to_string()),
        }
    }
    for error in reply["errors"].as_array().into_iter().flatten() {
        let text = |key: &str| error[key].as_str().filter(|text| !text.is_empty());
        said.extend(text("message").map(str::to_owned).or_else(|| {
            let field = text("field").map(|field| format!("`{field}` ")).unwrap_or_default();
            Some(format!("{field}{}", text("code")?.replace('_', " ")))
        }));
    }
    let said: String = said.iter().map(|said| format!(": {said}")).collect();
    said.chars().take(1000).collect()
}
