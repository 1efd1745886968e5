//! Validates a plugin's configuration against the plugin's JSON schema.

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::config::nearest;

/// A violation of the schema
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaViolation {
    /// The path of the value; for an unknown key, the path of the key
    pub at: Vec<String>,
    /// Whether `at` ends in a key that is itself wrong
    pub is_key: bool,
    pub message: String,
    pub help: Option<String>,
}

/// Validates `config`; returns the first violation.
///
/// # Errors
/// The schema is not valid, or refers to another document, which is not fetched.
pub fn check(config: &Value, schema: &Value) -> Result<Option<SchemaViolation>, String> {
    let validator = jsonschema::validator_for(schema).map_err(|error| error.to_string())?;
    let Some(error) = validator.iter_errors(config).next() else { return Ok(None) };
    let mut at: Vec<String> = error
        .instance_path()
        .as_str()
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect();
    let (mut is_key, mut message, mut help) = (false, error.to_string(), None);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            if let Some(key) = unexpected.first() {
                message = format!("unknown key `{key}`");
                let properties =
                    error.schema_path().as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
                let known = schema.pointer(&format!("{properties}/properties")).and_then(Value::as_object);
                let known: Vec<&str> =
                    known.map(|known| known.keys().map(String::as_str).collect()).unwrap_or_default();
                help = nearest(key, known).map(|nearest| format!("did you mean `{nearest}`?"));
                at.push(key.clone());
                is_key = true;
            }
        }
        ValidationErrorKind::Required { property } => {
            message = format!("`{}` is missing", property.as_str().unwrap_or_default());
        }
        _ => {}
    }
    Ok(Some(SchemaViolation { at, is_key, message, help }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["channel"],
            "properties": {"channel": {"type": "string"}, "people": {"type": "array", "items": {"type": "string"}}},
        });
        let wrong = |config: Value| check(&config, &schema).unwrap();
        assert_eq!(wrong(json!({"channel": "x"})), None);
        let missing = wrong(json!({})).unwrap();
        assert_eq!((missing.message.as_str(), missing.at.len()), ("`channel` is missing", 0));
        let unknown = wrong(json!({"channel": "x", "pepole": []})).unwrap();
        assert_eq!((unknown.at, unknown.is_key), (vec!["pepole".to_owned()], true));
        assert_eq!(unknown.help.as_deref(), Some("did you mean `people`?"));
        let other = wrong(json!({"channel": "x", "people": ["y", 1]})).unwrap();
        assert_eq!(other.at, ["people", "1"]);
    }

    #[test]
    fn a_schema_that_wants_something_from_elsewhere_is_refused() {
        assert!(check(&json!({}), &json!({"$ref": "https://example.com/schema.json"})).is_err());
        assert!(check(&json!({}), &json!({"type": 1})).is_err());
    }
}
