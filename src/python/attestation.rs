//! Attestations (PEP 740): signed statements of what a distribution was built from and by whom. This reads them and
//! compares them with a file; it verifies no signature.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::distribution::ATTESTATION;

/// The kinds of statements that PyPI accepts
const PREDICATES: [&str; 2] = [OF_UPLOAD, "https://slsa.dev/provenance/v1"];
/// The kind of statement that whoever publishes a file makes of it
pub const OF_UPLOAD: &str = "https://docs.pypi.org/attestations/publish/v1";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Issuers of identities
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GITLAB: &str = "https://gitlab.com";

/// The suffixes that attestations' file names add to the distribution's, in the order of [`PREDICATES`]
pub const SUFFIXES: [&str; 2] = [ATTESTATION, ".slsa.attestation"];

/// Who signs: a trusted publisher, as PyPI describes it
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind")]
pub enum Attester {
    GitHub {
        /// `OWNER/NAME`
        repository: String,
        /// The workflow's file name
        workflow: String,
    },
    GitLab {
        /// `GROUP/NAME`
        repository: String,
        /// The path of the CI configuration
        workflow_filepath: String,
    },
}

impl Attester {
    /// The publisher that PyPI recognises by the claims of a job's identity, and whom the certificate for this identity
    /// will name.
    ///
    /// # Errors
    /// PyPI would refuse its attestations.
    pub fn of(claims: &Map<String, Value>) -> Result<Self, String> {
        let claim = |name: &str| {
            let value = claims.get(name).and_then(Value::as_str);
            value.ok_or_else(|| format!("the job's identity has no claim `{name}`"))
        };
        let before_ref = |reference: &str| reference.split('@').next().unwrap_or_default().to_owned();
        match claim("iss")? {
            GITHUB => {
                // PyPI compares the job's workflow, and the certificate has the workflow that was started.
                let [of_job, started] = [claim("job_workflow_ref")?, claim("workflow_ref")?].map(before_ref);
                if of_job != started {
                    return Err(format!(
                        "`{of_job}` is a reusable workflow, called by `{started}`: PyPI refuses its attestations"
                    ));
                }
                let repository = claim("repository")?.to_owned();
                let workflow = of_job.strip_prefix(&format!("{repository}/.github/workflows/"));
                let workflow =
                    workflow.ok_or_else(|| format!("`{of_job}` is not a workflow of `{repository}`"))?;
                Ok(Self::GitHub { workflow: workflow.to_owned(), repository })
            }
            GITLAB => {
                let repository = claim("project_path")?.to_owned();
                let file = before_ref(claim("ci_config_ref_uri")?);
                let path = file.strip_prefix(&format!("gitlab.com/{repository}//"));
                let path =
                    path.ok_or_else(|| format!("`{file}` is not a CI configuration of `{repository}`"))?;
                Ok(Self::GitLab { workflow_filepath: path.to_owned(), repository })
            }
            other => Err(format!("PyPI accepts no attestations for the issuer `{other}`")),
        }
    }
}

/// Whether the claims of a job's identity say that its repository is not public.
pub fn is_private(claims: &Map<String, Value>) -> bool {
    let visibility = |name| claims.get(name).and_then(Value::as_str);
    let visibility = visibility("repository_visibility").or_else(|| visibility("project_visibility"));
    visibility.is_some_and(|visibility| visibility != "public")
}

/// An attestation
#[derive(Debug, Deserialize)]
pub struct Attestation {
    pub version: u64,
    verification_material: Map<String, Value>,
    envelope: Envelope,
}

#[derive(Debug, Deserialize)]
struct Envelope {
    /// The signed statement, in base64
    statement: String,
    signature: String,
}

/// The signed statement, as far as it is about files
#[derive(Debug, Deserialize)]
pub struct Statement {
    #[serde(rename = "_type", default)]
    kind: String,
    #[serde(rename = "predicateType", default)]
    pub predicate: String,
    subject: Vec<Subject>,
}

#[derive(Debug, Deserialize)]
struct Subject {
    #[serde(default)]
    name: Option<String>,
    digest: BTreeMap<String, String>,
}

impl Attestation {
    /// The statement, if it can be read.
    pub fn statement(&self) -> Option<Statement> {
        let text = BASE64_STANDARD.decode(&self.envelope.statement).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Checks what PyPI checks except the signature; returns the kind of statement.
    fn check(&self, filename: &str, sha256: &str) -> Result<String, String> {
        if self.version != 1 {
            return Err(format!("Malformed attestations: unsupported version: {}", self.version));
        }
        let is_text = |name| self.verification_material.get(name).is_some_and(Value::is_string);
        let entries = self.verification_material.get("transparency_entries").and_then(Value::as_array);
        if !is_text("certificate") || entries.is_none_or(Vec::is_empty) {
            return Err("Malformed attestations: the verification material is not complete".to_owned());
        }
        if BASE64_STANDARD.decode(&self.envelope.signature).is_err() {
            return Err("Malformed attestations: the signature is not base64".to_owned());
        }
        let unverified = |why: &str| {
            format!("Could not verify the uploaded artifact using the included attestation: {why}")
        };
        let statement = self.statement().ok_or_else(|| unverified("invalid statement"))?;
        if statement.kind != STATEMENT {
            return Err(unverified("the statement is not an in-toto statement"));
        }
        let [subject] = &statement.subject[..] else {
            return Err(unverified("too many subjects in statement (must be exactly one)"));
        };
        if subject.name.as_deref() != Some(filename) {
            return Err(unverified("subject does not match distribution name"));
        }
        if subject.digest.get("sha256").is_none_or(|found| !found.eq_ignore_ascii_case(sha256)) {
            return Err(unverified("subject does not match distribution digest"));
        }
        if !PREDICATES.contains(&statement.predicate.as_str()) {
            return Err(unverified(&format!("unsupported predicate type: {}", statement.predicate)));
        }
        Ok(statement.predicate)
    }
}

impl Statement {
    /// The first sha256 that it names.
    pub fn sha256(&self) -> Option<&str> {
        self.subject.iter().find_map(|subject| subject.digest.get("sha256")).map(String::as_str)
    }
}

/// The attestations in the form of an upload, checked as PyPI does, except the signatures.
///
/// # Errors
/// They are not valid, or of another file; in PyPI's words.
pub fn judge_attestations(text: &str, filename: &str, sha256: &str) -> Result<Vec<Value>, String> {
    let malformed = |error: serde_json::Error| format!("Malformed attestations: {error}");
    let attestations: Vec<Value> = serde_json::from_str(text).map_err(malformed)?;
    if attestations.is_empty() {
        return Err("Malformed attestations: an empty attestation set is not permitted".to_owned());
    }
    if attestations.len() > PREDICATES.len() {
        return Err(format!("A maximum of {} attestations per file are supported", PREDICATES.len()));
    }
    let mut kinds = Vec::new();
    for attestation in &attestations {
        let attestation = Attestation::deserialize(attestation).map_err(malformed)?;
        let kind = attestation.check(filename, sha256)?;
        if kinds.contains(&kind) {
            return Err(format!(
                "Multiple attestations for the same file with the same predicate type: {kind}"
            ));
        }
        kinds.push(kind);
    }
    Ok(attestations)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attestation(predicate: &str, name: &str, sha256: &str) -> Value {
        let statement = json!({
            "_type": STATEMENT,
            "subject": [{ "name": name, "digest": { "sha256": sha256 } }],
            "predicateType": predicate,
        });
        json!({
            "version": 1,
            "verification_material": { "certificate": "eA==", "transparency_entries": [{}] },
            "envelope": { "statement": BASE64_STANDARD.encode(statement.to_string()), "signature": "eA==" },
        })
    }

    #[test]
    fn the_attester_is_whom_pypi_recognises() {
        let github = json!({
            "iss": GITHUB,
            "repository": "octo/demo",
            "workflow_ref": "octo/demo/.github/workflows/release.yml@refs/heads/main",
            "job_workflow_ref": "octo/demo/.github/workflows/release.yml@refs/heads/main",
        });
        let gitlab = json!({
            "iss": GITLAB,
            "project_path": "group/demo",
            "ci_config_ref_uri": "gitlab.com/group/demo//ci/release.yml@refs/heads/main",
        });
        let of = |claims: &Value, changes: &[(&str, Value)]| {
            let mut claims = claims.as_object().unwrap().clone();
            claims.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            Attester::of(&claims).map(|attester| serde_json::to_value(attester).unwrap())
        };
        let expected = json!({ "kind": "GitHub", "repository": "octo/demo", "workflow": "release.yml" });
        assert_eq!(of(&github, &[]), Ok(expected));
        let expected =
            json!({ "kind": "GitLab", "repository": "group/demo", "workflow_filepath": "ci/release.yml" });
        assert_eq!(of(&gitlab, &[]), Ok(expected));
        for (claims, change, words) in [
            (
                &github,
                ("job_workflow_ref", json!("octo/shared/.github/workflows/up.yml@v1")),
                "is a reusable",
            ),
            (&github, ("repository", json!("octo/fork")), "is not a workflow of `octo/fork`"),
            (&github, ("repository", Value::Null), "no claim `repository`"),
            (&github, ("iss", json!("https://accounts.google.com")), "accepts no attestations"),
            (&gitlab, ("ci_config_ref_uri", json!("gitlab.com/group/other//x.yml@main")), "is not a CI"),
        ] {
            let refused = of(claims, std::slice::from_ref(&change)).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
        for (visibility, expected) in [("public", false), ("private", true), ("internal", true)] {
            for name in ["repository_visibility", "project_visibility"] {
                let claims = json!({ name: visibility });
                assert_eq!(is_private(claims.as_object().unwrap()), expected);
            }
        }
        assert!(!is_private(&Map::new()));
    }

    #[test]
    fn attestations_are_of_this_file_and_of_different_kinds() {
        let judge = |attestations: &[Value]| {
            judge_attestations(&json!(attestations).to_string(), "demo.whl", "aa").map(|found| found.len())
        };
        let [publish, slsa] = PREDICATES.map(|kind| attestation(kind, "demo.whl", "aa"));
        assert_eq!(judge(std::slice::from_ref(&publish)), Ok(1));
        assert_eq!(judge(&[publish.clone(), slsa.clone()]), Ok(2));
        assert!(judge(&[publish.clone(), slsa.clone(), slsa]).unwrap_err().starts_with("A maximum of 2"));
        assert!(judge(&[publish.clone(), publish.clone()]).unwrap_err().contains("same predicate type"));
        assert!(judge(&[]).unwrap_err().contains("empty attestation set"));
        assert!(judge(&[json!("x")]).unwrap_err().starts_with("Malformed attestations"));
        for (other, words) in [
            (attestation(PREDICATES[0], "other.whl", "aa"), "distribution name"),
            (attestation(PREDICATES[0], "demo.whl", "bb"), "distribution digest"),
            (attestation("x", "demo.whl", "aa"), "unsupported predicate"),
        ] {
            assert!(judge(&[other]).unwrap_err().contains(words), "{words}");
        }
        let mut unsigned = publish;
        unsigned["verification_material"]["transparency_entries"] = json!([]);
        assert!(judge(&[unsigned]).unwrap_err().contains("not complete"));
    }
}
