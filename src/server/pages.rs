//! The index's pages: the simple API in HTML (PEP 503) and JSON (PEP 691, 700), files, and pages for people.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, LOCATION, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::Shared;
use super::store::Entry;
use crate::python::filename::normalize;
use crate::world::http::PYRELEASE_INDEX;

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const HTML: &str = "application/vnd.pypi.simple.v1+html";
const PLAIN_HTML: &str = "text/html";

pub(super) async fn home(State(shared): State<Arc<Shared>>) -> Response {
    let mut items = String::new();
    for project in shared.store.projects() {
        let versions: BTreeSet<_> =
            shared.store.entries(&project).into_iter().map(|entry| entry.version).collect();
        for version in versions {
            let (project, version) = (escape(&project), escape(&version));
            items += &format!("<li><a href=\"/project/{project}/{version}/\">{project} {version}</a></li>\n");
        }
    }
    let name = escape(&shared.name);
    page(StatusCode::OK, &name, &format!("<h1>{name}</h1>\n<ul>\n{items}</ul>\n"))
}

pub(super) async fn projects(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let projects = shared.store.projects();
    match negotiate(&headers) {
        Some(JSON) => {
            let projects: Vec<_> = projects.iter().map(|name| json!({ "name": name })).collect();
            simple(JSON, json!({ "meta": { "api-version": "1.1" }, "projects": projects }).to_string())
        }
        Some(kind) => {
            let links: String =
                projects.iter().map(|name| format!("<a href=\"/simple/{name}/\">{name}</a><br>\n")).collect();
            simple(kind, simple_html("Simple index", &links))
        }
        None => StatusCode::NOT_ACCEPTABLE.into_response(),
    }
}

/// `/simple/NAME`
pub(super) async fn without_slash(Path(project): Path<String>) -> Response {
    moved(&project)
}

pub(super) async fn project(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    headers: HeaderMap,
) -> Response {
    let normal = normalize(&project);
    if normal != project {
        return moved(&normal);
    }
    let entries = shared.store.entries(&normal);
    let mut response = if entries.is_empty() {
        missing("no such project")
    } else {
        match negotiate(&headers) {
            Some(JSON) => simple(JSON, project_json(&normal, &entries)),
            Some(kind) => simple(kind, project_html(&normal, &entries)),
            None => StatusCode::NOT_ACCEPTABLE.into_response(),
        }
    };
    response.headers_mut().insert(PYRELEASE_INDEX, HeaderValue::from_static("has the rules of PyPI"));
    response
}

pub(super) async fn file(
    State(shared): State<Arc<Shared>>,
    Path((project, filename)): Path<(String, String)>,
) -> Response {
    // Only listed files, so that no path leads out of the folder.
    let Some(path) = shared.store.path(&project, &filename) else { return missing("no such file") };
    match spawn_blocking(move || fs_err::read(path)).await {
        Ok(Ok(bytes)) => ([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed to read the file\n").into_response(),
    }
}

pub(super) async fn release(
    State(shared): State<Arc<Shared>>,
    Path((project, version)): Path<(String, String)>,
) -> Response {
    let normal = normalize(&project);
    let mut entries = shared.store.entries(&normal);
    entries.retain(|entry| entry.version == version);
    let Some(first) = entries.first() else { return missing("no such release") };

    let title = format!("{} {}", escape(&first.name), escape(&first.version));
    let mut body = format!("<h1>{title}</h1>\n<p>{}</p>\n", escape(&first.summary));
    if let Some(range) = &first.requires_python {
        body += &format!("<p>Requires Python {}</p>\n", escape(range));
    }
    body += "<table>\n<tr><th>File</th><th>Bytes</th><th>Uploaded</th><th>sha256</th></tr>\n";
    for entry in &entries {
        let Entry { filename, size, uploaded, sha256, .. } = entry;
        let link = format!("<a href=\"{}\">{}</a>", escape(&address(&normal, entry)), escape(filename));
        body += &format!("<tr><td>{link}</td><td>{size}</td><td>{uploaded:.0}</td><td>{sha256}</td></tr>\n");
    }
    body +=
        &format!("</table>\n<p>On <a href=\"/\">{}</a>, on this machine only.</p>\n", escape(&shared.name));
    page(StatusCode::OK, &title, &body)
}

fn project_json(normal: &str, entries: &[Entry]) -> String {
    let versions: BTreeSet<_> = entries.iter().map(|entry| &entry.version).collect();
    let files: Vec<_> = entries
        .iter()
        .map(|entry| {
            let mut file = json!({
                "filename": entry.filename,
                "url": address(normal, entry),
                "hashes": { "sha256": entry.sha256 },
                "size": entry.size,
                "upload-time": format!("{:.6}", entry.uploaded),
                "yanked": false,
            });
            if let Some(range) = &entry.requires_python {
                file["requires-python"] = json!(range);
            }
            file
        })
        .collect();
    json!({ "meta": { "api-version": "1.1" }, "name": normal, "versions": versions, "files": files })
        .to_string()
}

fn project_html(normal: &str, entries: &[Entry]) -> String {
    let mut links = String::new();
    for entry in entries {
        let address = escape(&format!("{}#sha256={}", address(normal, entry), entry.sha256));
        let requires = match &entry.requires_python {
            Some(range) => format!(" data-requires-python=\"{}\"", escape(range)),
            None => String::new(),
        };
        links += &format!("<a href=\"{address}\"{requires}>{}</a><br>\n", escape(&entry.filename));
    }
    simple_html(&format!("Links for {normal}"), &links)
}

/// The path of a file. The name needs no escaping: the `!` and `+` of versions are allowed in a URL.
fn address(normal: &str, entry: &Entry) -> String {
    format!("/files/{normal}/{}", entry.filename)
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

fn simple(kind: &'static str, body: String) -> Response {
    let kind = if kind == PLAIN_HTML { "text/html; charset=utf-8" } else { kind };
    ([(CONTENT_TYPE, kind), (VARY, "Accept")], body).into_response()
}

fn simple_html(title: &str, links: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"1.1\">\n<title>{title}</title>\n</head>\n\
         <body>\n<h1>{title}</h1>\n{links}</body>\n</html>\n"
    )
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    );
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

fn moved(project: &str) -> Response {
    let location = format!("/simple/{}/", normalize(project));
    // A name that is not valid could not be put in a header.
    if !location.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-')) {
        return missing("no such project");
    }
    (StatusCode::MOVED_PERMANENTLY, [(LOCATION, location)]).into_response()
}

fn missing(what: &str) -> Response {
    (StatusCode::NOT_FOUND, format!("{what}\n")).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
