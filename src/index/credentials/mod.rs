//! Who uploads: found in the environment and in what other tools keep, sent to the index it belongs to and shown to
//! nobody.
//!
//! The secret for an upload is asked for late, with [`Credentials::for_upload`]: a token of PyPI's is narrowed to the
//! project and some minutes first, so that what leaves this machine is worth nothing elsewhere.

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

use super::oidc::{OidcError, Publisher};
use super::{IndexAddress, NewHost};
use crate::python::token::{Caveat, Objection, Token, TokenError, TokenUse};

pub use find::{find, find_to_read, help_without};
pub use keyring::{has_keyring, store};
pub use pypirc::{Kept, VARIABLE as PYPIRC, kept, kept_in};
pub use variables::variable_for;

/// The user name that says that the password is a token
const TOKEN_USER: &str = "__token__";
/// How long a narrowed token is good for, from when the upload begins
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);
/// The index looks at a token when it has the whole file: bytes a second of the slowest connection it is good for
const SLOWEST: u64 = 32 << 10;
/// By how much the clocks of this machine and of the index may differ
const SKEW: Duration = Duration::from_secs(10 * 60);

/// What signs a request: a user name and the secret that goes with it
#[derive(Debug, Clone)]
pub struct Login {
    pub username: String,
    pub secret: SecretString,
}

/// What an index is signed in to with
#[derive(Debug, Clone)]
pub struct Credentials {
    means: Means,
    /// Where they were found, for the user: a variable's name, or a file and its section
    source: String,
    /// What the user should know about that place
    warning: Option<String>,
    issued: Arc<Issued>,
    /// Whether the source itself names the address that they are for
    is_bound: bool,
    withheld: Option<Withheld>,
}

/// Why credentials are not sent anywhere
#[derive(Debug, Clone)]
enum Withheld {
    /// The user has not agreed to the index's host
    NewHost(NewHost),
    /// They are a token that another host has issued
    Foreign,
}

#[derive(Debug, Clone)]
enum Means {
    Login(Login),
    /// A token is to be had when it is needed
    Publisher(Arc<Publisher>),
}

/// The secrets that were made of the one that was found, to be struck out where a server repeats them
#[derive(Default)]
struct Issued(Mutex<Vec<Login>>);

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued")
    }
}

/// What speaks against using credentials, before anything is sent
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    pub message: String,
    pub help: String,
    /// Whether nothing but the credentials themselves say so, so that a user who knows better may go on
    pub advisory: bool,
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
    #[error(transparent)]
    Publishing(#[from] OidcError),
    #[error("{origin} holds a character that no token and no password for an index has")]
    Unsendable { origin: String },
    #[error("the hosts that you have allowed are not known")]
    Hosts(#[source] Box<crate::error::Error>),
    #[error("{origin} is not sent there")]
    Withheld { origin: String, help: String },
}

impl Credentials {
    /// A token, and where it came from.
    pub fn token(secret: SecretString, source: impl Into<String>) -> Self {
        Self::password(TOKEN_USER, secret, source)
    }

    /// A user name and a password, and where they came from.
    pub fn password(username: impl Into<String>, secret: SecretString, source: impl Into<String>) -> Self {
        Self::of(Means::Login(Login { username: username.into(), secret }), source.into())
    }

    fn of(means: Means, source: String) -> Self {
        Self { means, source, warning: None, issued: Arc::default(), is_bound: false, withheld: None }
    }

    fn publisher(publisher: Publisher) -> Self {
        let source = publisher.source();
        Self::of(Means::Publisher(Arc::new(publisher)), source)
    }

    /// The same, from a source that itself names the index's address, or not.
    fn bound(self, is_bound: bool) -> Self {
        Self { is_bound, ..self }
    }

    /// The host that they are not sent to before the user has agreed to it.
    pub fn new_host(&self) -> Option<&NewHost> {
        match &self.withheld {
            Some(Withheld::NewHost(new)) => Some(new),
            Some(Withheld::Foreign) | None => None,
        }
    }

    /// What was found, where it is known already.
    fn login(&self) -> Option<&Login> {
        match &self.means {
            Means::Login(login) => Some(login),
            Means::Publisher(_) => None,
        }
    }

    fn with_warning(mut self, warning: Option<String>) -> Self {
        self.warning = warning;
        self
    }

    /// Where they were found, for the user.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the user should know about where they were found.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Whether the index issues them to whoever runs this, by what it is.
    pub fn are_of_a_trusted_publisher(&self) -> bool {
        matches!(self.means, Means::Publisher(_))
    }

    /// Whether attestations may go along with a file: with the token of a trusted publisher who may attest.
    pub fn may_attest(&self) -> bool {
        matches!(&self.means, Means::Publisher(publisher) if publisher.may_attest())
    }

    /// Whether the index makes a token for them when one is needed, which may make it create the project, too.
    pub fn are_made_when_needed(&self) -> bool {
        matches!(&self.means, Means::Publisher(_))
    }

    /// The user, where that is one and not what stands for a token.
    pub fn username(&self) -> Option<&str> {
        self.login().map(|login| login.username.as_str()).filter(|username| *username != TOKEN_USER)
    }

    /// The token, where it is one that can be read; or why a secret that is meant as one cannot. None where it is a
    /// password, or is yet to be made.
    pub fn as_token(&self) -> Option<Result<Token, TokenError>> {
        let login = self.login()?;
        let secret = login.secret.expose_secret();
        (login.username == TOKEN_USER && Token::is_meant(secret)).then(|| Token::parse(secret))
    }

    /// What to sign in with for one upload: to be asked for just before it begins, anew each time.
    ///
    /// A trusted publisher's token is made now, where there is none yet or that would expire. A token that can be
    /// narrowed is: to this project, and to the time that a file of `size` bytes may take.
    ///
    /// # Errors
    /// There is none to be had.
    pub fn for_upload(&self, project: &str, size: u64, now: Timestamp) -> Result<Login, CredentialsError> {
        if let Some(withheld) = &self.withheld {
            let help = match withheld {
                Withheld::NewHost(new) => new.help(),
                Withheld::Foreign => {
                    "the token was issued by another index: this one needs one of its own".to_owned()
                }
            };
            return Err(CredentialsError::Withheld { origin: self.source.clone(), help });
        }
        let on_the_way = Duration::from_secs(size / SLOWEST);
        let login = match &self.means {
            Means::Login(login) => login.clone(),
            Means::Publisher(publisher) => {
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

    /// What to sign in with to be shown what the index has; none where that is open to all, as with everybody who
    /// issues tokens for uploads.
    pub fn for_reading(&self) -> Option<&Login> {
        self.login().filter(|_| self.withheld.is_none() && self.as_token().is_none())
    }

    /// What speaks against uploading with them.
    pub fn concerns(&self, index: &IndexAddress, project: Option<&str>, now: Timestamp) -> Vec<Concern> {
        let new = self.new_host().map(|new| Concern {
            message: new.refusal(&self.source),
            help: new.help(),
            advisory: false,
        });
        new.into_iter().chain(self.objections(index, project, now)).collect()
    }

    fn objections(&self, index: &IndexAddress, project: Option<&str>, now: Timestamp) -> Vec<Concern> {
        let host = index.upload.host_str().unwrap_or_default();
        let from = &self.source;
        let login = match &self.means {
            Means::Login(login) => login,
            Means::Publisher(publisher) => {
                let concern = |message: &str| Concern {
                    message: message.to_owned(),
                    help: "let a release, a tag or a push start it".to_owned(),
                    advisory: true,
                };
                return publisher.objection().map(concern).into_iter().collect();
            }
        };
        if index.is_pypi() && login.username != TOKEN_USER {
            return vec![Concern {
                message: format!("{from} has a password, and `{}` takes tokens only", index.name),
                help: format!("make a token there, and use it with the username {TOKEN_USER}"),
                advisory: false,
            }];
        }
        match self.as_token() {
            None if index.is_pypi() => vec![Concern {
                message: format!("{from} holds no token of `{}`: those begin with `pypi-AgE`", index.name),
                help: "copy it again, or make another one".to_owned(),
                advisory: true,
            }],
            None => Vec::new(),
            Some(Err(error)) => vec![Concern {
                message: format!("the token in {from} is damaged: {error}"),
                help: "copy it again, or make another one".to_owned(),
                advisory: true,
            }],
            Some(Ok(token)) => {
                let objections = token.objections(TokenUse { host, project, now }).into_iter();
                objections
                    .map(|objection| Concern {
                        message: format!("the token in {from} will not do: {objection}"),
                        help: objection.help().to_owned(),
                        advisory: self.withheld.is_none() || !matches!(objection, Objection::Issuer { .. }),
                    })
                    .collect()
            }
        }
    }

    /// Takes the secrets out of a text, in case a server repeats one.
    pub fn redact(&self, text: &str) -> String {
        let issued = self.issued.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minted: Vec<Login> = match &self.means {
            Means::Login(_) => Vec::new(),
            Means::Publisher(publisher) => {
                let login = |secret| Login { username: TOKEN_USER.to_owned(), secret };
                publisher.secrets().into_iter().map(login).collect()
            }
        };
        let all = issued.iter().chain(self.login()).chain(&minted);
        all.fold(text.to_owned(), |text, login| login.redact(&text))
    }
}

impl CredentialsError {
    /// What to do about it, where there is more to say than the error does.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Publishing(error) => Some(error.help()),
            Self::Hosts(error) => error.hints().first().cloned(),
            Self::Withheld { help, .. } => Some(help.clone()),
            _ => None,
        }
    }
}

impl Login {
    /// Takes the secret out of a text, in case a server repeats it.
    fn redact(&self, text: &str) -> String {
        let secret = self.secret.expose_secret();
        // As it goes over the wire, some servers repeat it too.
        let basic = STANDARD.encode(format!("{}:{secret}", self.username));
        let text = text.replace(&basic, "[secret]").replace(basic.trim_end_matches('='), "[secret]");
        // A short one would be struck out of innocent words, which gives it away.
        if secret.len() < 8 { text } else { text.replace(secret, "[secret]") }
    }
}

impl Issued {
    fn keep(&self, login: &Login) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(login.clone());
    }
}

/// The token, good for one upload only.
fn narrowed(token: &Token, project: &str, on_the_way: Duration, now: Timestamp) -> Token {
    let now = now.as_second();
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let expires_at = now.saturating_add(seconds(GOOD_FOR.saturating_add(on_the_way)));
    // What has passed is no use to anybody, but the index's clock may be behind ours.
    let not_before = now.saturating_sub(seconds(SKEW));
    token.narrowed(&[Caveat::project(project), Caveat::Expiration { not_before, expires_at }])
}

#[cfg(test)]
mod tests;
