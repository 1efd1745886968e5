//! Reads `multipart/form-data` (RFC 7578) piece by piece: memory holds one piece and the head of one part, whatever a
//! client sends.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body as _;
use memchr::memmem;
use tokio::time::timeout;

use super::refusal::{Refusal, refuse};

/// The limit for the headers of a part, in bytes
const LARGEST_HEAD: usize = 16 << 10;
/// The longest boundary (RFC 2046), in bytes
const LONGEST_BOUNDARY: usize = 70;
/// How long a client may send nothing
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The headers of a part
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) filename: Option<String>,
    pub(super) content_type: String,
}

/// A form that is being received
pub(super) struct Multipart {
    body: Body,
    /// What has been received and not yet been returned
    buffer: BytesMut,
    /// What ends the data of a part: a line break, two hyphens and the boundary
    delimiter: Vec<u8>,
    is_in_data: bool,
    is_over: bool,
    /// How many bytes may still be received
    left: u64,
    patience: Duration,
}

impl Multipart {
    /// The form in a request with these headers, of `limit` bytes at most.
    pub(super) fn new(headers: &HeaderMap, body: Body, limit: u64) -> Option<Self> {
        let boundary = boundary(headers.get(CONTENT_TYPE)?.to_str().ok()?)?;
        // The first boundary may be the first line.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        let (left, patience) = (limit, PATIENCE);
        Some(Self { body, buffer, delimiter, is_in_data: true, is_over: false, left, patience })
    }

    /// Skips to the next part; none after the last.
    pub(super) async fn next_part(&mut self) -> Result<Option<Part>, Refusal> {
        while self.chunk().await?.is_some() {}
        if self.is_over {
            return Ok(None);
        }
        while self.buffer.len() < 2 {
            self.receive().await?;
        }
        if self.buffer.starts_with(b"--") {
            self.is_over = true;
            return Ok(None);
        }
        let head = loop {
            match memmem::find(&self.buffer, b"\r\n\r\n") {
                Some(end) if end <= LARGEST_HEAD => break self.buffer.split_to(end + 4),
                None if self.buffer.len() <= LARGEST_HEAD => self.receive().await?,
                _ => return refuse("Invalid Form Data."),
            }
        };
        self.is_in_data = true;
        part(&head).map(Some).ok_or_else(|| Refusal::new("Invalid Form Data."))
    }

    /// The next piece of the part's data; none at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Refusal> {
        while self.is_in_data {
            if let Some(end) = memmem::find(&self.buffer, &self.delimiter) {
                let chunk = self.buffer.split_to(end).freeze();
                self.buffer.advance(self.delimiter.len());
                self.is_in_data = false;
                return Ok(Some(chunk).filter(|chunk| !chunk.is_empty()));
            }
            // The end may be the beginning of a delimiter.
            let certain = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
            if certain > 0 {
                return Ok(Some(self.buffer.split_to(certain).freeze()));
            }
            self.receive().await?;
        }
        Ok(None)
    }

    /// Reads the rest of the request, because clients read the reply only after sending everything.
    pub(super) async fn drain(&mut self) {
        loop {
            self.buffer.clear();
            if self.receive().await.is_err() {
                return;
            }
        }
    }

    /// Receives more bytes into the buffer.
    async fn receive(&mut self) -> Result<(), Refusal> {
        let next = std::future::poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
        let Ok(frame) = timeout(self.patience, next).await else {
            return Err(Refusal::with_status(408, "The upload is too slow."));
        };
        // Without a frame the form ends too early, and with an error the connection does.
        let Some(Ok(frame)) = frame else { return refuse("Invalid Form Data.") };
        let data = frame.into_data().unwrap_or_default();
        let Some(left) = self.left.checked_sub(data.len() as u64) else {
            return Err(Refusal::with_status(413, "The upload is too large."));
        };
        self.left = left;
        self.buffer.extend_from_slice(&data);
        Ok(())
    }
}

/// The boundary that a `Content-Type` names.
fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    let is_valid = !boundary.is_empty()
        && boundary.len() <= LONGEST_BOUNDARY
        && boundary.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    is_valid.then_some(boundary)
}

/// The value of a parameter: a token, or a quoted text.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, after) = rest.split_once('=')?;
        let value: String;
        (value, rest) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim_end().to_owned(), &after[end..])
            }
        };
        if name.trim_end().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
    }
}

/// The text up to the closing quote, and what follows that.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            // Browsers leave the backslashes of a path as they are; only these two are escapes.
            '\\' if quoted[at + 1..].starts_with(['"', '\\']) => {
                value.extend(letters.next().map(|(_, next)| next))
            }
            letter => value.push(letter),
        }
    }
    None
}

/// The headers of a part; none if they are not valid.
fn part(head: &[u8]) -> Option<Part> {
    let head = std::str::from_utf8(head).ok()?;
    let (mut part, mut is_named) = (Part::default(), false);
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        // The rest of the delimiter's line is white space.
        if line.trim().is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-disposition") {
            let (kind, parameters) = value.split_once(';')?;
            if !kind.trim().eq_ignore_ascii_case("form-data") {
                return None;
            }
            part.name = parameter(parameters, "name")?;
            part.filename = match parameter(parameters, "filename*") {
                Some(encoded) => Some(decoded(encoded.strip_prefix_ignoring_case("utf-8''")?)?),
                // As HTML escapes them.
                None => parameter(parameters, "filename")
                    .map(|name| name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")),
            };
            is_named = true;
        } else if name.eq_ignore_ascii_case("content-type") {
            value.trim().clone_into(&mut part.content_type);
        }
    }
    is_named.then_some(part)
}

trait StripIgnoringCase {
    fn strip_prefix_ignoring_case(&self, prefix: &str) -> Option<&str>;
}

impl StripIgnoringCase for str {
    fn strip_prefix_ignoring_case(&self, prefix: &str) -> Option<&str> {
        self.get(..prefix.len())?.eq_ignore_ascii_case(prefix).then(|| &self[prefix.len()..])
    }
}

/// A text with `%XX` in UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a body in pieces of this size, with their data.
    fn parts(body: &'static [u8], size: usize) -> Result<Vec<(Part, Vec<u8>)>, u16> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, "multipart/form-data; boundary=\"b\"".parse().unwrap());
            let pieces = Pieces { rest: body, size };
            let mut multipart = Multipart::new(&headers, Body::new(pieces), 1 << 20).unwrap();
            let mut found = Vec::new();
            while let Some(part) = multipart.next_part().await.map_err(|refusal| refusal.status)? {
                let mut data = Vec::new();
                while let Some(chunk) = multipart.chunk().await.map_err(|refusal| refusal.status)? {
                    data.extend_from_slice(&chunk);
                }
                found.push((part, data));
            }
            Ok(found)
        })
    }

    struct Pieces {
        rest: &'static [u8],
        size: usize,
    }

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
            let (piece, rest) = self.rest.split_at(self.size.min(self.rest.len()));
            self.rest = rest;
            std::task::Poll::Ready(
                (!piece.is_empty()).then(|| Ok(http_body::Frame::data(Bytes::from_static(piece)))),
            )
        }
    }

    #[test]
    fn parts_come_out_whole_however_they_are_cut() {
        let body = b"preamble\r\n--b \r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--x\r\n\r\n--b\r\n\
            content-disposition: form-data; filename=\"x\\\"%22;.whl\"; name=content\r\nContent-Type: a/b\r\n\r\n\
            \r\n--\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"c\"; filename*=UTF-8''%C3%A4\r\n\r\n\r\n--b--\r\nx";
        for size in [1, 2, 3, 7, 1000] {
            let parts = parts(body, size).unwrap();
            let names: Vec<_> =
                parts.iter().map(|(part, _)| (part.name.as_str(), part.filename.as_deref())).collect();
            assert_eq!(names, [("a", None), ("content", Some("x\"\";.whl")), ("c", Some("ä"))]);
            let data: Vec<_> = parts.iter().map(|(_, data)| data.as_slice()).collect();
            assert_eq!(data, [&b"one\r\n--x\r\n"[..], b"\r\n--\r\n", b""]);
            assert_eq!(parts[1].0.content_type, "a/b");
        }
    }

    #[test]
    fn a_form_that_is_cut_or_has_a_huge_head_is_refused() {
        let head = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n";
        for body in
            ["", "--b", "--b\r\n", "--b\r\nx\r\n\r\n\r\n--b--", head, &format!("{head}\r\nvalue\r\n--")]
        {
            assert_eq!(parts(body.to_owned().leak().as_bytes(), 5).unwrap_err(), 400, "{body:?}");
        }
        let huge = format!("{head}X: {}\r\n\r\n\r\n--b--", "x".repeat(20_000)).leak();
        assert_eq!(parts(huge.as_bytes(), 1000).unwrap_err(), 400);
        let large = format!("{head}\r\n{}\r\n--b--", "x".repeat(1 << 20)).leak();
        assert_eq!(parts(large.as_bytes(), 1 << 16).unwrap_err(), 413);
    }

    #[test]
    fn a_client_that_sends_nothing_is_given_up() {
        struct Silence;
        impl http_body::Body for Silence {
            type Data = Bytes;
            type Error = std::io::Error;

            fn poll_frame(
                self: Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
                std::task::Poll::Pending
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let refusal = runtime.block_on(async {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap());
            let mut multipart = Multipart::new(&headers, Body::new(Silence), 1 << 20).unwrap();
            multipart.patience = Duration::from_millis(5);
            multipart.next_part().await.unwrap_err()
        });
        assert_eq!(refusal.status, 408);
    }

    #[test]
    fn only_a_form_with_a_boundary_is_one() {
        assert_eq!(boundary("multipart/form-data; charset=x; boundary=b").as_deref(), Some("b"));
        for kind in [
            "text/plain",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=b",
        ] {
            assert_eq!(boundary(kind), None, "{kind}");
        }
        let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
        assert_eq!(boundary(&long), None);
    }
}
