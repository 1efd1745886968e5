//! The parts of GitHub's API that a release needs.

use std::fs::File;
use std::time::Duration;

use pyrelease_plugin::{Context, Distribution, Error, Result};
use reqwest::blocking::Response;
use reqwest::header::{CONTENT_TYPE, LINK};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::connection::{Connection, Repeat, checked};

/// Releases per page of the list: GitHub's maximum
const PAGE: usize = 100;
/// Pages to search: GitHub lists at most ten thousand releases
const PAGES: usize = 100;
/// Attempts to upload an asset
const UPLOADS: u64 = 3;
/// The slowest accepted upload, in bytes per second
const SLOWEST: u64 = 32 << 10;

pub(crate) struct GitHub<'a> {
    connection: Connection<'a>,
    /// The API URL of the repository
    address: Url,
}

/// A release as GitHub returns it
#[derive(Debug, Deserialize)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) html_url: String,
    pub(crate) draft: bool,
    tag_name: String,
    upload_url: String,
    body: Option<String>,
}

/// An asset of a release
#[derive(Debug, Deserialize)]
struct Asset {
    id: u64,
    /// Its name on GitHub, which may rename files
    name: String,
    label: Option<String>,
    state: String,
    size: u64,
    /// `sha256:...`, if GitHub's version supports it
    digest: Option<String>,
}

impl Asset {
    /// Whether the asset is the complete file.
    fn is(&self, file: &Distribution) -> bool {
        let digest = format!("sha256:{}", file.sha256);
        self.state == "uploaded"
            && self.size == file.size
            && self.digest.as_ref().is_none_or(|there| *there == digest)
    }
}

impl<'a> GitHub<'a> {
    pub(crate) fn new(api: &str, repository: &str, token: &str, context: &'a Context<'a>) -> Result<Self> {
        let address = Url::parse(&format!("{}/repos/{repository}/", api.trim_end_matches('/')))?;
        let is_here = matches!(address.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if address.scheme() != "https" && !is_here {
            return Err(
                Error::new(format!("the token would be sent to {address} unencrypted")).hint("use https")
            );
        }
        Ok(Self { connection: Connection::new(token, context)?, address })
    }

    fn of(&self, path: &str) -> Result<Url> {
        Ok(self.address.join(path)?)
    }

    /// The URL with a name as the last path segment, escaped.
    fn of_name(&self, path: &str, name: &str) -> Result<Url> {
        let mut url = self.of(path)?;
        url.path_segments_mut().map_err(|()| Error::new("a URL without a path"))?.pop_if_empty().push(name);
        Ok(url)
    }

    fn ask(&self, url: &Url) -> Result<Response> {
        self.connection.send(Repeat::Safe, || Ok(self.connection.request(Method::GET, url.clone())))
    }

    /// Fetches an object; `None` if it does not exist.
    fn find<T: DeserializeOwned>(&self, url: &Url, what: &str) -> Result<Option<T>> {
        let response = self.ask(url)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(checked(response, what)?.json()?))
    }

    pub(crate) fn has_tag(&self, tag: &str) -> Result<bool> {
        let url = self.of_name("git/ref/", &format!("tags/{tag}"))?;
        Ok(self.find::<Value>(&url, "look for the tag")?.is_some())
    }

    /// The published release of a tag.
    pub(crate) fn published(&self, tag: &str) -> Result<Option<Release>> {
        let release: Option<Release> =
            self.find(&self.of_name("releases/tags/", tag)?, "look for the release")?;
        Ok(release.filter(|release| !release.draft))
    }

    pub(crate) fn release(&self, id: u64) -> Result<Option<Release>> {
        self.find(&self.of(&format!("releases/{id}"))?, "look for the release")
    }

    /// The drafts of a tag, which are visible only with write access.
    pub(crate) fn drafts(&self, tag: &str) -> Result<Vec<Release>> {
        let mut drafts = Vec::new();
        for page in 1..=PAGES {
            let mut url = self.of("releases")?;
            url.query_pairs_mut()
                .append_pair("per_page", &PAGE.to_string())
                .append_pair("page", &page.to_string());
            let response = checked(self.ask(&url)?, "list the releases")?;
            let is_last = !response
                .headers()
                .get(LINK)
                .is_some_and(|link| String::from_utf8_lossy(link.as_bytes()).contains("rel=\"next\""));
            let releases: Vec<Release> = response.json()?;
            let is_last = is_last || releases.is_empty();
            drafts.extend(releases.into_iter().filter(|release| release.draft && release.tag_name == tag));
            if is_last {
                break;
            }
        }
        Ok(drafts)
    }

    /// The drafts whose text contains this mark.
    pub(crate) fn marked(&self, tag: &str, mark: &str) -> Result<Vec<Release>> {
        let mut drafts = self.drafts(tag)?;
        drafts.retain(|draft| draft.body.as_ref().is_some_and(|body| body.contains(mark)));
        Ok(drafts)
    }

    /// Creates a draft. Its text contains `mark`, by which it is found if the reply is lost.
    pub(crate) fn draft(&self, draft: &Value, (tag, mark): (&str, &str)) -> Result<Release> {
        let url = self.of("releases")?;
        let post = || Ok(self.connection.request(Method::POST, url.clone()).json(draft));
        let sent = self.connection.send(Repeat::Unsafe, post);
        let is_lost = sent.as_ref().map_or(true, |response| response.status().is_server_error());
        if is_lost && let Some(draft) = self.marked(tag, mark)?.pop() {
            return Ok(draft);
        }
        Ok(checked(sent?, "draft the release")?.json()?)
    }

    /// Uploads a file to the draft, and returns the asset's name.
    pub(crate) fn upload(&self, draft: &Release, file: &Distribution) -> Result<String> {
        let url = self.place_of(draft, &file.filename)?;
        let what = format!("upload {}", file.filename);
        let mut uploads = 1;
        loop {
            let sent = self.connection.send(Repeat::Unsafe, || {
                let bytes = File::open(&file.path)
                    .map_err(|error| Error::new(format!("{}: {error}", file.path.display())))?;
                let limit = Duration::from_secs(300 + file.size / SLOWEST);
                Ok(self
                    .connection
                    .request(Method::POST, url.clone())
                    .header(CONTENT_TYPE, "application/octet-stream")
                    .timeout(limit)
                    .body(bytes))
            });
            let status = sent.as_ref().ok().map(Response::status);
            let is_lost = status.is_none_or(|status| status.is_server_error());
            let is_taken = status == Some(StatusCode::UNPROCESSABLE_ENTITY);
            let became = match &sent {
                Ok(response) => response.status().to_string(),
                Err(error) => error.to_string(),
            };
            let found = if is_lost || is_taken { self.asset(draft, &file.filename)? } else { None };
            let asset = match (found, sent) {
                (None, Ok(response)) if !is_lost => Some(checked(response, &what)?.json()?),
                (found, _) => found,
            };
            match asset {
                Some(asset) if asset.is(file) => return Ok(asset.name),
                // After an incomplete upload GitHub keeps an empty asset.
                Some(asset) => self.delete(&format!("releases/assets/{}", asset.id), &what)?,
                None => {}
            }
            if uploads == UPLOADS {
                return Err(Error::new(format!("GitHub did not {what}: the upload is incomplete: {became}")));
            }
            self.connection.wait(Duration::from_millis(250 << uploads))?;
            uploads += 1;
        }
    }

    /// The upload URL: only GitHub's own hosts get the token.
    fn place_of(&self, draft: &Release, filename: &str) -> Result<Url> {
        let mut url = Url::parse(draft.upload_url.split('{').next().unwrap_or_default())?;
        let (own, other) = (&self.address, &url);
        let is_own = own.origin() == other.origin();
        let is_for_uploads = own.scheme() == other.scheme()
            && own
                .host_str()
                .and_then(|host| host.strip_prefix("api."))
                .map(|host| format!("uploads.{host}"))
                == other.host_str().map(str::to_owned);
        if !is_own && !is_for_uploads {
            let host = other.host_str().unwrap_or_default();
            return Err(Error::new(format!(
                "the upload URL of assets is on {host}, which is not a GitHub host"
            )));
        }
        url.query_pairs_mut().append_pair("name", filename);
        // Displayed instead of the name, if GitHub must change that.
        if !filename.chars().all(|character| character.is_ascii_alphanumeric() || "._-".contains(character)) {
            url.query_pairs_mut().append_pair("label", filename);
        }
        Ok(url)
    }

    fn asset(&self, draft: &Release, filename: &str) -> Result<Option<Asset>> {
        let mut url = self.of(&format!("releases/{}/assets", draft.id))?;
        url.query_pairs_mut().append_pair("per_page", &PAGE.to_string());
        let assets: Vec<Asset> = checked(self.ask(&url)?, "list the assets")?.json()?;
        let has_name = |asset: &Asset| {
            asset.name == filename || asset.label.as_ref().is_some_and(|label| label == filename)
        };
        Ok(assets.into_iter().find(has_name))
    }

    /// Publishes a draft, with its final text.
    pub(crate) fn publish(&self, id: u64, notes: &str, make_latest: Option<&str>) -> Result<Release> {
        let url = self.of(&format!("releases/{id}"))?;
        let mut publication = json!({"draft": false, "body": notes});
        if let Some(make_latest) = make_latest {
            publication["make_latest"] = make_latest.into();
        }
        let patch = || Ok(self.connection.request(Method::PATCH, url.clone()).json(&publication));
        Ok(checked(self.connection.send(Repeat::Safe, patch)?, "publish the release")?.json()?)
    }

    /// Deletes a draft; succeeds if it does not exist.
    pub(crate) fn delete_draft(&self, id: u64) -> Result<()> {
        self.delete(&format!("releases/{id}"), "delete the draft")
    }

    fn delete(&self, path: &str, what: &str) -> Result<()> {
        let url = self.of(path)?;
        let delete = || Ok(self.connection.request(Method::DELETE, url.clone()));
        let response = self.connection.send(Repeat::Safe, delete)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        checked(response, what).map(drop)
    }
}
