use serde::Serialize;
use serde_json::{Value, json};

use crate::{Error, Result, abi};

/// The transport of messages
pub(crate) trait Wire {
    fn emit(&self, message: &Value) -> i32;
    fn effect(&self, message: &Value) -> i32;
    fn is_cancelled(&self) -> bool;
}

/// What a stage can do during a call: log, report progress, and have effects
pub struct Context<'a> {
    wire: &'a dyn Wire,
    done: Vec<String>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(wire: &'a dyn Wire, done: Vec<String>) -> Self {
        Self { wire, done }
    }

    pub fn info(&self, message: impl AsRef<str>) {
        self.log("info", message.as_ref());
    }

    pub fn warn(&self, message: impl AsRef<str>) {
        self.log("warn", message.as_ref());
    }

    pub fn debug(&self, message: impl AsRef<str>) {
        self.log("debug", message.as_ref());
    }

    fn log(&self, level: &str, message: &str) {
        self.wire.emit(&json!({"type": "log", "level": level, "message": message}));
    }

    /// Reports progress.
    pub fn progress(&self, done: u64, total: u64, unit: &str) {
        self.wire.emit(&json!({"type": "progress", "done": done, "total": total, "unit": unit}));
    }

    /// Whether the call is cancelled, so that the stage should stop.
    pub fn is_cancelled(&self) -> bool {
        self.wire.is_cancelled()
    }

    /// Does something that `undo` can undo, once pyrelease has recorded it. `undo` is the data that the `undo` method
    /// gets; it is stored on disk, so it must not contain secrets. Returns `None` if the effect was already done before
    /// an interruption.
    ///
    /// # Errors
    /// The closure failed; or pyrelease refused the effect, and nothing was done.
    pub fn effect<T>(
        &self,
        key: &str,
        summary: &str,
        undo: impl Serialize,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        self.announce("reversible", key, summary, undo, act)
    }

    /// Like [`Self::effect`], for something that cannot be undone. No reversible effect may follow it.
    ///
    /// # Errors
    /// As [`Self::effect`].
    pub fn irreversible_effect<T>(
        &self,
        key: &str,
        summary: &str,
        undo: impl Serialize,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        self.announce("irreversible", key, summary, undo, act)
    }

    fn announce<T>(
        &self,
        class: &str,
        key: &str,
        summary: &str,
        undo: impl Serialize,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        if self.done.iter().any(|done| done == key) {
            return Ok(None);
        }
        let undo = serde_json::to_value(undo)?;
        match self.wire.effect(&json!({"key": key, "class": class, "summary": summary, "undo": undo})) {
            abi::OK => {}
            abi::CANCELLED => return Err(Error::cancelled()),
            _ => return Err(Error::new(format!("pyrelease refused the effect `{key}`"))),
        }
        let done = act()?;
        self.wire.emit(&json!({"type": "effect_done", "key": key}));
        Ok(Some(done))
    }
}
