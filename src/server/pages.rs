//! The index's pages for people: its projects, their files, and how to point tools at it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::address;
use super::entry::Entry;
use super::json_api::latest;
use super::simple::missing;
use super::{Rules, Shared};
use crate::python::filename::normalize;
use crate::python::version::ExactVersion;
use crate::text::{escape_html, fill_template};
use crate::world::size;

const LAYOUT: &str = include_str!("../../templates/page/index.html");
const STYLE: &str = include_str!("../../templates/page/index.css");

pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// `GET /`
pub(super) async fn home(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let (rows, count) = shared.store.with_projects(|projects| {
        let rows: String = projects.iter().map(|(normal, entries)| project_row(normal, entries)).collect();
        (rows, projects.len())
    });
    let projects = if count == 0 {
        "<p class=\"empty\">No projects yet. Upload the first one as shown below.</p>\n".to_owned()
    } else {
        format!(
            "<table>\n<thead><tr><th scope=\"col\">Project</th><th scope=\"col\">Version</th>\
             <th scope=\"col\" class=\"number\">Files</th><th scope=\"col\" class=\"number\">Size</th>\
             <th scope=\"col\">Uploaded</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
        )
    };
    let heading = match count {
        1 => "1 project".to_owned(),
        count => format!("{count} projects"),
    };
    let body = format!(
        "<section aria-labelledby=\"projects\">\n<h2 id=\"projects\">{heading}</h2>\n{projects}</section>\n{}",
        usage(&shared, &headers, "PROJECT")
    );
    page(&shared, &shared.name, None, &body)
}

fn project_row(normal: &str, entries: &[Entry]) -> String {
    let version = latest(entries).map(|version| version.to_string()).unwrap_or_default();
    let newest = entries.iter().max_by_key(|entry| entry.uploaded);
    let name = newest.map_or(normal, |entry| &entry.name);
    let summary = newest.map_or("", |entry| &entry.summary);
    let bytes = entries.iter().map(|entry| entry.size).sum();
    format!(
        "<tr><th scope=\"row\"><a href=\"/project/{normal}/\">{}</a><span class=\"summary\">{}</span></th>\
         <td data-label=\"Version\">{}</td><td data-label=\"Files\" class=\"number\">{}</td>\
         <td data-label=\"Size\" class=\"number\">{}</td><td data-label=\"Uploaded\">{}</td></tr>\n",
        escape_html(name),
        escape_html(summary),
        escape_html(&version),
        entries.len(),
        size(bytes),
        newest.map(uploaded).unwrap_or_default(),
    )
}

/// `GET /project/NAME/`: the page of its newest release.
pub(super) async fn project(State(shared): State<Arc<Shared>>, Path(project): Path<String>) -> Response {
    let normal = normalize(&project);
    match latest(&shared.store.entries(&normal)) {
        Some(version) => Redirect::to(&address::release(&normal, &version.to_string())).into_response(),
        None => missing("no such project"),
    }
}

/// `GET /project/NAME/VERSION/`
pub(super) async fn release(
    State(shared): State<Arc<Shared>>,
    Path((project, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let normal = normalize(&project);
    let entries = shared.store.entries(&normal);
    let of_release: Vec<&Entry> = entries.iter().filter(|entry| entry.version == version).collect();
    let Some(first) = of_release.first() else { return missing("no such release") };

    let mut body = format!("<p class=\"lead\">{}</p>\n", escape_html(&first.summary));
    let settings = shared.settings.project(&normal);
    let mut facts = vec![("Status", settings.status.name().to_owned())];
    if let Some(reason) = settings.yanked.get(&version) {
        facts.push(("Yanked", if reason.is_empty() { "yes".to_owned() } else { reason.clone() }));
    }
    if let Some(range) = &first.requires_python {
        facts.push(("Requires Python", range.clone()));
    }
    let facts: String = facts
        .iter()
        .map(|(name, value)| format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape_html(value)))
        .collect();
    let install = format!("{normal}=={version}");
    let page_path = escape_html(&address::page(&normal, &version));
    body += &format!(
        "<dl class=\"facts\">\n{facts}</dl>\n<p><a href=\"{page_path}\">The project page as PyPI would show it</a></p>\n\
         <section aria-labelledby=\"files\">\n<h2 id=\"files\">Files</h2>\n<ul class=\"files\">\n{}</ul>\n</section>\n",
        of_release.iter().map(|entry| file_item(&normal, entry)).collect::<String>()
    );
    let mut versions: BTreeMap<ExactVersion, usize> = BTreeMap::new();
    for version in entries.iter().filter_map(Entry::parsed_version) {
        *versions.entry(version).or_default() += 1;
    }
    if versions.len() > 1 {
        let items = versions.iter().rev().map(|(other, files)| {
            let (other, files) =
                (other.to_string(), if *files == 1 { "1 file".to_owned() } else { format!("{files} files") });
            let current = if other == version { " aria-current=\"page\"" } else { "" };
            let path = escape_html(&address::release(&normal, &other));
            format!(
                "<li><a href=\"{path}\"{current}>{}</a> <small>{files}</small></li>\n",
                escape_html(&other)
            )
        });
        let items: String = items.collect();
        body += &format!(
            "<section aria-labelledby=\"releases\">\n<h2 id=\"releases\">Releases</h2>\n<ul class=\"releases\">\n{items}</ul>\n</section>\n"
        );
    }
    body += &usage(&shared, &headers, &install);
    page(&shared, &format!("{} {version}", first.name), Some(&shared.name), &body)
}

fn file_item(normal: &str, entry: &Entry) -> String {
    let path = escape_html(&address::file(normal, &entry.filename));
    let mut extra = String::new();
    if entry.core_metadata.is_some() {
        extra += &format!(" · <a href=\"{path}.metadata\">metadata</a>");
    }
    if entry.attested {
        let provenance = super::attested::path(normal, &entry.version, &entry.filename);
        extra += &format!(" · <a href=\"{}\">provenance</a>", escape_html(&provenance));
    }
    format!(
        "<li><a href=\"{path}\">{}</a>\n<span class=\"about\">{} · {} · {}{extra}</span>\n\
         <code class=\"hash\">sha256:{}</code></li>\n",
        escape_html(&entry.filename),
        if entry.sdist { "source" } else { "wheel" },
        size(entry.size),
        uploaded(entry),
        escape_html(&entry.sha256),
    )
}

/// The day and the minute of an upload.
fn uploaded(entry: &Entry) -> String {
    let moment = format!("{:.0}", entry.uploaded);
    let shown = moment.get(..16).unwrap_or(&moment).replace('T', " ");
    format!("<time datetime=\"{moment}\">{shown} UTC</time>")
}

/// How to point tools at the index.
fn usage(shared: &Shared, headers: &HeaderMap, project: &str) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let base = format!("http://{host}");
    let (user, password) = match shared.account {
        Some(_) => ("__token__", "TOKEN"),
        None => ("anyone", "anything"),
    };
    let commands = [
        ("pip", format!("pip install --index-url {base}/simple/ {project}")),
        ("uv", format!("uv pip install --index-url {base}/simple/ {project}")),
        ("twine", format!("twine upload --repository-url {base}/legacy/ -u {user} -p {password} dist/*")),
        ("uv publish", {
            let check = format!("--publish-url {base}/legacy/ --check-url {base}/simple/");
            format!("uv publish {check} -u {user} -p {password} dist/*")
        }),
        ("pyrelease", format!("pyrelease upload --url {base}/legacy/ --simple {base}/simple/ dist/*")),
    ];
    let items: String = commands
        .iter()
        .map(|(tool, command)| {
            format!(
                "<div><dt>{tool}</dt><dd><pre tabindex=\"0\"><code>{}</code></pre></dd></div>\n",
                escape_html(command)
            )
        })
        .collect();
    let note = match (shared.rules, shared.account.is_some()) {
        (Rules::Pypi, true) => {
            "Uploads need the token that the index printed when it started, and follow PyPI's rules."
        }
        (Rules::Pypi, false) => "Uploads follow PyPI's rules, and need no credentials.",
        (Rules::Lenient, true) => {
            "Uploads need the token that the index printed when it started; PyPI's rules do not apply."
        }
        (Rules::Lenient, false) => "Uploads are accepted with any credentials, and without PyPI's rules.",
    };
    format!(
        "<section aria-labelledby=\"use\">\n<h2 id=\"use\">Use it</h2>\n<p>{note}</p>\n<dl class=\"commands\">\n{items}</dl>\n</section>\n"
    )
}

/// A page; `parent` is the name of the page above it.
fn page(shared: &Shared, title: &str, parent: Option<&str>, body: &str) -> Response {
    let above = match parent {
        Some(parent) => {
            format!("<nav aria-label=\"Breadcrumb\"><a href=\"/\">{}</a></nav>", escape_html(parent))
        }
        None => String::new(),
    };
    let place = if shared.is_local { "on this machine only" } else { "open to the network" };
    let values = [
        ("title", escape_html(title)),
        ("above", above),
        ("place", place.to_owned()),
        ("body", body.to_owned()),
    ];
    let html = fill_template(LAYOUT, &values);
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}
