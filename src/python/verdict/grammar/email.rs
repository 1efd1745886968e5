//! Checks an email address as `email-validator` does (RFC 5322 and 6531, without DNS).

use std::sync::LazyLock;

use regex::Regex;

use super::label;

/// The longest address and the longest domain, in bytes (RFC 5321)
const LONGEST: usize = 254;
const LONGEST_DOMAIN: usize = 253;
/// Domains without mail servers (IANA's special-use names, except `example`)
const SPECIAL: &[&str] = &["arpa", "invalid", "local", "localhost", "onion", "test"];

/// What is wrong with an address, in `email-validator`'s words; none if it is valid.
pub(in crate::python::verdict) fn problem(address: &str) -> Option<String> {
    let Some((local, domain)) = split(address) else {
        return Some("An email address must have an @-sign.".to_owned());
    };
    local_problem(local).or_else(|| domain_problem(domain)).or_else(|| {
        (address.len() > LONGEST).then(|| {
            format!("The email address is too long ({} characters too many).", address.len() - LONGEST)
        })
    })
}

/// Splits at the first unquoted `@`.
fn split(address: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in address.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '@' if !quoted => return Some((&address[..at], &address[at + 1..])),
            _ => {}
        }
    }
    None
}

fn is_atom(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_!#$%&'*+-/=?^`{|}~".contains(letter) || letter >= '\u{80}'
}

/// Invalid or invisible characters, and a mark that would combine with the text before
static UNSAFE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\p{M}|[\p{C}\p{Z}]").expect("a regular expression"));

fn local_problem(local: &str) -> Option<String> {
    let says = |what: &str| Some(what.to_owned());
    if local.is_empty() {
        return says("There must be something before the @-sign.");
    }
    if local.starts_with('"') && local.len() > 1 && local.ends_with('"') {
        // A quoted local part is a valid address, but `email-validator` refuses it by default.
        return says("Quoting the part before the @-sign is not allowed here.");
    }
    if let Some(bad) = local.chars().find(|letter| !is_atom(*letter) && *letter != '.') {
        return Some(format!(
            "The email address contains invalid characters before the @-sign: {}.",
            super::shown(&bad.to_string())
        ));
    }
    if !local.is_ascii() && UNSAFE.is_match(local) {
        return says("The email address contains unsafe characters.");
    }
    if local.ends_with('.') {
        return says("An email address cannot have a period immediately before the @-sign.");
    }
    if local.starts_with('.') {
        return says("An email address cannot start with a period.");
    }
    local.contains("..").then(|| "An email address cannot have two periods in a row.".to_owned())
}

fn domain_problem(domain: &str) -> Option<String> {
    let says = |what: &str| Some(what.to_owned());
    if domain.is_empty() {
        return says("There must be something after the @-sign.");
    }
    if domain.starts_with('[') {
        return says("A bracketed IP address after the @-sign is not allowed here.");
    }
    if domain.chars().count() > LONGEST_DOMAIN {
        return says("The email address is too long after the @-sign.");
    }
    let allowed =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.') || letter >= '\u{80}';
    if let Some(bad) = domain.chars().find(|letter| !allowed(*letter)) {
        return Some(format!(
            "The part after the @-sign contains invalid characters: {}.",
            super::shown(&bad.to_string())
        ));
    }
    if !domain.is_ascii() && UNSAFE.is_match(domain) {
        return says("The email address contains unsafe characters.");
    }
    if let Some(problem) = dots_and_hyphens(domain) {
        return says(problem);
    }
    let ascii = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        match idna::domain_to_ascii_strict(domain) {
            Ok(ascii) => ascii,
            Err(_) => return says("The part after the @-sign is invalid."),
        }
    };
    if ascii.len() > LONGEST_DOMAIN {
        return says("The email address is too long after the @-sign.");
    }
    let tagged = |label: &str| label.get(2..4) == Some("--") && !label.starts_with("xn");
    if ascii.split('.').any(tagged) {
        return says(
            "An email address cannot have two letters followed by two dashes immediately after the @-sign or after a \
             period, except Punycode.",
        );
    }
    if ascii.split('.').any(|label| label.len() > 63) {
        return says("After the @-sign, periods cannot be separated by so many characters.");
    }
    if !ascii.contains('.') {
        return says("The part after the @-sign is not valid. It should have a period.");
    }
    if !ascii.ends_with(|last: char| last.is_ascii_alphabetic()) {
        return says("The part after the @-sign is not valid. It is not within a valid top-level domain.");
    }
    let is_within =
        |name: &str| ascii.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if SPECIAL.iter().any(|name| is_within(name)) {
        return says(
            "The part after the @-sign is a special-use or reserved name that cannot be used with email.",
        );
    }
    if ascii.contains("xn--") {
        let (unicode, decoded) = idna::domain_to_unicode(&ascii);
        if decoded.is_err() || !unicode.split('.').all(|label| label.is_ascii() || label::is_label(label)) {
            return says("The part after the @-sign is not valid IDNA.");
        }
    }
    None
}

fn dots_and_hyphens(domain: &str) -> Option<&'static str> {
    if domain.ends_with('.') {
        return Some("An email address cannot end with a period.");
    }
    if domain.starts_with('.') {
        return Some("An email address cannot have a period immediately after the @-sign.");
    }
    if domain.contains("..") {
        return Some("An email address cannot have two periods in a row.");
    }
    if domain.ends_with('-') {
        return Some("An email address cannot end with a hyphen.");
    }
    if domain.starts_with('-') {
        return Some("An email address cannot have a hyphen immediately after the @-sign.");
    }
    (domain.contains(".-") || domain.contains("-."))
        .then_some("An email address cannot have a period and a hyphen next to each other.")
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn addresses_are_judged_as_email_validator_judges_them() {
        for right in [
            "a@example.org",
            "a.b+c@sub.example.org",
            "é@exämple.org",
            "a@xn--exmple-cua.org",
            "a@b-c.org",
            "a_@x.co",
            "a@faß.example.org",
            "a@l·l.org",
            "a@例え.jp",
        ] {
            assert_eq!(problem(right), None, "{right}");
        }
        for (wrong, says) in [
            ("not-an-email", "An email address must have an @-sign."),
            ("a@b", "The part after the @-sign is not valid. It should have a period."),
            ("a@-x.org", "An email address cannot have a hyphen immediately after the @-sign."),
            ("a..b@example.org", "An email address cannot have two periods in a row."),
            (".a@example.org", "An email address cannot start with a period."),
            ("@example.org", "There must be something before the @-sign."),
        ] {
            assert_eq!(problem(wrong).as_deref(), Some(says), "{wrong}");
        }
        let more = [
            "a b@example.org",
            "a@example.test",
            "a@x.localhost",
            "a@1.2.3.4",
            "a@ex_ample.org",
            "a@example.org.",
            "a@ab--cd.org",
            "a@😀.org",
            "a@xn--a.org",
            "a@xn--exm1ple-cua.org",
            "a@exam\u{ad}ple.org",
            "a@a·b.org",
            "\u{301}a@example.org",
        ];
        assert!(more.iter().all(|wrong| problem(wrong).is_some()));
        assert!(problem(&format!("{}@example.org", "a".repeat(250))).is_some());
    }
}
