//! The effects of plugins. The plugin announces each effect; the journal records it before the plugin may do it.
//!
//! Before the plugin of an interrupted stage runs again, its reversible effects are undone. Irreversible effects stay, and
//! are not repeated.

use serde_json::{Map, Value};

use super::Effects;
use crate::engine::event::Event;
use crate::engine::journal::{Entry, Record, entries};
use crate::engine::model::{Action, Effect, PluginEffect, Reach, State};
use crate::engine::recover::{PluginLog, Presence, RecoveryContext};
use crate::engine::release::Release;
use crate::error::{Error, Result};
use crate::plugin::launch::{EffectReply, PluginHandler, Stop};
use crate::plugin::protocol::{AnnouncedEffect, Class, Classes, Level, Method};
use crate::plugin::{Assignment, CallContext};
use crate::world::failpoints::InEffect;

/// The effects of a plugin's stage from earlier attempts
#[derive(Default)]
struct EarlierEffects {
    keys: Vec<String>,
    /// For the request to the plugin
    effects: Vec<Value>,
}

impl Effects<'_> {
    /// Lets a plugin do the stage's work, with effects of its declared classes. Does nothing if the effects are inert.
    ///
    /// # Errors
    /// The plugin returned no result, or broke the protocol. The effects that it has announced are in the journal.
    pub fn plugin(
        &mut self,
        assignment: &Assignment,
        classes: Classes,
        release: &Release,
        mut params: Map<String, Value>,
    ) -> Result<Option<Value>> {
        self.check_interrupt()?;
        let Some(live) = &self.live else { return Ok(None) };
        let (stop, run) = (live.interrupted, live.run);
        let earlier = self.resume_effects(release)?;
        params.insert("effects".to_owned(), earlier.effects.into());
        let folder = release.root();
        let place = CallContext {
            environment: &release.checkout.environment,
            folder: &folder,
            stop: Stop::Set(stop),
        };
        let log = PluginLog::open(&run.log(&self.stage), &assignment.plugin.name, Method::Run)?;
        let first = self.live.as_ref().map_or(0, |live| entries(live.journal.records()).len());
        let mut recorder = EffectRecorder {
            assignment,
            classes,
            earlier: &earlier.keys,
            log,
            open: Vec::new(),
            announced: Vec::new(),
            irreversible: false,
            effects: self,
        };
        let called = assignment.call(Method::Run, params, &place, &mut recorder);
        let open: Vec<u64> = recorder.open.drain(..).map(|open| open.id).collect();
        match called {
            Ok(value) => {
                self.settle_open(release, &open)?;
                Ok(Some(value))
            }
            Err(error) => {
                // A failed stage after the release causes no rollback, so undo its effects here.
                if self.reach == Reach::FollowUp {
                    self.tidy(release, first);
                }
                Err(error)
            }
        }
    }

    /// Undoes the reversible effects of earlier attempts at the stage, and returns the irreversible ones.
    fn resume_effects(&mut self, release: &Release) -> Result<EarlierEffects> {
        let (stage, listener) = (self.stage.clone(), self.listener);
        let Some(live) = &mut self.live else { return Ok(EarlierEffects::default()) };
        let context = RecoveryContext {
            repository: &release.checkout.repository,
            environment: &release.checkout.environment,
            run: live.run,
            listener,
        };
        let mut left: Vec<Entry> = entries(live.journal.records())
            .into_iter()
            .filter(|entry| entry.stage == stage && matches!(entry.effect, Effect::Plugin(_)))
            .filter(|entry| matches!(entry.state, State::Done | State::InDoubt))
            .collect();
        let class = |entry: &Entry| match &entry.effect {
            Effect::Plugin(effect) => effect.class,
            _ => Class::Irreversible,
        };
        let doubtful = |entry: &&Entry| class(entry) == Class::Irreversible && entry.state == State::InDoubt;
        if let Some(entry) = left.iter().find(doubtful) {
            return Err(unknown(&stage, &entry.effect));
        }
        if left.iter().all(|entry| class(entry) == Class::Reversible) {
            for entry in left.drain(..).rev() {
                if let Err(reason) = context.undo(live.journal, &entry)? {
                    let message = format!(
                        "`{stage}` was interrupted, and before it runs again, {} must be undone: {reason}",
                        entry.effect
                    );
                    return Err(Error::left(message));
                }
            }
        }
        let mut earlier = EarlierEffects::default();
        for entry in left {
            if let Effect::Plugin(effect) = &entry.effect {
                earlier.effects.push(effect.for_plugin(entry.state));
                earlier.keys.push(effect.key.clone());
            }
        }
        Ok(earlier)
    }

    /// Verifies the effects that a plugin announced but did not report as done, although it reported success.
    fn settle_open(&mut self, release: &Release, open: &[u64]) -> Result<()> {
        for id in open {
            let listener = self.listener;
            let Some(live) = &mut self.live else { return Ok(()) };
            let context = RecoveryContext {
                repository: &release.checkout.repository,
                environment: &release.checkout.environment,
                run: live.run,
                listener,
            };
            let found = entries(live.journal.records()).into_iter().find(|entry| entry.id == *id);
            let Some(entry) = found else { continue };
            match context.probe(&entry.effect) {
                Presence::Present => {
                    live.journal.write(Record::Done { id: *id, evidence: "found there".to_owned() })?;
                    let message = format!(
                        "the plugin did not report {} as done, but verified that it is",
                        entry.effect
                    );
                    self.warn(&message, None);
                }
                _ => {
                    return Err(Error::failed(format!(
                        "the plugin announced {}, but did not do it",
                        entry.effect
                    )));
                }
            }
        }
        Ok(())
    }

    /// Undoes the effects of a failed stage after the release, as far as possible.
    fn tidy(&mut self, release: &Release, first: usize) {
        let listener = self.listener;
        let Some(live) = &mut self.live else { return };
        let context = RecoveryContext {
            repository: &release.checkout.repository,
            environment: &release.checkout.environment,
            run: live.run,
            listener,
        };
        // The undo below reports the errors.
        let _ = context.reconcile(live.journal);
        let left = entries(live.journal.records()).into_iter().skip(first).rev();
        for entry in left.filter(|entry| matches!(entry.state, State::Done | State::InDoubt)) {
            let Effect::Plugin(effect) = &entry.effect else { continue };
            if effect.class == Class::Irreversible {
                return;
            }
            if let Ok(Err(reason)) | Err(reason) =
                context.undo(live.journal, &entry).map_err(|error| error.chain())
            {
                let message = format!("{} could not be undone: {reason}", entry.effect);
                listener.on_event(&Event::Warning {
                    stage: Some(&self.stage),
                    message: &message,
                    help: None,
                });
            }
        }
    }
}

fn unknown(stage: &str, effect: &Effect) -> Error {
    let message = format!(
        "it is not known whether {effect} was done when the run was interrupted, and it cannot be repeated"
    );
    if effect.reach() < Reach::Public {
        return Error::failed(message).help("it was a rehearsal and stays as it is: release again");
    }
    Error::left(message).help(format!(
        "check by hand, then run `pyrelease resume --done {stage}` if it was, or `pyrelease resume --again {stage}` \
         if it was not"
    ))
}

/// An effect that a plugin has announced and not reported as done
struct OpenEffect {
    key: String,
    id: u64,
    _inside: InEffect,
}

/// Handles the messages of a plugin that does a stage's work
struct EffectRecorder<'a, 'run> {
    assignment: &'a Assignment,
    classes: Classes,
    earlier: &'a [String],
    log: PluginLog,
    open: Vec<OpenEffect>,
    announced: Vec<String>,
    /// Whether an irreversible effect was announced
    irreversible: bool,
    effects: &'a mut Effects<'run>,
}

impl EffectRecorder<'_, '_> {
    fn refusal(&self, effect: &AnnouncedEffect) -> Option<String> {
        let AnnouncedEffect { key, class, .. } = effect;
        if !self.classes.allow(*class) {
            let declared = self.classes.name();
            return Some(format!(
                "the effect `{key}` is {class}, but the plugin declared that its effects are: {declared}"
            ));
        }
        if self.announced.contains(key) {
            return Some(format!("it announced the effect `{key}` twice"));
        }
        if *class == Class::Reversible && self.irreversible {
            return Some(format!("the reversible effect `{key}` comes after an irreversible one"));
        }
        self.effects.check_interrupt().err().map(|_| "the release was interrupted".to_owned())
    }

    fn reach(&self, class: Class) -> Reach {
        match class {
            Class::Reversible => self.effects.reach.min(Reach::Repository),
            Class::Irreversible => self.effects.reach,
        }
    }
}

impl PluginHandler for EffectRecorder<'_, '_> {
    fn log(&mut self, level: Level, message: &str) {
        self.log.keep(message);
        match level {
            Level::Debug => self.printed(message),
            Level::Info => self.effects.note(message),
            Level::Warn | Level::Error => self.effects.warn(message, None),
        }
    }

    fn printed(&mut self, line: &str) {
        self.log.keep(line);
        self.effects.listener.on_event(&Event::Output { stage: &self.effects.stage, line });
    }

    fn progress(&mut self, done: u64, total: u64, unit: &str) {
        self.effects.progress(if unit.is_empty() { &self.assignment.plugin.name } else { unit }, done, total);
    }

    fn effect(&mut self, effect: AnnouncedEffect) -> EffectReply {
        if self.earlier.contains(&effect.key) {
            self.effects.note(&format!("`{}`: done before the run was interrupted", effect.key));
            return EffectReply::Stands;
        }
        if let Some(refusal) = self.refusal(&effect) {
            return EffectReply::Refuse(refusal);
        }
        let reach = self.reach(effect.class);
        let AnnouncedEffect { key, class, summary, undo } = effect;
        let does = if summary.is_empty() { key.clone() } else { summary.clone() };
        let action = Action::Plugin { plugin: self.assignment.plugin.name.clone(), does };
        let intended = PluginEffect {
            member: self.effects.member.clone(),
            assignment: self.assignment.clone(),
            key: key.clone(),
            class,
            label: summary,
            reach,
            undo,
        };
        let stage = self.effects.stage.clone();
        let Some(live) = &mut self.effects.live else {
            return EffectReply::Refuse("there is no run".to_owned());
        };
        let id = match live.journal.intend(&stage, Effect::Plugin(Box::new(intended)), None) {
            Ok(id) => id,
            Err(error) => {
                return EffectReply::Refuse(format!("the journal cannot be written: {}", error.chain()));
            }
        };
        self.effects.listener.on_event(&Event::Action { stage: &stage, action: &action });
        self.irreversible |= class == Class::Irreversible;
        self.announced.push(key.clone());
        self.open.push(OpenEffect { key, id, _inside: InEffect::begin() });
        EffectReply::Act
    }

    fn done(&mut self, key: &str) -> Result<(), String> {
        let at = self.open.iter().position(|open| open.key == key);
        let at = at.ok_or_else(|| format!("it reported `{key}` as done without announcing it"))?;
        let OpenEffect { id, _inside, .. } = self.open.remove(at);
        drop(_inside);
        let Some(live) = &mut self.effects.live else { return Ok(()) };
        let evidence = "reported by the plugin".to_owned();
        live.journal.write(Record::Done { id, evidence }).map_err(|error| error.chain())
    }
}
