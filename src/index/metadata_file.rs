//! The core metadata that an index has beside a file (PEP 658 and 714), which spares the download of the file.

use std::io;

use serde_json::Value;

use super::{IndexClient, SimpleError, SimpleFile};
use crate::python::metadata::LARGEST;

/// A file with the core metadata of another, at the URL of that one and `.metadata`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataFile {
    /// Lower-case hexadecimal, where the index has it
    pub sha256: Option<String>,
}

impl MetadataFile {
    /// By the values of `core-metadata` and `dist-info-metadata`: a bool, or the hashes.
    pub(super) fn of_json(named: &Value, older: &Value) -> Option<Self> {
        match if named.is_null() { older } else { named } {
            Value::Bool(true) => Some(Self { sha256: None }),
            Value::Object(hashes) => {
                let sha256 = hashes.get("sha256").and_then(Value::as_str).map(str::to_ascii_lowercase);
                Some(Self { sha256 })
            }
            _ => None,
        }
    }

    /// By the value of the attribute: `true` or `sha256=…`.
    pub(super) fn of_attribute(value: &str) -> Option<Self> {
        let sha256 = value.strip_prefix("sha256=").map(str::to_ascii_lowercase);
        (value != "false").then_some(Self { sha256 })
    }
}

impl IndexClient {
    /// The core metadata beside a listed file; none if the index has none there.
    ///
    /// # Errors
    /// It cannot be fetched, or is not what the index lists.
    pub fn metadata(&self, file: &SimpleFile) -> Result<Option<Vec<u8>>, SimpleError> {
        let Some(listed) = &file.metadata else { return Ok(None) };
        let mut url = file.url.clone();
        url.set_path(&format!("{}.metadata", file.url.path()));
        let beside = SimpleFile { url, size: Some(LARGEST as u64), ..file.clone() };
        let mut text = io::Cursor::new(Vec::new());
        let (found, size) = self.transfer(&beside, &mut text)?;
        match &listed.sha256 {
            Some(expected) if *expected != found => {
                let (url, expected) = (beside.url.to_string(), expected.clone());
                Err(SimpleError::Mismatch { url, expected, found, size })
            }
            _ => Ok(Some(text.into_inner())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_names_and_all_forms_are_read() {
        let hash = "AB".repeat(32);
        let with = Some(MetadataFile { sha256: Some(hash.to_lowercase()) });
        let without = Some(MetadataFile { sha256: None });
        for (named, older, expected) in [
            (json!({"sha256": hash}), Value::Null, &with),
            (Value::Null, json!({"sha256": hash}), &with),
            (json!(true), Value::Null, &without),
            (json!(false), json!(true), &None),
            (Value::Null, Value::Null, &None),
        ] {
            assert_eq!(MetadataFile::of_json(&named, &older), *expected, "{named} {older}");
        }
        assert_eq!(MetadataFile::of_attribute(&format!("sha256={hash}")), with);
        assert_eq!(MetadataFile::of_attribute("true"), without);
        assert_eq!(MetadataFile::of_attribute("false"), None);
    }
}
