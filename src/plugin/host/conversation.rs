//! Speaks the protocol for a library: what the library says is read and written again, so that nothing but whole
//! messages goes out; what pyrelease says is read by a thread of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::library::{self, Instance};
use crate::plugin::protocol::{LONGEST_MESSAGE, PROTOCOL};

/// What the threads of a host share
pub(super) struct Shared {
    out: Mutex<Box<dyn Write + Send>>,
    news: Mutex<News>,
    changed: Condvar,
    cancelled: AtomicBool,
    /// A result has gone out
    over: AtomicBool,
}

#[derive(Default)]
struct News {
    greeted: bool,
    request: Option<Value>,
    acks: Vec<(String, bool)>,
    running: Option<library::Cancel>,
}

/// What pyrelease says
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told {
    Hello {},
    Call { method: Value, params: Value },
    Ack { key: String, ok: bool },
    Cancel {},
    Bye {},
}

impl Shared {
    fn news(&self) -> std::sync::MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is what `wanted` finds.
    fn wait<T>(&self, mut wanted: impl FnMut(&mut News) -> Option<T>) -> T {
        let mut news = self.news();
        loop {
            if let Some(found) = wanted(&mut news) {
                return found;
            }
            news = self.changed.wait(news).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn send(&self, message: &Value) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(&line).and_then(|()| out.flush())
    }

    /// A message of the library's.
    ///
    /// # Errors
    /// It is none, or has come too late.
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

    /// An effect that the library is about to have: whether it may, once pyrelease has written it down.
    ///
    /// # Errors
    /// It is no effect.
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
        Ok(self.wait(|news| {
            if let Some(at) = news.acks.iter().position(|(of, _)| *of == key) {
                let (_, ok) = news.acks.swap_remove(at);
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
    // The whitespace in it does not count: it is written again.
    (bytes.len() <= LONGEST_MESSAGE).then_some(message)
}

/// Says on the standard output why there will be no result.
pub(super) fn fatal(code: &str, message: &str) {
    let line = json!({"type": "fatal", "code": code, "message": message}).to_string();
    // Nobody may be there to hear it.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Loads the library and answers one call.
pub(super) fn host(file: &Path) -> ExitCode {
    let (input, output) = match library::set_pipes_aside() {
        Ok(pipes) => pipes,
        Err(error) => {
            fatal("host", &format!("the pipes cannot be set aside: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let shared = Arc::new(Shared {
        out: Mutex::new(output),
        news: Mutex::default(),
        changed: Condvar::new(),
        cancelled: AtomicBool::new(false),
        over: AtomicBool::new(false),
    });
    let listening = Arc::clone(&shared);
    std::thread::spawn(move || listen(input, &listening));
    let code = match answer(file, &shared) {
        Ok(()) => 0,
        Err((code, message)) => {
            let _ = shared.send(&json!({"type": "fatal", "code": code, "message": message}));
            1
        }
    };
    library::leave(code)
}

fn answer(file: &Path, shared: &Arc<Shared>) -> Result<(), (&'static str, String)> {
    let phase = |phase: &str| {
        let _ = shared.send(&json!({"type": "phase", "phase": phase}));
    };
    shared.wait(|news| news.greeted.then_some(()));
    let in_load = |message| ("load", message);
    library::expect_marker(file).map_err(in_load)?;
    phase("load");
    let loaded = library::load(file).map_err(in_load)?;
    let built_with = loaded.built_with();
    let _ = shared.send(&json!({"type": "hello", "protocol": PROTOCOL, "built_with": built_with}));
    let request = shared.wait(|news| news.request.take()).to_string();
    phase("create");
    let instance: Instance = loaded.create(Arc::clone(shared)).map_err(|message| ("create", message))?;
    phase("call");
    shared.news().running = Some(instance.cancel());
    if shared.is_cancelled() {
        cancel(shared);
    }
    let returned = instance.call(&request);
    shared.news().running = None;
    instance.destroy();
    match shared.over.load(Ordering::SeqCst) {
        true => Ok(()),
        false => Err(("no-result", format!("its `call` returned {returned} without a result"))),
    }
}

/// Tells the library that it should stop.
fn cancel(shared: &Shared) {
    // Held meanwhile, so that the call cannot return and the instance go in between.
    let news = shared.news();
    if let Some(running) = &news.running {
        running.cancel();
    }
}

/// Hears what pyrelease says, until it is gone.
fn listen(input: Box<dyn Read + Send>, shared: &Shared) {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        line.clear();
        if !input.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            // Whoever wanted the answer is gone.
            library::vanish(super::ORPHANED.into());
        }
        match serde_json::from_slice(&line) {
            Ok(Told::Hello {}) => shared.news().greeted = true,
            Ok(Told::Call { method, params }) => {
                shared.news().request = Some(json!({"method": method, "params": params}));
            }
            Ok(Told::Ack { key, ok }) => shared.news().acks.push((key, ok)),
            Ok(Told::Cancel {}) => {
                shared.cancelled.store(true, Ordering::SeqCst);
                cancel(shared);
            }
            // What follows is the end of the pipe, and ours is our own.
            Ok(Told::Bye {}) => return,
            Err(_) => {}
        }
        shared.changed.notify_all();
    }
}
