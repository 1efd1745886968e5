//! Clients that send anything but an upload: each gets a clear refusal, and the index lives on within its memory.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::thread;

use pyrelease_test_support::distribution::wheel;

use super::{ServedIndex, send};
use crate::faults::random::Random;

/// How much memory the index may use, in bytes
const MEMORY: u64 = 200 << 20;

/// A valid upload, taken apart
struct Upload {
    head: String,
    body: Vec<u8>,
}

impl Upload {
    fn new(request: &[u8]) -> Self {
        let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(request[..end].to_vec()).unwrap();
        Self { head, body: request[end..].to_vec() }
    }

    /// The request with another body, and its length.
    fn with_body(&self, body: &[u8]) -> Vec<u8> {
        let length = format!("Content-Length: {}", self.body.len());
        let head = self.head.replace(&length, &format!("Content-Length: {}", body.len()));
        [head.as_bytes(), body].concat()
    }

    /// The request with another head.
    fn with_head(&self, from: &str, to: &str) -> Vec<u8> {
        assert!(self.head.contains(from), "{from}");
        [self.head.replace(from, to).as_bytes(), &self.body].concat()
    }

    /// The request with these bytes before the form.
    fn with_fields(&self, fields: &str) -> Vec<u8> {
        self.with_body(&[fields.as_bytes(), &self.body].concat())
    }
}

fn field(disposition: &str, value: &str) -> String {
    format!("--b0undary\r\nContent-Disposition: {disposition}\r\n\r\n{value}\r\n")
}

/// Something that a client may send. Some of it happens to be valid.
fn malformed(upload: &Upload, random: &mut Random) -> Vec<u8> {
    let Upload { head, body } = upload;
    let at = random.below(body.len() as u64) as usize;
    match random.below(24) {
        // Cut in the body, with its true length and with the former one
        0 => upload.with_body(&body[..at]),
        1 => [head.as_bytes(), &body[..at]].concat(),
        // Cut in the head
        2 => head.as_bytes()[..random.below(head.len() as u64) as usize].to_vec(),
        3 => {
            let mut body = body.clone();
            (0..1 + random.below(20)).for_each(|_| {
                let at = random.below(body.len() as u64) as usize;
                body[at] = random.next() as u8;
            });
            upload.with_body(&body)
        }
        4 => {
            let mut head = head.clone().into_bytes();
            let at = random.below(head.len() as u64) as usize;
            head[at] = random.next() as u8;
            [&head, body.as_slice()].concat()
        }
        5 => upload.with_head(&format!("Content-Length: {}", body.len()), "Content-Length: many"),
        6 => upload.with_head(&format!("Content-Length: {}", body.len()), "Content-Length: -1"),
        7 => upload.with_head(&format!("Content-Length: {}", body.len()), "Content-Length: 10"),
        8 => upload.with_head(&format!("Content-Length: {}", body.len()), "Transfer-Encoding: chunked"),
        9 => upload.with_head("boundary=b0undary", ["", "boundary=", "boundary=other", "x=y"][at % 4]),
        10 => upload.with_head("multipart/form-data", ["text/plain", "multipart/mixed", ""][at % 3]),
        11 => upload.with_head("Accept: application/json", &format!("X: {}", "x".repeat(100_000))),
        12 => upload.with_head("Accept: application/json", &"X: y\r\n".repeat(500)),
        13 => upload.with_fields(&field("form-data; name=\"description\"", &"x".repeat(9 << 20))),
        14 => upload.with_fields(&field("form-data; name=\"classifiers\"", "x").repeat(10_001)),
        15 => upload.with_fields(&field(&format!("form-data; name=\"{}\"", "x".repeat(100_000)), "x")),
        16 => upload.with_fields(&field(["attachment", "form-data", "form-data; name=\"x", ""][at % 4], "x")),
        17 => upload.with_fields(&field("form-data; name=\"name\"; filename=\"x\"", "x")),
        18 => upload.with_body(&"--b0undary\r\n".repeat(1 + at).into_bytes()),
        19 => upload.with_body(&vec![b'-'; 1 << 20]),
        20 => upload.with_body(b""),
        21 => {
            let names = [
                "../x-1.0.tar.gz",
                "/etc/passwd",
                "demo-1.0-py3-none-any.whl\\0",
                "a\\b.whl",
                "",
                "%2e%2e.whl",
            ];
            let body = String::from_utf8_lossy(body).replace("demo-1.0-py3-none-any.whl", names[at % 6]);
            upload.with_body(body.as_bytes())
        }
        22 => {
            let text = String::from_utf8_lossy(body);
            let field =
                ["name", "version", "filetype", "sha256_digest", "metadata_version", ":action"][at % 6];
            upload.with_body(text.replace(&format!("name=\"{field}\""), "name=\"gone\"").as_bytes())
        }
        _ => (0..random.below(3_000)).map(|_| random.next() as u8).collect(),
    }
}

/// Sends so many malformed requests from several clients at once.
fn send_malformed(count: u64) {
    let index = ServedIndex::start(&[]);
    let file = wheel(index.sandbox.root(), "demo", "1.0", "any", "hello");
    let upload = Upload::new(&index.upload_request(&index.token(), &file, &[]));
    let clients = 4;
    thread::scope(|scope| {
        for client in 0..clients {
            let (upload, port) = (&upload, index.port);
            scope.spawn(move || {
                let mut random = Random::new(client);
                for number in 0..count / clients {
                    let request = malformed(upload, &mut random);
                    let beginning =
                        || String::from_utf8_lossy(&request[..request.len().min(2_000)]).into_owned();
                    // A request that does not even begin gets no reply.
                    let Some(reply) = send(port, &request) else {
                        let is_cut = !request.windows(4).any(|window| window == b"\r\n\r\n");
                        assert!(is_cut, "{client}/{number}: no reply to {}", beginning());
                        continue;
                    };
                    let is_clear =
                        reply.status == 200 || (400..500).contains(&reply.status) || reply.status == 308;
                    assert!(is_clear, "{client}/{number}: {} for {}", reply.head, beginning());
                    assert!(reply.status == 200 || reply.status >= 400 && !reply.head.is_empty());
                }
            });
        }
    });
    assert!(!index.said().contains("panicked"), "{}", index.said());
    let peak = index.peak();
    assert!(peak < MEMORY, "it used {} MiB", peak >> 20);
    // The upload itself may have happened among them, as it was, and nothing else.
    index.upload(&file).has(200);
    let name = "demo-1.0-py3-none-any.whl";
    assert_eq!(index.listed("demo").keys().collect::<Vec<_>>(), [name]);
    assert_eq!(fs_err::read(index.folder().join("demo").join(name)).unwrap(), fs_err::read(&file).unwrap());
    assert_eq!(fs_err::read_dir(index.folder().join(".incoming")).unwrap().count(), 0);
}

#[test]
fn whatever_is_sent_gets_a_clear_refusal() {
    send_malformed(400);
}

#[test]
fn large_uploads_from_many_clients_need_little_memory() {
    let index = ServedIndex::start(&["--lenient"]);
    let folder = index.sandbox.root().join("dist");
    fs_err::create_dir(&folder).unwrap();
    let requests: Vec<_> = (0..6)
        .map(|number| {
            let file = wheel(&folder, "demo", &format!("1.{number}"), "any", "hello");
            // Bytes before an archive are no part of it.
            let bytes = [vec![number; 30 << 20], fs_err::read(&file).unwrap()].concat();
            fs_err::write(&file, bytes).unwrap();
            index.upload_request("", &file, &[])
        })
        .collect();
    thread::scope(|scope| {
        for request in &requests {
            scope.spawn(|| send(index.port, request).unwrap().has(200));
        }
    });
    assert_eq!(index.listed("demo").len(), 6);
    thread::scope(|scope| {
        for number in 0..6 {
            let index = &index;
            scope.spawn(move || {
                let path = format!("/files/demo/demo-1.{number}-py3-none-any.whl");
                assert!(index.get(&path, "*/*").has(200).body.len() > 30 << 20);
            });
        }
    });
    let peak = index.peak();
    assert!(peak < MEMORY, "it used {} MiB", peak >> 20);
}
