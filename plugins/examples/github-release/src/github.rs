//! As much of GitHub's interface as a release needs.

use std::time::Duration;

use pyrelease_plugin::{Error, Result};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

/// Releases that are looked through for a draft: it is a new one
const LOOKED_THROUGH: usize = 100;

pub(crate) struct GitHub {
    client: Client,
    /// Of the repository
    address: Url,
    token: String,
}

/// A release as GitHub tells of it
#[derive(Debug, Deserialize)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) html_url: String,
    tag_name: String,
    draft: bool,
    upload_url: String,
}

impl GitHub {
    pub(crate) fn new(api: &str, repository: &str, token: &str) -> Result<Self> {
        let address = Url::parse(&format!("{}/repos/{repository}/", api.trim_end_matches('/')))?;
        let is_here = matches!(address.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if address.scheme() != "https" && !is_here {
            return Err(Error::new(format!("the token would go to {address} in the clear")).hint("use https"));
        }
        let client = Client::builder()
            .user_agent(concat!("pyrelease-github-release/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_secs(300))
            // A token is for the address that it was sent to.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, address, token: token.to_owned() })
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client
            .request(method, url)
            .header(ACCEPT, "application/vnd.github+json")
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header("X-GitHub-Api-Version", "2022-11-28")
    }

    fn of(&self, path: &str) -> Result<Url> {
        Ok(self.address.join(path)?)
    }

    /// The release that everybody sees under a tag.
    pub(crate) fn published(&self, tag: &str) -> Result<Option<Release>> {
        let mut url = self.of("releases/tags/")?;
        // As a part of the path, whatever is in it.
        url.path_segments_mut()
            .map_err(|()| Error::new("an address without a path"))?
            .pop_if_empty()
            .push(tag);
        let response = self.request(Method::GET, url).send()?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let release: Release = checked(response, "look for the release")?.json()?;
        Ok((!release.draft).then_some(release))
    }

    /// The draft of a tag, which only those see who may write.
    pub(crate) fn drafted(&self, tag: &str) -> Result<Option<Release>> {
        let mut url = self.of("releases")?;
        url.query_pairs_mut().append_pair("per_page", &LOOKED_THROUGH.to_string());
        let releases: Vec<Release> =
            checked(self.request(Method::GET, url).send()?, "list the releases")?.json()?;
        Ok(releases.into_iter().find(|release| release.draft && release.tag_name == tag))
    }

    pub(crate) fn draft(&self, draft: &Value) -> Result<Release> {
        let response = self.request(Method::POST, self.of("releases")?).json(draft).send()?;
        Ok(checked(response, "draft the release")?.json()?)
    }

    /// Uploads an asset, to where the draft says: only its owner's own host gets the token.
    pub(crate) fn upload(&self, draft: &Release, filename: &str, bytes: Vec<u8>) -> Result<()> {
        let address = draft.upload_url.split('{').next().unwrap_or_default();
        let mut url = Url::parse(address)?;
        let host = |url: &Url| (url.scheme().to_owned(), url.host_str().unwrap_or_default().to_owned());
        let (own, other) = (host(&self.address), host(&url));
        let is_known =
            own == other || (own.1 == "api.github.com" && other == (own.0, "uploads.github.com".to_owned()));
        if !is_known {
            return Err(Error::new(format!("assets would go to {}, which is not GitHub's", other.1)));
        }
        url.query_pairs_mut().append_pair("name", filename);
        let response = self
            .request(Method::POST, url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, bytes.len())
            .body(bytes)
            .send()?;
        checked(response, &format!("upload {filename}")).map(drop)
    }

    pub(crate) fn publish(&self, id: u64) -> Result<()> {
        let url = self.of(&format!("releases/{id}"))?;
        let response = self.request(Method::PATCH, url).json(&json!({"draft": false})).send()?;
        checked(response, "publish the release").map(drop)
    }

    pub(crate) fn delete(&self, id: u64) -> Result<()> {
        let response = self.request(Method::DELETE, self.of(&format!("releases/{id}"))?).send()?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        checked(response, "delete the draft").map(drop)
    }
}

/// The reply, unless it says no.
fn checked(response: Response, what: &str) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let said =
        response.json::<Value>().ok().and_then(|reply| Some(reply.get("message")?.as_str()?.to_owned()));
    let error = Error::new(format!("GitHub did not {what}: {status}: {}", said.unwrap_or_default()));
    Err(match status {
        StatusCode::UNAUTHORIZED => error.hint("the token is wrong or has expired"),
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            error.hint("the token needs `contents: write` for the repository")
        }
        _ => error,
    })
}
