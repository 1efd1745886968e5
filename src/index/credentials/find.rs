//! The places where credentials are looked for, in their order.

use secrecy::ExposeSecret as _;

use super::{Credentials, CredentialsError, Withheld, keyring, pypirc, variables};
use crate::index::oidc::{self, Publisher};
use crate::index::{IndexAddress, NewHost};
use crate::world::Environment;
use crate::world::http::is_loopback;

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
///    address;
/// 6. the `keyring` command, with `PYRELEASE_KEYRING=never` not: for the upload address, a token of the user
///    `pypi_token:project:<name>`, the password of the user that `.pypirc` names, any user's, or `__token__`'s;
/// 7. what somebody has typed at the terminal.
///
/// What does not say where it belongs is found and stays here, where the index is at a host that the user has not agreed to
/// ([`NewHost`]).
///
/// # Errors
/// A place that cannot be read, or whose secret belongs to another index or cannot be sent.
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
        // They were shown the address.
        Some(Credentials::password(username, secret.clone(), "what you typed").bound(true))
    };
    match keyring::find(environment, index, project, username).or_else(typed) {
        Some(found) => checked(found),
        None => Ok(None),
    }
}

/// The same, to be shown what the index has: none where that is open to all.
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

/// What to do where there are no credentials for an index.
pub fn help_without(environment: &Environment, index: &IndexAddress) -> String {
    let name = &index.name;
    let mut help = format!(
        "put a token into `{}`, or into `.pypirc` as the password of [{name}] (its username is __token__)",
        variables::variable_for(name)
    );
    if index.trusts_publishers() && environment.get("GITHUB_ACTIONS").is_some() {
        help.push_str("; for trusted publishing the job needs `permissions: id-token: write`");
    }
    if index.trusts_publishers() && environment.get("GITLAB_CI").is_some() {
        help.push_str("; for trusted publishing the job needs `id_tokens` with the index's audience");
    }
    if keyring::is_silent(environment) {
        help.push_str("; the command `keyring` gave no answer in time");
    } else if keyring::was_asked(environment, index) {
        help.push_str("; the command `keyring` was asked, and has none");
    }
    help
}

/// Why credentials are not to leave this machine, if they are not.
fn withheld(
    environment: &Environment,
    index: &IndexAddress,
    found: &Credentials,
) -> Result<Option<Withheld>, CredentialsError> {
    let host = index.upload.host_str().unwrap_or_default();
    let unknown = |error| CredentialsError::Hosts(Box::new(error));
    let new_host = || Ok(NewHost::of(environment, index).map_err(unknown)?.map(Withheld::NewHost));
    match found.as_token() {
        _ if is_loopback(&index.upload) => Ok(None),
        Some(Ok(token)) if token.is_issued_elsewhere(host) => Ok(Some(Withheld::Foreign)),
        Some(Ok(token)) if token.is_issued_at(host) => Ok(None),
        // The index makes the token itself; under whose name, is not its own affair.
        _ if found.are_of_a_trusted_publisher() => {
            Ok(NewHost::of_moved(environment, index).map_err(unknown)?.map(Withheld::NewHost))
        }
        _ if found.is_bound => Ok(None),
        _ => new_host(),
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
