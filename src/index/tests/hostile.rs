//! Servers that break HTTP, or stop in the middle of it: each answer ends in bounded time, and an upload counts as done only
//! if that is certain.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::{File, LARGE, Server, UploadError, UploadOutcome, read_request};
use crate::index::{IndexClient, SimpleError};

/// How long the client waits
const PATIENCE: Duration = Duration::from_secs(1);

/// A server that reads a request and then writes, until the client has enough.
fn writing(answer: impl Fn(&mut TcpStream) + Send + 'static) -> (Server, IndexClient) {
    let server = Server::handling(move |stream, _| {
        read_request(stream);
        answer(stream);
    });
    let client = server.client_that_waits(PATIENCE);
    (server, client)
}

/// Writes the same again and again.
fn endlessly(stream: &mut TcpStream, beginning: &str, text: &str) {
    let _ = stream.write_all(beginning.as_bytes());
    while stream.write_all(text.as_bytes()).is_ok() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// An answer without an end, by its beginning and what follows.
const ENDLESS: [(&str, &str); 4] = [
    ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    ("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
    ("HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
];

#[test]
fn an_answer_without_an_end_to_an_upload_leaves_it_in_doubt() {
    let file = File::of(100);
    for (beginning, text) in ENDLESS {
        let (_server, client) = writing(move |stream| endlessly(stream, beginning, text));
        let began = Instant::now();
        let error = Server::upload_by(&client, &file).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(15), "{text}: {:?}", began.elapsed());
        let named = "`corp` may or may not have stored `demo-1.0.tar.gz`: ";
        assert!(error.is_ambiguous() && error.to_string().starts_with(named), "{text}: {error}");
    }
}

#[test]
fn an_answer_without_an_end_is_no_listing() {
    for (beginning, text) in ENDLESS {
        let (_server, client) = writing(move |stream| endlessly(stream, beginning, text));
        let began = Instant::now();
        let error = client.listing("demo").unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(15), "{text}: {:?}", began.elapsed());
        assert!(matches!(error, SimpleError::Unreachable { .. }), "{text}: {error}");
        let named = error.of_index("corp").to_string();
        assert!(named.contains("`corp`"), "{named}");
    }
}

#[test]
fn an_answer_that_stops_anywhere_is_no_listing() {
    let page = "{\"meta\": {\"api-version\": \"1.0\"}, \"name\": \"demo\", \"files\": []}";
    let whole = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.pypi.simple.v1+json\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    );
    for end in 0..whole.len() {
        let part = whole[..end].to_owned();
        let (_server, client) = writing(move |stream| drop(stream.write_all(part.as_bytes())));
        assert!(client.listing("demo").is_err(), "{:?}", &whole[..end]);
    }
    let (_server, client) = writing(move |stream| drop(stream.write_all(whole.as_bytes())));
    assert!(client.listing("demo").unwrap().unwrap().files.is_empty());
}

/// A length that is too small cuts the page, one that is too large announces more than comes.
#[test]
fn a_page_of_another_length_than_announced_is_no_listing() {
    let page = "{\"meta\": {\"api-version\": \"1.0\"}, \"name\": \"demo\", \"files\": []}";
    for length in ["1", "40", "1000", "18446744073709551615", "-1", "many", "30\r\nContent-Length: 65"] {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.pypi.simple.v1+json\r\nContent-Length: ";
        let answer = format!("{head}{length}\r\n\r\n{page}");
        let (_server, client) = writing(move |stream| drop(stream.write_all(answer.as_bytes())));
        assert!(client.listing("demo").is_err(), "{length}");
    }
}

/// Nothing is decompressed, since nothing of the kind was asked for.
#[test]
fn a_compressed_page_is_not_unpacked() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b' '; 64 << 20]).unwrap();
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 1 << 20);
    let (server, client) = writing(move |stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: ";
        let _ = stream.write_all(format!("{head}{}\r\n\r\n", packed.len()).as_bytes());
        let _ = stream.write_all(&packed);
    });
    let error = client.listing("demo").unwrap_err();
    assert!(matches!(error, SimpleError::Malformed { .. }), "{error}");
    drop(server);
}

#[test]
fn a_redirect_to_itself_is_followed_some_times() {
    let server = Server::handling(|stream, requests| {
        requests.lock().unwrap().push(read_request(stream));
        let loops = "HTTP/1.1 302 Found\r\nLocation: /simple/demo/\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(loops.as_bytes());
    });
    let error = server.client_that_waits(PATIENCE).listing("demo").unwrap_err();
    assert!(matches!(error, SimpleError::Unreachable { .. }), "{error}");
    assert!(server.requests.lock().unwrap().len() < 50);
}

/// Each point of an answer to an upload: once its head is whole, it counts.
#[test]
fn an_answer_to_an_upload_that_stops_before_its_end_leaves_it_in_doubt() {
    let file = File::of(100);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n";
    for end in 0..=head.len() {
        let part = head[..end].to_owned();
        let (_server, client) = writing(move |stream| drop(stream.write_all(part.as_bytes())));
        match Server::upload_by(&client, &file) {
            Ok(outcome) => assert_eq!((outcome, end), (UploadOutcome::Uploaded, head.len())),
            Err(error) => assert!(error.is_ambiguous() && end < head.len(), "{:?}: {error}", &head[..end]),
        }
    }
}

/// No index has a file of which it has not got all.
#[test]
fn a_success_before_the_whole_file_has_arrived_is_none() {
    let file = File::of(LARGE);
    let server = Server::handling(|stream, _| {
        let _ = stream.read(&mut [0; 1000]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.shutdown(Shutdown::Write);
        thread::sleep(Duration::from_millis(300));
    });
    let error = server.upload(&file).unwrap_err();
    assert!(error.is_ambiguous(), "{error}");
    assert!(matches!(&error, UploadError::Ambiguous { cause, .. } if cause.contains("before")), "{error}");
}
