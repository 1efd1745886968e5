//! Forwards one request and its reply, with its fault.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::form::{cut_short, upload_in};
use super::{Asked, Sent, Shared, Trouble, bounded, locked};

/// The largest head in bytes
const LONGEST_HEAD: usize = 64 << 10;

/// The head of a request
struct Request {
    head: Vec<u8>,
    /// The length of the body in bytes
    length: usize,
    /// The part of the body that was read with the head
    body: Vec<u8>,
}

/// Forwards one request from the client to the server, and the reply back.
pub(super) fn exchange(client: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut request = read_head(client)?;
    let asked = if request.head.starts_with(b"POST ") { Asked::Upload } else { Asked::Listing };
    if asked == Asked::Upload
        && let Some(watch) = &*locked(&shared.watch)
    {
        watch();
    }
    let begun = (asked == Asked::Upload).then(|| shared.begin_upload());
    let (under_way, crowded) = begun.map_or((None, None), |(under_way, crowded)| (Some(under_way), crowded));
    let trouble = shared.next(asked).or(crowded);
    if crowded == Some(Trouble::Failure(500)) {
        thread::sleep(Duration::from_millis(100));
    }
    if let Some(Trouble::Late(milliseconds)) = trouble {
        thread::sleep(Duration::from_millis(milliseconds));
    }
    match trouble {
        Some(Trouble::Refused) => return Ok(()),
        Some(Trouble::CutRequest(after)) => return cut(client, request, after, shared),
        _ => {}
    }
    read_body(client, &mut request, usize::MAX)?;
    let arrives = !matches!(
        trouble,
        Some(Trouble::Failure(_) | Trouble::Closed | Trouble::Busy(..) | Trouble::Circles | Trouble::Stuck)
    );
    if asked == Asked::Upload
        && let Some((filename, sha256)) = upload_in(&request.body)
    {
        locked(&shared.sent).push(Sent { filename, sha256, arrived: arrives });
    }
    match trouble {
        Some(Trouble::Failure(status)) => return answer(client, status),
        Some(Trouble::Closed) => {
            let reason = "Uploading new files to releases older than 14 days is not allowed.";
            let head = format!(
                "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                reason.len()
            );
            return deliver(client, format!("{head}{reason}").as_bytes());
        }
        Some(Trouble::Stuck) => return wait_for_end(client),
        Some(Trouble::Busy(status, seconds)) => {
            return answer_with(client, status, &format!("Retry-After: {seconds}\r\n"));
        }
        Some(Trouble::Circles) => {
            let target = request.head.split(|byte| *byte == b' ').nth(1).unwrap_or(b"/");
            let location = format!("Location: {}\r\n", String::from_utf8_lossy(target));
            return answer_with(client, 308, &location);
        }
        _ => {}
    }
    if let Some(Trouble::Truncated(by)) = trouble
        && let Some(body) = cut_short(&request.body, by)
    {
        request.body = body;
    }
    let mut reply = ask(&request, shared)?;
    if asked == Asked::Listing && shared.spoils.load(Ordering::SeqCst) {
        reply = with_other_hashes(reply);
    }
    if trouble == Some(Trouble::Unanswered) {
        return wait_for_end(client);
    }
    // The client may send the next request as soon as it has the reply.
    drop(under_way);
    match trouble {
        Some(Trouble::LostReply) => Ok(()),
        Some(Trouble::CutReply(after)) => deliver(client, &reply[..after.min(reply.len())]),
        Some(Trouble::FailureAfterwards(status)) => answer(client, status),
        Some(Trouble::Nonsense) => deliver(client, b"\x00\xff what is this? \r\n\r\n"),
        Some(Trouble::Drips) => reply.chunks(1).try_for_each(|byte| {
            thread::sleep(Duration::from_millis(3));
            deliver(client, byte)
        }),
        Some(Trouble::Stale) => answer(client, 404),
        Some(Trouble::Garbled) => deliver(client, &garbled(reply)),
        Some(Trouble::OtherHashes) => deliver(client, &with_other_hashes(reply)),
        Some(Trouble::Late(milliseconds)) => {
            thread::sleep(Duration::from_millis(milliseconds));
            deliver(client, &reply)
        }
        _ => deliver(client, &reply),
    }
}

fn read_head(mut client: &TcpStream) -> io::Result<Request> {
    let mut head = Vec::new();
    let mut chunk = [0; 8 << 10];
    loop {
        let read = client.read(&mut chunk)?;
        if read == 0 || head.len() > LONGEST_HEAD {
            return Err(io::Error::other("no head of a request"));
        }
        head.extend_from_slice(&chunk[..read]);
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = head.split_off(end + 4);
            let length = header(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            assert!(header(&head, "transfer-encoding").is_none(), "a request whose length is not said");
            return Ok(Request { head, length, body });
        }
    }
}

/// Reads this many bytes of the body.
fn read_body(mut client: &TcpStream, request: &mut Request, most: usize) -> io::Result<()> {
    let wanted = request.length.min(most);
    let mut chunk = [0; 64 << 10];
    while request.body.len() < wanted {
        let read = client.read(&mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.body.extend_from_slice(&chunk[..read]);
    }
    Ok(())
}

/// Waits until the client has closed its side.
fn wait_for_end(mut client: &TcpStream) -> io::Result<()> {
    while client.read(&mut [0; 64])? > 0 {}
    Ok(())
}

/// Forwards the beginning of the body, then closes both connections.
fn cut(client: &TcpStream, mut request: Request, after: usize, shared: &Shared) -> io::Result<()> {
    // Never forward all of it.
    let after = after.min(request.length.saturating_sub(1));
    read_body(client, &mut request, after)?;
    let mut server = connect(shared)?;
    server.write_all(&request.head)?;
    server.write_all(&request.body[..after])
}

fn connect(shared: &Shared) -> io::Result<TcpStream> {
    let server = TcpStream::connect(&shared.upstream)?;
    bounded(&server)?;
    Ok(server)
}

/// The server's reply to the request.
fn ask(request: &Request, shared: &Shared) -> io::Result<Vec<u8>> {
    let mut server = connect(shared)?;
    let head = String::from_utf8_lossy(&request.head);
    let lines = head.trim_end().split("\r\n");
    let is_ours = |line: &&str| {
        let line = line.to_ascii_lowercase();
        line.starts_with("connection:") || line.starts_with("content-length:")
    };
    let head: String = lines.filter(|line| !is_ours(line)).map(|line| format!("{line}\r\n")).collect();
    let length = request.body.len();
    server.write_all(format!("{head}Content-Length: {length}\r\nConnection: close\r\n\r\n").as_bytes())?;
    server.write_all(&request.body)?;
    let mut reply = Vec::new();
    server.read_to_end(&mut reply)?;
    Ok(reply)
}

fn answer(client: &TcpStream, status: u16) -> io::Result<()> {
    answer_with(client, status, "")
}

fn answer_with(client: &TcpStream, status: u16, headers: &str) -> io::Result<()> {
    let body = format!("{status}: this is the proxy speaking\n");
    let head =
        format!("HTTP/1.1 {status} Trouble\r\nContent-Type: text/plain\r\nConnection: close\r\n{headers}");
    deliver(client, format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
}

fn deliver(mut client: &TcpStream, reply: &[u8]) -> io::Result<()> {
    client.write_all(reply)?;
    client.flush()
}

/// The reply with its first opening bracket changed, so that neither JSON nor a link is left.
fn garbled(mut reply: Vec<u8>) -> Vec<u8> {
    let body = body_of(&reply);
    for byte in &mut reply[body..] {
        if matches!(byte, b'{' | b'<') {
            *byte = 0xff;
        }
    }
    reply
}

/// The reply with the first digit of every sha256 changed.
fn with_other_hashes(mut reply: Vec<u8>) -> Vec<u8> {
    let mut at = body_of(&reply);
    while at < reply.len() {
        let digits = reply[at..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits == 64 {
            reply[at] = if reply[at] == b'0' { b'1' } else { b'0' };
        }
        at += digits.max(1);
    }
    reply
}

fn body_of(reply: &[u8]) -> usize {
    reply.windows(4).position(|window| window == b"\r\n\r\n").map_or(reply.len(), |end| end + 4)
}

fn header(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}
