//! Who uploads: found in the environment or in `.pypirc`, sent to the index it belongs to and shown to nobody.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::{IndexAddress, pypirc};
use crate::world::Environment;

/// The user name that says that the password is a token
const TOKEN_USER: &str = "__token__";

/// A user name and the secret that goes with it
#[derive(Debug, Clone)]
pub struct Credentials {
    pub username: String,
    pub secret: SecretString,
    /// Where they were found, for the user: a variable's name, or a file and its section
    pub source: String,
    /// What the user should know about that place
    pub warning: Option<String>,
}

impl Credentials {
    /// A token, and where it came from.
    pub fn token(secret: SecretString, source: impl Into<String>) -> Self {
        Self { username: TOKEN_USER.to_owned(), secret, source: source.into(), warning: None }
    }

    /// Takes the secret out of a text, in case a server repeats it.
    pub fn redact(&self, text: &str) -> String {
        let secret = self.secret.expose_secret();
        // As it goes over the wire, some servers repeat it too.
        let basic = STANDARD.encode(format!("{}:{secret}", self.username));
        let text = text.replace(&basic, "[secret]").replace(basic.trim_end_matches('='), "[secret]");
        // A short one would be struck out of innocent words, which gives it away.
        if secret.len() < 8 { text } else { text.replace(secret, "[secret]") }
    }
}

/// Why the credentials cannot be used. Never holds anything that a file of secrets says.
#[derive(Debug, Error)]
pub enum CredentialsError {
    #[error("failed to read `{path}`")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` is not a `.pypirc`: {reason}")]
    Malformed { path: PathBuf, reason: String },
    #[error(
        "`[{section}]` of `{path}` is for `{repository}`, but the index `{index}` takes uploads at `{upload}`"
    )]
    Elsewhere { path: PathBuf, section: String, repository: String, index: String, upload: String },
    #[error("the `repository` of `[{section}]` in `{path}` cannot be used")]
    Repository {
        path: PathBuf,
        section: String,
        #[source]
        source: crate::world::http::AddressError,
    },
    #[error("{origin} holds a character that no token and no password for an index has")]
    Unsendable { origin: String },
}

/// The credentials for an index, or none where nothing offers any.
///
/// In this order:
/// 1. `PYRELEASE_TOKEN_<INDEX>`, a token: the index's name upper-cased, other characters as `_`;
/// 2. `TWINE_PASSWORD` with `TWINE_USERNAME` (`__token__` if that is not set), for every index, or only for the
///    one that `TWINE_REPOSITORY` or `TWINE_REPOSITORY_URL` names, where set;
/// 3. `.pypirc` in the home folder, or `config_file`: the section of the index's name, else the one with its
///    upload address.
pub fn find(
    environment: &Environment,
    index: &IndexAddress,
    config_file: Option<&Path>,
) -> Result<Option<Credentials>, CredentialsError> {
    let variable = variable_for(&index.name);
    let found = if let Some(token) = environment.get(&variable) {
        Some(Credentials::token(token.trim().into(), format!("`{variable}`")))
    } else if let Some(credentials) = from_twine(environment, index) {
        Some(credentials)
    } else {
        match config_file {
            Some(path) => pypirc::find(path, index)?,
            None => match environment.home().map(|home| home.join(".pypirc")) {
                Some(path) if path.exists() => pypirc::find(&path, index)?,
                _ => None,
            },
        }
    };
    // Basic authentication cannot carry these, and a control character tells of a broken paste.
    if let Some(found) = &found
        && (found.username.contains(':')
            || found.username.chars().chain(found.secret.expose_secret().chars()).any(char::is_control))
    {
        return Err(CredentialsError::Unsendable { origin: found.source.clone() });
    }
    Ok(found.filter(|found| !found.secret.expose_secret().is_empty()))
}

/// The variable that holds the token for an index.
pub fn variable_for(index: &str) -> String {
    let name: String = index
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
        .collect();
    format!("PYRELEASE_TOKEN_{name}")
}

fn from_twine(environment: &Environment, index: &IndexAddress) -> Option<Credentials> {
    let password = environment.get("TWINE_PASSWORD")?;
    // Where twine is told which index they are for, they are for no other here either.
    let meant = match (environment.get("TWINE_REPOSITORY_URL"), environment.get("TWINE_REPOSITORY")) {
        (Some(url), _) => pypirc::same_address(url, &index.upload),
        (None, Some(name)) => name == index.name,
        (None, None) => true,
    };
    let meant = meant && !is_issued_by_another(password.trim(), index);
    let username = environment.get("TWINE_USERNAME").unwrap_or(TOKEN_USER);
    meant.then(|| Credentials {
        username: username.trim().to_owned(),
        ..Credentials::token(password.trim().into(), "`TWINE_PASSWORD`")
    })
}

/// Whether a token says that PyPI or TestPyPI issued it, and the index is not the one: it would only be given away. The
/// beginning of a token is the host that issued it, in base64 (a macaroon of version 2).
fn is_issued_by_another(token: &str, index: &IndexAddress) -> bool {
    let issuers =
        [("pypi-AgEIcHlwaS5vcmc", "upload.pypi.org"), ("pypi-AgENdGVzdC5weXBpLm9yZw", "test.pypi.org")];
    let issuer = issuers.iter().find(|(beginning, _)| token.starts_with(beginning));
    issuer.is_some_and(|(_, host)| index.upload.host_str() != Some(*host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_pypi_for_every_index_goes_to_pypi_only() {
        let variables = [("TWINE_PASSWORD", "pypi-AgEIcHlwaS5vcmcCJDQ")];
        assert!(found(&variables, &IndexAddress::pypi()).is_some());
        assert_eq!(found(&variables, &IndexAddress::testpypi()), None);
        let variables = [("TWINE_PASSWORD", "pypi-AgENdGVzdC5weXBpLm9yZwIkND")];
        assert!(found(&variables, &IndexAddress::testpypi()).is_some());
        assert_eq!(found(&variables, &IndexAddress::pypi()), None);
    }

    fn found(variables: &[(&str, &str)], index: &IndexAddress) -> Option<(String, String)> {
        let environment = variables.iter().copied().collect();
        find(&environment, index, None)
            .unwrap()
            .map(|credentials| (credentials.username.clone(), credentials.secret.expose_secret().to_owned()))
    }

    fn pair(username: &str, secret: &str) -> Option<(String, String)> {
        Some((username.to_owned(), secret.to_owned()))
    }

    #[test]
    fn an_index_has_a_variable_of_its_own() {
        let variables = [
            ("PYRELEASE_TOKEN_PYPI", "one"),
            ("PYRELEASE_TOKEN_TESTPYPI", "two\n"),
            ("TWINE_PASSWORD", "three"),
        ];
        assert_eq!(found(&variables, &IndexAddress::pypi()), pair("__token__", "one"));
        assert_eq!(found(&variables, &IndexAddress::testpypi()), pair("__token__", "two"));
        assert_eq!(variable_for("my-corp.index"), "PYRELEASE_TOKEN_MY_CORP_INDEX");
    }

    #[test]
    fn twines_variables_are_understood() {
        let pypi = IndexAddress::pypi();
        assert_eq!(found(&[("TWINE_PASSWORD", "x")], &pypi), pair("__token__", "x"));
        assert_eq!(found(&[("TWINE_PASSWORD", "x"), ("TWINE_USERNAME", "alice")], &pypi), pair("alice", "x"));
        assert_eq!(found(&[("TWINE_USERNAME", "alice")], &pypi), None);
    }

    #[test]
    fn twines_variables_go_to_no_other_index_than_twine_would_use() {
        let variables = [("TWINE_PASSWORD", "x"), ("TWINE_REPOSITORY", "testpypi")];
        assert_eq!(found(&variables, &IndexAddress::testpypi()), pair("__token__", "x"));
        assert_eq!(found(&variables, &IndexAddress::pypi()), None);
        let variables = [("TWINE_PASSWORD", "x"), ("TWINE_REPOSITORY_URL", "https://test.pypi.org/legacy")];
        assert_eq!(found(&variables, &IndexAddress::testpypi()), pair("__token__", "x"));
        assert_eq!(found(&variables, &IndexAddress::pypi()), None);
    }

    #[test]
    fn a_broken_paste_is_refused_and_not_repeated() {
        let environment = Environment::from_iter([("PYRELEASE_TOKEN_PYPI", "pypi-hunter2\npypi-hunter2")]);
        let error = find(&environment, &IndexAddress::pypi(), None).unwrap_err();
        assert!(error.to_string().starts_with("`PYRELEASE_TOKEN_PYPI` holds"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn a_secret_is_not_shown() {
        let credentials = Credentials::token("pypi-hunter2".into(), "a test");
        assert!(!format!("{credentials:?}").contains("hunter2"));
        assert_eq!(credentials.redact("no: pypi-hunter2!"), "no: [secret]!");
        let basic = STANDARD.encode("__token__:pypi-hunter2");
        assert_eq!(credentials.redact(&format!("no: Basic {basic}!")), "no: Basic [secret]!");
    }
}
