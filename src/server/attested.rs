//! Attestations of uploads (PEP 740), served as provenance.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;

use super::refusal::{Refusal, refuse};
use super::settings::Publisher;
use super::{Rules, Shared};
use crate::python::attestation::judge_attestations;
use crate::python::filename::normalize;

/// The path of a file's provenance.
pub(super) fn path(project: &str, version: &str, filename: &str) -> String {
    let part = super::address::segment;
    format!("/integrity/{project}/{}/{}/provenance", part(version), part(filename))
}

/// The provenance of a file that came with these attestations.
pub(super) fn provenance(
    attestations: Option<&str>,
    publisher: Option<&Publisher>,
    rules: Rules,
    filename: &str,
    sha256: &str,
) -> Result<Option<String>, Refusal> {
    let Some(text) = attestations else { return Ok(None) };
    let refuse = |why: String| refuse(format!("Invalid attestations supplied during upload: {why}"));
    if rules == Rules::Pypi {
        match publisher.map(Publisher::kind) {
            None => {
                return refuse("Attestations are only supported when using Trusted Publishing".to_owned());
            }
            Some("ActiveState") => {
                return refuse(
                    "Attestations are not currently supported with ActiveState publishers".to_owned(),
                );
            }
            Some(_) => {}
        }
    }
    let attestations = match judge_attestations(text, filename, sha256) {
        Ok(attestations) => attestations,
        Err(why) => return refuse(why),
    };
    let publisher = publisher.map_or_else(|| json!({ "kind": "Unknown", "claims": null }), identity);
    let bundle = json!({ "publisher": publisher, "attestations": attestations });
    Ok(Some(json!({ "version": 1, "attestation_bundles": [bundle] }).to_string()))
}

/// A publisher as PyPI describes it: with what its claims say of the repository and the workflow.
fn identity(publisher: &Publisher) -> Value {
    let mut identity = Map::new();
    identity.insert("kind".to_owned(), publisher.kind().into());
    let claim = |name: &str| publisher.claims.get(name).cloned();
    let workflow = |reference: String| {
        let path = reference.split('@').next().unwrap_or_default().to_owned();
        path.rsplit('/').next().unwrap_or_default().to_owned()
    };
    // `gitlab.com/GROUP/NAME//PATH@REF`
    let configuration = |reference: String| {
        let file = reference.split('@').next().unwrap_or_default();
        file.split_once("//").map_or(file, |(_, path)| path).to_owned()
    };
    let described = match publisher.kind() {
        "GitHub" => vec![
            ("repository", claim("repository")),
            ("workflow", claim("job_workflow_ref").map(workflow)),
            ("environment", claim("environment")),
        ],
        "GitLab" => vec![
            ("repository", claim("project_path")),
            ("workflow_filepath", claim("ci_config_ref_uri").map(configuration)),
            ("environment", claim("environment")),
        ],
        "Google" => vec![("email", claim("email"))],
        _ => publisher.claims.iter().map(|(name, value)| (name.as_str(), Some(value.clone()))).collect(),
    };
    for (name, value) in described {
        identity.insert(name.to_owned(), value.into());
    }
    identity.insert("claims".to_owned(), Value::Null);
    Value::Object(identity)
}

/// `GET /integrity/NAME/VERSION/FILE/provenance`
pub(super) async fn serve(
    State(shared): State<Arc<Shared>>,
    Path((project, _version, filename)): Path<(String, String, String)>,
) -> Response {
    let normal = normalize(&project);
    let missing = |filename: &str| {
        let message = json!({ "message": format!("No provenance available for {filename}") });
        (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "application/json")], message.to_string()).into_response()
    };
    let entries = shared.store.entries(&normal);
    let Some(entry) = entries.into_iter().find(|entry| entry.filename == filename && entry.attested) else {
        return missing(&filename);
    };
    match spawn_blocking(move || shared.store.provenance(&normal, &entry)).await {
        Ok(Ok(provenance)) => {
            ([(CONTENT_TYPE, "application/vnd.pypi.integrity.v1+json")], provenance).into_response()
        }
        _ => missing(&filename),
    }
}
