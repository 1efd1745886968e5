//! Versions with numbers of any size, as `packaging` parses and compares them: for versions on an index or for one.
//!
//! [`Version`](super::Version) is for versions that are bumped; its numbers have 64 bits.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::{VersionError, abridged};

/// The most digits that Python converts to a number
const MOST_DIGITS: usize = 4300;

/// A version that is only compared, with numbers of any size, as files and indexes may have them
///
/// Compares by PEP 440 (`1.0` equals `1.0.0`) and displays its normal form (`1.0-RC.1` as `1.0rc1`).
#[derive(Debug, Clone)]
pub struct ExactVersion {
    epoch: Number,
    release: Vec<Number>,
    pre: Option<(Pre, Number)>,
    post: Option<Number>,
    dev: Option<Number>,
    local: Vec<Local>,
}

/// A number as its digits without leading zeros; no digits are zero
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Number(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pre {
    Alpha,
    Beta,
    Candidate,
}

/// A part of a local version; words sort before numbers
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Local {
    Word(String),
    Number(Number),
}

impl ExactVersion {
    /// Whether it has a local part (`+linux`), which no public index accepts.
    pub fn is_local(&self) -> bool {
        !self.local.is_empty()
    }

    /// Whether installers skip it by default: an alpha, beta, release candidate or development release.
    pub fn is_prerelease(&self) -> bool {
        self.pre.is_some() || self.dev.is_some()
    }

    /// The release numbers without trailing zeros, which have no meaning.
    fn significant(&self) -> &[Number] {
        let zeros = self.release.iter().rev().take_while(|number| number.0.is_empty()).count();
        &self.release[..self.release.len() - zeros]
    }

    /// The sort key of the pre-release: plain development releases come first, finals last.
    fn pre_order(&self) -> (u8, Option<&(Pre, Number)>) {
        match &self.pre {
            None if self.post.is_none() && self.dev.is_some() => (0, None),
            None => (2, None),
            pre => (1, pre.as_ref()),
        }
    }
}

impl Ord for ExactVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let dev = |version: &Self| (version.dev.is_none(), version.dev.clone());
        (self.epoch.cmp(&other.epoch))
            .then_with(|| self.significant().cmp(other.significant()))
            .then_with(|| self.pre_order().cmp(&other.pre_order()))
            .then_with(|| self.post.cmp(&other.post))
            .then_with(|| dev(self).cmp(&dev(other)))
            .then_with(|| self.local.cmp(&other.local))
    }
}

impl PartialOrd for ExactVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ExactVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ExactVersion {}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "0" } else { &self.0 })
    }
}

impl fmt::Display for ExactVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.epoch.0.is_empty() {
            write!(f, "{}!", self.epoch)?;
        }
        for (at, number) in self.release.iter().enumerate() {
            write!(f, "{}{number}", if at == 0 { "" } else { "." })?;
        }
        if let Some((pre, number)) = &self.pre {
            let word = match pre {
                Pre::Alpha => "a",
                Pre::Beta => "b",
                Pre::Candidate => "rc",
            };
            write!(f, "{word}{number}")?;
        }
        for (word, number) in [("post", &self.post), ("dev", &self.dev)] {
            if let Some(number) = number {
                write!(f, ".{word}{number}")?;
            }
        }
        for (at, part) in self.local.iter().enumerate() {
            f.write_str(if at == 0 { "+" } else { "." })?;
            match part {
                Local::Word(word) => f.write_str(word)?,
                Local::Number(number) => write!(f, "{number}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for ExactVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let trimmed = text.trim_matches(is_python_whitespace).to_ascii_lowercase();
        let mut reader = Reader { rest: &trimmed, too_large: false };
        match reader.version() {
            Some(version) if reader.rest.is_empty() && !reader.too_large => Ok(version),
            _ => {
                let reason = if trimmed.is_empty() { "it is empty" } else { "it does not follow PEP 440" };
                Err(VersionError::Invalid { text: abridged(text), reason: reason.to_owned() })
            }
        }
    }
}

impl From<&super::Version> for ExactVersion {
    fn from(version: &super::Version) -> Self {
        version.to_string().parse().expect("every such version is valid here")
    }
}

/// What Python treats as whitespace; this includes the ASCII separators, unlike Unicode
fn is_python_whitespace(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}')
}

/// The rest of a version in lower case
struct Reader<'a> {
    rest: &'a str,
    /// A number had more digits than Python converts
    too_large: bool,
}

impl Reader<'_> {
    fn version(&mut self) -> Option<ExactVersion> {
        self.take(&["v"]);
        let mut epoch = Number::default();
        let mut number = self.number()?;
        if self.take(&["!"]).is_some() {
            epoch = number;
            number = self.number()?;
        }
        let mut release = vec![number];
        while let Some(number) = self.number_after(&["."]) {
            release.push(number);
        }
        let pre = self.part(&["alpha", "a", "beta", "b", "preview", "pre", "c", "rc"]);
        let pre = pre.map(|(word, number)| match word {
            "alpha" | "a" => (Pre::Alpha, number),
            "beta" | "b" => (Pre::Beta, number),
            _ => (Pre::Candidate, number),
        });
        let post = self.number_after(&["-"]);
        let post = post.or_else(|| self.part(&["post", "rev", "r"]).map(|(_, number)| number));
        let dev = self.part(&["dev"]).map(|(_, number)| number);
        let local = if self.take(&["+"]).is_some() { self.local()? } else { Vec::new() };
        Some(ExactVersion { epoch, release, pre, post, dev, local })
    }

    /// Tries a part of the grammar; takes nothing if it does not match.
    fn either<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.rest;
        let found = read(self);
        if found.is_none() {
            self.rest = before;
        }
        found
    }

    /// Takes the first of these texts that matches.
    fn take(&mut self, texts: &[&'static str]) -> Option<&'static str> {
        let found = texts.iter().find(|text| self.rest.starts_with(**text))?;
        self.rest = &self.rest[found.len()..];
        Some(found)
    }

    /// Takes a number, if one is next.
    fn number(&mut self) -> Option<Number> {
        let end = self.rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!digits.is_empty()).then(|| self.made(digits))
    }

    fn made(&mut self, digits: &str) -> Number {
        self.too_large |= digits.len() > MOST_DIGITS;
        Number(digits.trim_start_matches('0').to_owned())
    }

    /// Takes a number after one of these texts.
    fn number_after(&mut self, texts: &[&'static str]) -> Option<Number> {
        self.either(|reader| {
            reader.take(texts)?;
            reader.number()
        })
    }

    /// Takes a word and its number with separators; without a number it is zero.
    fn part(&mut self, words: &[&'static str]) -> Option<(&'static str, Number)> {
        const SEPARATORS: &[&str] = &["-", "_", "."];
        self.either(|reader| {
            reader.take(SEPARATORS);
            let word = reader.take(words)?;
            // A separator belongs to the part even without a number.
            reader.take(SEPARATORS);
            Some((word, reader.number().unwrap_or_default()))
        })
    }

    fn local(&mut self) -> Option<Vec<Local>> {
        let mut parts = Vec::new();
        loop {
            let inside = |letter: char| letter.is_ascii_alphanumeric();
            let end = self.rest.find(|letter| !inside(letter)).unwrap_or(self.rest.len());
            let (part, rest) = self.rest.split_at(end);
            self.rest = rest;
            if part.is_empty() {
                return None;
            }
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            parts.push(if is_number { Local::Number(self.made(part)) } else { Local::Word(part.to_owned()) });
            if self.take(&["-", "_", "."]).is_none() {
                return Some(parts);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ExactVersion {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_have_any_size() {
        let large = "1.20240102030405060708090";
        assert_eq!(version(large).to_string(), large);
        assert!(version("1.20240102030405060708091") > version(large));
        assert!(version("1.9") < version(large));
        assert_eq!(version("01.020240102030405060708090.0"), version(large));
        assert!(format!("1.{}", "9".repeat(MOST_DIGITS + 1)).parse::<ExactVersion>().is_err());
    }

    #[test]
    fn the_normal_form_is_that_of_pep_440() {
        for (given, shown) in [
            ("v1.0-RC.1", "1.0rc1"),
            ("2024.04.01", "2024.4.1"),
            ("1!1.0-3", "1!1.0.post3"),
            (" 1.0 \n", "1.0"),
            ("1.0_alpha", "1.0a0"),
            ("1.0c1.rev-2_dev", "1.0rc1.post2.dev0"),
            ("1.0+Ubuntu-01_x", "1.0+ubuntu.1.x"),
            ("0!1", "1"),
        ] {
            assert_eq!(version(given).to_string(), shown);
        }
        for wrong in
            ["", "dev", "1.0.x", "1..0", "1.0+", "1.0+a..b", "1!", "1.0-", "1.0 1", "é", "1.0+é", "1.0a1a2"]
        {
            assert!(wrong.parse::<ExactVersion>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_order_is_that_of_pep_440() {
        let ordered = [
            "1.0.dev1",
            "1.0a1.dev1",
            "1.0a1",
            "1.0a1.post1",
            "1.0b1",
            "1.0rc1",
            "1.0",
            "1.0+abc",
            "1.0+abc.1",
            "1.0+5",
            "1.0.post1.dev1",
            "1.0.post1",
            "1.1",
            "1!0.1",
        ];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        assert_eq!(version("1.0"), version("1.0.0"));
    }
}
