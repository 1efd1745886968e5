//! What an index lists: the simple API, in JSON (PEP 691, 700, 792) where the index has it, else in HTML (PEP 503).

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::blocking::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tempfile::NamedTempFile;
use thiserror::Error;

use super::{Credentials, IndexClient, Login, html, same_origin};
use crate::python::distribution::Distribution;
use crate::python::filename::Filename;
use crate::world::digest::Hashing;
use crate::world::http::{AddressError, PYRELEASE_INDEX, check, check_from, is_loopback};

const ACCEPTED: &str = "application/vnd.pypi.simple.v1+json, \
    application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
/// Of a page, in bytes; the largest on PyPI has about 20 MB.
const LARGEST_PAGE: u64 = 64 << 20;
/// Of what an error repeats of a page, in characters
const LONGEST_EXCERPT: usize = 100;
/// Of a file whose size is not listed, in bytes; PyPI's own limit.
const LARGEST_FILE: u64 = 1 << 30;

/// What an index says of a project
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub files: Vec<SimpleFile>,
    /// `active`, `archived`, `quarantined` or `deprecated` (PEP 792), where the index tells
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
    /// Whether it has attestations (PEP 740), where the index tells
    pub is_attested: bool,
}

/// Whether a file is withdrawn (PEP 592)
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

/// Why nothing is known of what an index lists
#[derive(Debug, Error)]
pub enum SimpleError {
    #[error("it is not known where `{index}` lists files: it has no `simple` address")]
    NoAddress { index: String },
    #[error("failed to fetch `{url}`")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("`{url}` cannot be read: the server says {status}")]
    Status { url: String, status: StatusCode },
    #[error("`{url}` is no page of the simple API: {reason}")]
    Malformed { url: String, reason: String },
    #[error("`{file}` is listed at an address that cannot be used")]
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
    #[error("what `{url}` gives is not the file: its sha256 is {found}, not {expected}")]
    Mismatch {
        url: String,
        expected: String,
        found: String,
        /// How many bytes came
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
    /// Whether the same question may get an answer in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => !source.is_timeout(),
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Broken { .. } => true,
            _ => false,
        }
    }

    /// What to do about it, where that is known.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => Some("check the address, the network and the proxy"),
            Self::Status { status, .. } if matches!(status.as_u16(), 401 | 403) => {
                Some("it shows its files to those only whom it knows: give it credentials")
            }
            Self::Status { status, .. } if status.is_server_error() => {
                Some("try again when it has recovered")
            }
            Self::Address { source, .. } => Some(source.help()),
            Self::Malformed { .. } => Some("is `simple` the address where it lists projects (PEP 503)?"),
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
}

impl Listing {
    /// The file that has these very bytes, whatever it is called.
    pub fn file_with(&self, sha256: &str) -> Option<&SimpleFile> {
        self.files.iter().find(|file| file.sha256.as_deref() == Some(sha256))
    }

    /// The version that was released last before `version`, and whether any of its files has attestations; none where the
    /// index does not tell when files came.
    pub fn last_release(&self, version: &str) -> Option<(String, bool)> {
        let dated = self.files.iter().filter_map(|file| {
            let of = file.filename.parse::<Filename>().ok()?.version().to_string();
            Some((file.upload_time.as_deref()?.parse::<Timestamp>().ok()?, of, file.is_attested))
        });
        let others: Vec<_> = dated.filter(|(_, of, _)| of != version).collect();
        let (_, last, _) = others.iter().max_by_key(|(time, ..)| *time)?;
        Some((last.clone(), others.iter().any(|(_, of, is_attested)| of == last && *is_attested)))
    }

    /// Reads a project's page of a media type, which was found at an address.
    ///
    /// # Errors
    /// It is none.
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
    /// What the index lists of a project; none where it has none of that name. A page on another server is not
    /// the index's own (pypiserver and GitLab send those who ask for an unknown project to PyPI), so it is none.
    pub fn listing(&self, project: &str) -> Result<Option<Listing>, SimpleError> {
        let url = self
            .address
            .project_url(project)
            .ok_or_else(|| SimpleError::NoAddress { index: self.address.name.clone() })?;
        let response = self.fetch(&url, ACCEPTED)?;
        if response.headers().contains_key(PYRELEASE_INDEX) && is_loopback(&url) {
            self.is_ours.store(true, Ordering::Relaxed);
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
        let page = read_page(response, self.http.patience().reply)
            .map_err(|source| SimpleError::Broken { url: base.to_string(), source })?;
        if page.len() as u64 > LARGEST_PAGE {
            return Err(malformed(format!("it has more than {} MiB", LARGEST_PAGE >> 20)));
        }
        Listing::read(&kind, &page, &base).map(Some)
    }

    /// How a distribution compares with the file of its name. Where the index lists no sha256, the file itself is
    /// fetched and hashed.
    pub fn standing(&self, project: &str, distribution: &Distribution) -> Result<FilePresence, SimpleError> {
        self.standing_in(self.listing(project)?.as_ref(), distribution)
    }

    /// The same by a listing that is there already.
    pub fn standing_in(
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

    /// The sha256 of a file that the index lists without one: the file is fetched for it.
    pub fn sha256(&self, file: &SimpleFile) -> Result<String, SimpleError> {
        Ok(self.transfer(file, &mut io::sink())?.0)
    }

    /// Downloads a file to a path, where it appears only when it is whole and has that sha256.
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

    /// Fetches a file's bytes and gives their sha256 and number.
    fn transfer(&self, file: &SimpleFile, to: &mut dyn Write) -> Result<(String, u64), SimpleError> {
        let broken = |source| SimpleError::Broken { url: file.url.to_string(), source };
        let checked = match &self.address.simple {
            Some(index) => check_from(index, &file.url),
            None => check(&file.url),
        };
        checked.map_err(|source| SimpleError::Address { file: file.filename.clone(), source })?;
        let mut response = successful(self, self.fetch(&file.url, "*/*")?)?;
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
                return Err(broken(io::Error::other(format!(
                    "it has more than the {limit} bytes it may have"
                ))));
            }
            to.write_all(&chunk[..read]).map_err(broken)?;
        }
    }

    /// Fetches; from the server that takes the uploads as the user, if it shows nothing to others.
    fn fetch(&self, url: &Url, accept: &str) -> Result<Response, SimpleError> {
        let response = self.fetch_once(url, accept)?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        // From this machine it leads elsewhere.
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        match location.and_then(|location| response.url().join(location).ok()) {
            Some(elsewhere) if check(&elsewhere).is_ok() => self.fetch_once(&elsewhere, accept),
            _ => Ok(response),
        }
    }

    fn fetch_once(&self, url: &Url, accept: &str) -> Result<Response, SimpleError> {
        let login = self.credentials.as_ref().and_then(Credentials::for_reading);
        let login = login.filter(|_| same_origin(url, &self.address.upload));
        if !self.wants_a_name.load(Ordering::Relaxed) {
            let response = self.send_get(url, accept, None)?;
            if login.is_none() || !may_hide(&response, url) {
                return Ok(response);
            }
        }
        let response = self.send_get(url, accept, login)?;
        if response.status().is_success() && same_origin(response.url(), url) {
            self.wants_a_name.store(true, Ordering::Relaxed);
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
            .map_err(|source| SimpleError::Unreachable { url: url.to_string(), source: source.without_url() })
    }
}

/// Whether somebody whom the server knows may be shown more: those it does not know it may tell that nothing is there, or
/// send to a page where they sign in, or to another index.
fn may_hide(response: &Response, asked: &Url) -> bool {
    let status = response.status();
    matches!(status.as_u16(), 401 | 403 | 404)
        || status.is_redirection()
        || (!same_origin(response.url(), asked) && asked.path().ends_with('/'))
}

/// The response, if it is one; an address that a redirect led to may repeat what was sent.
fn successful(client: &IndexClient, response: Response) -> Result<Response, SimpleError> {
    if response.status() == StatusCode::OK {
        return Ok(response);
    }
    Err(SimpleError::Status { url: client.redact(response.url().as_str()), status: response.status() })
}

/// A page, and a little more of one that is too large; one that comes byte by byte is not waited for.
fn read_page(response: Response, time: Duration) -> io::Result<Vec<u8>> {
    let began = Instant::now();
    let mut response = response.take(LARGEST_PAGE + 1);
    let (mut page, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let read = response.read(&mut chunk)?;
        if read == 0 {
            return Ok(page);
        }
        page.extend_from_slice(&chunk[..read]);
        if began.elapsed() > time {
            return Err(io::Error::other(format!("it is not there after {} s", time.as_secs())));
        }
    }
}

fn read_json(page: &[u8], base: &Url) -> Result<Listing, SimpleError> {
    let malformed = |reason: String| SimpleError::Malformed { url: base.to_string(), reason };
    let page: JsonPage = serde_json::from_slice(page).map_err(|error| malformed(error.to_string()))?;
    let version = page.meta.api_version;
    if version.split('.').next() != Some("1") {
        return Err(malformed(format!("it has version `{}` of the API", excerpt(&version))));
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
            is_attested: file.provenance.is_some(),
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
        // The text is the file's name (PEP 503); a page may have other links too.
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
            is_attested: false,
        });
    }
    Ok(Listing { files, status: None })
}

/// The beginning of what a page says, as a terminal shows it.
fn excerpt(text: &str) -> String {
    text.chars().take(LONGEST_EXCERPT).flat_map(char::escape_default).collect()
}

fn is_distribution(filename: &str) -> bool {
    [".whl", ".tar.gz", ".zip", ".egg", ".tar.bz2"].iter().any(|ending| filename.ends_with(ending))
}

fn join(base: &Url, address: &str) -> Result<Url, SimpleError> {
    base.join(address).map_err(|error| SimpleError::Malformed {
        url: base.to_string(),
        reason: format!("it links to `{}`: {error}", excerpt(address)),
    })
}

fn sha256(hash: &str) -> Result<String, String> {
    if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(hash.to_ascii_lowercase())
    } else {
        Err("it gives a sha256 that is none".to_owned())
    }
}
