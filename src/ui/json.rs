//! Prints events as JSON lines on standard output.

use serde::Serialize;

use super::data;
use crate::engine::event::{Event, Listener};
use crate::error::Error;

/// Writes each event as one line
pub struct Json;

#[derive(Serialize)]
struct Failure<'a> {
    event: &'static str,
    message: String,
    help: &'a [String],
    /// The exit code of the command
    code: u8,
}

/// An event of a member of a workspace
#[derive(Serialize)]
struct OfMember<'a> {
    #[serde(flatten)]
    event: &'a Event<'a>,
    member: &'a str,
}

impl Json {
    pub(super) fn error(&self, error: &Error) {
        if error.is_reported() {
            return;
        }
        self.write(&Failure {
            event: "error",
            message: error.chain(),
            help: error.hints(),
            code: error.kind().exit_code() as u8,
        });
    }

    fn write(&self, value: &impl Serialize) {
        data(&serde_json::to_string(value).expect("events have string keys only"));
    }
}

impl Listener for Json {
    fn on_event(&self, event: &Event<'_>) {
        self.write(event);
    }

    fn on_event_of(&self, member: &str, event: &Event<'_>) {
        self.write(&OfMember { event, member });
    }
}
