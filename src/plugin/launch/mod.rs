//! Calls a plugin: a process, the conversation with it, and its end, whatever the plugin does.
//!
//! Nothing here waits for the plugin without a limit, keeps more of what it says than a bound, or lets it outlive the
//! call: its process leads a session of its own, and all of that is ended.

mod pipes;
mod process;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::{Cause, Phase, PluginError};
use super::protocol::{
    Announced, Heard, LONGEST_MESSAGE, Level, Method, Misread, PROTOCOL, Said, understands,
};
use crate::world::failpoints::{self, Failpoint};
use crate::world::process::Since;
use pipes::{Piped, Pipes};
use process::Child;
use words::Words;

pub use process::set_host;

/// How long the process of a plugin may take to say `hello`: an interpreter on a busy machine is slow
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long it has to end by itself when its time is up
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How long it has to end by itself when the user interrupts: it may be at something that should be whole
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it has to end when it has given its result
const FAREWELL: Duration = Duration::from_secs(2);
/// How long the end of its output is waited for once it has ended
const GRACE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(20);
/// How often it is looked whether it has ended: most do at once
const BLINK: Duration = Duration::from_micros(200);
/// Bytes of messages that are taken from one call
const MOST: u64 = 64 << 20;
/// Messages that are
const MOST_MESSAGES: u64 = 300_000;
/// The greatest number that a progress has: the one up to which JSON's numbers are exact everywhere
const MOST_PROGRESS: u64 = 1 << 53;
/// Lines that are no messages that are forgiven
const MOST_STRAYS: u64 = 10_000;
const TOOL: &str = concat!("pyrelease/", env!("CARGO_PKG_VERSION"));

/// How a plugin is started
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Loaded by the host
    Library(PathBuf),
    /// Executed: a program and its arguments
    Executable(Vec<OsString>),
}

/// A call about to be made
#[derive(Debug)]
pub struct Call<'a> {
    /// The plugin's name, for messages
    pub plugin: &'a str,
    pub stage: &'a str,
    pub method: Method,
    pub params: &'a Value,
    pub program: &'a Program,
    pub folder: &'a Path,
    /// All that its process finds in its environment
    pub environment: &'a [(OsString, OsString)],
    /// Texts that must not be shown
    pub secrets: &'a [String],
    pub limit: Duration,
    pub stop: Stop<'a>,
}

/// What says that the user interrupts
#[derive(Debug, Clone, Copy)]
pub enum Stop<'a> {
    /// That this is set
    Set(&'a AtomicBool),
    /// An interrupt since then: an earlier one is why there is something to undo
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

/// What is answered to an announced effect
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is written down: act
    Act,
    /// It stands already, from before the run was cut short: leave it
    Stands,
    /// It must not
    Refuse(String),
}

/// Who hears what a plugin says while it is at work
pub trait PluginHandler {
    fn log(&mut self, level: Level, message: &str);
    /// A line that it printed
    fn printed(&mut self, line: &str);
    fn progress(&mut self, _done: u64, _total: u64, _unit: &str) {}
    /// It has been at it for so long, of so long at most, and says nothing.
    fn waiting(&mut self, _time: Duration, _limit: Duration) {}
    /// It is about to do this, and waits for the answer.
    fn effect(&mut self, effect: Announced) -> Answer;
    /// It has done this; an error ends the call
    fn done(&mut self, key: &str) -> Result<(), String>;
    /// Whether the call is to be ended here and now
    fn has_enough(&self) -> bool {
        false
    }
}

/// Makes the call and gives the plugin's result.
///
/// # Errors
/// There was none, and why.
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
        words: Words::of_who_knows(call.secrets),
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
    let done = conversation.hold();
    failpoints::in_effect(Failpoint::ProcessEnded, || format!("plugin {}", call.plugin));
    done
}

struct Conversation<'a> {
    call: &'a Call<'a>,
    words: Words,
    handler: &'a mut dyn PluginHandler,
    pipes: Pipes,
    child: Child,
    phase: Phase,
    began: Instant,
    /// Bytes of messages so far
    read: u64,
    greeted: bool,
    /// Why it was told to stop, if it was
    cancel: Option<&'static str>,
    /// Lines so far that were no messages
    strays: u64,
    messages: u64,
    /// What it tried and may not; the call fails for it, whatever its result
    forbidden: Option<String>,
}

/// What a message leads to
enum Next {
    GoOn,
    Over(Result<Value, Cause>),
}

impl Conversation<'_> {
    fn hold(mut self) -> Result<Value, PluginError> {
        let hello = Said::Hello { protocol: PROTOCOL, tool: TOOL, features: &[], required: &[] };
        self.pipes.say(hello.line());
        let mut ended = self.converse();
        let by_itself = matches!(ended, Ok(_) | Err(Cause::Failed(_)));
        if let (true, Some(forbidden)) = (by_itself, self.forbidden.take()) {
            ended = Err(Cause::Forbidden(forbidden));
        }
        if by_itself {
            self.pipes.say(Said::Bye.line());
            self.pipes.hush();
            let farewell = Instant::now();
            while farewell.elapsed() < FAREWELL && !self.child.has_ended() {
                std::thread::sleep(BLINK);
            }
        }
        self.child.end();
        self.listen_to_the_end();
        ended.map_err(|cause| PluginError {
            plugin: self.call.plugin.to_owned(),
            stage: self.call.stage.to_owned(),
            method: self.call.method,
            phase: self.phase,
            cause: self.without_secrets(cause),
            tail: self.pipes.tail().iter().map(|line| self.words.shown(line)).collect(),
        })
    }

    /// Listens until there is a result, or will be none.
    fn converse(&mut self) -> Result<Value, Cause> {
        let mut deadline: Option<(Instant, Cause)> = None;
        let mut ended: Option<Instant> = None;
        loop {
            if self.handler.has_enough() {
                return Err(Cause::Enough);
            }
            match self.pipes.next(TICK) {
                Some(Piped::Line(line)) => match self.on_event(&line) {
                    Next::GoOn => {}
                    Next::Over(result) => return result,
                },
                Some(Piped::Printed(line)) => self.printed(&line),
                Some(Piped::TooLong) => return Err(Cause::TooLong),
                Some(Piped::End) => return Err(self.why_silent()),
                // Somebody that it left behind may hold its output open.
                None if self.child.has_ended()
                    && ended.get_or_insert_with(Instant::now).elapsed() >= GRACE =>
                {
                    return Err(self.why_silent());
                }
                None => {}
            }
            if let Some((last, _)) = &deadline {
                if Instant::now() >= *last {
                    return Err(deadline.map_or(Cause::Silent, |(_, cause)| cause));
                }
                continue;
            }
            let limit = if self.greeted { self.call.limit } else { self.call.limit.min(HANDSHAKE) };
            self.handler.waiting(self.began.elapsed(), limit);
            let (reason, patience, cause) = if self.call.stop.is_wanted() {
                ("interrupt", PATIENCE, Cause::Interrupted)
            } else if self.began.elapsed() >= limit {
                ("timeout", LAST_WORDS, Cause::TimedOut(limit))
            } else {
                continue;
            };
            // One that has not said hello yet has not been asked anything: it is told when it has.
            self.cancel = Some(reason);
            if self.greeted {
                self.pipes.say(Said::Cancel { reason }.line());
            }
            deadline = Some((Instant::now() + patience, cause));
        }
    }

    fn on_event(&mut self, line: &[u8]) -> Next {
        self.read += line.len() as u64 + 1;
        self.messages += 1;
        if self.read > MOST {
            return Next::Over(Err(Cause::TooMuch(format!("{} MiB", MOST >> 20))));
        }
        if self.messages > MOST_MESSAGES {
            return Next::Over(Err(Cause::TooMuch(format!("{MOST_MESSAGES} messages"))));
        }
        if self.strays > MOST_STRAYS {
            return Next::Over(Err(Cause::TooMuch(format!("{MOST_STRAYS} lines that are no messages"))));
        }
        let heard = match Heard::read(line) {
            Ok(heard) => heard,
            Err(Misread::Stray(shown)) if !self.call.method.is_strict() => {
                self.stray(&shown);
                return Next::GoOn;
            }
            Err(misread) => return Next::Over(Err(Cause::Garbage(misread.to_string()))),
        };
        let out_of_turn = |what: &str| Next::Over(Err(Cause::Garbage(format!("`{what}` out of turn"))));
        match heard {
            Heard::Phase { phase } => {
                self.phase = match phase.as_str() {
                    "load" => Phase::Loading,
                    "create" => Phase::Creating,
                    _ => Phase::Calling,
                };
                Next::GoOn
            }
            Heard::Fatal { code, message } => Next::Over(Err(match code.as_str() {
                "start" => Cause::NotStarted(message),
                "no-result" => Cause::Nonsense(message),
                _ => Cause::NotLoaded(message),
            })),
            Heard::Hello { .. } if self.greeted => out_of_turn("hello"),
            Heard::Hello { protocol, required, .. } => self.greet(&protocol, &required),
            Heard::Log { level, message } => {
                self.handler.log(level, &self.words.shown(&message));
                Next::GoOn
            }
            _ if !self.greeted => out_of_turn("a message before `hello`"),
            Heard::Progress { done, total, unit } => {
                // More than there can be, or than there is to do, is nobody's sum.
                let total = total.min(MOST_PROGRESS);
                let done = done.min(if total == 0 { MOST_PROGRESS } else { total });
                self.handler.progress(done, total, &self.words.line(&unit));
                Next::GoOn
            }
            Heard::Effect(effect) => self.answer(effect),
            Heard::EffectDone { key } => match self.handler.done(&key) {
                Ok(()) => Next::GoOn,
                Err(problem) => Next::Over(Err(Cause::Forbidden(problem))),
            },
            // What it says of itself is looked at by whoever reads it; the rest is shown, and kept.
            Heard::Result { ok: true, value, .. } if self.call.method == Method::Describe => {
                Next::Over(Ok(value))
            }
            Heard::Result { ok: true, value, .. } => Next::Over(Ok(self.words.answer(value))),
            Heard::Result { error, .. } => {
                Next::Over(Err(Cause::Failed(Box::new(error.unwrap_or_default()))))
            }
        }
    }

    fn greet(&mut self, protocol: &str, required: &[String]) -> Next {
        if let Err(problem) = understands(PROTOCOL, protocol) {
            return Next::Over(Err(Cause::Version(problem)));
        }
        if let Some(feature) = required.first() {
            let problem = format!("it needs `{feature}`, which this version of pyrelease does not have");
            return Next::Over(Err(Cause::Version(problem)));
        }
        self.greeted = true;
        if self.phase == Phase::Starting {
            self.phase = Phase::Calling;
        }
        self.began = Instant::now();
        self.pipes.say(Said::Call { method: self.call.method, params: self.call.params }.line());
        if let Some(reason) = self.cancel {
            self.pipes.say(Said::Cancel { reason }.line());
        }
        Next::GoOn
    }

    fn answer(&mut self, mut effect: Announced) -> Next {
        let key = effect.key.clone();
        let refusal = if self.call.method != Method::Run {
            Some(format!("it announced the effect `{key}` in `{}`", self.call.method))
        } else if self.words.has_secret(&effect.undo) || self.words.has_secret(&key.as_str().into()) {
            Some(format!("what it wants to keep for undoing `{key}` contains a secret"))
        } else {
            words::unusable(&key)
        };
        effect.summary = self.words.line(&effect.summary);
        let answer = match refusal {
            Some(refusal) => Answer::Refuse(refusal),
            None => self.handler.effect(effect),
        };
        let said = match &answer {
            Answer::Act => Said::Ack { key: &key, ok: true, reason: None },
            Answer::Stands => Said::Ack { key: &key, ok: false, reason: Some("it stands already") },
            Answer::Refuse(reason) => Said::Ack { key: &key, ok: false, reason: Some(reason) },
        };
        self.pipes.say(said.line());
        if let Answer::Refuse(reason) = answer {
            self.forbidden.get_or_insert(reason);
        } else if answer == Answer::Act {
            failpoints::in_effect(Failpoint::Acknowledged, || format!("plugin {}", self.call.plugin));
        }
        Next::GoOn
    }

    /// A line among the messages that is none.
    fn stray(&mut self, shown: &str) {
        self.strays += 1;
        if self.strays == 1 {
            let message = format!("it prints among its messages, which it should not: {shown}");
            self.handler.log(Level::Warn, &self.words.shown(&message));
        }
        self.printed(shown);
    }

    fn printed(&mut self, line: &str) {
        self.pipes.keep(line);
        let shown = self.words.shown(line);
        self.handler.printed(&shown);
    }

    /// Its output is closed: most likely it has ended.
    fn why_silent(&mut self) -> Cause {
        let began = Instant::now();
        while began.elapsed() < GRACE {
            if let Some(status) = self.child.status() {
                return process::cause(status);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Cause::Silent
    }

    /// What it still said, for the error to show.
    fn listen_to_the_end(&mut self) {
        let began = Instant::now();
        while began.elapsed() < GRACE {
            match self.pipes.next(TICK) {
                Some(Piped::Printed(line)) => self.printed(&line),
                Some(_) => {}
                None if self.pipes.are_closed() => return,
                None => {}
            }
        }
    }

    fn without_secrets(&self, cause: Cause) -> Cause {
        let shown = |text: String| self.words.shown(&text);
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
