//! API tokens of PyPI and similar indexes: `pypi-` and a macaroon. A macaroon contains its own restrictions, and its
//! owner can add more without asking the index.
//!
//! A token's caveats are readable, but its signature is secret, so nothing here displays more than the caveats.

mod caveat;
mod judge;
mod macaroon;
mod scope;

use std::fmt;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

pub use caveat::Caveat;
pub use judge::{Objection, TokenUse};
pub use macaroon::{Macaroon, MacaroonError};
pub use scope::Scope;

const PREFIX: &str = "pypi-";
/// The base64 prefix of a version 2 macaroon with an issuer
const BEGINNING: &str = "AgE";
/// The longest token, in bytes: HTTP headers are not longer
const LARGEST: usize = 16 << 10;
/// PyPI writes no padding, but a pasted token may have some
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text that looks like a token is not one; does not quote it
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("it does not begin with `pypi-`")]
    Prefix,
    #[error("it is longer than any token: {0} bytes")]
    Length(usize),
    #[error("it contains an invalid character, or its end is missing")]
    Base64,
    #[error(transparent)]
    Macaroon(#[from] MacaroonError),
}

/// A parsed API token
pub struct Token {
    macaroon: Macaroon,
}

/// Without the secret signature
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("issuer", &self.issuer()).field("caveats", &self.caveats()).finish()
    }
}

impl Token {
    /// Whether a secret has the form of a token. If such a one cannot be parsed, it is damaged; any other text is a
    /// password.
    pub fn is_meant(secret: &str) -> bool {
        secret.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with(BEGINNING))
    }

    /// Parses a token.
    ///
    /// # Errors
    /// The text is not a token.
    pub fn parse(secret: &str) -> Result<Self, TokenError> {
        let encoded = secret.strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        if secret.len() > LARGEST {
            return Err(TokenError::Length(secret.len()));
        }
        let bytes = Zeroizing::new(BASE64.decode(encoded).map_err(|_| TokenError::Base64)?);
        Ok(Self { macaroon: Macaroon::parse(&bytes)? })
    }

    /// The token of a macaroon.
    pub fn of(macaroon: Macaroon) -> Self {
        Self { macaroon }
    }

    pub fn macaroon(&self) -> &Macaroon {
        &self.macaroon
    }

    /// The host that issued it, according to the token; the signature does not cover this.
    pub fn issuer(&self) -> &str {
        self.macaroon.location()
    }

    /// Its restrictions. A token without any is not necessarily unrestricted: an index may store restrictions itself.
    pub fn caveats(&self) -> Vec<Caveat> {
        self.macaroon.caveats().map(Caveat::parse).collect()
    }

    /// The same token with more caveats, which hold in addition to those that it has.
    #[must_use]
    pub fn narrowed(&self, caveats: &[Caveat]) -> Self {
        let macaroon = caveats.iter().fold(self.macaroon.clone(), |macaroon, caveat| {
            macaroon.attenuated(caveat.to_json().into_bytes())
        });
        Self { macaroon }
    }

    /// The text to send.
    pub fn to_secret(&self) -> SecretString {
        let bytes = self.macaroon.to_bytes();
        // Allocate it at once: a growing text leaves copies of itself in memory.
        let length = base64::encoded_len(bytes.expose_secret().len(), false).unwrap_or_default();
        let mut text = String::with_capacity(PREFIX.len() + length);
        text.push_str(PREFIX);
        BASE64.encode_string(bytes.expose_secret(), &mut text);
        text.into()
    }
}

#[cfg(test)]
mod tests;
