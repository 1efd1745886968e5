//! Base64 (RFC 4648 §4), for the `Authorization` header and for finding encoded secrets.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let padded = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for position in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * position)) as usize & 63];
            text.push(if position > chunk.len() { '=' } else { letter.into() });
        }
    }
    text
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
    fn encodes_as_the_rfc_says() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in cases {
            assert_eq!(encode(plain.as_bytes()), encoded);
        }
    }

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
