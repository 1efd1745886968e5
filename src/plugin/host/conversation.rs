//! Speaks the protocol on behalf of a library. The library's messages are parsed and written again, so that only
//! complete messages are sent. A separate thread reads the messages from pyrelease.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde_json::{Value, json};

use super::library::{self, Instance};
use super::shared::Shared;
use crate::plugin::protocol::PROTOCOL;

/// A message from pyrelease
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Incoming {
    Hello {},
    Call { method: Value, params: Value },
    Ack { key: String, ok: bool },
    Cancel {},
    Bye {},
}

/// Reports on standard output why there will be no result.
pub(super) fn fatal(code: &str, message: &str) {
    let line = json!({"type": "fatal", "code": code, "message": message}).to_string();
    // pyrelease may already be gone.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Loads the library and answers one call.
pub(super) fn host(file: &Path) -> ExitCode {
    let (input, output) = match library::redirect_pipes() {
        Ok(pipes) => pipes,
        Err(error) => {
            fatal("host", &format!("failed to redirect the pipes: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let shared = Arc::new(Shared::new(output));
    let listening = Arc::clone(&shared);
    std::thread::spawn(move || listen(input, &listening));
    let code = match answer(file, &shared) {
        Ok(()) => 0,
        Err((code, message)) => {
            let _ = shared.send(&json!({"type": "fatal", "code": code, "message": message}));
            1
        }
    };
    library::exit(code)
}

fn answer(file: &Path, shared: &Arc<Shared>) -> Result<(), (&'static str, String)> {
    let phase = |phase: &str| {
        let _ = shared.send(&json!({"type": "phase", "phase": phase}));
    };
    shared.wait(|state| state.greeted.then_some(()));
    let in_load = |message| ("load", message);
    library::expect_marker(file).map_err(in_load)?;
    phase("load");
    let loaded = library::load(file).map_err(in_load)?;
    let built_with = loaded.built_with();
    let _ = shared.send(&json!({"type": "hello", "protocol": PROTOCOL, "built_with": built_with}));
    let request = shared.wait(|state| state.request.take()).to_string();
    phase("create");
    let instance: Instance = loaded.create(Arc::clone(shared)).map_err(|message| ("create", message))?;
    phase("call");
    shared.state().running = Some(Box::new(instance.cancel()));
    if shared.is_cancelled() {
        cancel(shared);
    }
    let returned = instance.call(&request);
    shared.state().running = None;
    instance.destroy();
    match shared.over.load(Ordering::SeqCst) {
        true => Ok(()),
        false => Err(("no-result", format!("its `call` returned {returned} without a result"))),
    }
}

/// Asks the library to stop.
fn cancel(shared: &Shared) {
    // Hold the lock, so that the call cannot return and free the instance meanwhile.
    let state = shared.state();
    if let Some(running) = &state.running {
        running();
    }
}

/// Reads messages from pyrelease until its end of the pipe closes.
fn listen(input: Box<dyn Read + Send>, shared: &Shared) {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        line.clear();
        if !input.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            // pyrelease is gone, so no one waits for the answer.
            library::abort(super::ORPHANED.into());
        }
        match serde_json::from_slice(&line) {
            Ok(Incoming::Hello {}) => shared.state().greeted = true,
            Ok(Incoming::Call { method, params }) => {
                shared.state().request = Some(json!({"method": method, "params": params}));
            }
            Ok(Incoming::Ack { key, ok }) => shared.state().acks.push((key, ok)),
            Ok(Incoming::Cancel {}) => {
                shared.cancelled.store(true, Ordering::SeqCst);
                cancel(shared);
            }
            // The pipe closes after `bye`; ending is up to us.
            Ok(Incoming::Bye {}) => return,
            Err(_) => {}
        }
        shared.changed.notify_all();
    }
}
