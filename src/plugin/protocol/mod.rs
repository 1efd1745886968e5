//! What pyrelease and a plugin say to each other: one JSON object a line, the same over both carriers.
//!
//! | who | says |
//! | --- | --- |
//! | pyrelease | `hello`, `call`, `ack`, `cancel`, `bye` |
//! | the plugin | `hello`, `log`, `progress`, `effect`, `effect_done`, `result` |
//! | the host of a library | `phase`, `fatal` besides |
//!
//! A process answers one call, so nothing has an id. A field that is not known is ignored, a type that is not known is
//! an error.

mod descriptor;
mod version;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use descriptor::{Class, Classes, Descriptor, Extent, Secret};
pub use version::understands;

/// The version of the protocol that is spoken here
pub const PROTOCOL: &str = "1.0";
/// Bytes that a message may have, its line end not counted
pub const LONGEST_MESSAGE: usize = 1 << 20;

/// What a plugin is asked
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// What are you?
    Describe,
    /// What would make you fail, and what would you do?
    Preflight,
    /// Do it
    Run,
    /// Take this back
    Undo,
    /// Is this there?
    Verify,
}

impl Method {
    pub const ALL: [Self; 5] = [Self::Describe, Self::Preflight, Self::Run, Self::Undo, Self::Verify];

    pub fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Preflight => "preflight",
            Self::Run => "run",
            Self::Undo => "undo",
            Self::Verify => "verify",
        }
    }

    /// Whether a line that is no message makes the call fail. Where something may have been done already, a stray
    /// `print` is no reason to leave it half done.
    pub fn is_strict(self) -> bool {
        matches!(self, Self::Describe | Self::Preflight)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What pyrelease says
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said<'a> {
    Hello {
        protocol: &'a str,
        tool: &'a str,
        features: &'a [&'a str],
        required: &'a [&'a str],
    },
    Call {
        method: Method,
        params: &'a Value,
    },
    Ack {
        key: &'a str,
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    Cancel {
        reason: &'a str,
    },
    Bye,
}

impl Said<'_> {
    /// The message as a line.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a message has string keys only");
        line.push(b'\n');
        line
    }
}

/// What a plugin says
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Heard {
    Hello {
        protocol: String,
        #[serde(default)]
        built_with: String,
        /// What the other side has to have
        #[serde(default)]
        required: Vec<String>,
    },
    Log {
        #[serde(default)]
        level: Level,
        message: String,
    },
    Progress {
        done: u64,
        #[serde(default)]
        total: u64,
        #[serde(default)]
        unit: String,
    },
    Effect(Announced),
    EffectDone {
        key: String,
    },
    Result {
        ok: bool,
        #[serde(default)]
        value: Value,
        #[serde(default)]
        error: Option<Failure>,
    },
    Phase {
        phase: String,
    },
    Fatal {
        #[serde(default)]
        code: String,
        message: String,
    },
}

/// An effect that a plugin is about to have
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Announced {
    pub key: String,
    pub class: Class,
    #[serde(default)]
    pub summary: String,
    /// What its `undo` and its `verify` need to know; kept on the disk
    #[serde(default)]
    pub undo: Value,
}

/// How a plugin says that it failed
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

/// Why a line is no message
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// Most likely something printed
    #[error("a line that is no message: {0}")]
    Stray(String),
    #[error("a message of a type that the protocol does not have: `{0}`")]
    UnknownType(String),
    #[error("a message that is not as it should be ({problem}): {line}")]
    Malformed { problem: String, line: String },
}

impl Heard {
    /// Reads a line, its end already gone.
    ///
    /// # Errors
    /// It is no message.
    pub fn read(line: &[u8]) -> Result<Self, Misread> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let stray = || Misread::Stray(excerpt(line));
        let value: Value = serde_json::from_slice(line).map_err(|error| match is_meant(line) {
            // Whoever waits for the answer to one that was taken for something printed would wait for ever.
            true => Misread::Malformed { problem: error.to_string(), line: excerpt(line) },
            false => stray(),
        })?;
        let kind = value.get("type").and_then(Value::as_str).ok_or_else(stray)?.to_owned();
        serde_json::from_value(value).map_err(|error| {
            let problem = error.to_string();
            match problem.starts_with("unknown variant `")
                && problem.contains(&format!("`{kind}`"))
                && !KINDS.contains(&&*kind)
            {
                true => Misread::UnknownType(kind),
                false => Misread::Malformed { problem, line: excerpt(line) },
            }
        })
    }
}

const KINDS: [&str; 8] = ["hello", "log", "progress", "effect", "effect_done", "result", "phase", "fatal"];

/// Whether a line that cannot be read was meant as a message: it is whole, and names a type of ours.
fn is_meant(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    if !line.starts_with(b"{") || !line.ends_with(b"}") {
        return false;
    }
    let text = String::from_utf8_lossy(line);
    let names = |kind: &&str| text.contains(&format!("\"{kind}\""));
    names(&"type") && KINDS.iter().any(names)
}

/// The beginning of a line, for a message.
pub fn excerpt(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut shown: String = text.chars().take(120).flat_map(char::escape_debug).collect();
    if text.chars().nth(120).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_ignored_and_an_unknown_type_is_not() {
        let log =
            Heard::read(b"{\"type\":\"log\",\"level\":\"warn\",\"message\":\"x\",\"colour\":1}\r").unwrap();
        assert_eq!(log, Heard::Log { level: Level::Warn, message: "x".into() });
        assert_eq!(Heard::read(b"{\"type\":\"dance\"}"), Err(Misread::UnknownType("dance".into())));
    }

    #[test]
    fn what_is_no_message_is_told_from_one_that_is_wrong() {
        for line in [
            &b"hello"[..],
            b"",
            b"{}",
            b"[1]",
            b"{\"type\":1}",
            b"{\"type\":\"log\"",
            b"\xff\xfe",
            b"{\"type\":\0}",
        ] {
            assert!(matches!(Heard::read(line), Err(Misread::Stray(_))), "{line:?}");
        }
        let deep =
            format!("{{\"value\":{}{},\"type\":\"result\",\"ok\":true}}", "[".repeat(500), "]".repeat(500));
        for line in [
            &b"{\"type\":\"log\"}"[..],
            b"{\"type\":\"effect\",\"key\":\"\xff\",\"class\":\"reversible\"}",
            deep.as_bytes(),
            b"{\"type\":\"log\",\"level\":\"loud\",\"message\":\"x\"}",
            b"{\"type\":\"effect\",\"key\":\"k\",\"class\":\"odd\"}",
            b"{\"type\":\"effect_done\"}",
        ] {
            assert!(matches!(Heard::read(line), Err(Misread::Malformed { .. })), "{line:?}");
        }
    }

    #[test]
    fn messages_are_single_lines() {
        let params = serde_json::json!({"text": "one\ntwo"});
        let line = Said::Call { method: Method::Run, params: &params }.line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let line = Said::Ack { key: "k", ok: true, reason: None }.line();
        assert_eq!(line, b"{\"type\":\"ack\",\"key\":\"k\",\"ok\":true}\n");
        assert_eq!(Said::Bye.line(), b"{\"type\":\"bye\"}\n");
    }
}
