//! The credentials of an upload: found in the environment and in the files of other tools, sent only to their index,
//! and never displayed.
//!
//! [`Credentials::for_upload`] returns the secret for one upload, just before it starts. It narrows a PyPI token to
//! the project and to some minutes first, so that what leaves this machine is useless elsewhere.

mod find;
mod keyring;
mod pypirc;
mod variables;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::oidc::{OidcError, Publisher, SigningIdentity};
use super::{IndexAddress, NewHost};
use crate::python::token::{Caveat, Objection, Token, TokenError, TokenUse};

pub use find::{find, find_to_read, help_without};
pub use keyring::{has_keyring, store};
pub use pypirc::{
    PypircIndex, PypircSecret, VARIABLE as PYPIRC, pypirc_indexes, pypirc_lines, pypirc_secrets,
    pypirc_secrets_in, readable_pypirc,
};
pub use variables::variable_for;

/// The user name that marks the password as a token
pub const TOKEN_USER: &str = "__token__";
/// How long a narrowed token is valid, from the start of the upload
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);
/// The index checks a token only once it has the whole file, so a slow upload needs more time: the slowest supported
/// connection, in bytes a second
const SLOWEST: u64 = 32 << 10;
/// The largest supported difference between the clocks of this machine and the index
const SKEW: Duration = Duration::from_secs(10 * 60);

/// A user name and secret for a request
#[derive(Debug, Clone)]
pub struct Login {
    pub username: String,
    pub secret: SecretString,
}

/// Credentials for an index
#[derive(Debug, Clone)]
pub struct Credentials {
    method: AuthMethod,
    /// Where they were found, for the user: a variable, or a file and section
    source: String,
    /// The section of `.pypirc` that they were found in
    section: Option<String>,
    /// A warning about that source
    warning: Option<String>,
    issued: Arc<Issued>,
    /// Whether the source names the URL that they are for
    is_bound: bool,
    withheld: Option<WithholdReason>,
}

/// Why credentials are withheld
#[derive(Debug, Clone)]
enum WithholdReason {
    /// The user has not allowed the index's host
    NewHost(NewHost),
    /// They are a token that another host issued
    Foreign,
}

#[derive(Debug, Clone)]
enum AuthMethod {
    Login(Login),
    /// The index issues a token when one is needed
    Publisher(Arc<Publisher>),
}

/// The secrets derived from the one that was found, to redact them from replies
#[derive(Default)]
struct Issued(Mutex<Vec<Login>>);

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued")
    }
}

/// A problem with credentials, found before anything is sent
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialProblem {
    pub message: String,
    pub help: String,
    /// Whether only the credentials themselves indicate it, so that the user may override it
    pub advisory: bool,
}

/// Why the credentials cannot be used. Never quotes a file that holds secrets.
#[derive(Debug, Error)]
pub enum CredentialsError {
    #[error("failed to read `{path}`")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` is not a valid `.pypirc`: {reason}")]
    Malformed { path: PathBuf, reason: String },
    #[error(
        "section `[{section}]` of `{path}` is for `{repository}`, but the index `{index}` has the upload URL `{upload}`"
    )]
    Elsewhere { path: PathBuf, section: String, repository: String, index: String, upload: String },
    #[error("the `repository` of section `[{section}]` in `{path}` cannot be used")]
    Repository {
        path: PathBuf,
        section: String,
        #[source]
        source: crate::world::http::AddressError,
    },
    #[error(transparent)]
    Publishing(#[from] OidcError),
    #[error("{origin} contains a character that is not valid in a token or password")]
    Unsendable { origin: String },
    #[error("failed to read the hosts that you have allowed")]
    Hosts(#[source] Box<crate::error::Error>),
    #[error("{origin} is not sent to this index")]
    Withheld { origin: String, help: String },
}

impl Credentials {
    /// A token and its source.
    pub fn token(secret: SecretString, source: impl Into<String>) -> Self {
        Self::password(TOKEN_USER, secret, source)
    }

    /// A user name and password, and their source.
    pub fn password(username: impl Into<String>, secret: SecretString, source: impl Into<String>) -> Self {
        Self::of(AuthMethod::Login(Login { username: username.into(), secret }), source.into())
    }

    fn of(method: AuthMethod, source: String) -> Self {
        Self {
            method,
            source,
            section: None,
            warning: None,
            issued: Arc::default(),
            is_bound: false,
            withheld: None,
        }
    }

    fn publisher(publisher: Publisher) -> Self {
        let source = publisher.source();
        Self::of(AuthMethod::Publisher(Arc::new(publisher)), source)
    }

    /// Sets whether the source names the index's URL.
    fn bound(self, is_bound: bool) -> Self {
        Self { is_bound, ..self }
    }

    /// The host that they are not sent to before the user allows it.
    pub fn new_host(&self) -> Option<&NewHost> {
        match &self.withheld {
            Some(WithholdReason::NewHost(new)) => Some(new),
            Some(WithholdReason::Foreign) | None => None,
        }
    }

    /// The login, unless the index has yet to issue one.
    fn login(&self) -> Option<&Login> {
        match &self.method {
            AuthMethod::Login(login) => Some(login),
            AuthMethod::Publisher(_) => None,
        }
    }

    fn with_warning(mut self, warning: Option<String>) -> Self {
        self.warning = warning;
        self
    }

    fn of_section(self, name: &str) -> Self {
        Self { section: Some(name.to_owned()), ..self }
    }

    /// Where they were found, for the user.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The section of `.pypirc` that they were found in, if any.
    pub fn section(&self) -> Option<&str> {
        self.section.as_deref()
    }

    /// A warning about their source.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Whether the index issues them by trusted publishing.
    pub fn use_trusted_publishing(&self) -> bool {
        matches!(self.method, AuthMethod::Publisher(_))
    }

    /// Whether attestations may be uploaded with them: only with the token of a trusted publisher that supports them.
    pub fn may_attest(&self) -> bool {
        matches!(&self.method, AuthMethod::Publisher(publisher) if publisher.may_attest())
    }

    /// Why attestations cannot be signed with the identity behind them, and what to do about it.
    pub fn cannot_sign(&self) -> Option<(String, &'static str)> {
        match &self.method {
            AuthMethod::Publisher(publisher) => publisher.cannot_sign(),
            AuthMethod::Login(_) => Some((
                format!("the credentials are from {}", self.source),
                "an index takes attestations from trusted publishers only: register the job as one",
            )),
        }
    }

    /// The identity to sign attestations with, requested now.
    ///
    /// # Errors
    /// They are not a trusted publisher's, or the platform issues no identity.
    pub fn signing_identity(&self) -> Result<SigningIdentity, CredentialsError> {
        match &self.method {
            AuthMethod::Publisher(publisher) => Ok(publisher.signing_identity()?),
            AuthMethod::Login(_) => {
                let reason = format!("the credentials are from {}", self.source);
                Err(OidcError::CannotSign { reason }.into())
            }
        }
    }

    /// Whether the index issues a token for them when one is needed, which may also create the project.
    pub fn are_issued_on_demand(&self) -> bool {
        matches!(&self.method, AuthMethod::Publisher(_))
    }

    /// The user, unless it is `__token__`.
    pub fn username(&self) -> Option<&str> {
        self.login().map(|login| login.username.as_str()).filter(|username| *username != TOKEN_USER)
    }

    /// The token if it can be parsed, or why a secret that should be one cannot. None if it is a password, or has yet
    /// to be issued.
    pub fn as_token(&self) -> Option<Result<Token, TokenError>> {
        let login = self.login()?;
        let secret = login.secret.expose_secret();
        (login.username == TOKEN_USER && Token::is_meant(secret)).then(|| Token::parse(secret))
    }

    /// The login for one upload. Call it just before each upload starts.
    ///
    /// It gets a trusted publisher's token if there is none, or if the one there is would expire. It narrows a token
    /// if possible: to this project, and to the time that a file of `size` bytes may take.
    ///
    /// # Errors
    /// There is no login.
    pub fn for_upload(&self, project: &str, size: u64, now: Timestamp) -> Result<Login, CredentialsError> {
        if let Some(withheld) = &self.withheld {
            let help = match withheld {
                WithholdReason::NewHost(new) => new.help(),
                WithholdReason::Foreign => {
                    "the token was issued by another index: use one of this index".to_owned()
                }
            };
            return Err(CredentialsError::Withheld { origin: self.source.clone(), help });
        }
        let on_the_way = Duration::from_secs(size / SLOWEST);
        let login = match &self.method {
            AuthMethod::Login(login) => login.clone(),
            AuthMethod::Publisher(publisher) => {
                Login { username: TOKEN_USER.to_owned(), secret: publisher.token(on_the_way, now)? }
            }
        };
        let secret = login.secret.expose_secret();
        if login.username != TOKEN_USER || !Token::is_meant(secret) {
            return Ok(login);
        }
        let Ok(token) = Token::parse(secret) else { return Ok(login) };
        let narrowed = narrowed(&token, project, on_the_way, now);
        let login = Login { username: TOKEN_USER.to_owned(), secret: narrowed.to_secret() };
        self.issued.keep(&login);
        Ok(login)
    }

    /// The login to read listings; none for tokens, because every index that issues upload tokens lets everybody
    /// read.
    pub fn for_reading(&self) -> Option<&Login> {
        self.login().filter(|_| self.withheld.is_none() && self.as_token().is_none())
    }

    /// The problems with uploading with them.
    pub fn problems(
        &self,
        index: &IndexAddress,
        project: Option<&str>,
        now: Timestamp,
    ) -> Vec<CredentialProblem> {
        let new = self.new_host().map(|new| CredentialProblem {
            message: new.refusal(&self.source),
            help: new.help(),
            advisory: false,
        });
        new.into_iter().chain(self.objections(index, project, now)).collect()
    }

    fn objections(
        &self,
        index: &IndexAddress,
        project: Option<&str>,
        now: Timestamp,
    ) -> Vec<CredentialProblem> {
        let host = index.upload.host_str().unwrap_or_default();
        let from = &self.source;
        let login = match &self.method {
            AuthMethod::Login(login) => login,
            AuthMethod::Publisher(publisher) => {
                let problem = |message: &str| CredentialProblem {
                    message: message.to_owned(),
                    help: "start the workflow by a release, a tag or a push".to_owned(),
                    advisory: true,
                };
                return publisher.objection().map(problem).into_iter().collect();
            }
        };
        if index.is_pypi() && login.username != TOKEN_USER {
            return vec![CredentialProblem {
                message: format!("{from} is a password, but `{}` accepts only tokens", index.name),
                help: format!("create a token there, and use it with the username {TOKEN_USER}"),
                advisory: false,
            }];
        }
        match self.as_token() {
            None if index.is_pypi() => vec![CredentialProblem {
                message: format!(
                    "{from} is not a valid token of `{}`: its tokens begin with `pypi-AgE`",
                    index.name
                ),
                help: "copy it again, or create another one".to_owned(),
                advisory: true,
            }],
            None => Vec::new(),
            Some(Err(error)) => vec![CredentialProblem {
                message: format!("the token in {from} is damaged: {error}"),
                help: "copy it again, or create another one".to_owned(),
                advisory: true,
            }],
            Some(Ok(token)) => {
                let objections = token.objections(TokenUse { host, project, now }).into_iter();
                objections
                    .map(|objection| CredentialProblem {
                        message: format!("the token in {from} cannot be used: {objection}"),
                        help: objection.help().to_owned(),
                        advisory: self.withheld.is_none() || !matches!(objection, Objection::Issuer { .. }),
                    })
                    .collect()
            }
        }
    }

    /// Redacts the secrets from a text, in case a server repeats one.
    pub fn redact(&self, text: &str) -> String {
        let issued = self.issued.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minted: Vec<Login> = match &self.method {
            AuthMethod::Login(_) => Vec::new(),
            AuthMethod::Publisher(publisher) => {
                let login = |secret| Login { username: TOKEN_USER.to_owned(), secret };
                publisher.secrets().into_iter().map(login).collect()
            }
        };
        let all = issued.iter().chain(self.login()).chain(&minted);
        all.fold(text.to_owned(), |text, login| login.redact(&text))
    }
}

impl CredentialsError {
    /// What to do about it, if the error itself does not tell.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Publishing(error) => Some(error.help()),
            Self::Hosts(error) => error.hints().first().cloned(),
            Self::Withheld { help, .. } => Some(help.clone()),
            Self::Elsewhere { section, repository, index, upload, .. } => Some(format!(
                "set `repository = {upload}` in `[{section}]` if its password is for that URL; else rename the section, or \
                 set upload = \"{repository}\" in [index.{index}]"
            )),
            Self::Repository { section, .. } => Some(format!(
                "set `repository` of `[{section}]` to an upload URL, such as `https://upload.pypi.org/legacy/`"
            )),
            Self::Malformed { .. } => Some(
                "write it as `[pypi]`, and below `username = __token__` and `password = ` with the token"
                    .to_owned(),
            ),
            Self::Unreadable { .. } => Some("check its path and its permissions".to_owned()),
            Self::Unsendable { .. } => {
                Some("copy it again: a line end or a blank may have been copied with it".to_owned())
            }
        }
    }
}

impl Login {
    /// Redacts the secret from a text, in case a server repeats it.
    fn redact(&self, text: &str) -> String {
        let secret = self.secret.expose_secret();
        // Some servers repeat the `Authorization` header.
        let basic = STANDARD.encode(format!("{}:{secret}", self.username));
        let text = text.replace(&basic, "[secret]").replace(basic.trim_end_matches('='), "[secret]");
        // Redacting a short secret from ordinary words would give it away.
        if secret.len() < 8 { text } else { text.replace(secret, "[secret]") }
    }
}

impl Issued {
    fn keep(&self, login: &Login) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(login.clone());
    }
}

/// Narrows a token to one upload.
fn narrowed(token: &Token, project: &str, on_the_way: Duration, now: Timestamp) -> Token {
    let now = now.as_second();
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let expires_at = now.saturating_add(seconds(GOOD_FOR.saturating_add(on_the_way)));
    // A past start is harmless, and the index's clock may be behind ours.
    let not_before = now.saturating_sub(seconds(SKEW));
    token.narrowed(&[Caveat::project(project), Caveat::Expiration { not_before, expires_at }])
}

#[cfg(test)]
mod tests;
