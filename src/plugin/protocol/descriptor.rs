//! A plugin's description of itself.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, PROTOCOL, version};
use crate::text::is_safe;

/// The longest line of a description, in characters
const LONGEST_LINE: usize = 200;

/// The kind of an effect
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// `undo` can undo it
    Reversible,
    /// It cannot be undone
    Irreversible,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reversible => "reversible",
            Self::Irreversible => "irreversible",
        })
    }
}

/// The strongest kind of effect that a plugin has
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Classes {
    #[default]
    None,
    Reversible,
    Irreversible,
}

impl Classes {
    pub fn allow(self, class: Class) -> bool {
        match self {
            Self::None => false,
            Self::Reversible => class == Class::Reversible,
            Self::Irreversible => true,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reversible => "reversible",
            Self::Irreversible => "irreversible",
        }
    }
}

/// How far its effects reach, in the engine's terms
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    Private,
    Rehearsal,
    Repository,
    Public,
    FollowUp,
}

impl Extent {
    fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Rehearsal => "rehearsal",
            Self::Repository => "repository",
            Self::Public => "public",
            Self::FollowUp => "follow-up",
        }
    }
}

/// A secret that a plugin asks for
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Secret {
    pub name: String,
    #[serde(default)]
    pub purpose: String,
    /// Whether the plugin works without it
    #[serde(default)]
    pub optional: bool,
}

/// The plugin's requirements
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Requires {
    pub secrets: Vec<Secret>,
    /// Programs on PATH
    pub tools: Vec<String>,
    pub network: bool,
}

/// The result of `describe`
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Descriptor {
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub summary: String,
    /// The protocol versions that it supports, such as `^1.0`
    pub protocol: String,
    pub methods: Vec<String>,
    #[serde(default)]
    pub effects: Classes,
    /// If it does not follow from `effects`
    #[serde(default)]
    reach: Option<Extent>,
    #[serde(default)]
    pub config_schema: Option<Value>,
    #[serde(default)]
    pub requires: Requires,
    /// The time limit of a call, in seconds
    #[serde(default)]
    pub timeout_s: Option<u64>,
    /// Stages that must come before it
    #[serde(default)]
    pub after: Vec<String>,
    /// Stages that must come after it
    #[serde(default)]
    pub before: Vec<String>,
    /// What a stage before it must give, in the words of the engine
    #[serde(default)]
    pub needs: Vec<String>,
    /// What it gives to the stages after it
    #[serde(default)]
    pub gives: Vec<String>,
}

impl Descriptor {
    /// Parses and validates a description.
    ///
    /// # Errors
    /// The description is not valid.
    pub fn read(value: Value) -> Result<Self, String> {
        let read: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        version::includes(&read.protocol, PROTOCOL)?;
        for (what, text) in [("name", &read.name), ("version", &read.version), ("summary", &read.summary)] {
            if text.chars().count() > LONGEST_LINE || !text.chars().all(is_safe) {
                return Err(format!("its `{what}` must be one line of at most {LONGEST_LINE} characters"));
            }
        }
        let needed: &[Method] = match read.effects {
            Classes::None => &[Method::Run],
            Classes::Reversible => &[Method::Run, Method::Undo, Method::Verify],
            Classes::Irreversible => &[Method::Run, Method::Verify],
        };
        if let Some(missing) = needed.iter().find(|method| !read.has(**method)) {
            return Err(format!(
                "it has {} effects, but its methods do not include `{missing}`",
                match read.effects {
                    Classes::None => "no",
                    some => some.name(),
                }
            ));
        }
        use Extent::{FollowUp, Private, Public, Rehearsal, Repository};
        let possible: &[Extent] = match read.effects {
            Classes::None => &[Private, Rehearsal, Repository, Public, FollowUp],
            Classes::Reversible => &[Repository, Rehearsal, FollowUp],
            Classes::Irreversible => &[Public, Rehearsal, FollowUp],
        };
        match read.reach {
            Some(reach) if !possible.contains(&reach) => Err(format!(
                "its effects are {}, which does not fit the reach `{}`",
                read.effects.name(),
                reach.name()
            )),
            _ => Ok(read),
        }
    }

    pub fn has(&self, method: Method) -> bool {
        self.methods.iter().any(|name| name == method.name())
    }

    /// How far its effects reach.
    pub fn reach(&self) -> Extent {
        self.reach.unwrap_or(match self.effects {
            Classes::None => Extent::Private,
            Classes::Reversible => Extent::Repository,
            Classes::Irreversible => Extent::Public,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn read(value: &Value) -> Result<Descriptor, String> {
        Descriptor::read(value.clone())
    }

    #[test]
    fn the_reach_follows_from_the_effects() {
        let mut value =
            json!({"name": "x", "version": "1", "protocol": "^1.0", "methods": ["run", "undo", "verify"]});
        assert_eq!(read(&value).unwrap().reach(), Extent::Private);
        value["effects"] = "reversible".into();
        assert_eq!(read(&value).unwrap().reach(), Extent::Repository);
        value["effects"] = "irreversible".into();
        assert_eq!(read(&value).unwrap().reach(), Extent::Public);
        value["reach"] = "follow-up".into();
        assert_eq!(read(&value).unwrap().reach(), Extent::FollowUp);
        value["reach"] = "private".into();
        assert_data_eq!(
            read(&value).unwrap_err(),
            str!["its effects are irreversible, which does not fit the reach `private`"]
        );
    }

    /// Authors without an SDK rely on this page alone.
    #[test]
    fn the_page_has_a_description_with_all_that_is_required() {
        let page = include_str!("../../../plugins/README.md");
        let lines = page.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let descriptions: Vec<Value> =
            lines.map(|line| line["value"].clone()).filter(|value| !value["protocol"].is_null()).collect();
        assert_eq!(descriptions.len(), 1);
        read(&descriptions[0]).unwrap();
        for required in ["name", "version", "protocol", "methods"] {
            let mut without = descriptions[0].clone();
            without.as_object_mut().unwrap().remove(required);
            assert!(read(&without).is_err(), "{required}");
            assert!(page.contains(&format!("`{required}`")), "{required}");
        }
    }

    #[test]
    fn one_that_cannot_be_recovered_from_is_refused() {
        let value = json!({"name": "x", "version": "1", "protocol": "^1.0", "methods": ["run"], "effects": "reversible"});
        assert_data_eq!(
            read(&value).unwrap_err(),
            str!["it has reversible effects, but its methods do not include `undo`"]
        );
        let value = json!({"name": "x", "version": "1", "protocol": "^2.0", "methods": ["run"]});
        assert_data_eq!(
            read(&value).unwrap_err(),
            str!["it uses version 2.0 of the protocol, but this pyrelease has 1.0"]
        );
    }

    #[test]
    fn what_it_says_of_itself_is_a_line() {
        for summary in ["x".repeat(201), "two\nlines".to_owned(), "\u{1b}[2Jcleared".to_owned()] {
            let value = json!({"name": "x", "version": "1", "protocol": "^1.0", "methods": ["run"], "summary": summary});
            assert_data_eq!(
                read(&value).unwrap_err(),
                str!["its `summary` must be one line of at most 200 characters"]
            );
        }
    }
}
