//! The state that the host's threads share, and the messages that a library sends.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use serde_json::Value;

use crate::plugin::protocol::LONGEST_MESSAGE;

/// The state that the host's threads share
pub(super) struct Shared {
    out: Mutex<Box<dyn Write + Send>>,
    state: Mutex<State>,
    pub(super) changed: Condvar,
    pub(super) cancelled: AtomicBool,
    /// A result was sent
    pub(super) over: AtomicBool,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) greeted: bool,
    pub(super) request: Option<Value>,
    pub(super) acks: Vec<(String, bool)>,
    /// Asks the running library to stop
    pub(super) running: Option<Box<dyn Fn() + Send>>,
}

impl Shared {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out: Mutex::new(out),
            state: Mutex::default(),
            changed: Condvar::new(),
            cancelled: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `wanted` returns a value.
    pub(super) fn wait<T>(&self, mut wanted: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut state = self.state();
        loop {
            if let Some(found) = wanted(&mut state) {
                return found;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn send(&self, message: &Value) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(&line).and_then(|()| out.flush())
    }

    /// Sends a message from the library.
    ///
    /// # Errors
    /// It is not a valid message, or comes after the result.
    pub(super) fn emit(&self, bytes: &[u8]) -> Result<(), ()> {
        let message = object(bytes).ok_or(())?;
        let kind = message.get("type").and_then(Value::as_str).ok_or(())?;
        if !["log", "progress", "effect_done", "result"].contains(&kind) {
            return Err(());
        }
        if kind == "result" {
            if self.over.swap(true, Ordering::SeqCst) {
                return Err(());
            }
        } else if self.over.load(Ordering::SeqCst) {
            return Err(());
        }
        self.send(&message).map_err(drop)
    }

    /// Announces an effect and waits for pyrelease's answer, which comes once the journal has the effect.
    ///
    /// # Errors
    /// It is not a valid effect.
    pub(super) fn effect(&self, bytes: &[u8]) -> Result<Verdict, ()> {
        let mut message = object(bytes).ok_or(())?;
        let key = message.get("key").and_then(Value::as_str).ok_or(())?.to_owned();
        if self.over.load(Ordering::SeqCst) {
            return Err(());
        }
        if self.cancelled.load(Ordering::SeqCst) {
            return Ok(Verdict::Cancelled);
        }
        message["type"] = "effect".into();
        self.send(&message).map_err(drop)?;
        Ok(self.wait(|state| {
            if let Some(at) = state.acks.iter().position(|(of, _)| *of == key) {
                let (_, ok) = state.acks.swap_remove(at);
                return Some(if ok { Verdict::Act } else { Verdict::Refused });
            }
            None
        }))
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

pub(super) enum Verdict {
    Act,
    Refused,
    Cancelled,
}

fn object(bytes: &[u8]) -> Option<Value> {
    let message: Value = serde_json::from_slice(bytes).ok().filter(Value::is_object)?;
    // Whitespace is dropped, because the message is serialised again.
    (bytes.len() <= LONGEST_MESSAGE).then_some(message)
}
