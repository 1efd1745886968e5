//! API tokens of PyPI and of indexes like it: `pypi-` and a macaroon, which says itself what it is good for and can be
//! narrowed by whoever has it, without asking anybody.
//!
//! What a token says is readable; what is signed over is its secret, so nothing here shows more than its caveats.

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
/// What a macaroon of version 2 that names who issued it begins with, in base64
const BEGINNING: &str = "AgE";
/// Of a token, in bytes: a header of a request does not get longer
const LARGEST: usize = 16 << 10;
/// PyPI writes no padding; what somebody has pasted may have some
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text that looks like a token is none; says nothing of what is in it
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("it does not begin with `pypi-`")]
    Prefix,
    #[error("it is longer than any token: {0} bytes")]
    Length(usize),
    #[error("a character in it belongs in no token, or its end is missing")]
    Base64,
    #[error(transparent)]
    Macaroon(#[from] MacaroonError),
}

/// An API token, taken apart
pub struct Token {
    macaroon: Macaroon,
}

/// Without what makes it worth anything
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("issuer", &self.issuer()).field("caveats", &self.caveats()).finish()
    }
}

impl Token {
    /// Whether a secret has the form of a token, so that one that cannot be read has been damaged; any other is a
    /// password, of which nothing is known.
    pub fn is_meant(secret: &str) -> bool {
        secret.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with(BEGINNING))
    }

    /// Takes a token apart.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(secret: &str) -> Result<Self, TokenError> {
        let encoded = secret.strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        if secret.len() > LARGEST {
            return Err(TokenError::Length(secret.len()));
        }
        let bytes = Zeroizing::new(BASE64.decode(encoded).map_err(|_| TokenError::Base64)?);
        Ok(Self { macaroon: Macaroon::parse(&bytes)? })
    }

    /// The token that a macaroon is.
    pub fn of(macaroon: Macaroon) -> Self {
        Self { macaroon }
    }

    pub fn macaroon(&self) -> &Macaroon {
        &self.macaroon
    }

    /// The host that issued it, by its own account: that is signed over nothing.
    pub fn issuer(&self) -> &str {
        self.macaroon.location()
    }

    /// What it is restricted to. None at all does not make it good for everything: an index can keep restrictions to
    /// itself.
    pub fn caveats(&self) -> Vec<Caveat> {
        self.macaroon.caveats().map(Caveat::parse).collect()
    }

    /// The same token, good for these only; every caveat holds besides those that it has.
    #[must_use]
    pub fn narrowed(&self, caveats: &[Caveat]) -> Self {
        let macaroon = caveats.iter().fold(self.macaroon.clone(), |macaroon, caveat| {
            macaroon.attenuated(caveat.to_json().into_bytes())
        });
        Self { macaroon }
    }

    /// As it is sent.
    pub fn to_secret(&self) -> SecretString {
        let bytes = self.macaroon.to_bytes();
        // Whole at once: a text that grows leaves copies of itself behind.
        let length = base64::encoded_len(bytes.expose_secret().len(), false).unwrap_or_default();
        let mut text = String::with_capacity(PREFIX.len() + length);
        text.push_str(PREFIX);
        BASE64.encode_string(bytes.expose_secret(), &mut text);
        text.into()
    }
}

#[cfg(test)]
mod tests;
