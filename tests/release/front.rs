//! A front of an index that issues identities and tokens, as a GitHub runner and PyPI do.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use pyrelease_test_support::Invocation;

/// A front of an index that issues tokens for identities as PyPI does, issues the identities as well, and records all
/// requests.
pub(super) struct Front {
    pub(super) address: String,
    asked: Arc<Mutex<Vec<String>>>,
    /// The credentials of the uploads
    pub(super) signed: Arc<Mutex<Vec<String>>>,
    /// The forms of the uploads
    forms: Arc<Mutex<Vec<String>>>,
}

/// The recorded requests
#[derive(Clone)]
struct Log {
    asked: Arc<Mutex<Vec<String>>>,
    signed: Arc<Mutex<Vec<String>>>,
    forms: Arc<Mutex<Vec<String>>>,
}

impl Front {
    pub(super) fn before(upload: &str, token: &str, mint: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let log = Log { asked: Arc::default(), signed: Arc::default(), forms: Arc::default() };
        let (asked, signed, forms) =
            (Arc::clone(&log.asked), Arc::clone(&log.signed), Arc::clone(&log.forms));
        let (behind, token) = (authority(upload).to_owned(), token.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (behind, token, log) = (behind.clone(), token.clone(), log.clone());
                thread::spawn(move || {
                    let _ = serve(&mut stream.expect("a connection"), &behind, &token, mint, &log);
                });
            }
        });
        Self { address, asked, signed, forms }
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }

    /// Where a job asks for its identity.
    pub(super) fn identities(&self) -> String {
        format!("http://{}/id?v=2", self.address)
    }

    /// A run of the command in the environment of a GitHub runner.
    pub(super) fn on_github<'a>(&self, run: Invocation<'a>) -> Invocation<'a> {
        run.env("GITHUB_ACTIONS", "true")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", self.identities())
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-runner")
    }

    /// The value of a field in each upload that has it.
    pub(super) fn field(&self, name: &str) -> Vec<Option<String>> {
        let forms = self.forms.lock().expect("nobody panics with it");
        let opening = format!("name=\"{name}\"\r\n\r\n");
        let value = |form: &String| form.split_once(&opening)?.1.split("\r\n--").next().map(str::to_owned);
        forms.iter().map(value).collect()
    }
}

pub(super) fn authority(url: &str) -> &str {
    url.trim_start_matches("http://").split('/').next().unwrap_or_default()
}

fn serve(stream: &mut TcpStream, behind: &str, token: &str, mint: &str, log: &Log) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(());
        }
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let line = text.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    log.asked.lock().expect("nobody panics with it").push(line.clone());
    if line.starts_with("POST /legacy/") {
        let header = |wanted: &str| {
            text.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
            })
        };
        log.signed.lock().expect("nobody panics with it").extend(header("authorization"));
        let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut form = vec![0; length];
        stream.read_exact(&mut form)?;
        log.forms.lock().expect("nobody panics with it").push(String::from_utf8_lossy(&form).into_owned());
        // One request per connection, so that every request is recorded.
        head.splice(head.len() - 2.., *b"Connection: close\r\n\r\n");
        head.extend(form);
    }
    let answer = |stream: &mut TcpStream, body: String| {
        let status = if body.contains("errors") { "422 X" } else { "200 X" };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )?;
        stream.shutdown(Shutdown::Write)?;
        io::copy(stream, &mut io::sink()).map(drop)
    };
    match line.split(['?', ' ']).nth(1).unwrap_or_default() {
        "/id" => answer(stream, "{\"value\": \"head.e30.proof\"}".to_owned()),
        "/_/oidc/audience" => answer(stream, "{\"audience\": \"here\"}".to_owned()),
        "/_/oidc/mint-token" => answer(stream, mint.replace("@token@", token)),
        "/_/oidc/burn-token" => answer(stream, "{}".to_owned()),
        _ => {
            let mut server = TcpStream::connect(behind)?;
            server.write_all(&head)?;
            let mut there = (stream.try_clone()?, server.try_clone()?);
            thread::spawn(move || {
                let _ = io::copy(&mut there.0, &mut there.1);
            });
            io::copy(&mut server, stream)?;
            stream.shutdown(Shutdown::Both)
        }
    }
}
