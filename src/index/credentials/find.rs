//! The places where credentials are looked for, in their order.

use secrecy::ExposeSecret as _;

use super::{Credentials, CredentialsError, pypirc, variables};
use crate::index::IndexAddress;
use crate::world::Environment;

/// The credentials for a project on an index, or none where nothing offers any.
///
/// In this order:
/// 1. `PYRELEASE_TOKEN_<INDEX>`, a token: the index's name upper-cased, other characters as `_`;
/// 2. `TWINE_PASSWORD` with `TWINE_USERNAME` (`__token__` if that is not set), for every index, or only for the
///    one that `TWINE_REPOSITORY` or `TWINE_REPOSITORY_URL` names, where set;
/// 3. `UV_PUBLISH_TOKEN`, or `UV_PUBLISH_PASSWORD` with `UV_PUBLISH_USERNAME`, for the index that `UV_PUBLISH_URL` or
///    `UV_PUBLISH_INDEX` names, or for PyPI, as uv does;
/// 4. `.pypirc` in the home folder, or the file that `PYRELEASE_PYPIRC` (`--config-file`) names: the section of the
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
    let found = match variables::find(environment, index) {
        Some(found) => Some(found),
        None => pypirc::find(environment, index, project)?,
    };
    let Some(found) = found.filter(|found| !found.login.secret.expose_secret().is_empty()) else {
        return Ok(None);
    };
    // Basic authentication cannot carry these, and a control character tells of a broken paste.
    let letters = found.login.username.chars().chain(found.login.secret.expose_secret().chars());
    if found.login.username.contains(':') || letters.into_iter().any(char::is_control) {
        return Err(CredentialsError::Unsendable { origin: found.source.clone() });
    }
    Ok(Some(found))
}
