//! The page of a release as PyPI would show it, from the newest of its files.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use tokio::task::spawn_blocking;

use super::entry::Entry;
use super::simple::missing;
use super::{Shared, address};
use crate::python::archive;
use crate::python::distribution::Kind;
use crate::python::filename::normalize;
use crate::python::metadata::Metadata;
use crate::python::page::{Facts, Page, PageFile, PageRelease, Rendered};
use crate::python::verdict::Description;
use crate::python::version::ExactVersion;
use crate::world::size;
use crate::world::tools::render_description;

/// `GET /project/NAME/VERSION/page/`
pub(super) async fn serve(
    State(shared): State<Arc<Shared>>,
    Path((project, version)): Path<(String, String)>,
) -> Response {
    let made = spawn_blocking(move || page(&shared, &project, &version)).await;
    match made.ok().flatten() {
        Some(html) => {
            let policy = "default-src 'none'; style-src 'unsafe-inline'";
            ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, policy)], html)
                .into_response()
        }
        None => missing("no such release, or no file of it whose metadata can be read"),
    }
}

fn page(shared: &Shared, project: &str, version: &str) -> Option<String> {
    let normal = normalize(project);
    let entries = shared.store.entries(&normal);
    let of_release: Vec<&Entry> = entries.iter().filter(|entry| entry.version == version).collect();
    // PyPI shows the description of the file that was uploaded last.
    let newest = of_release.iter().max_by_key(|entry| entry.uploaded)?;
    let mut file = fs_err::File::open(shared.store.path(&normal, &newest.filename)?).ok()?;
    let kind = if newest.sdist { Kind::Sdist } else { Kind::Wheel };
    let metadata = Metadata::parse(&archive::metadata(&mut file, kind, newest.size)?).ok()?;
    let description =
        Description::of(&metadata).map(|description| match (description, &shared.environment) {
            (Ok(description), Some(environment)) => render_description(environment, &description, &|_| {})
                .unwrap_or_else(|error| {
                    Rendered::refused(format!("the description cannot be rendered here: {error}"))
                }),
            (Ok(_), None) => Rendered::refused("this index renders no descriptions".to_owned()),
            (Err(problem), _) => Rendered::refused(problem.to_string()),
        });
    let mut versions: Vec<ExactVersion> = entries.iter().filter_map(Entry::parsed_version).collect();
    versions.sort();
    versions.dedup();
    let releases: Vec<PageRelease> =
        versions.iter().rev().map(|version| release(&normal, version, &entries)).collect();
    let files: Vec<PageFile> = of_release
        .iter()
        .map(|entry| PageFile::of(&entry.filename, size(entry.size), &entry.sha256))
        .collect();
    let page = Page {
        facts: &Facts::of(&metadata),
        description: description.as_ref(),
        files: &files,
        origin: &newest.filename,
        dynamic: &[],
        loads_images: false,
        releases: &releases,
        repository: None,
        refreshes: false,
    };
    Some(page.html())
}

fn release(normal: &str, version: &ExactVersion, entries: &[Entry]) -> PageRelease {
    let version = version.to_string();
    let uploaded = entries.iter().filter(|entry| entry.version == version).map(|entry| entry.uploaded).min();
    let date = uploaded.map(|time| time.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    PageRelease { page: Some(address::page(normal, &version)), version, date }
}
