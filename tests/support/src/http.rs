//! A minimal HTTP client for servers on the loopback interface.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The timeout for a reply
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest reply, larger than any page or distribution of a test
const LONGEST_REPLY: u64 = 64 << 20;

/// A server's reply
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends a request to `address` (`127.0.0.1:80`), with `Name: value` for each header.
///
/// # Errors
/// The server cannot be reached, or its reply is not HTTP.
pub(crate) fn send(
    method: &str,
    address: &str,
    path: &str,
    headers: &[String],
    body: &[u8],
) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // With HTTP/1.0 the reply ends with the connection, and is not chunked.
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut reply = Vec::new();
    stream.take(LONGEST_REPLY).read_to_end(&mut reply)?;
    parse(&reply).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "an answer that is not HTTP"))
}

fn parse(reply: &[u8]) -> Option<Reply> {
    let end = reply.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = str::from_utf8(&reply[..end]).ok()?;
    let status = head.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Reply { status, body: reply[end + 4..].to_owned() })
}

/// The links of a page of the simple API (PEP 503): the URL as written, and its fragment.
pub(crate) fn links(page: &str) -> Vec<(String, String)> {
    let mut links = Vec::new();
    for anchor in page.split("<a ").skip(1) {
        let Some((_, href)) = anchor.split_once("href=\"") else { continue };
        let Some((address, _)) = href.split_once('"') else { continue };
        let address = address.replace("&amp;", "&");
        let (address, fragment) = address.split_once('#').unwrap_or((&address, ""));
        links.push((address.to_owned(), fragment.to_owned()));
    }
    links
}

/// The path of a link on the page at `base`.
pub(crate) fn resolve(base: &str, link: &str) -> String {
    if let Some((_, rest)) = link.split_once("://") {
        return rest.find('/').map_or_else(|| "/".to_owned(), |slash| rest[slash..].to_owned());
    }
    if link.starts_with('/') {
        return link.to_owned();
    }
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_and_followed() {
        let page = "<a class=x href=\"../../+f/ab/demo-1.0.tar.gz#sha256=00\">demo-1.0.tar.gz</a><a href=\"/p/x&amp;y\">x</a>";
        let expected = [("../../+f/ab/demo-1.0.tar.gz", "sha256=00"), ("/p/x&y", "")];
        assert_eq!(
            links(page),
            expected.map(|(address, fragment)| (address.to_owned(), fragment.to_owned()))
        );
        assert_eq!(resolve("/u/dev/+simple/demo/", "../../+f/ab/d.tar.gz"), "/u/dev/+f/ab/d.tar.gz");
        assert_eq!(resolve("/simple/demo/", "/packages/d.whl"), "/packages/d.whl");
        assert_eq!(resolve("/simple/demo/", "http://127.0.0.1:1/packages/d.whl"), "/packages/d.whl");
    }
}
