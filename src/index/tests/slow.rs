//! Servers that answer, but never come to an end.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use super::{Server, read_request};
use crate::index::{Listing, SimpleError};

#[test]
fn an_endless_page_times_out() {
    let server = Server::handling(|stream, _| {
        read_request(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 X\r\nContent-Type: text/html\r\n\r\n");
        while stream.write_all(b"<br>").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let error = server.client_that_waits(Duration::from_secs(1)).listing("demo").unwrap_err();
    assert!(matches!(error, SimpleError::Broken { .. }), "{error}");
}

#[test]
fn a_file_that_drips_is_given_up() {
    let server = Server::handling(|stream, _| {
        read_request(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let page = format!("<a href=\"{}/demo-1.0.tar.gz\">demo-1.0.tar.gz</a>", server.address);
    let listing = Listing::read("text/html", page.as_bytes(), &server.address.parse().unwrap()).unwrap();
    let error = server.client_that_waits(Duration::from_secs(1)).sha256(&listing.files[0]).unwrap_err();
    assert!(
        matches!(&error, SimpleError::Broken { source, .. } if source.to_string().contains("only")),
        "{error}"
    );
}
