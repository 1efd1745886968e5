//! Prints events and other objects as JSON lines on standard output.

use serde::Serialize;

use super::data;
use crate::engine::event::{Event, Listener};
use crate::error::Error;

/// The version of the objects, which each of them states in `format`. A new field or a new object keeps it; a field that
/// is renamed, removed or gets another meaning raises it.
pub const FORMAT: u32 = 1;

/// Writes each event as one line
pub struct Json;

/// The error that ended the command
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure<'a> {
    message: String,
    /// What to do about it
    help: &'a [String],
    /// The exit code of the command
    code: u8,
}

/// A text that is meant for another program: a script of completions, the manual page
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Text<'a> {
    pub(super) text: &'a str,
}

impl Json {
    pub(super) fn error(&self, error: &Error) {
        if error.is_reported() {
            return;
        }
        object(
            "error",
            &Failure { message: error.chain(), help: error.hints(), code: error.kind().exit_code() as u8 },
        );
    }
}

/// Writes an object that is not an event of a run, with its name as `event`.
pub fn object(event: &str, value: &impl Serialize) {
    write(&format!(",\"event\":\"{event}\""), value);
}

/// Writes an object as one line that begins with the format and `head`.
fn write(head: &str, value: &impl Serialize) {
    let text = serde_json::to_string(value).expect("it has string keys only");
    let fields = text.strip_prefix('{').expect("only objects are written");
    let comma = if fields == "}" { "" } else { "," };
    data(&format!("{{\"format\":{FORMAT}{head}{comma}{fields}"));
}

impl Listener for Json {
    fn on_event(&self, event: &Event<'_>) {
        write("", event);
    }

    fn on_event_of(&self, member: &str, event: &Event<'_>) {
        let member = serde_json::Value::from(member);
        write(&format!(",\"member\":{member}"), event);
    }
}
