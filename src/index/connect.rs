//! Builds the client for an index, with the credentials that the environment offers for it.

use super::{
    CredentialsError, IndexAddress, IndexAddressError, IndexClient, SimpleError, find, find_to_read,
};
use crate::error::Error;
use crate::world::Environment;
use crate::world::http::{Http, HttpError, Timeouts};

impl IndexClient {
    /// Builds the client of an index for a project; sends nothing.
    ///
    /// # Errors
    /// A `.pypirc` cannot be read, or a certificate is not valid.
    pub fn connect(
        environment: &Environment,
        address: IndexAddress,
        project: Option<&str>,
    ) -> Result<Self, Error> {
        let credentials = find(environment, &address, project)?;
        let http = Http::for_index(environment, &address.name, Timeouts::default())?;
        Ok(Self::new(http, address, credentials))
    }

    /// The same, only to read listings. PyPI needs no credentials for that, so none are looked for.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_to_read(
        environment: &Environment,
        address: IndexAddress,
        project: &str,
    ) -> Result<Self, Error> {
        let credentials = find_to_read(environment, &address, project)?;
        let http = Http::for_index(environment, &address.name, Timeouts::default())?;
        Ok(Self::new(http, address, credentials))
    }

    /// The same, with no credentials at all.
    ///
    /// # Errors
    /// A certificate is not valid.
    pub fn connect_without_credentials(
        environment: &Environment,
        address: IndexAddress,
        timeouts: Timeouts,
    ) -> Result<Self, Error> {
        let http = Http::for_index(environment, &address.name, timeouts)?;
        Ok(Self::new(http, address, None))
    }
}

impl SimpleError {
    /// The error for the user: which index cannot be read, why, and what to do.
    pub fn of_index(self, index: &str) -> Error {
        let (help, is_unreachable) = (self.help(), matches!(self, Self::Unreachable { .. }));
        let error = Error::failed(format!("failed to list the files of `{index}`")).because(self);
        let error = if is_unreachable { error.unreachable() } else { error };
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
    fn reading_clients_use_the_client_certificate_too() {
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
