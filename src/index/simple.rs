//! Reads what an index lists by the simple API: as JSON (PEP 691, 700, 792) if the index supports it, else as HTML
//! (PEP 503).

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use reqwest::blocking::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tempfile::NamedTempFile;
use thiserror::Error;

use super::paced::Paced;
use super::send::innermost;
use super::{Credentials, IndexClient, Login, MetadataFile, html, same_origin};
use crate::python::distribution::Distribution;
use crate::python::filename::Filename;
use crate::world::digest::Hashing;
use crate::world::http::{AddressError, PYRELEASE_INDEX, check, check_from, is_loopback};

const ACCEPTED: &str = "application/vnd.pypi.simple.v1+json, \
    application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
/// The largest page, in bytes; the largest on PyPI has about 20 MB
const LARGEST_PAGE: u64 = 64 << 20;
/// The longest quote of a page in an error, in characters
const LONGEST_EXCERPT: usize = 100;
/// The largest file whose size is not listed, in bytes; PyPI's own limit
const LARGEST_FILE: u64 = 1 << 30;

/// What an index lists of a project
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub files: Vec<SimpleFile>,
    /// `active`, `archived`, `quarantined` or `deprecated` (PEP 792), if the index has it
    pub status: Option<String>,
}

/// A file that an index lists
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleFile {
    pub filename: String,
    pub url: Url,
    /// Lower-case hexadecimal
    pub sha256: Option<String>,
    /// In bytes
    pub size: Option<u64>,
    pub yanked: Yanked,
    /// RFC 3339, as the index writes it (PEP 700)
    pub upload_time: Option<String>,
    /// Where its attestations are (PEP 740), where the index tells
    pub provenance: Option<Url>,
    /// The file beside it with its core metadata (PEP 658)
    pub metadata: Option<MetadataFile>,
}

/// Whether a file is yanked (PEP 592)
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yanked {
    No,
    /// With the reason, which may be empty
    Yes(String),
}

/// How a distribution compares with what the index lists
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePresence {
    /// No file of that name is listed
    Absent,
    /// A file of that name has the same sha256
    Identical,
    /// A file of that name has another sha256
    Different { sha256: String },
}

/// Why an index's listing cannot be read, or a file cannot be fetched
#[derive(Debug, Error)]
pub enum SimpleError {
    #[error("index `{index}` has no `simple` URL to list its files")]
    NoAddress { index: String },
    #[error("failed to fetch `{url}`: {}", innermost(.error))]
    Unreachable { url: String, error: reqwest::Error },
    #[error("failed to fetch `{url}`: HTTP {status}")]
    Status { url: String, status: StatusCode },
    #[error("`{url}` is not a valid page of the simple API: {reason}")]
    Malformed { url: String, reason: String },
    #[error("the listed URL of `{file}` cannot be used")]
    Address {
        file: String,
        #[source]
        source: AddressError,
    },
    #[error("failed to read `{url}`")]
    Broken {
        url: String,
        #[source]
        source: io::Error,
    },
    #[error("`{url}` is not the expected file: its sha256 is {found}, not {expected}")]
    Mismatch {
        url: String,
        expected: String,
        found: String,
        /// The number of bytes received
        size: u64,
    },
    #[error("failed to write `{path}`")]
    Unwritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl SimpleError {
    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { error, .. } => !error.is_timeout(),
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Broken { .. } => true,
            _ => false,
        }
    }

    /// What to do about it, if that is known.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => Some("check the URL, the network and the proxy"),
            Self::Status { status, .. } if matches!(status.as_u16(), 401 | 403) => {
                Some("the index requires credentials to list files: set them")
            }
            Self::Status { status, .. } if status.is_server_error() => Some("try again later"),
            Self::Address { source, .. } => Some(source.help()),
            Self::Malformed { .. } => {
                Some("set `simple` to the URL where the index lists projects (PEP 503)")
            }
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct JsonPage {
    meta: JsonMeta,
    #[serde(rename = "project-status")]
    project_status: Option<JsonStatus>,
    files: Vec<JsonFile>,
}

#[derive(Deserialize)]
struct JsonMeta {
    #[serde(rename = "api-version")]
    api_version: String,
}

#[derive(Deserialize)]
struct JsonStatus {
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JsonFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    size: Option<u64>,
    /// `true`, `false` or the reason
    #[serde(default)]
    yanked: serde_json::Value,
    upload_time: Option<String>,
    /// Where its attestations are
    provenance: Option<String>,
    /// `true`, `false` or its hashes (PEP 714)
    #[serde(default)]
    core_metadata: serde_json::Value,
    /// As older indexes name it
    #[serde(default)]
    dist_info_metadata: serde_json::Value,
}

impl Listing {
    /// The file with this sha256, whatever its name.
    pub fn file_with(&self, sha256: &str) -> Option<&SimpleFile> {
        self.files.iter().find(|file| file.sha256.as_deref() == Some(sha256))
    }

    /// The version that was released last before `version`, and whether any of its files has attestations; none where the
    /// index does not tell when files came.
    pub fn last_release(&self, version: &str) -> Option<(String, bool)> {
        let dated = self.files.iter().filter_map(|file| {
            let of = file.filename.parse::<Filename>().ok()?.version().to_string();
            Some((file.upload_time.as_deref()?.parse::<Timestamp>().ok()?, of, file.provenance.is_some()))
        });
        let others: Vec<_> = dated.filter(|(_, of, _)| of != version).collect();
        let (_, last, _) = others.iter().max_by_key(|(time, ..)| *time)?;
        Some((last.clone(), others.iter().any(|(_, of, is_attested)| of == last && *is_attested)))
    }

    /// Parses a project's page by its media type; `base` is the URL it was fetched from.
    ///
    /// # Errors
    /// It is not a valid page.
    pub fn read(kind: &str, page: &[u8], base: &Url) -> Result<Self, SimpleError> {
        let malformed = |reason: String| SimpleError::Malformed { url: base.to_string(), reason };
        match kind {
            "application/vnd.pypi.simple.v1+json" | "application/json" => read_json(page, base),
            "application/vnd.pypi.simple.v1+html" | "text/html" => {
                let page = str::from_utf8(page).map_err(|_| malformed("it is not UTF-8".to_owned()))?;
                read_html(page, base)
            }
            _ => Err(malformed(format!("it has the media type `{}`", excerpt(kind)))),
        }
    }
}

impl IndexClient {
    /// The index's listing of a project; none if it has no such project. A page on another server does not count:
    /// pypiserver and GitLab redirect requests for unknown projects to PyPI.
    pub fn listing(&self, project: &str) -> Result<Option<Listing>, SimpleError> {
        let url = self
            .address
            .project_url(project)
            .ok_or_else(|| SimpleError::NoAddress { index: self.address.name.clone() })?;
        let response = self.fetch(&url, ACCEPTED)?;
        if response.headers().contains_key(PYRELEASE_INDEX) && is_loopback(&url) {
            self.is_test_server.store(true, Ordering::Relaxed);
        }
        if response.status() == StatusCode::NOT_FOUND || !same_origin(response.url(), &url) {
            return Ok(None);
        }
        let response = successful(self, response)?;
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let base = response.url().clone();
        let malformed = |reason: String| SimpleError::Malformed { url: base.to_string(), reason };
        let patience = self.http.patience();
        let page = Paced::new(response, patience.stall)
            .read_page(LARGEST_PAGE, patience.reply)
            .map_err(|source| SimpleError::Broken { url: base.to_string(), source })?;
        if page.len() as u64 > LARGEST_PAGE {
            return Err(malformed(format!("it is larger than {} MiB", LARGEST_PAGE >> 20)));
        }
        Listing::read(&kind, &page, &base).map(Some)
    }

    /// Compares a distribution with the listed file of its name. If the index lists no sha256, this downloads the
    /// file to compute it.
    pub fn presence(&self, project: &str, distribution: &Distribution) -> Result<FilePresence, SimpleError> {
        self.presence_in(self.listing(project)?.as_ref(), distribution)
    }

    /// The same with a listing that has been fetched already.
    pub fn presence_in(
        &self,
        listing: Option<&Listing>,
        distribution: &Distribution,
    ) -> Result<FilePresence, SimpleError> {
        let mut files = listing.iter().flat_map(|listing| &listing.files);
        let Some(file) = files.find(|file| file.filename == distribution.filename) else {
            return Ok(FilePresence::Absent);
        };
        let sha256 = match &file.sha256 {
            Some(sha256) => sha256.clone(),
            None => self.sha256(file)?,
        };
        Ok(if sha256.eq_ignore_ascii_case(&distribution.sha256) {
            FilePresence::Identical
        } else {
            FilePresence::Different { sha256 }
        })
    }

    /// Downloads a file to compute its sha256.
    pub fn sha256(&self, file: &SimpleFile) -> Result<String, SimpleError> {
        Ok(self.transfer(file, &mut io::sink())?.0)
    }

    /// Downloads a file to a path. The file appears there only when it is complete and has this sha256.
    pub fn download(&self, file: &SimpleFile, to: &Path, sha256: &str) -> Result<(), SimpleError> {
        let unwritable = |source| SimpleError::Unwritable { path: to.to_owned(), source };
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut part = NamedTempFile::new_in(folder).map_err(unwritable)?;
        let (found, size) = self.transfer(file, part.as_file_mut())?;
        if !found.eq_ignore_ascii_case(sha256) {
            return Err(SimpleError::Mismatch {
                url: file.url.to_string(),
                expected: sha256.to_owned(),
                found,
                size,
            });
        }
        part.persist(to).map_err(|error| unwritable(error.error))?;
        Ok(())
    }

    /// Fetches a file; returns its sha256 and size.
    pub(super) fn transfer(
        &self,
        file: &SimpleFile,
        to: &mut dyn Write,
    ) -> Result<(String, u64), SimpleError> {
        let broken = |source| SimpleError::Broken { url: file.url.to_string(), source };
        let checked = match &self.address.simple {
            Some(index) => check_from(index, &file.url),
            None => check(&file.url),
        };
        checked.map_err(|source| SimpleError::Address { file: file.filename.clone(), source })?;
        let response = successful(self, self.fetch(&file.url, "*/*")?)?;
        let mut response = Paced::new(response, self.http.patience().stall);
        let limit = file.size.unwrap_or(LARGEST_FILE).min(LARGEST_FILE);
        let mut hashing = Hashing::default();
        let mut chunk = vec![0; 128 << 10];
        loop {
            let read = response.read(&mut chunk).map_err(broken)?;
            if read == 0 {
                let size = hashing.size();
                return Ok((hashing.finish().sha256, size));
            }
            hashing.update(&chunk[..read]);
            if hashing.size() > limit {
                return Err(broken(io::Error::other(format!("it is larger than {limit} bytes"))));
            }
            to.write_all(&chunk[..read]).map_err(broken)?;
        }
    }

    /// Fetches a URL and follows a redirect. Credentials are sent only to the upload server, and only if it hides
    /// something without them.
    fn fetch(&self, url: &Url, accept: &str) -> Result<Response, SimpleError> {
        let response = self.fetch_once(url, accept)?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        // A redirect must not lead to this machine.
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        match location.and_then(|location| response.url().join(location).ok()) {
            Some(elsewhere) if check(&elsewhere).is_ok() => self.fetch_once(&elsewhere, accept),
            _ => Ok(response),
        }
    }

    fn fetch_once(&self, url: &Url, accept: &str) -> Result<Response, SimpleError> {
        let login = self.credentials.as_ref().and_then(Credentials::for_reading);
        let login = login.filter(|_| same_origin(url, &self.address.upload));
        if !self.requires_login.load(Ordering::Relaxed) {
            let response = self.send_get(url, accept, None)?;
            if login.is_none() || !may_hide(&response, url) {
                return Ok(response);
            }
        }
        let response = self.send_get(url, accept, login)?;
        if response.status().is_success() && same_origin(response.url(), url) {
            self.requires_login.store(true, Ordering::Relaxed);
        }
        Ok(response)
    }

    fn send_get(&self, url: &Url, accept: &str, login: Option<&Login>) -> Result<Response, SimpleError> {
        let mut request = self.http.get(url.clone()).header(ACCEPT, accept);
        if let Some(login) = login {
            request = request.basic_auth(&login.username, Some(login.secret.expose_secret()));
        }
        request
            .send()
            .map_err(|error| SimpleError::Unreachable { url: url.to_string(), error: error.without_url() })
    }
}

/// Whether the server may show more to a user with credentials: without them, it may claim that nothing is there, or
/// redirect to a login page or to another index.
fn may_hide(response: &Response, asked: &Url) -> bool {
    let status = response.status();
    matches!(status.as_u16(), 401 | 403 | 404)
        || status.is_redirection()
        || (!same_origin(response.url(), asked) && asked.path().ends_with('/'))
}

/// The response if it is a success. The error redacts the URL, because a redirect may repeat the credentials.
fn successful(client: &IndexClient, response: Response) -> Result<Response, SimpleError> {
    if response.status() == StatusCode::OK {
        return Ok(response);
    }
    Err(SimpleError::Status { url: client.redact(response.url().as_str()), status: response.status() })
}

fn read_json(page: &[u8], base: &Url) -> Result<Listing, SimpleError> {
    let malformed = |reason: String| SimpleError::Malformed { url: base.to_string(), reason };
    let page: JsonPage = serde_json::from_slice(page).map_err(|error| malformed(error.to_string()))?;
    let version = page.meta.api_version;
    if version.split('.').next() != Some("1") {
        return Err(malformed(format!("it has API version `{}`, which is not supported", excerpt(&version))));
    }
    let files = page.files.into_iter().map(|file| {
        Ok(SimpleFile {
            url: join(base, &file.url)?,
            sha256: file.hashes.get("sha256").map(|hash| sha256(hash)).transpose().map_err(malformed)?,
            filename: file.filename,
            size: file.size,
            yanked: match file.yanked {
                serde_json::Value::Bool(true) => Yanked::Yes(String::new()),
                serde_json::Value::String(reason) => Yanked::Yes(reason),
                _ => Yanked::No,
            },
            upload_time: file.upload_time,
            provenance: file.provenance.and_then(|address| join(base, &address).ok()),
            metadata: MetadataFile::of_json(&file.core_metadata, &file.dist_info_metadata),
        })
    });
    Ok(Listing {
        files: files.collect::<Result<_, SimpleError>>()?,
        status: page.project_status.and_then(|status| status.status),
    })
}

fn read_html(page: &str, base: &Url) -> Result<Listing, SimpleError> {
    let malformed = |reason: String| SimpleError::Malformed { url: base.to_string(), reason };
    let (anchors, based) = html::anchors(page);
    let base = match based {
        Some(address) => join(base, &address)?,
        None => base.clone(),
    };
    let mut files = Vec::new();
    for anchor in anchors {
        let mut url = join(&base, &anchor.href)?;
        let hash = url.fragment().and_then(|fragment| fragment.strip_prefix("sha256="));
        let sha256 = hash.map(sha256).transpose().map_err(malformed)?;
        url.set_fragment(None);
        // The text is the file's name (PEP 503); a page may have other links as well.
        let filename = anchor.text;
        if filename.is_empty() || filename.contains(['/', '\\']) || !is_distribution(&filename) {
            continue;
        }
        let yanked = anchor.yanked.map_or(Yanked::No, Yanked::Yes);
        files.push(SimpleFile {
            filename,
            url,
            sha256,
            size: None,
            yanked,
            upload_time: None,
            provenance: None,
            metadata: anchor.metadata.as_deref().and_then(MetadataFile::of_attribute),
        });
    }
    Ok(Listing { files, status: None })
}

/// The beginning of a text, escaped for a terminal.
fn excerpt(text: &str) -> String {
    text.chars().take(LONGEST_EXCERPT).flat_map(char::escape_default).collect()
}

fn is_distribution(filename: &str) -> bool {
    [".whl", ".tar.gz", ".zip", ".egg", ".tar.bz2"].iter().any(|ending| filename.ends_with(ending))
}

fn join(base: &Url, address: &str) -> Result<Url, SimpleError> {
    base.join(address).map_err(|error| SimpleError::Malformed {
        url: base.to_string(),
        reason: format!("its link `{}` is not valid: {error}", excerpt(address)),
    })
}

fn sha256(hash: &str) -> Result<String, String> {
    if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(hash.to_ascii_lowercase())
    } else {
        Err("it lists an invalid sha256".to_owned())
    }
}
