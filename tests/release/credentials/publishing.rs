//! A release on a runner of GitHub's, without any token: the index makes one when the first file is to be uploaded.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pyrelease::python::token::{Caveat, Token};
use secrecy::ExposeSecret as _;

use super::super::drilled::Local;
use super::super::{QUICK, quick};

/// Stands before an index and has what PyPI has besides: it gives a token to whoever shows an identity, and keeps what it
/// was asked. It is the issuer of identities, too.
struct Front {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    /// What uploads were signed with
    signed: Arc<Mutex<Vec<String>>>,
}

/// What is kept of requests
#[derive(Clone)]
struct Log {
    asked: Arc<Mutex<Vec<String>>>,
    signed: Arc<Mutex<Vec<String>>>,
}

impl Front {
    fn before(upload: &str, token: &str, mint: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let log = Log { asked: Arc::default(), signed: Arc::default() };
        let (asked, signed) = (Arc::clone(&log.asked), Arc::clone(&log.signed));
        let (behind, token) = (authority(upload).to_owned(), token.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (behind, token, log) = (behind.clone(), token.clone(), log.clone());
                thread::spawn(move || {
                    let _ = serve(&mut stream.expect("a connection"), &behind, &token, mint, &log);
                });
            }
        });
        Self { address, asked, signed }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

fn authority(url: &str) -> &str {
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
        let header = text.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
        });
        log.signed.lock().expect("nobody panics with it").extend(header);
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

/// The project of a [`Local`], released to its public index by way of a front.
fn through(front: &Front, local: &Local) -> pyrelease_test_support::Project {
    let simple = local.public.upload_url().replace("/legacy/", "/simple/");
    quick()
        .config(&format!(
            "stages = [\"version\", \"tag\", \"build\", \"pypi\"]\n[index.pypi]\nupload = \"http://{}/legacy/\"\n\
             simple = \"{simple}\"\ntrusted-publishing = true\n{QUICK}",
            front.address
        ))
        .build()
}

#[test]
fn a_token_is_made_when_the_first_file_is_to_be_sent_and_burnt_at_the_end() {
    let local = Local::new();
    let mint = "{\"success\": true, \"token\": \"@token@\"}";
    let front = Front::before(&local.public.upload_url(), local.public.token.expose_secret(), mint);
    let project = through(&front, &local);
    let on_github = |args: &str| {
        project
            .pyrelease(args)
            .env("GITHUB_ACTIONS", "true")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("http://{}/id?v=2", front.address))
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-runner")
    };
    on_github("plan minor").code(0);
    on_github("run minor --dry-run -v").code(0).stderr_contains("are from trusted publishing (GitHub)");
    on_github("token show pypi").code(0).stdout_contains("trusted-publishing");
    assert_eq!(front.asked(), [""; 0], "nothing is asked before a release");

    on_github("run minor --yes").code(0);
    let asked = front.asked();
    let order = [
        "GET /_/oidc/audience",
        "GET /id?v=2&audience=here",
        "POST /_/oidc/mint-token",
        "POST /legacy/",
        "POST /_/oidc/burn-token",
    ];
    let first = |line: &str| asked.iter().position(|asked| asked == line);
    let places: Vec<_> =
        order.iter().map(|line| first(line).unwrap_or_else(|| panic!("no {line} in {asked:?}"))).collect();
    assert!(places.is_sorted(), "{asked:?}");
    assert_eq!(asked.last().map(String::as_str), Some("POST /_/oidc/burn-token"));
    assert_eq!(asked.iter().filter(|line| line.ends_with("mint-token")).count(), 1, "{asked:?}");
    assert_eq!(local.public.files().len(), 2);

    let signed = front.signed.lock().unwrap();
    assert_eq!(signed.len(), asked.iter().filter(|line| *line == "POST /legacy/").count());
    for header in signed.iter() {
        let pair = BASE64_STANDARD.decode(header.trim_start_matches("Basic ")).unwrap();
        let pair = String::from_utf8(pair).unwrap();
        let sent = Token::parse(pair.strip_prefix("__token__:").unwrap()).unwrap();
        let whole = Token::parse(local.public.token.expose_secret()).unwrap();
        let more = &sent.caveats()[whole.caveats().len()..];
        assert!(
            matches!(more, [project, Caveat::Expiration { .. }] if *project == Caveat::project("demo")),
            "no whole token leaves this machine, but one for: {more:?}"
        );
    }
}

#[test]
fn a_publisher_that_nobody_registered_changes_nothing() {
    let local = Local::new();
    let mint = "{\"message\": \"Token request failed\", \"errors\": [{\"code\": \"invalid-publisher\", \
                \"description\": \"valid token, but no corresponding publisher\"}]}";
    let front = Front::before(&local.public.upload_url(), "", mint);
    let project = through(&front, &local);
    let before = project.snapshot();
    let run = project
        .pyrelease("run minor --yes")
        .env("GITHUB_ACTIONS", "true")
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("http://{}/id?v=2", front.address))
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-runner");
    let outcome = run.code(1);
    outcome.stderr_contains("no corresponding publisher (invalid-publisher)");
    outcome.stderr_contains("register this job in the project's publishing settings");
    project.assert_unchanged(&before);
    assert!(local.public.files().is_empty());
}
