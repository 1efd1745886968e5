//! Checks URLs as PyPI does: with `rfc3986` after normalization, which accepts almost everything.

/// What is wrong with a URL, if PyPI refuses it.
pub(in crate::python::verdict) fn problem(url: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = url.split_once(':') else { return Some("it has no `https://`") };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Some("it is not an `http` or `https` URL");
    }
    let (authority, rest) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find(['\\', '/', '?', '#']).unwrap_or(rest.len())),
        None => ("", rest),
    };
    if port(authority).is_some_and(|port| port > 65535) {
        return Some("its port is above 65535");
    }
    let before_fragment = rest.split('#').next().unwrap_or_default();
    before_fragment.contains(['[', ']']).then_some("it has `[` or `]` after the host: write `%5B` and `%5D`")
}

/// The port of a valid authority; PyPI drops any other authority before its check.
fn port(authority: &str) -> Option<u32> {
    let (host, port) = authority.rsplit_once(':')?;
    if port.is_empty() || port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let host = match host.split_once('@') {
        Some((user, host)) if !user.is_empty() && is_plain(user, ":") => host,
        Some(_) => return None,
        None => host,
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(literal) => {
            literal.split('%').next().is_some_and(|address| address.parse::<core::net::Ipv6Addr>().is_ok())
        }
        None => is_plain(host, "") && !is_impossible_ipv4(host),
    };
    if is_host { port.parse().ok() } else { None }
}

/// Whether there are only unreserved characters, sub-delimiters, `%` escapes and these.
fn is_plain(text: &str, more: &str) -> bool {
    let plain = |letter: char| {
        letter.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(letter) || more.contains(letter)
    };
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if plain(letter) {
            rest = &rest[1..];
        } else if rest.len() > 2 && letter == '%' && rest.as_bytes()[1..3].iter().all(u8::is_ascii_hexdigit) {
            rest = &rest[3..];
        } else {
            return false;
        }
    }
    true
}

/// Whether a host looks like an IPv4 address with a number above 255.
fn is_impossible_ipv4(host: &str) -> bool {
    let parts: Vec<&str> = host.split('.').collect();
    let number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 4 && parts.iter().all(number) && parts.iter().any(|part| part.parse::<u8>().is_err())
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn addresses_are_judged_as_pypi_judges_them() {
        for right in [
            "https://example.org",
            "HTTP://example.org/x y",
            "https://",
            "https:x",
            "https://exämple.org",
            "http://[::1",
            "https://example.org:65535/",
            "https://example.org:999999/",
            "https://a b:99999/",
            "http://300.1.1.1:99999",
            "https://example.org/%zz?q=é#[x]",
            "https://a:b@example.org:80",
        ] {
            assert_eq!(problem(right), None, "{right}");
        }
        for wrong in [
            "example.org",
            "//example.org/x",
            "UNKNOWN",
            "javascript:alert(1)",
            "mailto:a@example.org",
            "",
            "git+https://github.com/a/b",
            "https://example.org:99999/",
            "https://example.org/[a]",
            "https://example.org?[a]",
            "https://[::1]:99999/",
            "ftp://example.org",
        ] {
            assert!(problem(wrong).is_some(), "{wrong}");
        }
    }
}
