//! The attestation beside a distribution (PEP 740): a signed statement of what it was built from and by whom. The
//! index verifies the signature. Before anything is sent, this module refuses a file that is not an attestation, or
//! that attests other bytes.

use std::path::PathBuf;

use serde::Deserialize as _;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::python::attestation::Attestation;
use crate::python::distribution::Distribution;

/// The suffix that an attestation's file name adds to the distribution's
const ENDING: &str = ".publish.attestation";
/// In bytes; attestations usually have about 10 kB
const LONGEST: u64 = 1 << 20;

/// The attestation beside a distribution, as the form wants it: a list. None if there is no such file.
///
/// # Errors
/// The file is not an attestation, or it attests other bytes.
pub(super) fn beside(distribution: &Distribution) -> Result<Option<String>> {
    let mut path = distribution.path.clone().into_os_string();
    path.push(ENDING);
    let path = PathBuf::from(path);
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
    if attestation.version == 1 {
        is_of(&attestation, distribution).map_err(|why| none(&why))?;
    }
    Ok(Some(Value::Array(vec![value]).to_string()))
}

/// Refuses an attestation of other bytes, such as one left over from another build.
fn is_of(attestation: &Attestation, distribution: &Distribution) -> Result<(), String> {
    let statement = attestation.statement().ok_or("its signed statement cannot be read")?;
    let Some(attested) = statement.sha256() else { return Err("it does not name a sha256".to_owned()) };
    if attested.eq_ignore_ascii_case(&distribution.sha256) {
        return Ok(());
    }
    let attested: String = attested.chars().take(64).filter(|letter| !letter.is_control()).collect();
    Err(format!("it attests the sha256 {attested}, but the file has {}", distribution.sha256))
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
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": "demo-1.0-py3-none-any.whl", "digest": { "sha256": sha256 } }],
            "predicateType": "https://docs.pypi.org/attestations/publish/v1",
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
        fs_err::remove_file(&file).unwrap();
        fs_err::create_dir(&file).unwrap();
        assert!(beside(&wheel).unwrap_err().to_string().ends_with("it is not a file"));
    }
}
