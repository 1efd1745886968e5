//! The formats of secrets, as their issuers document them.

/// The format of one kind of secret
#[derive(Debug)]
pub(super) struct Shape {
    /// Its name, for messages
    pub(super) kind: &'static str,
    /// Its prefix, which no other text in Python projects has
    pub(super) prefix: &'static str,
    /// What follows the prefix
    rest: Rest,
    /// Whether tests and documentation usually contain generated ones
    pub(super) is_usual_in_tests: bool,
}

/// What follows a prefix
#[derive(Debug, Clone, Copy)]
enum Rest {
    /// A minimum and maximum number of these characters
    Letters(Letters, usize, usize),
    /// A private key in PEM: the rest of its first line, and some base64
    Pem,
}

/// The characters of a secret
#[derive(Debug, Clone, Copy)]
enum Letters {
    /// A-Z and 2-7
    Base32,
    Hexadecimal,
    Alphanumeric,
    /// Letters, digits, `-` and `_`, as in URL-safe base64
    Base64Url,
    /// Those, and `/`, `+`, `.`
    Token,
}

impl Letters {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Base32 => byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7'),
            Self::Hexadecimal => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Token => byte.is_ascii_alphanumeric() || b"-_/+.".contains(&byte),
        }
    }
}

const fn token(kind: &'static str, prefix: &'static str, letters: Letters, most: (usize, usize)) -> Shape {
    Shape { kind, prefix, rest: Rest::Letters(letters, most.0, most.1), is_usual_in_tests: false }
}

impl Shape {
    /// The same format, marked as usual in tests and examples.
    const fn usual_in_tests(mut self) -> Self {
        self.is_usual_in_tests = true;
        self
    }
}

const MOST: usize = 400;

pub(super) const SHAPES: &[Shape] = &[
    token("PyPI token", "pypi-AgEIcHlwaS5vcmc", Letters::Base64Url, (85, MOST)),
    token("TestPyPI token", "pypi-AgENdGVzdC5weXBpLm9yZw", Letters::Base64Url, (85, MOST)),
    token("GitHub token", "ghp_", Letters::Alphanumeric, (36, 36)),
    token("GitHub token", "gho_", Letters::Alphanumeric, (36, 36)),
    token("GitHub token", "ghu_", Letters::Alphanumeric, (36, 36)),
    token("GitHub token", "ghs_", Letters::Alphanumeric, (36, 36)),
    token("GitHub token", "ghr_", Letters::Alphanumeric, (36, 76)),
    token("GitHub token", "github_pat_", Letters::Base64Url, (82, 82)),
    token("GitLab token", "glpat-", Letters::Token, (20, 320)),
    token("GitLab token", "gldt-", Letters::Token, (20, 320)),
    token("GitLab token", "glrt-", Letters::Token, (20, 320)),
    token("GitLab token", "glptt-", Letters::Token, (40, 40)),
    token("AWS access key", "AKIA", Letters::Base32, (16, 16)).usual_in_tests(),
    token("AWS access key", "ASIA", Letters::Base32, (16, 16)).usual_in_tests(),
    token("Slack token", "xoxb-", Letters::Base64Url, (40, 120)),
    token("Slack token", "xoxp-", Letters::Base64Url, (40, 120)),
    token("Slack token", "xapp-1-A", Letters::Base64Url, (60, 160)),
    token("Slack web hook", "https://hooks.slack.com/services/T", Letters::Token, (40, 60)),
    token("npm token", "npm_", Letters::Alphanumeric, (36, 36)),
    token("Google API key", "AIzaSy", Letters::Base64Url, (33, 33)),
    token("Google client secret", "GOCSPX-", Letters::Base64Url, (28, 28)),
    token("Stripe key", "sk_live_", Letters::Alphanumeric, (24, 120)),
    token("Stripe key", "rk_live_", Letters::Alphanumeric, (24, 120)),
    token("Anthropic key", "sk-ant-api03-", Letters::Base64Url, (80, 120)),
    token("OpenAI key", "sk-proj-", Letters::Base64Url, (40, 200)),
    token("Hugging Face token", "hf_", Letters::Alphanumeric, (34, 34)),
    token("DigitalOcean token", "dop_v1_", Letters::Hexadecimal, (64, 64)),
    Shape { kind: "private key", prefix: "-----BEGIN ", rest: Rest::Pem, is_usual_in_tests: true },
];

/// Words in placeholders for secrets
const PLACEHOLDERS: &[&str] =
    &["example", "xxxx", "0000", "abcdef", "123456", "aaaa", "fake", "dummy", "your"];
/// The fewest distinct characters of a random secret of this length
const VARIETY: usize = 10;

impl Shape {
    /// The length of the secret at the start of a text, if there is one; `before` is the preceding byte.
    pub(super) fn length(&self, before: Option<u8>, text: &[u8]) -> Option<usize> {
        let rest = text.get(self.prefix.len()..)?;
        let (letters, least, most) = match self.rest {
            Rest::Pem => return private_key(rest).map(|length| self.prefix.len() + length),
            Rest::Letters(letters, least, most) => (letters, least, most),
        };
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+')) {
            return None;
        }
        let length = rest.iter().position(|byte| !letters.has(*byte)).unwrap_or(rest.len());
        let inside = rest.get(length).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if length < least || length > most || inside || !is_chance(&rest[..length]) {
            return None;
        }
        Some(self.prefix.len() + length)
    }
}

/// Whether characters look random: no placeholder word, no run, many distinct ones, and not only letters.
fn is_chance(letters: &[u8]) -> bool {
    let text = String::from_utf8_lossy(letters).to_ascii_lowercase();
    let mut seen = [false; 256];
    letters.iter().for_each(|letter| seen[usize::from(*letter)] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    let digits = letters.iter().any(u8::is_ascii_digit);
    digits
        && letters.iter().any(u8::is_ascii_alphabetic)
        && different >= VARIETY.min(letters.len() / 2 + 2)
        && !PLACEHOLDERS.iter().any(|word| text.contains(word))
}

/// The length of a private key's first line after `-----BEGIN `, if a key follows.
fn private_key(text: &[u8]) -> Option<usize> {
    const LEAST: usize = 60;
    let line = text.get(..text.len().min(60))?;
    let at = memchr::memmem::find(line, b"PRIVATE KEY")?;
    let kind = &line[..at];
    // An encrypted key is not secret without its password.
    if kind == b"ENCRYPTED " {
        return None;
    }
    if !kind.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'0'..=b'9')) {
        return None;
    }
    let rest = &text[at + b"PRIVATE KEY".len()..];
    let rest = rest.strip_prefix(b" BLOCK").unwrap_or(rest).strip_prefix(b"-----")?;
    let length = text.len() - rest.len();
    // Line breaks may be escaped, as in JSON or Python.
    let (mut letters, mut at) = (Vec::new(), 0);
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' if matches!(rest.get(at + 1), Some(b'n' | b'r')) => at += 1,
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'\\' => {}
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') => letters.push(*byte),
            _ => break,
        }
        at += 1;
    }
    (letters.len() >= LEAST && is_chance(&letters)).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text with something secret in it is taken for; the prefix is given apart, so that this file has none.
    fn kind(prefix: &str, rest: &str) -> Option<&'static str> {
        let text = format!("{prefix}{rest}");
        let shape = SHAPES.iter().find(|shape| text.starts_with(shape.prefix))?;
        shape.length(None, text.as_bytes()).map(|_| shape.kind)
    }

    #[test]
    fn secrets_are_recognised_by_their_formats() {
        let long = "q7Rk2mVx9Tb4Zc8Lw3Hs6Yd1Pn5Gf0J".repeat(3);
        assert_eq!(kind("pypi-AgEIcHlwaS5v", &format!("cmc{long}")), Some("PyPI token"));
        assert_eq!(kind("pypi-AgENdGVzdC5w", &format!("eXBpLm9yZw{long}")), Some("TestPyPI token"));
        assert_eq!(kind("glp", "at-q7Rk2mVx9Tb4Zc8Lw3Hs"), Some("GitLab token"));
        assert_eq!(kind("AK", "IAQ7RK2MVX5TB4ZC6L"), Some("AWS access key"));
        assert_eq!(kind("xo", "xb-2345678901-2345678902-q7Rk2mVx9Tb4Zc8Lw3Hs6Yd1"), Some("Slack token"));
        let key = format!("GIN RSA PRIVATE KEY-----\n{long}\n");
        assert_eq!(kind("-----BE", &key), Some("private key"));
        let escaped = format!("GIN PRIVATE KEY-----\\n{}\\n{}", &long[..64], &long[..20]);
        assert_eq!(kind("-----BE", &escaped), Some("private key"));
    }

    #[test]
    fn placeholders_are_not_secrets() {
        assert_eq!(kind("AK", "IAIOSFODNN7EXAMPLE"), None);
        assert_eq!(kind("ghp", "_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), None);
        assert_eq!(kind("ghp", "_0123456789abcdefghijklmnopqrstuvwxyz"), None);
        assert_eq!(kind("ghp", "_notlongenough1"), None);
        assert_eq!(kind("pypi-AgEIcHlwaS5v", "cmc..."), None);
        assert_eq!(kind("npm", "_config_registry"), None);
        assert_eq!(kind("hf", "_the_name_of_a_variable_of_some_length"), None);
        assert_eq!(kind("-----BE", "GIN PRIVATE KEY-----\n...\n"), None);
        assert_eq!(kind("-----BE", &format!("GIN CERTIFICATE-----\n{}", "Q7rk".repeat(40))), None);
    }

    #[test]
    fn a_match_inside_a_word_is_not_a_secret() {
        let shape = &SHAPES[2];
        let token = format!("{}zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17", shape.prefix);
        assert!(shape.length(Some(b'='), token.as_bytes()).is_some());
        assert!(shape.length(Some(b'b'), token.as_bytes()).is_none());
        assert!(shape.length(None, format!("{token}a").as_bytes()).is_none());
    }
}
