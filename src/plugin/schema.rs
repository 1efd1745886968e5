//! Validates a plugin's configuration against the plugin's JSON schema.

use boon::{
    CompileError, Compiler, ErrorKind, InstanceToken, Schemas, SchemeUrlLoader, Type, ValidationError,
};
use serde_json::Value;

use crate::config::nearest;

/// The schema's own URL while it is validated; nothing is read from it.
const SCHEMA_URL: &str = "json-schema:///config";

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

/// Validates `config`; returns one violation, an unknown key before others.
///
/// # Errors
/// The schema is not valid, or refers to another document, which is not fetched.
pub fn check(config: &Value, schema: &Value) -> Result<Option<SchemaViolation>, String> {
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    // The default loader reads files.
    compiler.use_loader(Box::new(SchemeUrlLoader::new()));
    compiler.add_resource(SCHEMA_URL, schema.clone()).map_err(|error| describe(&error))?;
    let index = compiler.compile(SCHEMA_URL, &mut schemas).map_err(|error| describe(&error))?;
    Ok(schemas.validate(config, index).err().map(|error| violation(deciding(&error), schema)))
}

fn describe(error: &CompileError) -> String {
    let CompileError::ValidationError { src, .. } = error else { return format!("{error:#}") };
    let wrong = violation(deciding(src), &Value::Null);
    if wrong.at.is_empty() { wrong.message } else { format!("{} at `{}`", wrong.message, wrong.at.join(".")) }
}

/// The error to report: of several, an unknown key, else the first; of alternatives, that of the only one which takes a
/// value of this type.
fn deciding<'e, 's, 'v>(error: &'e ValidationError<'s, 'v>) -> &'e ValidationError<'s, 'v> {
    match error.kind {
        ErrorKind::Group | ErrorKind::Schema { .. } | ErrorKind::Reference { .. } | ErrorKind::AllOf => {
            let causes = error.causes.iter().map(deciding);
            causes.min_by_key(|cause| unknown_key(cause).is_none()).unwrap_or(error)
        }
        ErrorKind::AnyOf | ErrorKind::OneOf(None) => {
            let mut causes = error.causes.iter().map(deciding).filter(|cause| {
                cause.instance_location.tokens.len() > error.instance_location.tokens.len()
                    || !matches!(cause.kind, ErrorKind::Type { .. })
            });
            match (causes.next(), causes.next()) {
                (Some(cause), None) => cause,
                _ => error,
            }
        }
        _ => error,
    }
}

fn violation(error: &ValidationError<'_, '_>, schema: &Value) -> SchemaViolation {
    let mut at: Vec<String> = error
        .instance_location
        .tokens
        .iter()
        .map(|token| match token {
            InstanceToken::Prop(name) => name.to_string(),
            InstanceToken::Item(index) => index.to_string(),
        })
        .collect();
    if let Some(key) = unknown_key(error) {
        if matches!(error.kind, ErrorKind::AdditionalProperties { .. }) {
            at.push(key.to_owned());
        }
        let help =
            nearest(key, known_keys(error, schema)).map(|nearest| format!("did you mean `{nearest}`?"));
        return SchemaViolation { at, is_key: true, message: format!("unknown key `{key}`"), help };
    }
    let message = match &error.kind {
        ErrorKind::Required { want } => format!("`{}` is missing", want.first().unwrap_or(&"")),
        ErrorKind::Type { got, want } => expected(want.iter(), *got),
        ErrorKind::AnyOf | ErrorKind::OneOf(None) => {
            let types = error.causes.iter().map(deciding).map(|cause| match &cause.kind {
                ErrorKind::Type { got, want } => Some((*got, want.iter().collect::<Vec<_>>())),
                _ => None,
            });
            match types.collect::<Option<Vec<_>>>().as_deref() {
                Some(types @ [(got, _), ..]) => {
                    expected(types.iter().flat_map(|(_, want)| want.iter().copied()), *got)
                }
                _ => "the value matches none of the alternatives".to_owned(),
            }
        }
        kind => kind.to_string(),
    };
    SchemaViolation { at, is_key: false, message, help: None }
}

fn expected(want: impl Iterator<Item = Type>, got: Type) -> String {
    let want: Vec<String> = want.map(|want| want.to_string()).collect();
    format!("expected {}, found {got}", want.join(" or "))
}

/// The key that the schema does not have, if that is the error.
fn unknown_key<'e>(error: &'e ValidationError<'_, '_>) -> Option<&'e str> {
    match (&error.kind, error.instance_location.tokens.last()) {
        (ErrorKind::AdditionalProperties { got }, _) => got.first().map(AsRef::as_ref),
        // Of `"unevaluatedProperties": false`, and of a property that is `false`
        (ErrorKind::FalseSchema, Some(InstanceToken::Prop(name))) => Some(name),
        _ => None,
    }
}

/// The keys that the schema has where `error` found an unknown one.
fn known_keys<'s>(error: &ValidationError<'_, '_>, schema: &'s Value) -> Vec<&'s str> {
    let (_, pointer) = error.schema_url.split_once('#').unwrap_or_default();
    let pointer = match error.kind {
        ErrorKind::AdditionalProperties { .. } => pointer,
        _ => pointer.rsplit_once('/').map_or("", |(parent, _)| parent),
    };
    let known = schema.pointer(&format!("{pointer}/properties")).and_then(Value::as_object);
    known.map(|known| known.keys().map(String::as_str).collect()).unwrap_or_default()
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
    fn an_unknown_key_is_reported_before_one_that_is_missing() {
        let known = json!({"properties": {"file": {"type": "string"}}});
        for (key, closed) in [
            ("additionalProperties", json!({"required": ["file"], "additionalProperties": false})),
            ("unevaluatedProperties", json!({"required": ["file"], "unevaluatedProperties": false})),
        ] {
            let mut schema = known.clone();
            schema.as_object_mut().unwrap().extend(closed.as_object().unwrap().clone());
            let wrong = check(&json!({"fiel": "x"}), &schema).unwrap().unwrap();
            assert_eq!((wrong.at, wrong.is_key), (vec!["fiel".to_owned()], true), "{key}");
            assert_eq!(wrong.message, "unknown key `fiel`", "{key}");
            assert_eq!(wrong.help.as_deref(), Some("did you mean `file`?"), "{key}");
        }
    }

    #[test]
    fn of_alternatives_the_one_that_was_meant_is_reported() {
        let schema = json!({"properties": {"files": {"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"enum": ["wheel", "sdist"]}},
        ]}}});
        let wrong = |config: Value| {
            let wrong = check(&config, &schema).unwrap().unwrap();
            (wrong.at.join("."), wrong.message)
        };
        let neither = wrong(json!({"files": true}));
        assert_eq!(neither, ("files".to_owned(), "expected string or array, found boolean".to_owned()));
        let (at, message) = wrong(json!({"files": ["wheel", "egg"]}));
        assert_eq!((at.as_str(), message.as_str()), ("files.1", "value must be one of 'wheel', 'sdist'"));
    }

    #[test]
    fn every_draft_is_understood() {
        for draft in [
            "draft-04/schema#",
            "draft-06/schema#",
            "draft-07/schema#",
            "draft/2019-09/schema",
            "draft/2020-12/schema",
        ] {
            let scheme = if draft.starts_with("draft-") { "http" } else { "https" };
            let schema = json!({
                "$schema": format!("{scheme}://json-schema.org/{draft}"),
                "definitions": {"name": {"type": "string", "pattern": "^[a-z]+$"}},
                "properties": {"name": {"$ref": "#/definitions/name"}},
            });
            assert_eq!(check(&json!({"name": "ab"}), &schema), Ok(None), "{draft}");
            let wrong = check(&json!({"name": "7"}), &schema).unwrap().unwrap();
            assert_eq!(wrong.at, ["name"], "{draft}");
        }
    }

    #[test]
    fn a_schema_that_wants_something_from_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("schema.json");
        fs_err::write(&file, "true").unwrap();
        for elsewhere in ["https://example.com/schema.json".to_owned(), format!("file://{}", file.display())]
        {
            let problem = check(&json!({}), &json!({"$ref": elsewhere})).unwrap_err();
            assert!(problem.contains(&elsewhere), "{problem}");
        }
    }

    #[test]
    fn a_schema_that_is_not_valid_is_refused_with_the_place() {
        let problem = |schema: Value| check(&json!({}), &schema).unwrap_err();
        let of_type = problem(json!({"properties": {"file": {"type": "text"}}}));
        assert!(of_type.ends_with("at `properties.file.type`"), "{of_type}");
        let pattern = problem(json!({"properties": {"file": {"pattern": "(?=x)"}}}));
        assert!(pattern.contains("(?=x)"), "{pattern}");
    }
}
