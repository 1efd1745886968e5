//! Macaroons of version 2 in binary form: a chain of HMACs over an identifier and its restrictions. The owner of one
//! can append a restriction, but nobody can remove one.
//!
//! `02`, then `01 length location`, `02 length identifier`, `00`; for each caveat `02 length text`, `00`; `00`;
//! `06 20` and the signature.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretBox;
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;
use thiserror::Error;

const VERSION: u8 = 2;
/// The end of a section
const END: u8 = 0;
const LOCATION: u8 = 1;
const IDENTIFIER: u8 = 2;
/// The field of a third-party caveat
const VERIFICATION: u8 = 4;
const SIGNATURE: u8 = 6;
/// The key derivation's constant
const KEY: &[u8] = b"macaroons-key-generator";
/// More restrictions than any token needs
const MOST_CAVEATS: usize = 256;

/// Why bytes are not a macaroon
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MacaroonError {
    #[error("it is not a version 2 macaroon")]
    Version,
    #[error("it is truncated")]
    Truncated,
    #[error("it has extra bytes after its end")]
    Trailing,
    #[error("its fields are not those of a macaroon")]
    Shape,
    #[error("it has more than {MOST_CAVEATS} restrictions")]
    TooMany,
}

/// A link of the chain; it permits appending restrictions
type Signature = Zeroizing<[u8; 32]>;

/// A macaroon; its signature must stay secret
#[derive(Clone)]
pub struct Macaroon {
    location: String,
    identifier: Vec<u8>,
    caveats: Vec<Caveat>,
    signature: Signature,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Caveat {
    text: Vec<u8>,
    /// Of a third-party caveat: the location, and the key for it
    elsewhere: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for Macaroon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Macaroon").field("location", &self.location).finish_non_exhaustive()
    }
}

fn mac(key: &[u8], message: &[u8]) -> Signature {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC accepts keys of any length");
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

impl Macaroon {
    /// A macaroon without restrictions; needs the root key.
    pub fn new(root: &[u8], location: &str, identifier: &str) -> Self {
        let signature = mac(mac(KEY, root).as_slice(), identifier.as_bytes());
        let (location, identifier) = (location.to_owned(), identifier.as_bytes().to_vec());
        Self { location, identifier, caveats: Vec::new(), signature }
    }

    /// Parses a macaroon.
    ///
    /// # Errors
    /// The bytes are not a macaroon.
    pub fn parse(bytes: &[u8]) -> Result<Self, MacaroonError> {
        let mut reader = Reader { rest: bytes };
        if reader.byte()? != VERSION {
            return Err(MacaroonError::Version);
        }
        let location = reader.optional(LOCATION)?.unwrap_or_default();
        let location = String::from_utf8(location.to_vec()).map_err(|_| MacaroonError::Shape)?;
        let identifier = reader.field(IDENTIFIER)?.to_vec();
        reader.end()?;
        let mut caveats = Vec::new();
        while reader.peek()? != END {
            if caveats.len() == MOST_CAVEATS {
                return Err(MacaroonError::TooMany);
            }
            let location = reader.optional(LOCATION)?;
            let text = reader.field(IDENTIFIER)?.to_vec();
            let key = reader.optional(VERIFICATION)?;
            let elsewhere = match (location, key) {
                (location, Some(key)) => Some((location.unwrap_or_default().to_vec(), key.to_vec())),
                (None, None) => None,
                (Some(_), None) => return Err(MacaroonError::Shape),
            };
            reader.end()?;
            caveats.push(Caveat { text, elsewhere });
        }
        reader.end()?;
        let signature = reader.field(SIGNATURE)?.try_into().map_err(|_| MacaroonError::Shape)?;
        if !reader.rest.is_empty() {
            return Err(MacaroonError::Trailing);
        }
        Ok(Self { location, identifier, caveats, signature: Zeroizing::new(signature) })
    }

    /// Serializes it.
    pub fn to_bytes(&self) -> SecretBox<Vec<u8>> {
        // Reserve enough: a growing vector leaves copies of its bytes in memory.
        let part = |bytes: &[u8]| bytes.len() + 12;
        let caveats = self.caveats.iter().map(|caveat| {
            let elsewhere = caveat.elsewhere.as_ref();
            part(&caveat.text) + elsewhere.map_or(0, |(location, key)| part(location) + part(key))
        });
        let room = 64 + part(self.location.as_bytes()) + part(&self.identifier) + caveats.sum::<usize>();
        let mut bytes = Vec::with_capacity(room);
        bytes.push(VERSION);
        field(&mut bytes, LOCATION, self.location.as_bytes());
        field(&mut bytes, IDENTIFIER, &self.identifier);
        bytes.push(END);
        for caveat in &self.caveats {
            if let Some((location, _)) = &caveat.elsewhere {
                field(&mut bytes, LOCATION, location);
            }
            field(&mut bytes, IDENTIFIER, &caveat.text);
            if let Some((_, key)) = &caveat.elsewhere {
                field(&mut bytes, VERIFICATION, key);
            }
            bytes.push(END);
        }
        bytes.push(END);
        field(&mut bytes, SIGNATURE, self.signature.as_slice());
        SecretBox::new(Box::new(bytes))
    }

    pub fn location(&self) -> &str {
        &self.location
    }

    /// The identifier by which the issuer finds the root key.
    pub fn identifier(&self) -> &[u8] {
        &self.identifier
    }

    /// The restrictions, as written.
    pub fn caveats(&self) -> impl Iterator<Item = &[u8]> {
        self.caveats.iter().map(|caveat| caveat.text.as_slice())
    }

    /// The same macaroon with one more restriction.
    #[must_use]
    pub fn attenuated(mut self, text: Vec<u8>) -> Self {
        self.signature = mac(self.signature.as_slice(), &text);
        self.caveats.push(Caveat { text, elsewhere: None });
        self
    }

    /// Whether it was made with this root key and only restricted since. Third-party caveats never count as
    /// fulfilled.
    pub fn is_signed_by(&self, root: &[u8]) -> bool {
        let mut link = mac(mac(KEY, root).as_slice(), &self.identifier);
        for caveat in &self.caveats {
            if caveat.elsewhere.is_some() {
                return false;
            }
            link = mac(link.as_slice(), &caveat.text);
        }
        // Compare all bytes, so that the time does not depend on where they differ.
        let difference =
            link.iter().zip(self.signature.iter()).fold(0, |all, (one, other)| all | (one ^ other));
        std::hint::black_box(difference) == 0
    }
}

fn field(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Result<u8, MacaroonError> {
        self.rest.first().copied().ok_or(MacaroonError::Truncated)
    }

    fn byte(&mut self) -> Result<u8, MacaroonError> {
        let (first, rest) = self.rest.split_first().ok_or(MacaroonError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    /// A varint; more than five bytes are longer than any macaroon.
    fn length(&mut self) -> Result<usize, MacaroonError> {
        let mut length = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(length).map_err(|_| MacaroonError::Shape);
            }
        }
        Err(MacaroonError::Shape)
    }

    fn optional(&mut self, kind: u8) -> Result<Option<&'a [u8]>, MacaroonError> {
        if self.peek()? != kind {
            return Ok(None);
        }
        self.byte()?;
        let length = self.length()?;
        let (content, rest) = self.rest.split_at_checked(length).ok_or(MacaroonError::Truncated)?;
        self.rest = rest;
        Ok(Some(content))
    }

    fn field(&mut self, kind: u8) -> Result<&'a [u8], MacaroonError> {
        self.optional(kind)?.ok_or(MacaroonError::Shape)
    }

    fn end(&mut self) -> Result<(), MacaroonError> {
        match self.byte()? {
            END => Ok(()),
            _ => Err(MacaroonError::Shape),
        }
    }
}
