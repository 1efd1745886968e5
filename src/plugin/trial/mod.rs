//! Tests a plugin for its author: every method, cancellation, death at each point of each effect, undoing twice, its
//! schema and its secrets. The plugin really runs, in a temporary project, with the given configuration.

mod sandbox;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::launch::{Call, EffectReply, PluginHandler, Stop, call};
use super::protocol::{AnnouncedEffect, Class, Classes, Descriptor, Level, Method};
use super::{Assignment, Cause, Plugin, PluginError, schema};
use crate::error::{Error, Result};
use crate::world::Environment;
use sandbox::Sandbox;

/// The options of a test
#[derive(Debug)]
pub struct Options {
    pub config: Value,
    /// Whether to run irreversible effects
    pub irreversible: bool,
    /// The time limit of a call, in seconds
    pub seconds: u64,
}

/// One thing that was tested
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TrialStep {
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why it was skipped
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// The value of every secret: wherever it appears, the plugin has leaked it
const CANARY: &str = "pyrelease-secret-canary-5d1f";

/// Tests the plugin in `file`.
///
/// # Errors
/// The file cannot be read, or the temporary project cannot be created. Problems of the plugin are in the result.
pub fn try_out(file: &Path, environment: &Environment, options: &Options) -> Result<Vec<TrialStep>> {
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or("plugin");
    let mut plugin = Plugin::of_file(name, &fs_err::canonicalize(file)?)?;
    plugin.name = name.strip_prefix(std::env::consts::DLL_PREFIX).unwrap_or(name).replace('_', "-");
    let assignment = Assignment {
        stage: plugin.name.clone(),
        plugin,
        config: options.config.clone(),
        secrets: Vec::new(),
        environment: Vec::new(),
        seconds: Some(options.seconds),
    };
    let mut trial =
        Trial { assignment, environment, sandbox: Sandbox::new()?, secrets: Map::new(), tried: Vec::new() };
    let was_kept = trial.assignment.plugin.has_copy(environment);
    trial.test_all(options);
    if !was_kept {
        // Authors build and test many times; do not keep a copy of each build.
        trial.assignment.plugin.forget_copy(environment)?;
    }
    Ok(trial.tried)
}

struct Trial<'a> {
    assignment: Assignment,
    environment: &'a Environment,
    sandbox: Sandbox,
    secrets: Map<String, Value>,
    tried: Vec<TrialStep>,
}

/// When a call is killed
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KillPoint {
    Announced,
    Acknowledged,
    Done,
}

impl KillPoint {
    const ALL: [Self; 3] = [Self::Announced, Self::Acknowledged, Self::Done];

    fn shown(self) -> &'static str {
        match self {
            Self::Announced => "killed after announcing",
            Self::Acknowledged => "killed after the acknowledgement of",
            Self::Done => "killed after doing",
        }
    }
}

/// The messages of a call
#[derive(Default)]
struct CallRecord {
    output: Vec<String>,
    effects: Vec<AnnouncedEffect>,
    done: Vec<String>,
    problems: Vec<String>,
    declared: Classes,
    kill_at: Option<(usize, KillPoint)>,
    is_killed: bool,
}

impl PluginHandler for CallRecord {
    fn log(&mut self, _level: Level, message: &str) {
        self.output.push(message.to_owned());
    }

    fn stray(&mut self, message: &str) {
        self.problems.push(message.to_owned());
        self.output.push(message.to_owned());
    }

    fn printed(&mut self, line: &str) {
        self.output.push(line.to_owned());
    }

    fn effect(&mut self, effect: AnnouncedEffect) -> EffectReply {
        if !self.declared.allow(effect.class) {
            return EffectReply::Refuse(format!(
                "`{}` is {}, which its description does not declare",
                effect.key, effect.class
            ));
        }
        let number = self.effects.len();
        self.effects.push(effect);
        match self.kill_at {
            Some((at, KillPoint::Announced)) if at == number => {
                self.is_killed = true;
                EffectReply::Refuse("the test kills the plugin here".to_owned())
            }
            Some((at, KillPoint::Acknowledged)) if at == number => {
                self.is_killed = true;
                EffectReply::Act
            }
            _ => EffectReply::Act,
        }
    }

    fn done(&mut self, key: &str) -> std::result::Result<(), String> {
        let number = self.effects.iter().position(|effect| effect.key == key);
        if number.is_none() {
            return Err(format!("it reported `{key}` as done without announcing it"));
        }
        self.done.push(key.to_owned());
        self.is_killed |= self.kill_at.is_some_and(|(at, end)| end == KillPoint::Done && Some(at) == number);
        Ok(())
    }

    fn is_killed(&self) -> bool {
        self.is_killed
    }
}

type ReplyResult = std::result::Result<Value, String>;

impl Trial<'_> {
    fn test_all(&mut self, options: &Options) {
        let Some(descriptor) = self.describe() else { return };
        if !self.check_config(&descriptor) {
            return;
        }
        for secret in &descriptor.requires.secrets {
            self.secrets.insert(secret.name.clone(), CANARY.into());
        }
        self.preflight(&descriptor);
        if descriptor.effects == Classes::Irreversible && !options.irreversible {
            self.skip(
                "run, verify and all others",
                "its effects are irreversible: pass `--irreversible` to run them",
            );
            return;
        }
        let Some(effects) = self.run(&descriptor) else { return };
        if effects.iter().any(|effect| effect.class == Class::Irreversible) {
            self.skip("cancellation and death at each point", "its effects are irreversible");
            return;
        }
        self.cancel(&descriptor);
        for number in 0..effects.len() {
            KillPoint::ALL.into_iter().for_each(|end| self.kill(&descriptor, number, end));
        }
        if descriptor.effects == Classes::Reversible {
            self.undo_nothing(&effects);
        }
    }

    fn note(&mut self, what: impl Into<String>, outcome: std::result::Result<(), String>) -> bool {
        let passed = outcome.is_ok();
        self.tried.push(TrialStep { what: what.into(), problem: outcome.err(), left_out: None });
        passed
    }

    fn skip(&mut self, what: &str, why: &str) {
        self.tried.push(TrialStep { what: what.to_owned(), problem: None, left_out: Some(why.to_owned()) });
    }

    fn describe(&mut self) -> Option<Descriptor> {
        let (first, _) = self.call(Method::Describe, json!({}), CallRecord::default(), false);
        let read = first
            .map_err(|error| error.to_string())
            .and_then(|value| Descriptor::read(value.clone()).map(|descriptor| (value, descriptor)));
        match read {
            Ok((value, descriptor)) => {
                let (second, _) = self.call(Method::Describe, json!({}), CallRecord::default(), false);
                let same = second.is_ok_and(|second| second == value);
                self.note(
                    "describe",
                    if same {
                        Ok(())
                    } else {
                        Err("its second description differs from the first".to_owned())
                    },
                );
                let missing: Vec<&str> = Method::ALL
                    .into_iter()
                    .filter(|method| !descriptor.has(*method))
                    .map(Method::name)
                    .collect();
                if !missing.is_empty() {
                    self.skip(&missing.join(", "), "not supported by the plugin");
                }
                Some(descriptor)
            }
            Err(problem) => {
                self.note("describe", Err(problem));
                None
            }
        }
    }

    fn check_config(&mut self, descriptor: &Descriptor) -> bool {
        let Some(schema) = &descriptor.config_schema else {
            self.skip("config", "it has no schema, so its configuration is not validated");
            return true;
        };
        let outcome = match schema::check(&self.assignment.config, schema) {
            Err(problem) => Err(format!("its schema is not valid: {problem}")),
            Ok(Some(wrong)) => Err(match wrong.help {
                Some(help) => format!("{}; {help}", wrong.message),
                None => format!("{}: pass it with `--config`", wrong.message),
            }),
            Ok(None) => Ok(()),
        };
        self.note("config, by its schema", outcome)
    }

    fn preflight(&mut self, descriptor: &Descriptor) {
        if !descriptor.has(Method::Preflight) {
            return;
        }
        let record = CallRecord { declared: descriptor.effects, ..CallRecord::default() };
        let before = self.sandbox.state();
        let (answer, record) = self.call(Method::Preflight, self.sandbox.params(true), record, false);
        let outcome = match answer {
            Err(error) => Err(error.to_string()),
            Ok(_) if self.sandbox.state() != before => Err("it changed files".to_owned()),
            Ok(value) => refuse_errors(&value).and_then(|()| silent_about_secrets(&record, &value)),
        };
        self.note("preflight", outcome);
    }

    /// Runs the plugin, verifies its effects and undoes them twice.
    fn run(&mut self, descriptor: &Descriptor) -> Option<Vec<AnnouncedEffect>> {
        let record = CallRecord { declared: descriptor.effects, ..CallRecord::default() };
        let before = self.sandbox.state();
        let (answer, record) = self.call(Method::Run, self.sandbox.params(false), record, false);
        let outcome = match &answer {
            Err(error) => Err(error.to_string()),
            Ok(value) => all_done(&record).and_then(|()| silent_about_secrets(&record, value)),
        };
        if !self.note("run", outcome) {
            return None;
        }
        let effects = record.effects;
        if effects.is_empty() {
            if descriptor.effects != Classes::None {
                self.skip("verify, undo", "it has no effects with this configuration");
            }
            return Some(effects);
        }
        let outcome = self.expect(&effects, "present", "done");
        self.note("verify after run", outcome);
        if effects.iter().all(|effect| effect.class == Class::Reversible) {
            for what in ["undo", "undo again"] {
                let outcome =
                    self.undo(&effects, "done").and_then(|()| self.expect(&effects, "absent", "done"));
                self.note(what, outcome);
            }
            let outcome = if self.sandbox.state() == before {
                Ok(())
            } else {
                Err("it left files in the project".to_owned())
            };
            self.note("the project after undo", outcome);
        }
        Some(effects)
    }

    fn cancel(&mut self, descriptor: &Descriptor) {
        let record = CallRecord { declared: descriptor.effects, ..CallRecord::default() };
        let (answer, record) = self.call(Method::Run, self.sandbox.params(false), record, true);
        let outcome = match answer {
            Err(PluginError { cause: Cause::Interrupted, .. }) => {
                Err("it did not stop when cancelled, and was killed".to_owned())
            }
            Err(PluginError { cause: Cause::Failed(_) | Cause::Forbidden(_), .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        let outcome = outcome.and_then(|()| self.undo(&record.effects, "begun"));
        self.note("cancellation", outcome);
    }

    /// Kills the plugin, and checks that a new process undoes its effects.
    fn kill(&mut self, descriptor: &Descriptor, number: usize, end: KillPoint) {
        let record = CallRecord {
            declared: descriptor.effects,
            kill_at: Some((number, end)),
            ..CallRecord::default()
        };
        let (_, record) = self.call(Method::Run, self.sandbox.params(false), record, false);
        let effects: Vec<AnnouncedEffect> = record.effects.into_iter().rev().collect();
        let key = effects.first().map(|effect| effect.key.clone()).unwrap_or_default();
        let outcome = self
            .expect(
                &effects[..effects.len().min(1)],
                if end == KillPoint::Announced { "absent" } else { "" },
                "begun",
            )
            .and_then(|()| self.undo(&effects, "begun"))
            .and_then(|()| self.expect(&effects, "absent", "begun"));
        self.note(format!("{} `{key}`", end.shown()), outcome);
    }

    /// Undoes effects that never happened.
    fn undo_nothing(&mut self, effects: &[AnnouncedEffect]) {
        let outcome = self.undo(effects, "begun");
        self.note("undo of effects that never happened", outcome);
    }

    fn undo(&mut self, effects: &[AnnouncedEffect], state: &str) -> std::result::Result<(), String> {
        for effect in effects.iter().rev() {
            let answer = self.ask(Method::Undo, effect, state)?;
            let has = |key: &Value| key == effect.key.as_str() || key["key"] == effect.key.as_str();
            if !answer["undone"].as_array().is_some_and(|undone| undone.iter().any(has)) {
                return Err(format!("`undo` does not report `{}` as undone: {answer}", effect.key));
            }
        }
        Ok(())
    }

    /// Checks what `verify` reports about the effects; an empty `expected` accepts any answer.
    fn expect(
        &mut self,
        effects: &[AnnouncedEffect],
        expected: &str,
        state: &str,
    ) -> std::result::Result<(), String> {
        for effect in effects {
            let answer = self.ask(Method::Verify, effect, state)?;
            let states = answer["effects"].as_array();
            let of_this = states.into_iter().flatten().find(|state| state["key"] == effect.key.as_str());
            let reported = of_this.and_then(|state| state["state"].as_str());
            let may_not_know = effect.class == Class::Irreversible && reported == Some("unknown");
            match reported {
                Some("present" | "absent" | "unknown") if expected.is_empty() || may_not_know => {}
                Some(reported) if reported == expected => {}
                Some(reported) => {
                    return Err(format!(
                        "`verify` reports `{}` as {reported}, but it is {expected}",
                        effect.key
                    ));
                }
                None => return Err(format!("`verify` does not report on `{}`: {answer}", effect.key)),
            }
        }
        Ok(())
    }

    fn ask(&mut self, method: Method, effect: &AnnouncedEffect, state: &str) -> ReplyResult {
        let mut params = self.sandbox.params(false);
        params["effects"] =
            json!([{"key": effect.key, "class": effect.class, "state": state, "undo": effect.undo}]);
        let (answer, record) = self.call(method, params, CallRecord::default(), false);
        let answer = answer.map_err(|error| error.to_string())?;
        silent_about_secrets(&record, &answer)?;
        Ok(answer)
    }

    fn call(
        &self,
        method: Method,
        mut params: Value,
        mut record: CallRecord,
        stop: bool,
    ) -> (std::result::Result<Value, PluginError>, CallRecord) {
        let nothing = |error: Error| PluginError {
            plugin: self.assignment.plugin.name.clone(),
            stage: self.assignment.stage.clone(),
            method,
            phase: super::error::Phase::Starting,
            cause: Cause::NotStarted(error.chain()),
            tail: Vec::new(),
        };
        if method != Method::Describe {
            params["config"] = self.assignment.config.clone();
        }
        if matches!(method, Method::Run | Method::Undo | Method::Verify) {
            params["secrets"] = self.secrets.clone().into();
        }
        // A later version may add fields.
        params["of-a-later-version"] = json!({"ignored": true});
        let started = self
            .assignment
            .variables(self.environment)
            .and_then(|variables| Ok((variables, self.assignment.plugin.program(self.environment)?)));
        let (variables, program) = match started {
            Ok(started) => started,
            Err(error) => return (Err(nothing(error)), record),
        };
        let stop = AtomicBool::new(stop);
        let made = call(
            &Call {
                plugin: &self.assignment.plugin.name,
                stage: &self.assignment.stage,
                method,
                params: &params,
                program: &program,
                folder: self.sandbox.project(),
                environment: &variables,
                // Nothing is redacted, because the test looks for leaked secrets.
                secrets: &[],
                limit: self.assignment.limit(method),
                stop: Stop::Set(&stop),
            },
            &mut record,
        );
        stop.store(false, Ordering::SeqCst);
        (made, record)
    }
}

fn refuse_errors(answer: &Value) -> std::result::Result<(), String> {
    let problems = answer["problems"].as_array();
    let error = problems
        .into_iter()
        .flatten()
        .find(|problem| !matches!(problem["severity"].as_str(), Some("note" | "info" | "warning" | "warn")));
    error.map_or(Ok(()), |error| {
        Err(format!("it reported an error: {}", error["message"].as_str().unwrap_or_default()))
    })
}

fn all_done(record: &CallRecord) -> std::result::Result<(), String> {
    if let Some(problem) = record.problems.first() {
        return Err(problem.clone());
    }
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    record.effects.iter().for_each(|effect| *keys.entry(&effect.key).or_default() += 1);
    if let Some((key, _)) = keys.iter().find(|(_, times)| **times > 1) {
        return Err(format!("it announced `{key}` twice"));
    }
    match record.effects.iter().find(|effect| !record.done.contains(&effect.key)) {
        Some(effect) => Err(format!("it announced `{}`, but never reported it as done", effect.key)),
        None => Ok(()),
    }
}

fn silent_about_secrets(record: &CallRecord, answer: &Value) -> std::result::Result<(), String> {
    let effects = record.effects.iter().map(|effect| format!("{} {}", effect.summary, effect.undo));
    let mut texts = record.output.iter().cloned().chain(effects).chain([answer.to_string()]);
    match texts.find(|text| text.contains(CANARY)) {
        Some(text) => Err(format!("it leaked a secret: {}", text.replace(CANARY, "[secret]"))),
        None => Ok(()),
    }
}
