//! The places where credentials are looked for, in their order.

use secrecy::ExposeSecret as _;

use super::{Credentials, CredentialsError, pypirc, variables};
use crate::index::IndexAddress;
use crate::index::oidc::{self, Publisher};
use crate::world::Environment;

/// The credentials for a project on an index, or none where nothing offers any.
///
/// In this order:
/// 1. `PYRELEASE_TOKEN_<INDEX>`, a token: the index's name upper-cased, other characters as `_`;
/// 2. `TWINE_PASSWORD` with `TWINE_USERNAME` (`__token__` if that is not set), for every index, or only for the
///    one that `TWINE_REPOSITORY` or `TWINE_REPOSITORY_URL` names, where set;
/// 3. `UV_PUBLISH_TOKEN`, or `UV_PUBLISH_PASSWORD` with `UV_PUBLISH_USERNAME`, for the index that `UV_PUBLISH_URL` or
///    `UV_PUBLISH_INDEX` names, or for PyPI, as uv does;
/// 4. trusted publishing, where the environment offers an identity and the index takes such; with
///    `PYRELEASE_TRUSTED_PUBLISHING=never` not, with `always` nothing else;
/// 5. `.pypirc` in the home folder, or the file that `PYRELEASE_PYPIRC` (`--config-file`) names: the section of the
///    index's name and the project's (`[pypi:demo]`), else that of the index's name, else the one with its upload
///    address.
///
/// # Errors
/// A place that cannot be read, or whose secret belongs to another index or cannot be sent.
pub fn find(
    environment: &Environment,
    index: &IndexAddress,
    project: Option<&str>,
) -> Result<Option<Credentials>, CredentialsError> {
    if environment.get(oidc::VARIABLE) == Some("always") && index.trusts_publishers() {
        return Ok(Publisher::offered(environment, index).map(Credentials::publisher));
    }
    if let Some(found) = variables::find(environment, index) {
        return checked(found);
    }
    if let Some(publisher) = Publisher::offered(environment, index) {
        return Ok(Some(Credentials::publisher(publisher)));
    }
    match pypirc::find(environment, index, project)? {
        Some(found) => checked(found),
        None => Ok(None),
    }
}

/// What was found, if it is anything and can be sent.
fn checked(found: Credentials) -> Result<Option<Credentials>, CredentialsError> {
    let Some(login) = found.login().filter(|login| !login.secret.expose_secret().is_empty()) else {
        return Ok(None);
    };
    // Basic authentication cannot carry these, and a control character tells of a broken paste.
    let mut letters = login.username.chars().chain(login.secret.expose_secret().chars());
    if login.username.contains(':') || letters.any(char::is_control) {
        return Err(CredentialsError::Unsendable { origin: found.source.clone() });
    }
    Ok(Some(found))
}
