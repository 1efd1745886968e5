//! `pyrelease index serve`, with the tools that people use, and with clients that do everything wrong.

mod clients;
mod command;
mod kills;
mod malformed;
mod publishing;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pyrelease::python::filename::{Filename, normalize};
use pyrelease::world::sha256;
use pyrelease_test_support::Sandbox;
use serde_json::Value;

/// How long an index may take to start
const LONGEST_START: Duration = Duration::from_secs(60);

/// An index that serves a folder in a process of its own
struct ServedIndex {
    sandbox: Sandbox,
    process: Option<duct::Handle>,
    port: u16,
    args: Vec<String>,
}

/// A reply of the index
#[derive(Debug)]
struct Reply {
    status: u16,
    /// The first line and the headers, in lower case
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Checks the status, and returns it.
    #[track_caller]
    fn has(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.text());
        self
    }

    /// Parses a whole reply; none if there is no status line.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = head.strip_prefix("http/1.1 ")?.get(..3)?.parse().ok()?;
        Some(Self { status, head, body: bytes[end + 4..].to_vec() })
    }
}

/// Sends bytes and reads the reply; none if the connection ends without one.
fn send(port: u16, request: &[u8]) -> Option<Reply> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    // The index may reply and close the connection before it has read everything.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    Reply::parse(&reply)
}

impl ServedIndex {
    fn start(args: &[&str]) -> Self {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let mut index = Self { sandbox: Sandbox::new(), process: None, port: 0, args };
        index.run();
        index
    }

    /// Starts it, or starts it again.
    fn run(&mut self) {
        let port_file = self.sandbox.root().join("port");
        // Of an index that was killed
        let _ = fs_err::remove_file(&port_file);
        let mut args = vec!["index", "serve", "--dir", "index", "--port-file", "port"];
        args.extend(self.args.iter().map(String::as_str));
        let port = self.port.to_string();
        if self.port != 0 {
            args.extend(["--port", &port]);
        }
        let command = self.sandbox.command(self.sandbox.root(), env!("CARGO_BIN_EXE_pyrelease"), &args);
        let process = command
            .stdout_path(self.sandbox.root().join("stdout"))
            .stderr_path(self.sandbox.root().join("stderr"))
            .unchecked()
            .start()
            .expect("it starts");
        let began = Instant::now();
        self.port = loop {
            // It is renamed to its name when it is complete.
            if let Ok(port) = fs_err::read_to_string(&port_file) {
                break port.parse().expect("a port and nothing else");
            }
            let ended = process.try_wait().expect("a child can be asked").is_some();
            assert!(!ended && began.elapsed() < LONGEST_START, "it does not start: {}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        };
        self.process = Some(process);
    }

    fn folder(&self) -> PathBuf {
        self.sandbox.root().join("index")
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its token; empty if it accepts any credentials.
    fn token(&self) -> String {
        fs_err::read_to_string(self.folder().join(".token")).unwrap_or_default()
    }

    /// What it wrote to standard error.
    fn said(&self) -> String {
        fs_err::read_to_string(self.sandbox.root().join("stderr")).unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        let process = self.process.as_ref().expect("it runs");
        for id in process.pids() {
            duct::cmd!("kill", format!("-{name}"), id.to_string()).run().expect("it runs");
        }
    }

    /// Ends it with a signal; returns its exit code.
    fn end(&mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        let process = self.process.take().expect("it runs");
        process.wait().expect("it can be waited for").status.code()
    }

    /// The memory that it has used at most, in bytes.
    fn peak(&self) -> u64 {
        let id = self.process.as_ref().expect("it runs").pids()[0];
        let status = fs_err::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    /// Sends bytes and reads the reply; none if the connection ends without one.
    fn raw(&self, request: &[u8]) -> Option<Reply> {
        send(self.port, request)
    }

    #[track_caller]
    fn get(&self, path: &str, accept: &str) -> Reply {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nAccept: {accept}\r\n\r\n",
            self.port
        );
        self.raw(head.as_bytes()).expect("a reply")
    }

    /// Uploads a distribution as its name says; none if the connection ends without a reply.
    fn try_upload(&self, file: &Path, fields: &[(&str, &str)]) -> Option<Reply> {
        self.try_upload_as(&self.token(), file, fields)
    }

    fn try_upload_as(&self, token: &str, file: &Path, fields: &[(&str, &str)]) -> Option<Reply> {
        self.raw(&self.upload_request(token, file, fields))
    }

    #[track_caller]
    fn upload(&self, file: &Path) -> Reply {
        self.try_upload(file, &[]).expect("a reply")
    }

    /// The request that uploads a distribution as its name says, with these fields in addition.
    fn upload_request(&self, token: &str, file: &Path, fields: &[(&str, &str)]) -> Vec<u8> {
        let filename = file.file_name().expect("a file").to_str().expect("UTF-8");
        let name: Filename = filename.parse().expect("a distribution");
        let (digest, version) = (sha256(file).expect("a file").0, name.version().to_string());
        let usual = [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.4"),
            ("name", name.name()),
            ("version", &version),
            ("filetype", if filename.ends_with(".whl") { "bdist_wheel" } else { "sdist" }),
            ("pyversion", name.python_tag()),
            ("sha256_digest", &digest),
        ];
        let mut body = Vec::new();
        for (field, value) in usual.iter().chain(fields) {
            body.extend(
                format!("--b0undary\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
                    .bytes(),
            );
        }
        body.extend(
            format!(
                "--b0undary\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{filename}\"\r\n\r\n"
            )
            .bytes(),
        );
        body.extend(fs_err::read(file).expect("a file"));
        body.extend(b"\r\n--b0undary--\r\n");
        let credentials = BASE64_STANDARD.encode(format!("__token__:{token}"));
        let mut request = format!(
            "POST /legacy/ HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nAccept: application/json\r\n\
             Authorization: Basic {credentials}\r\nContent-Type: multipart/form-data; boundary=b0undary\r\n\
             Content-Length: {}\r\n\r\n",
            self.port,
            body.len()
        )
        .into_bytes();
        request.extend(body);
        request
    }

    /// The simple API's answer for a project.
    #[track_caller]
    fn listing(&self, project: &str) -> Value {
        let path = format!("/simple/{}/", normalize(project));
        self.get(&path, "application/vnd.pypi.simple.v1+json").has(200).json()
    }

    /// The files that are listed, with their sha256.
    fn listed(&self, project: &str) -> BTreeMap<String, String> {
        let path = format!("/simple/{}/", normalize(project));
        let reply = self.get(&path, "application/vnd.pypi.simple.v1+json");
        if reply.status == 404 {
            return BTreeMap::new();
        }
        let json = reply.has(200).json();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let files = json["files"].as_array().expect("a list").iter();
        files.map(|file| (text(&file["filename"]), text(&file["hashes"]["sha256"]))).collect()
    }
}

impl Drop for ServedIndex {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            let _ = process.kill();
        }
    }
}
