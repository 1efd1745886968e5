//! A server that says what it was told to: for replies that no server gives that can be run here.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{Ended, UploadProject};

/// A server that gives each upload the same reply, and whoever asks for an address what is there
#[derive(Clone)]
pub(super) struct Registry {
    address: String,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    upload: (u16, String),
    pages: BTreeMap<String, Page>,
    /// How many there were
    uploads: usize,
}

/// What is given out at an address
#[derive(Clone, Default)]
struct Page {
    kind: &'static str,
    /// Each ends its line
    headers: String,
    body: Vec<u8>,
    /// Only when something was uploaded
    is_late: bool,
}

impl Registry {
    /// One that says this to every upload and lists nothing yet.
    pub(super) fn that_says(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let registry = Self { address, told: Arc::default() };
        registry.says(status, body);
        let serving = registry.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = serving.clone();
                // Whoever hangs up gets no answer.
                thread::spawn(move || stream.and_then(|stream| serving.answer(&stream)));
            }
        });
        registry
    }

    fn answer(&self, mut stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let (mut line, mut header, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut line)?;
        while reader.read_line(&mut header)? > 2 {
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            header.clear();
        }
        io::copy(&mut reader.take(length), &mut io::sink())?;
        let (status, Page { kind, headers, body, .. }) = self.reply(&line);
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status} Reply\r\nContent-Type: {kind}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        )?;
        stream.write_all(&body)
    }

    fn reply(&self, line: &str) -> (u16, Page) {
        let mut told = self.told();
        if line.starts_with("POST ") {
            told.uploads += 1;
            let (status, body) = told.upload.clone();
            let kind = if body.starts_with('{') { "application/json" } else { "text/html" };
            return (status, Page { kind, body: body.into_bytes(), ..Page::default() });
        }
        let target = line.split(' ').nth(1).unwrap_or_default();
        let page = told.pages.get(target).filter(|page| !page.is_late || told.uploads > 0);
        page.map_or((404, Page { kind: "text/plain", ..Page::default() }), |page| (200, page.clone()))
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on an upload is answered so.
    pub(super) fn says(&self, status: u16, body: &str) {
        self.told().upload = (status, body.to_owned());
    }

    /// When something was uploaded, this is there.
    pub(super) fn shows_late(&self, target: &str, kind: &'static str, body: impl Into<Vec<u8>>) {
        let page = Page { kind, body: body.into(), is_late: true, ..Page::default() };
        self.told().pages.insert(target.to_owned(), page);
    }

    /// From now on this is there, with headers that each end their line.
    pub(super) fn shows_with(
        &self,
        target: &str,
        kind: &'static str,
        headers: &str,
        body: impl Into<Vec<u8>>,
    ) {
        let page = Page { kind, headers: headers.to_owned(), body: body.into(), is_late: false };
        self.told().pages.insert(target.to_owned(), page);
    }

    pub(super) fn upload(&self, upload_project: &UploadProject) -> Ended {
        self.upload_with(upload_project, &[])
    }

    pub(super) fn upload_with(&self, upload_project: &UploadProject, more: &[&str]) -> Ended {
        let (url, simple) = (self.url(), format!("http://{}/simple/", self.address));
        upload_project.upload(&[&["--url", &url, "--simple", &simple], more].concat(), &[])
    }

    /// Nobody says where it lists its files.
    pub(super) fn upload_blindly(&self, upload_project: &UploadProject) -> Ended {
        upload_project.upload(&["--url", &self.url()], &[])
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/legacy/", self.address)
    }

    pub(super) fn uploads(&self) -> usize {
        self.told().uploads
    }
}
