//! The simple API: HTML (PEP 503) and JSON (PEP 691), with metadata files (PEP 658 and 714), status markers (PEP 792)
//! and provenance (PEP 740). And the files.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::address;
use super::attested;
use super::body::FileBody;
use super::entry::Entry;
use super::settings::{ProjectSettings, Status};
use super::{Rules, Shared};
use crate::python::filename::normalize;
use crate::text::escape_html;
use crate::world::http::PYRELEASE_INDEX;

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const HTML: &str = "application/vnd.pypi.simple.v1+html";
const PLAIN_HTML: &str = "text/html";
/// The version of the API (PEP 740, 792)
const VERSION: &str = "1.4";
const SERIAL: HeaderName = HeaderName::from_static("x-pypi-last-serial");

/// `GET /simple/`
pub(super) async fn projects(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let projects = shared.store.projects();
    let serial = shared.store.with_projects(|projects| projects.values().map(Vec::len).sum::<usize>());
    let meta = json!({ "_last-serial": serial, "api-version": VERSION });
    match negotiate(&headers) {
        Some(JSON) => {
            let projects: Vec<_> = projects.iter().map(|name| json!({ "name": name })).collect();
            reply(JSON, json!({ "meta": meta, "projects": projects }).to_string(), serial)
        }
        Some(kind) => {
            let links: String =
                projects.iter().map(|name| format!("<a href=\"/simple/{name}/\">{name}</a><br>\n")).collect();
            reply(kind, html("Simple index", "", &links), serial)
        }
        None => StatusCode::NOT_ACCEPTABLE.into_response(),
    }
}

/// `GET /simple/NAME`
pub(super) async fn without_slash(Path(project): Path<String>) -> Response {
    moved(&project)
}

/// `GET /simple/NAME/`
pub(super) async fn project(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    headers: HeaderMap,
) -> Response {
    let normal = normalize(&project);
    if normal != project {
        return moved(&normal);
    }
    let mut entries = shared.store.entries(&normal);
    let serial = entries.len();
    let settings = shared.settings.project(&normal);
    let mut response = if entries.is_empty() {
        missing("no such project")
    } else {
        if settings.status == Status::Quarantined {
            entries.clear();
        }
        match negotiate(&headers) {
            Some(JSON) => reply(JSON, project_json(&normal, &entries, &settings, serial), serial),
            Some(kind) => reply(kind, project_html(&normal, &entries, &settings), serial),
            None => StatusCode::NOT_ACCEPTABLE.into_response(),
        }
    };
    if shared.rules == Rules::Pypi {
        response.headers_mut().insert(PYRELEASE_INDEX, HeaderValue::from_static("has the rules of PyPI"));
    }
    response
}

/// `GET /files/NAME/FILE`
pub(super) async fn file(
    State(shared): State<Arc<Shared>>,
    Path((project, filename)): Path<(String, String)>,
) -> Response {
    // Only listed files, so that no path leads out of the folder.
    let Some(path) = shared.store.path(&project, &filename) else { return missing("no such file") };
    let open = move || {
        let file = fs_err::File::open(path)?;
        let size = file.metadata()?.len();
        Ok::<_, std::io::Error>((file, size))
    };
    match spawn_blocking(open).await {
        Ok(Ok((file, size))) => {
            let kind = if filename.ends_with(".metadata") {
                "text/plain; charset=utf-8"
            } else {
                "application/octet-stream"
            };
            ([(CONTENT_TYPE, kind)], Body::new(FileBody::new(file, size))).into_response()
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed to read the file\n").into_response(),
    }
}

/// Whether a file is yanked, with the reason.
fn yanked<'a>(entry: &Entry, settings: &'a ProjectSettings) -> Option<&'a str> {
    settings.yanked.get(&entry.version).map(String::as_str)
}

fn project_json(normal: &str, entries: &[Entry], settings: &ProjectSettings, serial: usize) -> String {
    let versions: BTreeSet<_> = entries.iter().filter_map(Entry::parsed_version).collect();
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    let files: Vec<_> = entries.iter().map(|entry| file_json(normal, entry, settings)).collect();
    let mut status = json!({ "status": settings.status.name() });
    if let Some(reason) = &settings.reason {
        status["reason"] = json!(reason);
    }
    json!({
        "meta": { "_last-serial": serial, "api-version": VERSION },
        "name": normal,
        "project-status": status,
        "versions": versions,
        "files": files,
    })
    .to_string()
}

fn file_json(normal: &str, entry: &Entry, settings: &ProjectSettings) -> Value {
    let core_metadata = match &entry.core_metadata {
        Some(sha256) => json!({ "sha256": sha256 }),
        None => json!(false),
    };
    let provenance = entry.attested.then(|| attested::path(normal, &entry.version, &entry.filename));
    let yanked = match yanked(entry, settings) {
        Some("") => json!(true),
        Some(reason) => json!(reason),
        None => json!(false),
    };
    json!({
        "filename": entry.filename,
        "url": address::file(normal, &entry.filename),
        "hashes": { "sha256": entry.sha256 },
        "requires-python": entry.requires_python,
        "size": entry.size,
        "upload-time": format!("{:.6}", entry.uploaded),
        "yanked": yanked,
        "core-metadata": core_metadata,
        "data-dist-info-metadata": core_metadata,
        "provenance": provenance,
    })
}

fn project_html(normal: &str, entries: &[Entry], settings: &ProjectSettings) -> String {
    let mut links = String::new();
    for entry in entries {
        let path = format!("{}#sha256={}", address::file(normal, &entry.filename), entry.sha256);
        let mut attributes = format!("href=\"{}\"", escape_html(&path));
        let mut add = |name: &str, value: &str| {
            attributes += &format!(" {name}=\"{}\"", escape_html(value));
        };
        if let Some(range) = &entry.requires_python {
            add("data-requires-python", range);
        }
        if let Some(sha256) = &entry.core_metadata {
            add("data-dist-info-metadata", &format!("sha256={sha256}"));
            add("data-core-metadata", &format!("sha256={sha256}"));
        }
        if entry.attested {
            add("data-provenance", &attested::path(normal, &entry.version, &entry.filename));
        }
        if let Some(reason) = yanked(entry, settings) {
            add("data-yanked", reason);
        }
        links += &format!("<a {attributes}>{}</a><br>\n", escape_html(&entry.filename));
    }
    let mut head = format!("<meta name=\"pypi:project-status\" content=\"{}\">\n", settings.status.name());
    if let Some(reason) = &settings.reason {
        head += &format!("<meta name=\"pypi:project-status-reason\" content=\"{}\">\n", escape_html(reason));
    }
    html(&format!("Links for {normal}"), &head, &links)
}

/// The media type of the reply: the accepted one with the highest weight.
fn negotiate(headers: &HeaderMap) -> Option<&'static str> {
    let mut best: Option<(f32, &'static str)> = None;
    let mut asked = false;
    for range in
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','))
    {
        asked = true;
        let mut parts = range.split(';').map(str::trim);
        let kind = match parts.next().unwrap_or_default() {
            JSON | "application/vnd.pypi.simple.latest+json" => JSON,
            HTML | "application/vnd.pypi.simple.latest+html" => HTML,
            PLAIN_HTML | "text/*" | "*/*" => PLAIN_HTML,
            _ => continue,
        };
        let weight =
            parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse).unwrap_or(0.0);
        if weight > best.map_or(0.0, |(best, _)| best) {
            best = Some((weight, kind));
        }
    }
    match best {
        Some((_, kind)) => Some(kind),
        None => (!asked).then_some(PLAIN_HTML),
    }
}

fn reply(kind: &'static str, body: String, serial: usize) -> Response {
    let kind = if kind == PLAIN_HTML { "text/html; charset=utf-8" } else { kind };
    let headers = [(CONTENT_TYPE, kind), (VARY, "Accept"), (CACHE_CONTROL, "no-cache")];
    (headers, [(SERIAL, serial.to_string())], body).into_response()
}

fn html(title: &str, head: &str, links: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"{VERSION}\">\n{head}<title>{title}</title>\n</head>\n\
         <body>\n<h1>{title}</h1>\n{links}</body>\n</html>\n"
    )
}

fn moved(project: &str) -> Response {
    let location = format!("/simple/{}/", normalize(project));
    // A name that is not valid could not be put in a header.
    if !location.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-')) {
        return missing("no such project");
    }
    (StatusCode::MOVED_PERMANENTLY, [(LOCATION, location)]).into_response()
}

pub(super) fn missing(what: &str) -> Response {
    (StatusCode::NOT_FOUND, format!("{what}\n")).into_response()
}
