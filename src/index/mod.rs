//! The client of an index: its URLs, credentials, uploads and listings.

mod attestation;
mod connect;
mod credentials;
mod deliver;
mod hosts;
mod html;
mod metadata_file;
mod oidc;
mod paced;
mod probe;
mod refusals;
mod reply;
mod send;
mod simple;
mod staged;
mod submission;
mod upload;
mod upload_session;
mod window;

use reqwest::Url;
use thiserror::Error;

pub use attestation::{attestations_beside, has_attestation};
pub use credentials::{
    CredentialProblem, Credentials, CredentialsError, Login, PYPIRC, PypircIndex, PypircSecret, TOKEN_USER,
    find, find_to_read, has_keyring, help_without, pypirc_indexes, pypirc_lines, pypirc_secrets,
    pypirc_secrets_in, readable_pypirc, store, variable_for,
};
pub use deliver::{Delivery, Undelivered, deliver};
pub use hosts::{NewHost, allowing};
pub use metadata_file::MetadataFile;
pub use oidc::{OidcError, SigningIdentity};
pub use refusals::help_for;
pub use simple::{FilePresence, Listing, SimpleError, SimpleFile, Yanked};
pub use staged::Index;
pub use submission::{Submission, waves};
pub use upload::{ExistingFile, IndexClient, UploadError, UploadOutcome};
pub use upload_session::{DeliveryObserver, UploadSession};
pub use window::Window;

use crate::python::filename::normalize;
use crate::world::http::{AddressError, check_url};

/// The URLs of an index
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexAddress {
    /// Its name in the configuration and in `.pypirc`
    pub name: String,
    /// Where files are uploaded (the legacy upload API)
    pub upload: Url,
    /// Where files are listed (the simple API, PEP 503 and 691); ends in a slash
    pub simple: Option<Url>,
    /// The URL of a release's page, with `{name}` and `{version}`
    view: Option<String>,
    /// Whether it supports trusted publishing; none for the default
    trusted_publishing: Option<bool>,
}

/// An index with a URL that cannot be used
#[derive(Debug, Error)]
#[error("`{setting}` of index `{index}` cannot be used")]
pub struct IndexAddressError {
    pub index: String,
    /// `upload` or `simple`
    pub setting: &'static str,
    #[source]
    pub source: AddressError,
}

impl IndexAddress {
    /// An index by its URLs; `view` is the URL of a release's page, with `{name}` and `{version}`.
    pub fn new(
        name: &str,
        upload: &str,
        simple: Option<&str>,
        view: Option<&str>,
    ) -> Result<Self, IndexAddressError> {
        let check = |setting, address: &str| {
            check_url(address).map_err(|source| IndexAddressError { index: name.to_owned(), setting, source })
        };
        let upload = check("upload", upload)?;
        let simple = match simple {
            Some(address) => {
                let mut url = check("simple", address)?;
                // Without the slash, `join` would replace the last segment instead of extending it.
                if !url.path().ends_with('/') {
                    url.set_path(&format!("{}/", url.path()));
                }
                Some(url)
            }
            None => None,
        };
        Ok(Self {
            name: name.to_owned(),
            upload,
            simple,
            view: view.map(str::to_owned),
            trusted_publishing: None,
        })
    }

    /// PyPI.
    pub fn pypi() -> Self {
        Self::of_pypi("pypi", "https://upload.pypi.org/legacy/", "https://pypi.org")
    }

    /// TestPyPI, PyPI's test index.
    pub fn testpypi() -> Self {
        Self::of_pypi("testpypi", "https://test.pypi.org/legacy/", "https://test.pypi.org")
    }

    fn of_pypi(name: &str, upload: &str, site: &str) -> Self {
        let view = format!("{site}/project/{{name}}/{{version}}/");
        Self::new(name, upload, Some(&format!("{site}/simple/")), Some(&view)).expect("the URL is valid")
    }

    /// Sets whether the index supports trusted publishing.
    #[must_use]
    pub fn with_trusted_publishing(mut self, supported: Option<bool>) -> Self {
        self.trusted_publishing = supported;
        self
    }

    /// Whether it supports trusted publishing: PyPI and TestPyPI do, others if the configuration says so.
    pub fn trusts_publishers(&self) -> bool {
        self.trusted_publishing.unwrap_or_else(|| self.is_pypi())
    }

    /// Whether it is PyPI or TestPyPI, which accept only tokens.
    pub fn is_pypi(&self) -> bool {
        let host = self.upload.host_str().unwrap_or_default();
        host == "pypi.org" || host.ends_with(".pypi.org")
    }

    /// Where to view a release: its page, else the index's list of the project's files.
    pub fn view_url(&self, project: &str, version: &str) -> Option<String> {
        if let Some(view) = &self.view {
            return Some(view.replace("{name}", &normalize(project)).replace("{version}", version));
        }
        self.project_url(project).map(String::from)
    }

    /// The URL where the index lists the files of a project.
    pub fn project_url(&self, project: &str) -> Option<Url> {
        let mut url = self.simple.clone()?;
        url.path_segments_mut().ok()?.pop_if_empty().push(&normalize(project)).push("");
        Some(url)
    }
}

/// Whether two URLs have the same scheme, host and port.
fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

#[cfg(test)]
mod tests;
