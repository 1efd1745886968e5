//! The client against misbehaving servers: each one is a few lines that answer a request.

use snapbox::{assert_data_eq, str};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::python::distribution::{Distribution, Kind};
use crate::world::Environment;
use crate::world::digest::Digests;
use crate::world::http::{Http, Timeouts};

mod hostile;
mod slow;

#[test]
fn pypi_and_testpypi_are_known() {
    let pypi = IndexAddress::pypi();
    assert_eq!(pypi.view_url("Demo_Pkg", "1.0").unwrap(), "https://pypi.org/project/demo-pkg/1.0/");
    assert_eq!(pypi.project_url("Demo_Pkg").unwrap().as_str(), "https://pypi.org/simple/demo-pkg/");
    let testpypi = IndexAddress::testpypi();
    assert_eq!(testpypi.upload.as_str(), "https://test.pypi.org/legacy/");
    assert_eq!(testpypi.view_url("demo", "1").unwrap(), "https://test.pypi.org/project/demo/1/");
}

#[test]
fn an_index_without_a_page_is_viewed_at_its_listing() {
    let listed =
        IndexAddress::new("corp", "https://corp.example/", Some("https://corp.example/simple"), None)
            .unwrap();
    assert_eq!(listed.view_url("demo", "1").unwrap(), "https://corp.example/simple/demo/");
    let unlisted = IndexAddress::new("corp", "https://corp.example/", None, None).unwrap();
    assert_eq!(unlisted.view_url("demo", "1"), None);
}

#[test]
fn a_url_that_would_expose_the_token_is_refused() {
    let error = IndexAddress::new("corp", "http://corp.example/", None, None).unwrap_err();
    assert_eq!(error.to_string(), "`upload` of index `corp` cannot be used");
}

#[test]
fn a_strange_name_stays_one_path_segment() {
    let pypi = IndexAddress::pypi();
    let url = pypi.project_url("../legacy?x#y").unwrap();
    assert_eq!(url.as_str(), "https://pypi.org/simple/-%2Flegacy%3Fx%23y/");
}

/// A received request
#[derive(Clone, Default)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// A local server that passes each request to a function; its thread ends with the process
pub(super) struct Server {
    pub(super) address: String,
    pub(super) requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request after reading all of it.
    pub(super) fn answering(answer: impl Fn(&Request) -> String + Send + 'static) -> Self {
        Self::handling(move |stream, requests| {
            let request = read_request(stream);
            let reply = answer(&request);
            requests.lock().unwrap().push(request);
            let _ = stream.write_all(reply.as_bytes());
        })
    }

    /// Passes each connection to a function, then closes it.
    fn handling(handle: impl Fn(&mut TcpStream, &Mutex<Vec<Request>>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                handle(&mut stream.unwrap(), &seen);
            }
        });
        Self { address, requests }
    }

    fn client(&self) -> IndexClient {
        self.client_that_waits(Duration::from_secs(20))
    }

    fn client_as(&self, credentials: Credentials) -> IndexClient {
        IndexClient { credentials: Some(credentials), ..self.client() }
    }

    fn client_that_waits(&self, time: Duration) -> IndexClient {
        let patience = Timeouts { connect: time, stall: time, reply: time };
        let http = Http::with_timeouts(&Environment::default(), patience).unwrap();
        let simple = format!("{}/simple/", self.address);
        let address =
            IndexAddress::new("corp", &format!("{}/legacy/", self.address), Some(&simple), None).unwrap();
        IndexClient::new(http, address, Some(Credentials::token("pypi-canary".into(), "the test")))
    }

    fn upload(&self, file: &File) -> Result<UploadOutcome, UploadError> {
        Self::upload_by(&self.client(), file)
    }

    fn upload_by(client: &IndexClient, file: &File) -> Result<UploadOutcome, UploadError> {
        client.upload(&file.submission(), &|_| true)
    }
}

fn read_request(stream: &mut TcpStream) -> Request {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    let _ = stream.take(length).read_to_end(&mut body);
    Request { head, body }
}

pub(super) fn reply(status: u16, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A source distribution of the given size
struct File {
    _folder: TempDir,
    distribution: Distribution,
}

impl File {
    fn of(size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("demo-1.0.tar.gz");
        let bytes = vec![b'x'; size];
        fs_err::write(&path, &bytes).unwrap();
        let sha256 = Digests::of(&bytes[..]).unwrap().sha256;
        let filename = "demo-1.0.tar.gz".to_owned();
        let distribution = Distribution { path, filename, kind: Kind::Sdist, size: size as u64, sha256 };
        Self { _folder: folder, distribution }
    }

    fn submission(&self) -> Submission {
        Submission::of(&self.distribution, self.metadata(), "source")
    }

    fn metadata(&self) -> Vec<(String, String)> {
        let fields = [
            ("metadata_version", "2.1"),
            ("name", "demo"),
            ("version", "1.0"),
            ("classifiers", "A"),
            ("classifiers", "B"),
        ];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }
}

/// Too large for the buffers in between
const LARGE: usize = 32 << 20;

#[test]
fn a_remote_index_cannot_link_to_this_machine() {
    let inside = Server::answering(|_| reply(200, "text/plain", "what is for nobody else"));
    let http = Http::with_timeouts(&Environment::default(), Timeouts::default()).unwrap();
    let simple = "https://corp.example/simple/";
    let address = IndexAddress::new("corp", "https://corp.example/", Some(simple), None).unwrap();
    let page = format!("<a href=\"{}/demo-1.0.tar.gz\">demo-1.0.tar.gz</a>", inside.address);
    let listing = Listing::read("text/html", page.as_bytes(), &simple.parse().unwrap()).unwrap();
    let error = IndexClient::new(http, address, None).sha256(&listing.files[0]).unwrap_err();
    assert!(matches!(error, SimpleError::Address { .. }), "{error}");
    assert!(inside.requests.lock().unwrap().is_empty());
}

/// A rebuild during an upload would publish a mixture.
#[test]
fn a_file_modified_during_the_upload_does_not_arrive() {
    let file = File::of(LARGE);
    let server = Server::handling(|stream, requests| {
        thread::sleep(Duration::from_millis(300));
        requests.lock().unwrap().push(read_request(stream));
    });
    let written = std::cell::Cell::new(false);
    let error = server.client().upload(&file.submission(), &|sent| {
        if (1..LARGE as u64).contains(&sent) && !written.replace(true) {
            let open = fs_err::OpenOptions::new().append(true).open(&file.distribution.path);
            open.and_then(|mut open| open.write_all(b"more")).unwrap();
        }
        true
    });
    assert!(written.get());
    assert!(matches!(error, Err(UploadError::Changed { .. })), "{error:?}");
    let began = std::time::Instant::now();
    while server.requests.lock().unwrap().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "the server got no request");
        thread::sleep(Duration::from_millis(10));
    }
    let arrived = server.requests.lock().unwrap()[0].body.len();
    assert!(arrived < LARGE, "{arrived}");
}

#[test]
fn an_upload_is_one_request_with_the_file_last() {
    let server = Server::answering(|_| reply(200, "text/plain", ""));
    let file = File::of(10);
    assert_eq!(server.upload(&file).unwrap(), UploadOutcome::Uploaded);
    let requests = server.requests.lock().unwrap();
    let [request] = &requests[..] else { panic!("{} requests", requests.len()) };
    assert!(request.head.starts_with("post /legacy/ http/1.1\r\n"), "{}", request.head);
    assert!(request.head.contains("accept: application/json\r\n"));
    assert!(request.head.contains("user-agent: pyrelease/"));
    assert!(request.head.contains("authorization: basic "));
    assert!(request.head.contains(&format!("content-length: {}\r\n", request.body.len())));
    let body = String::from_utf8(request.body.clone()).unwrap();
    let names: Vec<_> = body
        .split("name=\"")
        .skip(1)
        .filter_map(|part| part.split_once('"').map(|(name, _)| name))
        .filter(|name| *name != "demo-1.0.tar.gz")
        .collect();
    let expected = ":action protocol_version filetype pyversion sha256_digest blake2_256_digest metadata_version \
        name version classifiers classifiers content";
    assert_eq!(names.join(" "), expected);
    assert!(body.contains("name=\"content\"; filename=\"demo-1.0.tar.gz\"\r\nContent-Type: application/octet-stream\r\n\r\nxxxxxxxxxx\r\n--"), "{body}");
    assert!(!request.head.contains("canary") && !body.contains("canary"));
}

#[test]
fn refusals_and_ambiguous_errors_are_told_apart() {
    let refusing = |status: u16| Server::answering(move |_| reply(status, "text/plain", "it is\nso"));
    let file = File::of(1000);
    for status in [400, 401, 403, 404, 413, 429] {
        let error = refusing(status).upload(&file).unwrap_err();
        assert!(matches!(error, UploadError::Refused { status: s, .. } if s == status), "{error}");
        assert_eq!(error.to_string(), format!("`corp` refused `demo-1.0.tar.gz`: it is so (HTTP {status})"));
    }
    for status in [500, 502, 503, 504] {
        let error = refusing(status).upload(&file).unwrap_err();
        assert!(matches!(error, UploadError::Ambiguous { status: Some(s), .. } if s == status), "{error}");
    }
}

#[test]
fn a_redirect_is_reported_and_not_followed() {
    let server = Server::answering(|_| {
        "HTTP/1.1 308 X\r\nLocation: /elsewhere/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
    });
    let error = server.upload(&File::of(10)).unwrap_err();
    assert!(matches!(error, UploadError::Redirected { .. }), "{error}");
    assert!(error.to_string().ends_with("its upload URL redirects to `/elsewhere/`"), "{error}");
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}

#[test]
fn a_broken_connection_is_ambiguous() {
    let swallowing = Server::handling(|stream, requests| requests.lock().unwrap().push(read_request(stream)));
    let error = swallowing.upload(&File::of(1000)).unwrap_err();
    assert!(error.is_ambiguous(), "{error}");
    assert_eq!(swallowing.requests.lock().unwrap().len(), 1, "nothing is sent twice");

    let cutting = Server::handling(|stream, _| {
        let _ = stream.read(&mut [0; 1000]);
    });
    let error = cutting.upload(&File::of(LARGE)).unwrap_err();
    assert!(error.is_ambiguous());
    assert_data_eq!(
        error.to_string(),
        str![
            "`corp` may or may not have stored `demo-1.0.tar.gz`: the connection broke after [..] of 33554432 bytes"
        ]
    );
}

#[test]
fn an_early_reply_is_not_lost() {
    let early = |patient: bool| {
        Server::handling(move |stream, _| {
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(reply(403, "text/plain", "not you").as_bytes());
            if patient {
                let _ = stream.shutdown(Shutdown::Write);
                let _ = std::io::copy(stream, &mut std::io::sink());
            }
        })
    };
    for (patient, size) in [(true, 10), (true, 10_000), (true, 20_000), (true, LARGE), (false, LARGE)] {
        let error = early(patient).upload(&File::of(size)).unwrap_err();
        assert!(matches!(error, UploadError::Refused { status: 403, .. }), "{size}: {error}");
    }
}

#[test]
fn a_server_that_stalls_is_given_up() {
    let deaf = Server::handling(|_, _| thread::sleep(Duration::from_secs(20)));
    let impatient = |server: &Server| server.client_that_waits(Duration::from_millis(300));
    let error = Server::upload_by(&impatient(&deaf), &File::of(LARGE)).unwrap_err();
    assert!(error.is_ambiguous());
    assert_data_eq!(
        error.to_string(),
        str![
            "`corp` may or may not have stored `demo-1.0.tar.gz`: no progress for 0 s after [..] of 33554432 bytes"
        ]
    );
    let mute = Server::handling(|stream, _| {
        read_request(stream);
        thread::sleep(Duration::from_secs(20));
    });
    let error = Server::upload_by(&impatient(&mute), &File::of(1000)).unwrap_err();
    assert!(error.is_ambiguous());
    assert_data_eq!(
        error.to_string(),
        str![
            "`corp` may or may not have stored `demo-1.0.tar.gz`: everything was sent, but no reply came within 0 s"
        ]
    );
}

#[test]
fn an_unreachable_server_is_not_ambiguous() {
    let server = Server::answering(|_| String::new());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Server { address: format!("http://{port}"), ..server };
    for size in [10, 10_000, 20_000, LARGE] {
        let error = gone.upload(&File::of(size)).unwrap_err();
        assert!(matches!(error, UploadError::Unreachable { .. }), "{error}");
    }
}

#[test]
fn a_duplicate_is_decided_by_hashes() {
    let file = File::of(10);
    let ours = file.distribution.sha256.clone();
    let listing = |fragment: String| {
        Server::answering(move |request| {
            if request.head.starts_with("post") {
                return reply(409, "text/plain", "it already exists");
            }
            if request.head.starts_with("get /f/") {
                return reply(200, "application/octet-stream", "xxxxxxxxxx");
            }
            let page = format!("<a href=\"/f/demo-1.0.tar.gz{fragment}\">demo-1.0.tar.gz</a>");
            reply(200, "text/html; charset=utf-8", &page)
        })
    };
    assert_eq!(listing(format!("#sha256={ours}")).upload(&file).unwrap(), UploadOutcome::AlreadyThere);
    assert_eq!(
        listing("#md5=x".to_owned()).upload(&file).unwrap(),
        UploadOutcome::AlreadyThere,
        "by the bytes themselves"
    );
    let existing = "0".repeat(64);
    let error = listing(format!("#sha256={existing}")).upload(&file).unwrap_err();
    assert!(error.to_string().contains(&existing) && error.to_string().contains(&ours), "{error}");

    let silent = Server::answering(|_| reply(409, "text/html", "<pre>it already exists</pre>"));
    let error = silent.upload(&file).unwrap_err();
    assert!(matches!(error, UploadError::Duplicate { existing: ExistingFile::Unknown(_), .. }), "{error}");
}

#[test]
fn a_repeated_secret_is_redacted() {
    let server = Server::answering(|_| reply(403, "text/plain", "pypi-canary is no token"));
    let error = server.upload(&File::of(10)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("pypi-canary"), "{error}");
    assert!(error.to_string().contains("[secret] is no token"), "{error}");
}

#[test]
fn a_page_elsewhere_is_not_the_indexs_own() {
    let other =
        Server::answering(|_| reply(200, "text/html", "<a href=\"/f/demo-1.0.tar.gz\">demo-1.0.tar.gz</a>"));
    let elsewhere = other.address.clone();
    let server = Server::answering(move |_| {
        format!(
            "HTTP/1.1 302 X\r\nLocation: {elsewhere}/demo/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    });
    assert_eq!(server.client().listing("demo").unwrap(), None);
    let requests = other.requests.lock().unwrap();
    assert!(
        requests.iter().all(|request| !request.head.contains("authorization")),
        "no token goes elsewhere"
    );
}

#[test]
fn an_invalid_page_is_an_error() {
    let mut seen = Vec::new();
    for (kind, body) in [
        ("text/html", "<a href=\"x#sha256=zz\">demo-1.0.tar.gz</a>"),
        ("text/html", "<a href=\"https://[\">demo-1.0.tar.gz</a>"),
        ("image/png", "x"),
        ("application/json", "{\"meta\": {"),
        ("application/vnd.pypi.simple.v1+json", "{\"meta\": {\"api-version\": \"2.0\"}, \"files\": []}"),
    ] {
        let server = Server::answering(move |_| reply(200, kind, body));
        let error = server.client().listing("demo").unwrap_err();
        seen.push(error.to_string().replace(&server.address, "[SERVER]") + "\n");
    }
    assert_data_eq!(
        seen.concat(),
        str![[r#"
`[SERVER]/simple/demo/` is not a valid page of the simple API: it lists an invalid sha256
`[SERVER]/simple/demo/` is not a valid page of the simple API: its link `https://[` is not valid: invalid IPv6 address
`[SERVER]/simple/demo/` is not a valid page of the simple API: it has the media type `image/png`
`[SERVER]/simple/demo/` is not a valid page of the simple API: EOF while parsing an object at line 1 column 10
`[SERVER]/simple/demo/` is not a valid page of the simple API: it has API version `2.0`, which is not supported

"#]]
    );
    let server = Server::answering(|_| reply(404, "text/html", ""));
    assert_eq!(server.client().listing("demo").unwrap(), None);
    let server = Server::answering(|_| reply(503, "text/html", ""));
    assert!(matches!(server.client().listing("demo"), Err(SimpleError::Status { .. })));
    let endless = Server::handling(|stream, _| {
        read_request(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 X\r\nContent-Type: text/html\r\n\r\n");
        while stream.write_all(&[b'x'; 1 << 16]).is_ok() {}
    });
    let error = endless.client().listing("demo").unwrap_err();
    assert_data_eq!(
        error.to_string(),
        str!["`http://[..]/simple/demo/` is not a valid page of the simple API: it is larger than 64 MiB"]
    );
}

#[test]
fn the_project_status_is_read() {
    let server = Server::answering(|_| {
        let body = r#"{"meta": {"api-version": "1.4"}, "name": "demo", "project-status": {"status": "archived"},
            "files": [{"filename": "demo-1.0.tar.gz", "url": "../../f/demo-1.0.tar.gz", "hashes": {},
            "yanked": "broken", "size": 5, "upload-time": "2026-01-01T00:00:00Z", "new": [1]}]}"#;
        reply(200, "application/vnd.pypi.simple.v1+json", body)
    });
    let listing = server.client().listing("demo").unwrap().unwrap();
    assert_eq!(listing.status.as_deref(), Some("archived"));
    let [file] = &listing.files[..] else { panic!("{listing:?}") };
    assert_eq!(file.yanked, Yanked::Yes("broken".to_owned()));
    assert_eq!(file.url.as_str(), format!("{}/f/demo-1.0.tar.gz", server.address));
    assert_eq!((file.size, &file.sha256), (Some(5), &None));
}

#[test]
fn credentials_are_sent_only_to_an_index_that_requires_them() {
    let page = r#"{"meta": {"api-version": "1.0"}, "files": []}"#;
    let kind = "application/vnd.pypi.simple.v1+json";
    for (to_others, expected) in [
        (200, vec![false]),
        (401, vec![false, true, true]),
        (403, vec![false, true, true]),
        (404, vec![false, true, true]),
    ] {
        let server = Server::answering(move |request| match request.head.contains("authorization: ") {
            true => reply(200, kind, page),
            false => reply(to_others, kind, page),
        });
        let client = server.client_as(Credentials::password("alice", "hunter2-canary".into(), "the test"));
        assert!(client.listing("demo").unwrap().is_some(), "{to_others}");
        if to_others != 200 {
            // What it wants is known by now.
            assert!(client.listing("demo").unwrap().is_some(), "{to_others}");
        }
        let requests = server.requests.lock().unwrap();
        let signed = requests.iter().map(|request| request.head.contains("authorization: "));
        assert_eq!(signed.collect::<Vec<_>>(), expected, "{to_others}");
    }
}
