//! Calls a plugin: starts its process, exchanges messages, and ends it, whatever the plugin does.
//!
//! Every wait and every buffer is limited, and no process survives the call: the plugin leads a session of its own,
//! which is ended as a whole.

mod pipes;
mod process;
mod redact;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::{Cause, Phase, PluginError};
use super::protocol::{
    AnnouncedEffect, HostMessage, LONGEST_MESSAGE, Level, MessageError, Method, PROTOCOL, PluginMessage,
    understands,
};
use crate::world::failpoints::{self, Failpoint};
use crate::world::process::Since;
use pipes::{PipeEvent, Pipes};
use process::Child;
use redact::Redactor;

pub use process::set_host;

/// How long a plugin's process may take to send `hello`: interpreters are slow to start on a busy machine
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long it has to end after a timeout
const TIMEOUT_GRACE: Duration = Duration::from_millis(300);
/// How long it has to end after an interrupt: it may be in the middle of a write
const INTERRUPT_GRACE: Duration = Duration::from_secs(5);
/// How long it has to end after its result
const EXIT_GRACE: Duration = Duration::from_secs(2);
/// How long to wait for the end of its output after it has ended
const GRACE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(20);
/// The polling interval after the result: most plugins end at once
const BLINK: Duration = Duration::from_micros(200);
/// Bytes of messages in one call, at most
const MAX_BYTES: u64 = 64 << 20;
/// Messages in one call, at most
const MAX_MESSAGES: u64 = 300_000;
/// The greatest progress value: JSON numbers are exact up to it
const MAX_PROGRESS: u64 = 1 << 53;
/// Stray lines in one call, at most
const MAX_STRAYS: u64 = 10_000;
const TOOL: &str = concat!("pyrelease/", env!("CARGO_PKG_VERSION"));

/// How a plugin is started
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A library, loaded by the host
    Library(PathBuf),
    /// A program and its arguments
    Executable(Vec<OsString>),
}

/// A call to make
#[derive(Debug)]
pub struct Call<'a> {
    /// The plugin's name, for messages
    pub plugin: &'a str,
    pub stage: &'a str,
    pub method: Method,
    pub params: &'a Value,
    pub program: &'a Program,
    pub folder: &'a Path,
    /// The complete environment of its process
    pub environment: &'a [(OsString, OsString)],
    /// Texts that must not be shown
    pub secrets: &'a [String],
    pub limit: Duration,
    pub stop: Stop<'a>,
}

/// How the user's interrupt is detected
#[derive(Debug, Clone, Copy)]
pub enum Stop<'a> {
    /// By this flag
    Set(&'a AtomicBool),
    /// By an interrupt since then; an earlier one is the reason for an undo
    Since(Since),
}

impl Stop<'_> {
    fn is_wanted(self) -> bool {
        match self {
            Self::Set(flag) => flag.load(Ordering::SeqCst),
            Self::Since(moment) => moment.is_interrupted(),
        }
    }
}

/// The answer to an announced effect
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectReply {
    /// It is written down: act
    Act,
    /// It stands already, from before the run was cut short: leave it
    Stands,
    /// It must not
    Refuse(String),
}

/// Receives the messages of a running plugin
pub trait PluginHandler {
    fn log(&mut self, level: Level, message: &str);
    /// The plugin printed a line.
    fn printed(&mut self, line: &str);
    /// The plugin has printed to standard output for the first time; `message` is a warning about it.
    fn stray(&mut self, message: &str) {
        self.log(Level::Warn, message);
    }
    fn progress(&mut self, _done: u64, _total: u64, _unit: &str) {}
    /// The plugin has been silent for `time`, of at most `limit`.
    fn waiting(&mut self, _time: Duration, _limit: Duration) {}
    /// The plugin announces an effect, and waits for the answer.
    fn effect(&mut self, effect: AnnouncedEffect) -> EffectReply;
    /// The plugin has done an effect; an error ends the call.
    fn done(&mut self, key: &str) -> Result<(), String>;
    /// Whether to kill the plugin now; for tests of plugins.
    fn is_killed(&self) -> bool {
        false
    }
}

/// Makes the call and returns the plugin's result.
///
/// # Errors
/// There is no result; the error says why.
pub fn call(call: &Call<'_>, handler: &mut dyn PluginHandler) -> Result<Value, PluginError> {
    let failed = |cause| PluginError {
        plugin: call.plugin.to_owned(),
        stage: call.stage.to_owned(),
        method: call.method,
        phase: Phase::Starting,
        cause,
        tail: Vec::new(),
    };
    let (child, ends) = Child::start(call).map_err(|error| failed(Cause::NotStarted(error.to_string())))?;
    failpoints::in_effect(Failpoint::ProcessStarted, || format!("plugin {}", call.plugin));
    let conversation = Conversation {
        call,
        redactor: Redactor::new(call.secrets),
        handler,
        pipes: Pipes::open(ends),
        child,
        phase: Phase::Starting,
        began: Instant::now(),
        read: 0,
        greeted: false,
        cancel: None,
        strays: 0,
        messages: 0,
        forbidden: None,
    };
    let done = conversation.run();
    failpoints::in_effect(Failpoint::ProcessEnded, || format!("plugin {}", call.plugin));
    done
}

struct Conversation<'a> {
    call: &'a Call<'a>,
    redactor: Redactor,
    handler: &'a mut dyn PluginHandler,
    pipes: Pipes,
    child: Child,
    phase: Phase,
    began: Instant,
    /// Bytes of messages so far
    read: u64,
    greeted: bool,
    /// Why it was asked to stop, if so
    cancel: Option<&'static str>,
    /// Stray lines so far
    strays: u64,
    messages: u64,
    /// A forbidden action; the call fails for it, whatever its result
    forbidden: Option<String>,
}

/// What to do after a message
enum Next {
    Continue,
    Finish(Result<Value, Cause>),
}

impl Conversation<'_> {
    fn run(mut self) -> Result<Value, PluginError> {
        let hello = HostMessage::Hello { protocol: PROTOCOL, tool: TOOL, features: &[], required: &[] };
        self.pipes.send(hello.line());
        let mut ended = self.exchange();
        let by_itself = matches!(ended, Ok(_) | Err(Cause::Failed(_)));
        if let (true, Some(forbidden)) = (by_itself, self.forbidden.take()) {
            ended = Err(Cause::Forbidden(forbidden));
        }
        if by_itself {
            self.pipes.send(HostMessage::Bye.line());
            self.pipes.close_input();
            let farewell = Instant::now();
            while farewell.elapsed() < EXIT_GRACE && !self.child.has_ended() {
                std::thread::sleep(BLINK);
            }
        }
        self.child.end();
        self.read_rest();
        ended.map_err(|cause| PluginError {
            plugin: self.call.plugin.to_owned(),
            stage: self.call.stage.to_owned(),
            method: self.call.method,
            phase: self.phase,
            cause: self.without_secrets(cause),
            tail: self.pipes.tail().iter().map(|line| self.redactor.text(line)).collect(),
        })
    }

    /// Processes messages until the call is over.
    fn exchange(&mut self) -> Result<Value, Cause> {
        let mut deadline: Option<(Instant, Cause)> = None;
        let mut ended: Option<Instant> = None;
        loop {
            if self.handler.is_killed() {
                return Err(Cause::Killed);
            }
            match self.pipes.next(TICK) {
                Some(PipeEvent::Line(line)) => match self.on_event(&line) {
                    Next::Continue => {}
                    Next::Finish(result) => return result,
                },
                Some(PipeEvent::Printed(line)) => self.printed(&line),
                Some(PipeEvent::TooLong) => return Err(Cause::TooLong),
                Some(PipeEvent::End) => return Err(self.why_closed()),
                // A process that it left behind may hold its output open.
                None if self.child.has_ended()
                    && ended.get_or_insert_with(Instant::now).elapsed() >= GRACE =>
                {
                    return Err(self.why_closed());
                }
                None => {}
            }
            if let Some((last, _)) = &deadline {
                if Instant::now() >= *last {
                    return Err(deadline.map_or(Cause::Closed, |(_, cause)| cause));
                }
                continue;
            }
            let limit = if self.greeted { self.call.limit } else { self.call.limit.min(HANDSHAKE) };
            self.handler.waiting(self.began.elapsed(), limit);
            let (reason, patience, cause) = if self.call.stop.is_wanted() {
                ("interrupt", INTERRUPT_GRACE, Cause::Interrupted)
            } else if self.began.elapsed() >= limit {
                ("timeout", TIMEOUT_GRACE, Cause::TimedOut(limit))
            } else {
                continue;
            };
            // Before `hello` it cannot receive `cancel`; it is sent after `call`.
            self.cancel = Some(reason);
            if self.greeted {
                self.pipes.send(HostMessage::Cancel { reason }.line());
            }
            deadline = Some((Instant::now() + patience, cause));
        }
    }

    fn on_event(&mut self, line: &[u8]) -> Next {
        self.read += line.len() as u64 + 1;
        self.messages += 1;
        if self.read > MAX_BYTES {
            return Next::Finish(Err(Cause::TooMuch(format!("{} MiB", MAX_BYTES >> 20))));
        }
        if self.messages > MAX_MESSAGES {
            return Next::Finish(Err(Cause::TooMuch(format!("{MAX_MESSAGES} messages"))));
        }
        if self.strays > MAX_STRAYS {
            return Next::Finish(Err(Cause::TooMuch(format!("{MAX_STRAYS} lines that are not messages"))));
        }
        let message = match PluginMessage::read(line) {
            Ok(message) => message,
            Err(MessageError::Stray(shown)) if !self.call.method.is_strict() => {
                self.stray(&shown);
                return Next::Continue;
            }
            Err(misread) => return Next::Finish(Err(Cause::Garbage(misread.to_string()))),
        };
        let out_of_turn = |what: &str| Next::Finish(Err(Cause::Garbage(format!("`{what}` out of turn"))));
        match message {
            PluginMessage::Phase { phase } => {
                self.phase = match phase.as_str() {
                    "load" => Phase::Loading,
                    "create" => Phase::Creating,
                    _ => Phase::Calling,
                };
                Next::Continue
            }
            PluginMessage::Fatal { code, message } => Next::Finish(Err(match code.as_str() {
                "start" => Cause::NotStarted(message),
                "no-result" => Cause::Nonsense(message),
                _ => Cause::NotLoaded(message),
            })),
            PluginMessage::Hello { .. } if self.greeted => out_of_turn("hello"),
            PluginMessage::Hello { protocol, required, .. } => self.greet(&protocol, &required),
            PluginMessage::Log { level, message } => {
                self.handler.log(level, &self.redactor.text(&message));
                Next::Continue
            }
            _ if !self.greeted => out_of_turn("a message before `hello`"),
            PluginMessage::Progress { done, total, unit } => {
                // Clamp progress to the total, and both to exact numbers.
                let total = total.min(MAX_PROGRESS);
                let done = done.min(if total == 0 { MAX_PROGRESS } else { total });
                self.handler.progress(done, total, &self.redactor.line(&unit));
                Next::Continue
            }
            PluginMessage::Effect(effect) => self.answer(effect),
            PluginMessage::EffectDone { key } => match self.handler.done(&key) {
                Ok(()) => Next::Continue,
                Err(problem) => Next::Finish(Err(Cause::Forbidden(problem))),
            },
            // The caller checks a description itself; other results are shown and recorded.
            PluginMessage::Result { ok: true, value, .. } if self.call.method == Method::Describe => {
                Next::Finish(Ok(value))
            }
            PluginMessage::Result { ok: true, value, .. } => Next::Finish(Ok(self.redactor.answer(value))),
            PluginMessage::Result { error, .. } => {
                Next::Finish(Err(Cause::Failed(Box::new(error.unwrap_or_default()))))
            }
        }
    }

    fn greet(&mut self, protocol: &str, required: &[String]) -> Next {
        if let Err(problem) = understands(PROTOCOL, protocol) {
            return Next::Finish(Err(Cause::Version(problem)));
        }
        if let Some(feature) = required.first() {
            let problem = format!("it needs `{feature}`, which this version of pyrelease does not have");
            return Next::Finish(Err(Cause::Version(problem)));
        }
        self.greeted = true;
        if self.phase == Phase::Starting {
            self.phase = Phase::Calling;
        }
        self.began = Instant::now();
        self.pipes.send(HostMessage::Call { method: self.call.method, params: self.call.params }.line());
        if let Some(reason) = self.cancel {
            self.pipes.send(HostMessage::Cancel { reason }.line());
        }
        Next::Continue
    }

    fn answer(&mut self, mut effect: AnnouncedEffect) -> Next {
        let key = effect.key.clone();
        let refusal = if self.call.method != Method::Run {
            Some(format!("it announced the effect `{key}` in `{}`", self.call.method))
        } else if self.redactor.has_secret(&effect.undo) || self.redactor.has_secret(&key.as_str().into()) {
            Some(format!("what it wants to keep for undoing `{key}` contains a secret"))
        } else {
            redact::invalid_key(&key)
        };
        effect.summary = self.redactor.line(&effect.summary);
        let answer = match refusal {
            Some(refusal) => EffectReply::Refuse(refusal),
            None => self.handler.effect(effect),
        };
        let reply = match &answer {
            EffectReply::Act => HostMessage::Ack { key: &key, ok: true, reason: None },
            EffectReply::Stands => {
                HostMessage::Ack { key: &key, ok: false, reason: Some("it stands already") }
            }
            EffectReply::Refuse(reason) => HostMessage::Ack { key: &key, ok: false, reason: Some(reason) },
        };
        self.pipes.send(reply.line());
        if let EffectReply::Refuse(reason) = answer {
            self.forbidden.get_or_insert(reason);
        } else if answer == EffectReply::Act {
            failpoints::in_effect(Failpoint::Acknowledged, || format!("plugin {}", self.call.plugin));
        }
        Next::Continue
    }

    /// A line of standard output that is not a message.
    fn stray(&mut self, shown: &str) {
        self.strays += 1;
        if self.strays == 1 {
            let message =
                format!("the plugin printed to standard output, which is reserved for messages: {shown}");
            self.handler.stray(&self.redactor.text(&message));
        }
        self.printed(shown);
    }

    fn printed(&mut self, line: &str) {
        self.pipes.keep(line);
        let shown = self.redactor.text(line);
        self.handler.printed(&shown);
    }

    /// Its output is closed: most likely it has ended.
    fn why_closed(&mut self) -> Cause {
        let began = Instant::now();
        while began.elapsed() < GRACE {
            if let Some(status) = self.child.status() {
                return process::cause(status);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Cause::Closed
    }

    /// Reads the rest of its output, for the error message.
    fn read_rest(&mut self) {
        let began = Instant::now();
        while began.elapsed() < GRACE {
            match self.pipes.next(TICK) {
                Some(PipeEvent::Printed(line)) => self.printed(&line),
                Some(_) => {}
                None if self.pipes.are_closed() => return,
                None => {}
            }
        }
    }

    fn without_secrets(&self, cause: Cause) -> Cause {
        let shown = |text: String| self.redactor.text(&text);
        match cause {
            Cause::Failed(mut failure) => {
                failure.message = shown(failure.message);
                failure.hint = failure.hint.map(shown);
                Cause::Failed(failure)
            }
            Cause::Garbage(text) => Cause::Garbage(shown(text)),
            Cause::Forbidden(text) => Cause::Forbidden(shown(text)),
            Cause::Nonsense(text) => Cause::Nonsense(shown(text)),
            Cause::NotLoaded(text) => Cause::NotLoaded(shown(text)),
            other => other,
        }
    }
}
