//! The restrictions of a token, in PyPI's two formats: `[tag, …]` today, an object before.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::python::filename::normalize;

/// How much of an unknown caveat is displayed, in characters
const SHOWN: usize = 80;

/// A restriction of a token
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caveat {
    /// Valid from one time to another, in seconds since 1970
    Expiration { not_before: i64, expires_at: i64 },
    /// Valid for the projects with these names, normalized
    ProjectName(Vec<String>),
    /// Valid for the projects with these ids
    ProjectId(Vec<String>),
    /// Valid for what this user may do, by their id
    RequestUser(String),
    /// Issued to a trusted publisher, by its id
    OidcPublisher(String),
    /// Valid for everything that the user may do, as in tokens before 2022
    Everything,
    /// One that this version does not know: its text, shortened
    Unknown(String),
}

impl Caveat {
    /// Valid for this project only.
    pub fn project(name: &str) -> Self {
        Self::ProjectName(vec![normalize(name)])
    }

    pub(super) fn parse(text: &[u8]) -> Self {
        let known = match serde_json::from_slice(text) {
            Ok(Value::Array(values)) => Self::from_array(&values),
            Ok(Value::Object(object)) => Self::from_object(&object),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Unknown(shown(text)))
    }

    fn from_array(values: &[Value]) -> Option<Self> {
        let (tag, values) = values.split_first()?;
        // More values may be added later; those that are known keep their meaning.
        match (tag.as_u64()?, values) {
            (0, [expires_at, not_before, ..]) => {
                Some(Self::Expiration { not_before: not_before.as_i64()?, expires_at: expires_at.as_i64()? })
            }
            (1, [names, ..]) => Some(Self::ProjectName(names_in(names)?)),
            (2, [ids, ..]) => Some(Self::ProjectId(texts(ids)?)),
            (3, [user, ..]) => Some(Self::RequestUser(user.as_str()?.to_owned())),
            (4, [publisher, ..]) => Some(Self::OidcPublisher(publisher.as_str()?.to_owned())),
            _ => None,
        }
    }

    /// PyPI's format until 2022, which it still accepts.
    fn from_object(object: &serde_json::Map<String, Value>) -> Option<Self> {
        let only = |keys: &[&str]| object.keys().all(|key| keys.contains(&key.as_str()));
        if let (Some(not_before), Some(expires_at), true) =
            (object.get("nbf"), object.get("exp"), only(&["nbf", "exp"]))
        {
            return Some(Self::Expiration {
                not_before: not_before.as_i64()?,
                expires_at: expires_at.as_i64()?,
            });
        }
        if let (Some(ids), true) = (object.get("project_ids"), only(&["project_ids"])) {
            return Some(Self::ProjectId(texts(ids)?));
        }
        if object.get("version")?.as_u64()? != 1 || !only(&["version", "permissions"]) {
            return None;
        }
        match object.get("permissions")? {
            Value::String(user) if user == "user" => Some(Self::Everything),
            Value::Object(permissions) if permissions.len() == 1 => {
                Some(Self::ProjectName(names_in(permissions.get("projects")?)?))
            }
            _ => None,
        }
    }

    /// PyPI's current format.
    pub(super) fn to_json(&self) -> String {
        let value = match self {
            Self::Expiration { not_before, expires_at } => json!([0, expires_at, not_before]),
            Self::ProjectName(names) => json!([1, names]),
            Self::ProjectId(ids) => json!([2, ids]),
            Self::RequestUser(user) => json!([3, user]),
            Self::OidcPublisher(publisher) => json!([4, publisher, null]),
            Self::Everything => json!({ "version": 1, "permissions": "user" }),
            Self::Unknown(text) => return text.clone(),
        };
        value.to_string()
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

fn names_in(value: &Value) -> Option<Vec<String>> {
    Some(texts(value)?.iter().map(|name| normalize(name)).collect())
}

/// Text from any source, made safe for a terminal.
pub(super) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let shown: String = text
        .chars()
        .take(SHOWN)
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter })
        .collect();
    if text.chars().nth(SHOWN).is_some() { format!("{shown}…") } else { shown }
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed =
            |items: &[String]| items.iter().map(|item| shown(item.as_bytes())).collect::<Vec<_>>().join(", ");
        match self {
            Self::Expiration { not_before, expires_at } => {
                write!(f, "valid from {} until {}", moment(*not_before), moment(*expires_at))
            }
            Self::ProjectName(names) => write!(f, "valid for the project {}", listed(names)),
            Self::ProjectId(ids) => write!(f, "valid for the project with the id {}", listed(ids)),
            Self::RequestUser(user) => {
                write!(f, "valid for the user with the id {}", shown(user.as_bytes()))
            }
            Self::OidcPublisher(publisher) => {
                write!(f, "issued to the trusted publisher with the id {}", shown(publisher.as_bytes()))
            }
            Self::Everything => f.write_str("valid for all projects of its user"),
            Self::Unknown(text) => write!(f, "an unknown restriction: {text}"),
        }
    }
}

/// A time in RFC 3339, or the number if it is out of range.
pub(super) fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}
