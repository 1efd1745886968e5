//! The JSON API: `/pypi/NAME/json` and `/pypi/NAME/VERSION/json`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;

use super::Shared;
use super::address;
use super::entry::Entry;
use super::settings::ProjectSettings;
use crate::python::filename::normalize;
use crate::python::version::ExactVersion;

/// `GET /pypi/NAME/json`
pub(super) async fn project(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    headers: HeaderMap,
) -> Response {
    answer(shared, project, None, headers).await
}

/// `GET /pypi/NAME/VERSION/json`
pub(super) async fn release(
    State(shared): State<Arc<Shared>>,
    Path((project, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    answer(shared, project, Some(version), headers).await
}

async fn answer(
    shared: Arc<Shared>,
    project: String,
    version: Option<String>,
    headers: HeaderMap,
) -> Response {
    let normal = normalize(&project);
    let entries = shared.store.entries(&normal);
    let wanted = match &version {
        Some(version) => version.parse().ok().filter(|wanted| has(&entries, wanted)),
        None => latest(&entries),
    };
    let Some(wanted) = wanted else {
        return reply(StatusCode::NOT_FOUND, &json!({ "message": "Not Found" }));
    };
    if normal != project {
        let rest = version.map(|version| format!("{}/", address::segment(&version))).unwrap_or_default();
        return (StatusCode::MOVED_PERMANENTLY, [(LOCATION, format!("/pypi/{normal}/{rest}json"))])
            .into_response();
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let base = format!("http://{host}");
    let all = version.is_none();
    let document = spawn_blocking(move || document(&shared, &base, &normal, &entries, &wanted, all)).await;
    match document {
        Ok(Ok(document)) => reply(StatusCode::OK, &document),
        _ => reply(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "message": "failed to read the metadata" })),
    }
}

fn reply(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn has(entries: &[Entry], version: &ExactVersion) -> bool {
    entries.iter().any(|entry| entry.parsed_version().as_ref() == Some(version))
}

/// The newest version that is no pre-release, or else the newest.
pub(super) fn latest(entries: &[Entry]) -> Option<ExactVersion> {
    let versions = || entries.iter().filter_map(Entry::parsed_version);
    versions().filter(|version| !version.is_prerelease()).max().or_else(|| versions().max())
}

fn document(
    shared: &Shared,
    base: &str,
    normal: &str,
    entries: &[Entry],
    wanted: &ExactVersion,
    all: bool,
) -> std::io::Result<Value> {
    let settings = shared.settings.project(normal);
    let file = |entry: &Entry| file(base, normal, entry, &settings);
    let of_release: Vec<&Entry> =
        entries.iter().filter(|entry| entry.parsed_version().as_ref() == Some(wanted)).collect();
    // As on PyPI, the first file of a release decides what its metadata is.
    let first = of_release[0];
    let metadata = shared.store.metadata(normal, first)?;
    let mut document = json!({
        "info": info(base, normal, first, &metadata, &settings),
        "last_serial": entries.len(),
    });
    if all {
        let mut releases: BTreeMap<ExactVersion, Vec<Value>> = BTreeMap::new();
        for entry in entries {
            if let Some(version) = entry.parsed_version() {
                releases.entry(version).or_default().push(file(entry));
            }
        }
        let releases = releases.into_iter().map(|(version, files)| (version.to_string(), files.into()));
        document["releases"] = Value::Object(releases.collect());
    }
    document["urls"] = of_release.iter().map(|entry| file(entry)).collect();
    document["vulnerabilities"] = json!([]);
    Ok(document)
}

fn file(base: &str, normal: &str, entry: &Entry, settings: &ProjectSettings) -> Value {
    let yanked = settings.yanked.get(&entry.version);
    json!({
        "comment_text": null,
        "core-metadata": entry.core_metadata.as_ref().map_or(json!(false), |sha256| json!({ "sha256": sha256 })),
        "digests": { "blake2b_256": entry.blake2_256, "sha256": entry.sha256 },
        "downloads": -1,
        "filename": entry.filename,
        "has_sig": false,
        "packagetype": if entry.sdist { "sdist" } else { "bdist_wheel" },
        "python_version": if entry.sdist { "source" } else { &entry.python_version },
        "requires_python": entry.requires_python,
        "size": entry.size,
        "upload_time": format!("{:.0}", entry.uploaded).trim_end_matches('Z'),
        "upload_time_iso_8601": format!("{:.6}", entry.uploaded),
        "url": format!("{base}{}", address::file(normal, &entry.filename)),
        "yanked": yanked.is_some(),
        "yanked_reason": yanked.filter(|reason| !reason.is_empty()),
    })
}

fn info(
    base: &str,
    normal: &str,
    entry: &Entry,
    metadata: &[(String, String)],
    settings: &ProjectSettings,
) -> Value {
    let all = |name: &str| -> Vec<&str> {
        let values = metadata.iter().filter(|(field, value)| field == name && !value.is_empty());
        values.map(|(_, value)| value.as_str()).collect()
    };
    let first = |name: &str| all(name).first().copied();
    let text = |name: &str| first(name).unwrap_or_default();
    let list = |name: &str| Some(all(name)).filter(|values| !values.is_empty());
    let urls: Map<String, Value> = all("project_urls")
        .into_iter()
        .filter_map(|url| url.split_once(','))
        .map(|(label, url)| (label.trim().to_owned(), url.trim().into()))
        .collect();
    let project_page = format!("{base}/project/{normal}/");
    let yanked = settings.yanked.get(&entry.version);
    json!({
        "author": text("author"),
        "author_email": text("author_email"),
        "bugtrack_url": null,
        "classifiers": all("classifiers"),
        "description": text("description"),
        "description_content_type": first("description_content_type"),
        "docs_url": null,
        "download_url": text("download_url"),
        "downloads": { "last_day": -1, "last_month": -1, "last_week": -1 },
        "dynamic": list("dynamic"),
        "home_page": text("home_page"),
        "keywords": text("keywords"),
        "license": first("license"),
        "license_expression": first("license_expression"),
        "license_files": list("license_file"),
        "maintainer": text("maintainer"),
        "maintainer_email": text("maintainer_email"),
        "name": entry.name,
        "package_url": project_page,
        "platform": first("platform"),
        "project_url": project_page,
        "project_urls": Some(urls).filter(|urls| !urls.is_empty()),
        "provides_extra": list("provides_extra"),
        "release_url": format!("{base}{}", address::release(normal, &entry.version)),
        "requires_dist": list("requires_dist"),
        "requires_python": first("requires_python"),
        "summary": entry.summary,
        "version": entry.version,
        "yanked": yanked.is_some(),
        "yanked_reason": yanked.filter(|reason| !reason.is_empty()),
    })
}
