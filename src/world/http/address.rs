//! Checks URLs before anything is sent to them or fetched from them.

use std::net::IpAddr;

use reqwest::Url;
use thiserror::Error;

/// What is wrong with a URL
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    #[error("`{address}` is not a valid URL: {reason}")]
    Invalid { address: String, reason: String },
    // The URL is not shown, because it contains a password.
    #[error("the URL of `{host}` contains a user name or a password")]
    Credentials { host: String },
    #[error("the scheme of `{address}` must be `https`")]
    Scheme { address: String },
    #[error("`{address}` uses plain `http`, which can be read and changed in transit")]
    Plain { address: String },
    #[error("refusing a link from a remote server to `{address}` on this machine")]
    Inward { address: String },
}

impl AddressError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Invalid { .. } | Self::Scheme { .. } => "write it like `https://pypi.corp.example/legacy/`",
            Self::Credentials { .. } => {
                "remove them from the URL, and set a `PYRELEASE_TOKEN_` variable or use `.pypirc`"
            }
            Self::Plain { .. } => "use `https`; plain `http` is for servers on this machine",
            Self::Inward { .. } => "nothing was requested; check the index and any proxy in between",
        }
    }
}

/// Parses a URL that something will be sent to or fetched from. It must be `https`, or `http` to this machine, and must
/// not contain a user name or a password.
pub fn check_url(address: &str) -> Result<Url, AddressError> {
    let url = Url::parse(address)
        .map_err(|error| AddressError::Invalid { address: shown(address), reason: error.to_string() })?;
    check(&url)?;
    Ok(url)
}

/// Text that is not a valid URL may still contain a password before an `@`.
fn shown(address: &str) -> String {
    if address.contains('@') { "(something with an @)".to_owned() } else { address.to_owned() }
}

/// Like [`check_url`], for a URL that is already parsed, such as a link on a page.
pub fn check(url: &Url) -> Result<(), AddressError> {
    let host = url.host_str().unwrap_or_default();
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Credentials { host: host.to_owned() });
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_here(host) => Ok(()),
        "http" => Err(AddressError::Plain { address: shown(url.as_str()) }),
        _ => Err(AddressError::Scheme { address: shown(url.as_str()) }),
    }
}

/// Like [`check`], for a URL found at `from`: a remote page must not make us request URLs on this machine (SSRF).
pub fn check_from(from: &Url, url: &Url) -> Result<(), AddressError> {
    check(url)?;
    match is_loopback(url) && !is_loopback(from) {
        true => Err(AddressError::Inward { address: shown(url.as_str()) }),
        false => Ok(()),
    }
}

/// Whether a URL is on this machine.
pub fn is_loopback(url: &Url) -> bool {
    is_here(url.host_str().unwrap_or_default())
}

/// Whether a URL's host is this machine.
fn is_here(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_page_cannot_send_a_client_to_this_machine() {
        let url = |address: &str| Url::parse(address).unwrap();
        let (there, here) = (url("https://corp.example/simple/demo/"), url("http://127.0.0.1:8080/admin"));
        assert!(matches!(check_from(&there, &here), Err(AddressError::Inward { .. })));
        assert!(check_from(&there, &url("https://[::1]/")).is_err());
        assert!(check_from(&there, &url("https://localhost/")).is_err());
        assert_eq!(check_from(&here, &url("http://127.0.0.1:9090/files/x")), Ok(()));
        assert_eq!(check_from(&here, &there), Ok(()));
        assert_eq!(check_from(&there, &url("https://files.example/x")), Ok(()));
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_not_repeated() {
        for address in [
            "https://alice:hunter2@pypi.org/",
            "https://hunter2@pypi.org/",
            "://alice:hunter2@x",
            "alice:hunter2@x",
        ] {
            let error = check_url(address).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for address in
            ["http://127.0.0.1:8080/", "http://127.8.9.1/", "http://[::1]:1/x", "http://localhost/"]
        {
            assert!(check_url(address).is_ok(), "{address}");
        }
        for address in ["http://pypi.org/", "http://localhost.example/", "http://10.0.0.1/", "http://[::2]/"]
        {
            assert!(matches!(check_url(address), Err(AddressError::Plain { .. })), "{address}");
        }
        assert!(matches!(check_url("ftp://pypi.org/"), Err(AddressError::Scheme { .. })));
        assert!(check_url("https://upload.pypi.org/legacy/").is_ok());
    }
}
