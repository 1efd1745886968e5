//! A client for an index by its name and addresses, with whatever credentials the environment offers for it.

use super::{
    CredentialsError, IndexAddress, IndexAddressError, IndexClient, SimpleError, find, find_to_read,
};
use crate::error::Error;
use crate::world::Environment;
use crate::world::http::{Http, HttpError, Patience};

impl IndexClient {
    /// Connects to an index for a project; nothing is sent yet.
    ///
    /// # Errors
    /// A `.pypirc` that cannot be read, or certificates that are none.
    pub fn connect(
        environment: &Environment,
        address: IndexAddress,
        project: Option<&str>,
    ) -> Result<Self, Error> {
        let credentials = find(environment, &address, project)?;
        let http = Http::for_index(environment, &address.name, Patience::default())?;
        Ok(Self::new(http, address, credentials))
    }

    /// The same, to be shown only what the index has: what is open to all, as with PyPI, needs no credentials, and nobody
    /// is asked for any.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_to_read(
        environment: &Environment,
        address: IndexAddress,
        project: &str,
    ) -> Result<Self, Error> {
        let credentials = find_to_read(environment, &address, project)?;
        let http = Http::for_index(environment, &address.name, Patience::default())?;
        Ok(Self::new(http, address, credentials))
    }
}

impl SimpleError {
    /// As a user sees it: which index cannot be asked, why, and what to do about it.
    pub fn of_index(self, index: &str) -> Error {
        let help = self.help();
        let error = Error::failed(format!("`{index}` cannot be asked what it has")).because(self);
        help.into_iter().fold(error, Error::help)
    }
}

impl From<IndexAddressError> for Error {
    fn from(error: IndexAddressError) -> Self {
        let help = error.source.help();
        Self::usage(error.to_string()).because(error.source).help(help)
    }
}

impl From<CredentialsError> for Error {
    fn from(error: CredentialsError) -> Self {
        let help = error.help();
        let converted = Self::usage("the credentials cannot be used").because(error);
        help.into_iter().fold(converted, Self::help)
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Self::usage("HTTPS cannot be set up").because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_asks_for_a_certificate_gets_it_from_whoever_reads_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client.pem");
        fs_err::write(&file, "no certificate").unwrap();
        let environment = Environment::default().with("PYRELEASE_CLIENT_CERT_CORP", &file);
        let address = || IndexAddress::new("corp", "https://corp.example/legacy/", None, None).unwrap();
        for connected in [
            IndexClient::connect(&environment, address(), Some("demo")),
            IndexClient::connect_to_read(&environment, address(), "demo"),
        ] {
            let error = connected.unwrap_err().chain();
            assert!(
                error.contains("(set by `PYRELEASE_CLIENT_CERT_CORP`) contains no usable client certificate"),
                "{error}"
            );
        }
    }
}
