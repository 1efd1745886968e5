//! Verifies and undoes the effects of plugins, each in a new process of the plugin.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Presence, RecoveryContext};
use crate::engine::event::{Event, Listener};
use crate::engine::journal::{Journal, header};
use crate::engine::model::{PluginEffect, State};
use crate::error::Result;
use crate::plugin::launch::{EffectReply, PluginHandler, Stop};
use crate::plugin::protocol::{AnnouncedEffect, Level, Method};
use crate::plugin::{Assignment, CallContext, trust};
use crate::world::process::Since;

/// The most bytes of a plugin's output per call that the log keeps
const KEPT: usize = 16 << 20;

/// The run's log of a plugin's output
pub struct PluginLog {
    file: fs_err::File,
    left: usize,
}

impl PluginLog {
    /// Opens the log, or creates it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(path: &Path, plugin: &str, method: Method) -> Result<Self> {
        let mut file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "$ plugin {plugin} {method}")?;
        Ok(Self { file, left: KEPT })
    }

    /// Writes a line, up to the limit.
    pub fn keep(&mut self, line: &str) {
        let Some(left) = self.left.checked_sub(line.len() + 1) else { return };
        self.left = left;
        // A failure to log does not stop the run.
        let _ = writeln!(self.file, "{line}");
    }
}

/// The time after which the user is told what the run is waiting for
const LONG: Duration = Duration::from_secs(1);

struct RecoveryHandler<'a> {
    assignment: &'a Assignment,
    method: Method,
    listener: &'a dyn Listener,
    log: PluginLog,
    has_waited: bool,
}

impl PluginHandler for RecoveryHandler<'_> {
    fn log(&mut self, level: Level, message: &str) {
        self.log.keep(message);
        let stage = Some(self.assignment.stage.as_str());
        match level {
            Level::Debug => self.printed(message),
            Level::Info => self.listener.on_event(&Event::Note { stage, message }),
            Level::Warn | Level::Error => {
                self.listener.on_event(&Event::Warning { stage, message, help: None })
            }
        }
    }

    fn printed(&mut self, line: &str) {
        self.log.keep(line);
        self.listener.on_event(&Event::Output { stage: &self.assignment.stage, line });
    }

    fn waiting(&mut self, time: Duration, limit: Duration) {
        if time < LONG || std::mem::replace(&mut self.has_waited, true) {
            return;
        }
        let (plugin, stage) = (&self.assignment.plugin.name, &self.assignment.stage);
        let message = format!(
            "waiting for plugin `{plugin}` of stage `{stage}`: `{}` may take {} s (Ctrl-C ends it)",
            self.method,
            limit.as_secs()
        );
        self.listener.on_event(&Event::Note { stage: Some(stage), message: &message });
    }

    fn effect(&mut self, effect: AnnouncedEffect) -> EffectReply {
        EffectReply::Refuse(format!("`{}` is not part of a recovery", effect.key))
    }

    fn done(&mut self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

impl RecoveryContext<'_> {
    /// Asks the plugin whether its effect is present.
    pub(super) fn verify_plugin(&self, effect: &PluginEffect) -> Presence {
        let answer = match self.ask(effect, Method::Verify, State::InDoubt) {
            Ok(answer) => answer,
            Err(error) => return Presence::Unknown(error.chain()),
        };
        let states = answer.get("effects").and_then(Value::as_array);
        let of_this = states.into_iter().flatten().find(|state| state["key"] == effect.key.as_str());
        match of_this.and_then(|state| state["state"].as_str()) {
            Some("present") => Presence::Present,
            Some("absent") => Presence::Absent,
            Some("unknown") => Presence::Unknown("the plugin cannot tell".to_owned()),
            _ => Presence::Unknown("the plugin did not report its state".to_owned()),
        }
    }

    /// Lets the plugin undo its effect, which may never have happened.
    pub(super) fn undo_plugin(&self, effect: &PluginEffect, state: State) -> Result<(), String> {
        let answer = self.ask(effect, Method::Undo, state).map_err(|error| error.chain())?;
        let has = |value: &Value| value == effect.key.as_str() || value["key"] == effect.key.as_str();
        let among =
            |list: &str| answer[list].as_array().and_then(|keys| keys.iter().find(|key| has(key)).cloned());
        if among("undone").is_some() {
            return Ok(());
        }
        let kept = among("kept").and_then(|kept| kept["reason"].as_str().map(str::to_owned));
        Err(kept.unwrap_or_else(|| "the plugin did not report that it undid it".to_owned()))
    }

    fn ask(&self, effect: &PluginEffect, method: Method, state: State) -> Result<Value> {
        let assignment = &effect.assignment;
        trust::expect_consent(&assignment.plugin, self.repository.top(), self.environment)?;
        let header = Journal::read(&self.run.journal()).ok().and_then(|records| header(&records).cloned());
        let member = effect.member.as_deref();
        let folder = self.folder(header.as_ref(), member);
        let mut params = Map::new();
        params.insert("effects".to_owned(), json!([effect.for_plugin(state)]));
        if let Some(header) = header {
            let project: PathBuf = folder.components().collect();
            let names = header.names_of(member);
            params.insert(
                "release".to_owned(),
                json!({
                    "name": names.name,
                    "version": names.version,
                    "previous": names.previous_version,
                    "tag": names.tag,
                    "date": names.date,
                    "project": project,
                }),
            );
        }
        let stop = Stop::Since(Since::now());
        let place = CallContext { environment: self.environment, folder: &folder, stop };
        let log = PluginLog::open(&self.run.log(&assignment.stage), &assignment.plugin.name, method)?;
        let mut handler =
            RecoveryHandler { assignment, method, listener: self.listener, log, has_waited: false };
        assignment.call(method, params, &place, &mut handler)
    }
}
