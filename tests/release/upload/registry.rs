//! A scripted server, for replies of servers that cannot run here.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{Ended, UploadProject};

/// A server that replies to each upload in the same way, and serves fixed pages
#[derive(Clone)]
pub(super) struct Registry {
    address: String,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    upload: (u16, String),
    pages: BTreeMap<String, Page>,
    /// The number of uploads
    uploads: usize,
}

/// A page
#[derive(Clone, Default)]
struct Page {
    kind: &'static str,
    /// Each with its line end
    headers: String,
    body: Vec<u8>,
    /// Only after an upload
    is_late: bool,
}

impl Registry {
    /// Starts a server that gives every upload this reply, and lists nothing.
    pub(super) fn that_says(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let registry = Self { address, told: Arc::default() };
        registry.says(status, body);
        let serving = registry.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = serving.clone();
                // The client may have hung up.
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

    /// Sets the reply to uploads.
    pub(super) fn says(&self, status: u16, body: &str) {
        self.told().upload = (status, body.to_owned());
    }

    /// Sets a page that appears after an upload.
    pub(super) fn shows_late(&self, target: &str, kind: &'static str, body: impl Into<Vec<u8>>) {
        let page = Page { kind, body: body.into(), is_late: true, ..Page::default() };
        self.told().pages.insert(target.to_owned(), page);
    }

    /// Sets a page, with headers that include their line ends.
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

    /// Without a URL of the simple API.
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
