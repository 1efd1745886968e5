//! The messages between pyrelease and a plugin: one JSON object per line, the same for libraries and programs.
//!
//! | sender | messages |
//! | --- | --- |
//! | pyrelease | `hello`, `call`, `ack`, `cancel`, `bye` |
//! | the plugin | `hello`, `log`, `progress`, `effect`, `effect_done`, `result` |
//! | the host of a library | also `phase`, `fatal` |
//!
//! A process answers one call, so messages have no ids. Unknown fields are ignored; unknown types are errors.

mod descriptor;
mod version;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use descriptor::{Class, Classes, Descriptor, Extent, Secret};
pub use version::understands;

/// The version of the protocol
pub const PROTOCOL: &str = "1.0";
/// The longest message in bytes, without its line end
pub const LONGEST_MESSAGE: usize = 1 << 20;

/// What pyrelease asks of a plugin
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Describe yourself
    Describe,
    /// Check what would make `run` fail, and predict its effects
    Preflight,
    /// Do the work
    Run,
    /// Undo effects
    Undo,
    /// Report which effects exist
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

    /// Whether a stray line fails the call. Once the plugin may have acted, a stray `print` must not leave an effect
    /// half done.
    pub fn is_strict(self) -> bool {
        matches!(self, Self::Describe | Self::Preflight)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A message from pyrelease
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HostMessage<'a> {
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

impl HostMessage<'_> {
    /// The message as a line.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a message has string keys only");
        line.push(b'\n');
        line
    }
}

/// A message from a plugin
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PluginMessage {
    Hello {
        protocol: String,
        #[serde(default)]
        built_with: String,
        /// Features that the receiver must support
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
    Effect(AnnouncedEffect),
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
pub struct AnnouncedEffect {
    pub key: String,
    pub class: Class,
    #[serde(default)]
    pub summary: String,
    /// Data for `undo` and `verify`; stored on disk
    #[serde(default)]
    pub undo: Value,
}

/// A plugin's report of its failure
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

/// Why a line is not a valid message
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Most likely printed text
    #[error("a line that is not a message: {0}")]
    Stray(String),
    #[error("a message of unknown type `{0}`")]
    UnknownType(String),
    #[error("an invalid message ({problem}): {line}")]
    Malformed { problem: String, line: String },
}

impl PluginMessage {
    /// Parses a line without its line end.
    ///
    /// # Errors
    /// The line is not a valid message.
    pub fn read(line: &[u8]) -> Result<Self, MessageError> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let stray = || MessageError::Stray(excerpt(line));
        let value: Value = serde_json::from_slice(line).map_err(|error| match is_broken_message(line) {
            // A broken message must not pass as printed text: its sender may wait forever for the answer.
            true => MessageError::Malformed { problem: error.to_string(), line: excerpt(line) },
            false => stray(),
        })?;
        let kind = value.get("type").and_then(Value::as_str).ok_or_else(stray)?.to_owned();
        if !PLUGIN_MESSAGES.contains(&&*kind) {
            return Err(MessageError::UnknownType(kind));
        }
        serde_json::from_value(value)
            .map_err(|error| MessageError::Malformed { problem: error.to_string(), line: excerpt(line) })
    }
}

/// The types of [`PluginMessage`]
const PLUGIN_MESSAGES: [&str; 8] =
    ["hello", "log", "progress", "effect", "effect_done", "result", "phase", "fatal"];

/// Whether an unreadable line was meant as a message: it is complete, and names one of our types.
fn is_broken_message(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    if !line.starts_with(b"{") || !line.ends_with(b"}") {
        return false;
    }
    let text = String::from_utf8_lossy(line);
    let names = |kind: &&str| text.contains(&format!("\"{kind}\""));
    names(&"type") && PLUGIN_MESSAGES.iter().any(names)
}

/// The beginning of a line, for error messages.
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
            PluginMessage::read(b"{\"type\":\"log\",\"level\":\"warn\",\"message\":\"x\",\"colour\":1}\r")
                .unwrap();
        assert_eq!(log, PluginMessage::Log { level: Level::Warn, message: "x".into() });
        assert_eq!(
            PluginMessage::read(b"{\"type\":\"dance\"}"),
            Err(MessageError::UnknownType("dance".into()))
        );
    }

    #[test]
    fn stray_lines_differ_from_malformed_messages() {
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
            assert!(matches!(PluginMessage::read(line), Err(MessageError::Stray(_))), "{line:?}");
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
            assert!(matches!(PluginMessage::read(line), Err(MessageError::Malformed { .. })), "{line:?}");
        }
    }

    #[test]
    fn messages_are_single_lines() {
        let params = serde_json::json!({"text": "one\ntwo"});
        let line = HostMessage::Call { method: Method::Run, params: &params }.line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let line = HostMessage::Ack { key: "k", ok: true, reason: None }.line();
        assert_eq!(line, b"{\"type\":\"ack\",\"key\":\"k\",\"ok\":true}\n");
        assert_eq!(HostMessage::Bye.line(), b"{\"type\":\"bye\"}\n");
    }
}
