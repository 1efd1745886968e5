use serde::Serialize;
use serde_json::{Value, json};

use crate::{Error, Result, abi};

/// Where messages go, and what is heard meanwhile
pub(crate) trait Wire {
    fn emit(&self, message: &Value) -> i32;
    fn effect(&self, message: &Value) -> i32;
    fn is_cancelled(&self) -> bool;
}

/// What a stage can do besides its work: say something, and have effects
pub struct Context<'a> {
    wire: &'a dyn Wire,
    standing: Vec<String>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(wire: &'a dyn Wire, standing: Vec<String>) -> Self {
        Self { wire, standing }
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

    /// Says how far something is.
    pub fn progress(&self, done: u64, total: u64, unit: &str) {
        self.wire.emit(&json!({"type": "progress", "done": done, "total": total, "unit": unit}));
    }

    /// Whether the stage should stop.
    pub fn is_cancelled(&self) -> bool {
        self.wire.is_cancelled()
    }

    /// Does something that `undo` can take back, once pyrelease has written down that it is about to happen. `undo` is
    /// what it is told then; it is kept on the disk, so no secret belongs there. Gives nothing where the effect stands
    /// already, from before the release was cut short.
    ///
    /// # Errors
    /// What the closure gives; or pyrelease said no, and nothing was done.
    pub fn effect<T>(
        &self,
        key: &str,
        summary: &str,
        undo: impl Serialize,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        self.announce("reversible", key, summary, undo, act)
    }

    /// Does something that nobody can take back, as [`Self::effect`]. None that can be may come after it.
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
        if self.standing.iter().any(|standing| standing == key) {
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
