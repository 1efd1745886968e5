//! Looks for credentials in each possible source, in order.

use secrecy::ExposeSecret as _;

use super::{Credentials, CredentialsError, WithholdReason, keyring, pypirc, variables};
use crate::index::oidc::{self, Publisher};
use crate::index::{IndexAddress, NewHost};
use crate::world::Environment;
use crate::world::http::is_loopback;

/// The credentials for a project on an index, or none if no source has any.
///
/// In this order:
/// 1. `PYRELEASE_TOKEN_<INDEX>`, a token: the index's name upper-cased, other characters as `_`;
/// 2. `TWINE_PASSWORD` with `TWINE_USERNAME` (`__token__` if that is not set), for every index, or only for the
///    one that `TWINE_REPOSITORY` or `TWINE_REPOSITORY_URL` names, where set;
/// 3. `UV_PUBLISH_TOKEN`, or `UV_PUBLISH_PASSWORD` with `UV_PUBLISH_USERNAME`, for the index that `UV_PUBLISH_URL` or
///    `UV_PUBLISH_INDEX` names, or for PyPI, as uv does;
/// 4. trusted publishing, if the environment offers an identity and the index supports it;
///    `PYRELEASE_TRUSTED_PUBLISHING=never` turns it off, `always` allows nothing else;
/// 5. `.pypirc` in the home directory, or the file that `PYRELEASE_PYPIRC` (`--config-file`) names: the section named
///    after the index and the project (`[pypi:demo]`), else the one named after the index, else the one with its upload
///    URL;
/// 6. the `keyring` command, unless `PYRELEASE_KEYRING=never`: for the upload URL, a token of the user
///    `pypi_token:project:<name>`, the password of the user that `.pypirc` names, of any user, or of `__token__`;
/// 7. what the user typed at the terminal.
///
/// If the source does not name the index's URL and the user has not allowed the index's host ([`NewHost`]), the
/// credentials are found but withheld.
///
/// # Errors
/// A source cannot be read, or its secret belongs to another index or cannot be sent.
pub fn find(
    environment: &Environment,
    index: &IndexAddress,
    project: Option<&str>,
) -> Result<Option<Credentials>, CredentialsError> {
    let found = find_anywhere(environment, index, project)?;
    let guard = |found: Credentials| {
        let withheld = withheld(environment, index, &found)?;
        Ok(Credentials { withheld, ..found })
    };
    found.map(guard).transpose()
}

fn find_anywhere(
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
    let in_the_file = pypirc::find(environment, index, project)?;
    if let pypirc::PypircEntry::Credentials(found) = in_the_file {
        return checked(found);
    }
    let username = match &in_the_file {
        pypirc::PypircEntry::Username(username) => Some(username.as_str()),
        _ => None,
    };
    let typed = || {
        let (username, secret) = environment.typed(&index.name)?;
        // The prompt showed the URL.
        Some(Credentials::password(username, secret.clone(), "the prompt").bound(true))
    };
    match keyring::find(environment, index, project, username).or_else(typed) {
        Some(found) => checked(found),
        None => Ok(None),
    }
}

/// The same, to read listings: none for PyPI, which everybody may read.
///
/// # Errors
/// As [`find`].
pub fn find_to_read(
    environment: &Environment,
    index: &IndexAddress,
    project: &str,
) -> Result<Option<Credentials>, CredentialsError> {
    if index.is_pypi() { Ok(None) } else { find(environment, index, Some(project)) }
}

/// What to do if there are no credentials for an index.
pub fn help_without(environment: &Environment, index: &IndexAddress) -> String {
    let name = &index.name;
    let mut help = format!(
        "set `{}` to a token, or add one to `.pypirc` as the password of section [{name}] (with the username \
         __token__)",
        variables::variable_for(name)
    );
    if index.trusts_publishers() && environment.get("GITHUB_ACTIONS").is_some() {
        help.push_str("; for trusted publishing the job needs `permissions: id-token: write`");
    }
    if index.trusts_publishers() && environment.get("GITLAB_CI").is_some() {
        help.push_str("; for trusted publishing the job needs `id_tokens` with the index's audience");
    }
    if keyring::timed_out(environment) {
        help.push_str("; the `keyring` command timed out");
    } else if keyring::was_queried(environment, index) {
        help.push_str("; the `keyring` command has none");
    }
    help
}

/// Why credentials must not leave this machine, if so.
fn withheld(
    environment: &Environment,
    index: &IndexAddress,
    found: &Credentials,
) -> Result<Option<WithholdReason>, CredentialsError> {
    let host = index.upload.host_str().unwrap_or_default();
    let unknown = |error| CredentialsError::Hosts(Box::new(error));
    let new_host = || Ok(NewHost::of(environment, index).map_err(unknown)?.map(WithholdReason::NewHost));
    match found.as_token() {
        _ if is_loopback(&index.upload) => Ok(None),
        Some(Ok(token)) if token.is_issued_elsewhere(host) => Ok(Some(WithholdReason::Foreign)),
        Some(Ok(token)) if token.is_issued_at(host) => Ok(None),
        // The index makes the token itself, but the configuration must not move a predefined index elsewhere.
        _ if found.use_trusted_publishing() => {
            Ok(NewHost::of_moved(environment, index).map_err(unknown)?.map(WithholdReason::NewHost))
        }
        _ if found.is_bound => Ok(None),
        _ => new_host(),
    }
}

/// The credentials, unless they are empty.
fn checked(found: Credentials) -> Result<Option<Credentials>, CredentialsError> {
    let Some(login) = found.login().filter(|login| !login.secret.expose_secret().is_empty()) else {
        return Ok(None);
    };
    // Basic authentication cannot carry these. A control character is a sign of a broken paste.
    let mut letters = login.username.chars().chain(login.secret.expose_secret().chars());
    if login.username.contains(':') || letters.any(char::is_control) {
        return Err(CredentialsError::Unsendable { origin: found.source.clone() });
    }
    Ok(Some(found))
}
