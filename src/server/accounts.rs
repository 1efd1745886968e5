//! Access to the index: its tokens are macaroons, checked as PyPI checks them, with PyPI's error messages.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::refusal::Refusal;
use super::settings::Publisher;
use crate::python::filename::normalize;
use crate::python::token::{Caveat, Macaroon, Token};

/// The file with the key that signs the index's tokens
const FILE: &str = ".key.json";
/// The location in the index's tokens: the host, as on PyPI
const LOCATION: &str = "127.0.0.1";

/// The only account of an index
#[derive(Serialize, Deserialize)]
pub(super) struct Account {
    /// The key's identifier in tokens
    identifier: String,
    /// The same in tokens for trusted publishers
    #[serde(default)]
    publishing: String,
    user: String,
    root: Vec<u8>,
}

/// A request's token, before its restrictions are checked
pub(super) struct PresentedToken {
    token: Token,
    /// Whether it was issued to a trusted publisher
    is_publishers: bool,
}

impl Account {
    /// Loads the account from a folder, or creates it.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs_err::create_dir_all(folder)?;
        let path = folder.join(FILE);
        match fs_err::read(&path) {
            Ok(text) => {
                let mut account: Self = serde_json::from_slice(&text)?;
                if account.publishing.is_empty() {
                    // Of a version without trusted publishing
                    account.publishing = identifier()?;
                    account.write(folder)?;
                }
                return Ok(account);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let root = random::<32>()?.to_vec();
        let account =
            Self { identifier: identifier()?, publishing: identifier()?, user: identifier()?, root };
        account.write(folder)?;
        Ok(account)
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        // Temporary files are readable only by their owner.
        let mut file = NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(FILE))?;
        Ok(())
    }

    /// An unrestricted token for the account.
    pub(super) fn token(&self) -> SecretString {
        let macaroon = Macaroon::new(&self.root, LOCATION, &self.identifier);
        Token::of(macaroon).narrowed(&[Caveat::RequestUser(self.user.clone())]).to_secret()
    }

    /// Finds the token that a secret contains, if this index issued it, without checking restrictions.
    pub(super) fn recognize(&self, secret: &str) -> Option<PresentedToken> {
        let token = Token::parse(secret).ok()?;
        let identifier = token.macaroon().identifier();
        let is_publishers = identifier == self.publishing.as_bytes() && !identifier.is_empty();
        (is_publishers || identifier == self.identifier.as_bytes())
            .then_some(PresentedToken { token, is_publishers })
    }

    /// A token for a trusted publisher, which expires at this time.
    pub(super) fn token_for(&self, publisher: &Publisher, now: Timestamp, expires_at: i64) -> SecretString {
        let macaroon = Macaroon::new(&self.root, LOCATION, &self.publishing);
        let restrictions = [
            Caveat::OidcPublisher(publisher.id()),
            Caveat::ProjectName(publisher.projects.clone()),
            Caveat::Expiration { not_before: now.as_second(), expires_at },
        ];
        Token::of(macaroon).narrowed(&restrictions).to_secret()
    }

    /// Checks a token's signature and restrictions for an upload to a project; returns the trusted publisher that it
    /// was issued to, if it was to one.
    pub(super) fn permit<'a>(
        &self,
        presented: &PresentedToken,
        project: &str,
        publishers: &'a [Publisher],
        now: Timestamp,
    ) -> Result<Option<&'a Publisher>, Refusal> {
        let refuse = |reasons: &str| Err(Refusal::with_status(403, format!("Invalid API Token: {reasons}")));
        let PresentedToken { token, is_publishers } = presented;
        if !token.macaroon().is_signed_by(&self.root) {
            return refuse("signatures do not match");
        }
        let caveats = token.caveats();
        let named = caveats.iter().find_map(|caveat| match caveat {
            Caveat::OidcPublisher(id) => publishers.iter().find(|publisher| publisher.id() == *id),
            _ => None,
        });
        let publisher = named.filter(|_| *is_publishers);
        let texts = token.macaroon().caveats();
        let reasons: Vec<String> = texts
            .zip(caveats)
            .filter_map(|(text, caveat)| match caveat {
                Caveat::OidcPublisher(id) if *is_publishers => of_publisher(&id, publisher, project),
                caveat => self.unmet(&caveat, text, project, now),
            })
            .collect();
        match (reasons.is_empty(), is_publishers, publisher) {
            (false, ..) => refuse(&reasons.join(", ")),
            // Every token for a publisher names it.
            (true, true, None) => {
                refuse("current OIDC publisher does not match publisher restriction in token")
            }
            (true, _, publisher) => Ok(publisher),
        }
    }

    /// Why a restriction is not met, in PyPI's words.
    fn unmet(&self, caveat: &Caveat, text: &[u8], project: &str, now: Timestamp) -> Option<String> {
        let elsewhere = || format!("project-scoped token is not valid for project: '{project}'");
        match caveat {
            Caveat::Expiration { not_before, expires_at } => {
                let now = now.as_second();
                (now < *not_before || now >= *expires_at).then(|| "token is expired".to_owned())
            }
            Caveat::ProjectName(names) => (!names.contains(&normalize(project))).then(elsewhere),
            // Projects have no ids here.
            Caveat::ProjectId(_) => Some(elsewhere()),
            Caveat::RequestUser(user) => (*user != self.user)
                .then(|| "current user does not match user restriction in token".to_owned()),
            Caveat::OidcPublisher(_) => {
                Some("OIDC scoped token used outside of an OIDC identified request".to_owned())
            }
            Caveat::Everything => None,
            Caveat::Unknown(_) => Some(match serde_json::from_slice::<Value>(text) {
                Ok(Value::Array(values)) => match values.first() {
                    Some(tag @ Value::Number(number)) if number.as_u64().is_none_or(|tag| tag > 4) => {
                        format!("caveat has unknown tag: {tag}")
                    }
                    _ => "Not enough values".to_owned(),
                },
                Ok(_) => "caveat must be an array".to_owned(),
                Err(_) => "unknown error".to_owned(),
            }),
        }
    }
}

/// Why a restriction to a trusted publisher is not met.
fn of_publisher(id: &str, publisher: Option<&Publisher>, project: &str) -> Option<String> {
    let Some(publisher) = publisher.filter(|publisher| publisher.id() == id) else {
        return Some("current OIDC publisher does not match publisher restriction in token".to_owned());
    };
    (!publisher.projects.contains(&normalize(project)))
        .then(|| format!("OIDC scoped token is not valid for project '{project}'"))
}

fn random<const LENGTH: usize>() -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// A version 4 UUID, which PyPI uses to identify tokens and users.
fn identifier() -> io::Result<String> {
    let mut bytes = random::<16>()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Ok(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn account() -> (tempfile::TempDir, Account) {
        let folder = tempfile::tempdir().unwrap();
        let account = Account::open(folder.path()).unwrap();
        (folder, account)
    }

    /// The error for an upload to `demo` with the account's token and these restrictions.
    fn refusal(caveats: &[Caveat]) -> String {
        let (_folder, account) = account();
        let token = Token::parse(account.token().expose_secret()).unwrap().narrowed(caveats);
        let presented = account.recognize(token.to_secret().expose_secret()).unwrap();
        let now = Timestamp::from_second(1000).unwrap();
        account.permit(&presented, "Demo", &[], now).err().map(|refusal| refusal.message).unwrap_or_default()
    }

    #[test]
    fn restrictions_that_are_met_let_an_upload_pass() {
        let alive = Caveat::Expiration { not_before: 1000, expires_at: 1001 };
        assert_eq!(refusal(&[Caveat::project("demo"), alive, Caveat::Everything]), "");
    }

    #[test]
    fn restrictions_that_are_not_met_are_named_as_pypi_names_them() {
        let dead = Caveat::Expiration { not_before: 0, expires_at: 1000 };
        let early = Caveat::Expiration { not_before: 1001, expires_at: 2000 };
        let elsewhere = "project-scoped token is not valid for project: 'Demo'";
        for (caveat, reason) in [
            (dead, "token is expired"),
            (early, "token is expired"),
            (Caveat::project("other"), elsewhere),
            (Caveat::ProjectId(vec!["x".to_owned()]), elsewhere),
            (Caveat::RequestUser("x".to_owned()), "current user does not match user restriction in token"),
            (
                Caveat::OidcPublisher("x".to_owned()),
                "OIDC scoped token used outside of an OIDC identified request",
            ),
            (Caveat::Unknown("[99]".to_owned()), "caveat has unknown tag: 99"),
            (Caveat::Unknown("[1]".to_owned()), "Not enough values"),
            (Caveat::Unknown("{}".to_owned()), "caveat must be an array"),
            (Caveat::Unknown("x".to_owned()), "unknown error"),
        ] {
            assert_eq!(refusal(&[caveat]), format!("Invalid API Token: {reason}"));
        }
    }

    #[test]
    fn a_token_of_another_index_is_unknown_and_a_forged_one_is_not_signed() {
        let ((folder, account), (_other, stranger)) = (account(), account());
        assert!(account.recognize(stranger.token().expose_secret()).is_none());
        assert!(account.recognize("pypi-hunter2").is_none());
        let forged = Token::of(Macaroon::new(b"guessed", LOCATION, &account.identifier)).to_secret();
        let presented = account.recognize(forged.expose_secret()).unwrap();
        let refusal = account.permit(&presented, "demo", &[], Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(refusal.message, "Invalid API Token: signatures do not match");
        let again = Account::open(folder.path()).unwrap();
        assert!(again.recognize(account.token().expose_secret()).is_some(), "it lasts as long as the folder");
    }
}
