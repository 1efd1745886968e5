//! Base64 texts (RFC 4648 §4) for the `Authorization` header, and for finding encoded secrets.

use ::base64::prelude::{BASE64_STANDARD, Engine as _};

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// The three texts of which one is in every base64 text that contains `bytes`: the letters that depend only on `bytes`,
/// for each of the three offsets in a group.
pub(crate) fn disguises(bytes: &[u8]) -> Vec<String> {
    (0..3)
        .map(|offset| {
            let shifted: Vec<u8> = std::iter::repeat_n(0, offset).chain(bytes.iter().copied()).collect();
            // The first letters also depend on the bytes before, the last one on the bytes after.
            let first = (offset * 8).div_ceil(6);
            let last = shifted.len() * 8 / 6;
            encode(&shifted)[first..last].to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let encoded = encode(format!("{before}secret-word{after}").as_bytes());
                let found = disguises(b"secret-word").iter().any(|disguise| encoded.contains(disguise));
                assert!(found, "{before}…{after}: {encoded}");
            }
        }
    }
}
