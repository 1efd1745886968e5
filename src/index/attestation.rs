//! The attestations beside a distribution (PEP 740): signed statements of what it was built from and by whom. The
//! index verifies the signatures. Before anything is sent, this module refuses a file that is not an attestation, or
//! that attests other bytes.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{IndexClient, SimpleError, SimpleFile};
use crate::error::{Error, Result};
use crate::python::attestation::{Attestation, OF_UPLOAD, SUFFIXES, judge_attestations};
use crate::python::distribution::Distribution;

/// In bytes; attestations usually have about 10 kB
const LONGEST: u64 = 1 << 20;

/// Whether an attestation of its publication lies beside a distribution, and is of these bytes.
pub fn has_attestation(distribution: &Distribution) -> bool {
    read(distribution, SUFFIXES[0]).is_ok_and(|found| found.is_some())
}

/// The attestations beside a distribution, and for each why an index would refuse it, apart from its signature.
pub fn attestations_beside(distribution: &Distribution) -> Vec<(PathBuf, Result<()>)> {
    let judge = |suffix| {
        let path = with_suffix(&distribution.path, suffix);
        let judged = match read(distribution, suffix) {
            Ok(None) => return None,
            Ok(Some((value, _))) => {
                let text = Value::Array(vec![value]).to_string();
                let judged = judge_attestations(&text, &distribution.filename, &distribution.sha256);
                judged.map(drop).map_err(|why| Error::failed(format!("`{}`: {why}", path.display())))
            }
            Err(error) => Err(error),
        };
        Some((path, judged))
    };
    SUFFIXES.into_iter().filter_map(judge).collect()
}

fn with_suffix(distribution: &Path, suffix: &str) -> PathBuf {
    let mut path = distribution.to_owned().into_os_string();
    path.push(suffix);
    PathBuf::from(path)
}

/// The attestations beside a distribution, as the form wants them: a list. None if there are no such files.
///
/// # Errors
/// A file is not an attestation, or it attests other bytes; or both are of the same kind.
pub(super) fn beside(distribution: &Distribution) -> Result<Option<String>> {
    let mut found = Vec::new();
    let mut kinds = Vec::new();
    for suffix in SUFFIXES {
        let Some((value, kind)) = read(distribution, suffix)? else { continue };
        if kind.is_some() && kinds.contains(&kind) {
            let (file, [first, second]) = (&distribution.filename, SUFFIXES);
            let message = format!("`{file}{first}` and `{file}{second}` are attestations of the same kind");
            return Err(Error::failed(message).help("an index takes one of each kind: delete one"));
        }
        kinds.push(kind);
        found.push(value);
    }
    Ok((!found.is_empty()).then(|| Value::Array(found).to_string()))
}

/// An attestation beside a distribution, and which kind of statement it is if its version is known.
fn read(distribution: &Distribution, suffix: &str) -> Result<Option<(Value, Option<String>)>> {
    let path = with_suffix(&distribution.path, suffix);
    let Ok(there) = fs_err::metadata(&path) else { return Ok(None) };
    let none = |why: &str| {
        let (path, file) = (path.display(), &distribution.filename);
        Error::failed(format!("`{path}` is not a valid attestation of {file}: {why}"))
            .help("make it again, or delete it to upload without")
    };
    if !there.is_file() {
        return Err(none("it is not a file"));
    }
    if there.len() > LONGEST {
        return Err(none("it is larger than 1 MiB"));
    }
    let text = fs_err::read(&path)?;
    if text.trim_ascii().is_empty() {
        return Err(none("it is empty"));
    }
    let value: Value =
        serde_json::from_slice(&text).map_err(|error| none(&format!("it is not JSON ({error})")))?;
    if !value.is_object() {
        return Err(none("it is not a JSON object"));
    }
    let attestation = Attestation::deserialize(&value).map_err(|error| none(&error.to_string()))?;
    // The index checks versions that we do not know.
    if attestation.version != 1 {
        return Ok(Some((value, None)));
    }
    let kind = is_of(&attestation, distribution).map_err(|why| none(&why))?;
    Ok(Some((value, Some(kind))))
}

/// Refuses an attestation of other bytes, such as one left over from another build. Returns its kind.
fn is_of(attestation: &Attestation, distribution: &Distribution) -> Result<String, String> {
    let statement = attestation.statement().ok_or("its signed statement cannot be read")?;
    let Some(attested) = statement.sha256() else { return Err("it does not name a sha256".to_owned()) };
    if attested.eq_ignore_ascii_case(&distribution.sha256) {
        return Ok(statement.predicate);
    }
    let attested: String = attested.chars().take(64).filter(|letter| !letter.is_control()).collect();
    Err(format!("it attests the sha256 {attested}, but the file has {}", distribution.sha256))
}

/// What an index serves of a file's attestations (PEP 740)
#[derive(Deserialize)]
struct Provenance {
    attestation_bundles: Vec<Bundle>,
}

#[derive(Deserialize)]
struct Bundle {
    attestations: Vec<Value>,
}

impl IndexClient {
    /// The attestation that whoever uploaded a file made of it, as the index serves it, if it is of these bytes. Nobody has
    /// verified it.
    ///
    /// # Errors
    /// It cannot be fetched.
    pub fn served_attestation(
        &self,
        file: &SimpleFile,
        distribution: &Distribution,
    ) -> Result<Option<String>, SimpleError> {
        let Some(url) = file.provenance.clone() else { return Ok(None) };
        let mut text = Vec::new();
        self.transfer(&SimpleFile { url, size: Some(LONGEST), ..file.clone() }, &mut text)?;
        let Ok(provenance) = serde_json::from_slice::<Provenance>(&text) else { return Ok(None) };
        let served = provenance.attestation_bundles.into_iter().flat_map(|bundle| bundle.attestations);
        let is_of_upload = |value: &Value| {
            let attestation = Attestation::deserialize(value).ok().filter(|known| known.version == 1);
            attestation.is_some_and(|known| is_of(&known, distribution).is_ok_and(|kind| kind == OF_UPLOAD))
        };
        Ok(served.into_iter().find(is_of_upload).map(|value| value.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;
    use snapbox::{assert_data_eq, str};

    use super::*;
    use crate::python::distribution::Kind;

    fn attestation(sha256: &str) -> String {
        of_kind("https://docs.pypi.org/attestations/publish/v1", sha256)
    }

    fn built(sha256: &str) -> String {
        of_kind("https://slsa.dev/provenance/v1", sha256)
    }

    fn of_kind(kind: &str, sha256: &str) -> String {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": "demo-1.0-py3-none-any.whl", "digest": { "sha256": sha256 } }],
            "predicateType": kind,
            "predicate": null,
        });
        let statement = BASE64_STANDARD.encode(statement.to_string());
        json!({
            "version": 1,
            "verification_material": { "certificate": "x", "transparency_entries": [] },
            "envelope": { "statement": statement, "signature": "x" },
        })
        .to_string()
    }

    #[test]
    fn only_an_attestation_of_these_bytes_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let filename = "demo-1.0-py3-none-any.whl".to_owned();
        let (path, sha256) = (folder.path().join(&filename), "a".repeat(64));
        let wheel = Distribution { path, filename, kind: Kind::Wheel, size: 0, sha256: sha256.clone() };
        assert_eq!(beside(&wheel).unwrap(), None);

        let file = folder.path().join("demo-1.0-py3-none-any.whl.publish.attestation");
        fs_err::write(&file, attestation(&sha256.to_ascii_uppercase())).unwrap();
        let sent: Value = serde_json::from_str(&beside(&wheel).unwrap().unwrap()).unwrap();
        assert_eq!(sent.as_array().map(Vec::len), Some(1));
        assert_eq!(sent[0]["verification_material"]["certificate"], "x");
        fs_err::write(
            &file,
            r#"{"version": 2, "verification_material": {}, "envelope": {"statement": "", "signature": ""}}"#,
        )
        .unwrap();
        assert!(beside(&wheel).unwrap().is_some(), "the index checks unknown versions");

        let huge = format!("{}{}", " ".repeat(1 << 20), attestation(&sha256));
        let other = attestation(&"b".repeat(64));
        let unsigned = attestation(&sha256).replace("\"statement\":\"", "\"statement\":\"!");
        let texts = [
            "",
            " \n",
            "-----BEGIN PGP SIGNATURE-----",
            "[]",
            "{\"version\": 1}",
            huge.as_str(),
            unsigned.as_str(),
            other.as_str(),
        ];
        let errors = texts.map(|text| {
            fs_err::write(&file, text).unwrap();
            beside(&wheel).unwrap_err().to_string().replace(&folder.path().display().to_string(), "[FOLDER]")
        });
        assert_data_eq!(
            errors.join("\n"),
            str![[r#"
`[FOLDER]/demo-1.0-py3-none-any.whl.publish.attestation` is not a valid attestation of demo-1.0-py3-none-any.whl: it is empty
`[FOLDER]/demo-1.0-py3-none-any.whl.publish.attestation` is not a valid attestation of demo-1.0-py3-none-any.whl: it is empty
`[FOLDER]/demo-1.0-py3-none-any.whl.publish.attestation` is not a valid attestation of demo-1.0-py3-none-any.whl: it is not JSON (invalid number at line 1 column 2)
`[FOLDER]/demo-1.0-py3-none-any.whl.publish.attestation` is not a valid attestation of demo-1.0-py3-none-any.whl: it is not a JSON object
`[FOLDER]/demo-1.0-py3-none-any.whl.publish.attestation` is not a valid attestation of demo-1.0-py3-none-any.whl: missing field `verification_material`
`[FOLDER]/demo-1.0-py3-none-any.whl.publish.attestation` is not a valid attestation of demo-1.0-py3-none-any.whl: it is larger than 1 MiB
`[FOLDER]/demo-1.0-py3-none-any.whl.publish.attestation` is not a valid attestation of demo-1.0-py3-none-any.whl: its signed statement cannot be read
`[FOLDER]/demo-1.0-py3-none-any.whl.publish.attestation` is not a valid attestation of demo-1.0-py3-none-any.whl: it attests the sha256 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, but the file has aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
"#]]
        );
        fs_err::write(&file, attestation(&sha256)).unwrap();
        let slsa = folder.path().join("demo-1.0-py3-none-any.whl.slsa.attestation");
        fs_err::write(&slsa, attestation(&sha256)).unwrap();
        let twice = beside(&wheel).unwrap_err().to_string();
        assert!(twice.ends_with("are attestations of the same kind"), "{twice}");
        fs_err::write(&slsa, built(&sha256)).unwrap();
        let both: Value = serde_json::from_str(&beside(&wheel).unwrap().unwrap()).unwrap();
        assert_eq!(both.as_array().map(Vec::len), Some(2));
        fs_err::remove_file(&slsa).unwrap();
        fs_err::remove_file(&file).unwrap();
        fs_err::create_dir(&file).unwrap();
        assert!(beside(&wheel).unwrap_err().to_string().ends_with("it is not a file"));
    }
}
