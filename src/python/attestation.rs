//! Attestations (PEP 740): signed statements of what a distribution was built from and by whom. This reads them and
//! compares them with a file; it verifies no signature.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The kinds of statements that PyPI accepts
const PREDICATES: [&str; 2] =
    ["https://docs.pypi.org/attestations/publish/v1", "https://slsa.dev/provenance/v1"];
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

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
    predicate: String,
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
