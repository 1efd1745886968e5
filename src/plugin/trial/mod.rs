//! A plugin tried by its author: every method, cancellation, death at each point of each effect, undoing twice, its schema
//! and its secrets. It runs for real, in a throwaway project, with the configuration it is given.

mod sandbox;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::launch::{Answer, Call, PluginHandler, Stop, call};
use super::protocol::{Announced, Class, Classes, Descriptor, Level, Method};
use super::{Assignment, Cause, Plugin, PluginError, schema};
use crate::error::{Error, Result};
use crate::world::Environment;
use sandbox::Sandbox;

/// How a plugin is tried
#[derive(Debug)]
pub struct Options {
    pub config: Value,
    /// Whether effects that nobody can take back are had
    pub irreversible: bool,
    /// How long a call may take, in seconds
    pub seconds: u64,
}

/// One thing that was tried
#[derive(Debug, Serialize)]
pub struct Tried {
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why it was not tried
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// What is given for every secret that a plugin asks for: wherever it appears, it came from there
const CANARY: &str = "pyrelease-secret-canary-5d1f";

/// Tries the plugin in `file`.
///
/// # Errors
/// The file cannot be read, or there is no room to try it in. What is wrong with the plugin is in what was tried.
pub fn try_out(file: &Path, environment: &Environment, options: &Options) -> Result<Vec<Tried>> {
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
    trial.go_through(options);
    if !was_kept {
        // An author builds and tries many times, and a copy of each would stay.
        trial.assignment.plugin.forget_copy(environment)?;
    }
    Ok(trial.tried)
}

struct Trial<'a> {
    assignment: Assignment,
    environment: &'a Environment,
    sandbox: Sandbox,
    secrets: Map<String, Value>,
    tried: Vec<Tried>,
}

/// Where a call is ended on purpose
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndAt {
    Announced,
    Acknowledged,
    Done,
}

impl EndAt {
    const ALL: [Self; 3] = [Self::Announced, Self::Acknowledged, Self::Done];

    fn shown(self) -> &'static str {
        match self {
            Self::Announced => "killed when it has announced",
            Self::Acknowledged => "killed when it may act on",
            Self::Done => "killed when it has done",
        }
    }
}

/// What a call was heard to say
#[derive(Default)]
struct Heard {
    said: Vec<String>,
    effects: Vec<Announced>,
    done: Vec<String>,
    problems: Vec<String>,
    declared: Classes,
    end: Option<(usize, EndAt)>,
    enough: bool,
}

impl PluginHandler for Heard {
    fn log(&mut self, level: Level, message: &str) {
        if level == Level::Warn && message.starts_with("it prints among its messages") {
            self.problems.push(message.to_owned());
        }
        self.said.push(message.to_owned());
    }

    fn printed(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }

    fn effect(&mut self, effect: Announced) -> Answer {
        if !self.declared.allow(effect.class) {
            return Answer::Refuse(format!("`{}` is {}, which it did not declare", effect.key, effect.class));
        }
        let number = self.effects.len();
        self.effects.push(effect);
        match self.end {
            Some((at, EndAt::Announced)) if at == number => {
                self.enough = true;
                Answer::Refuse("it is ended on purpose".to_owned())
            }
            Some((at, EndAt::Acknowledged)) if at == number => {
                self.enough = true;
                Answer::Act
            }
            _ => Answer::Act,
        }
    }

    fn done(&mut self, key: &str) -> std::result::Result<(), String> {
        let number = self.effects.iter().position(|effect| effect.key == key);
        if number.is_none() {
            return Err(format!("it says that it has done `{key}`, and had not announced it"));
        }
        self.done.push(key.to_owned());
        self.enough |= self.end.is_some_and(|(at, end)| end == EndAt::Done && Some(at) == number);
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.enough
    }
}

type Answered = std::result::Result<Value, String>;

impl Trial<'_> {
    fn go_through(&mut self, options: &Options) {
        let Some(descriptor) = self.describe() else { return };
        if !self.check_config(&descriptor) {
            return;
        }
        for secret in &descriptor.requires.secrets {
            self.secrets.insert(secret.name.clone(), CANARY.into());
        }
        self.preflight(&descriptor);
        if descriptor.effects == Classes::Irreversible && !options.irreversible {
            self.leave_out(
                "run, verify and the rest",
                "its effects are irreversible: `--irreversible` has them",
            );
            return;
        }
        let Some(effects) = self.run(&descriptor) else { return };
        if effects.iter().any(|effect| effect.class == Class::Irreversible) {
            self.leave_out("cancellation and death at each point", "its effects are irreversible");
            return;
        }
        self.cancel(&descriptor);
        for number in 0..effects.len() {
            EndAt::ALL.into_iter().for_each(|end| self.die(&descriptor, number, end));
        }
        if descriptor.effects == Classes::Reversible {
            self.undo_nothing(&effects);
        }
    }

    fn note(&mut self, what: impl Into<String>, outcome: std::result::Result<(), String>) -> bool {
        let is_well = outcome.is_ok();
        self.tried.push(Tried { what: what.into(), problem: outcome.err(), left_out: None });
        is_well
    }

    fn leave_out(&mut self, what: &str, why: &str) {
        self.tried.push(Tried { what: what.to_owned(), problem: None, left_out: Some(why.to_owned()) });
    }

    fn describe(&mut self) -> Option<Descriptor> {
        let (first, _) = self.call(Method::Describe, json!({}), Heard::default(), false);
        let read = first
            .map_err(|error| error.to_string())
            .and_then(|value| Descriptor::read(value.clone()).map(|descriptor| (value, descriptor)));
        match read {
            Ok((value, descriptor)) => {
                let (second, _) = self.call(Method::Describe, json!({}), Heard::default(), false);
                let same = second.is_ok_and(|second| second == value);
                self.note(
                    "describe",
                    if same { Ok(()) } else { Err("it is another one the second time".to_owned()) },
                );
                let missing: Vec<&str> = Method::ALL
                    .into_iter()
                    .filter(|method| !descriptor.has(*method))
                    .map(Method::name)
                    .collect();
                if !missing.is_empty() {
                    self.leave_out(&missing.join(", "), "not among its methods");
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
            self.leave_out("config", "it gives no schema, so whatever a user writes goes to it unchecked");
            return true;
        };
        let outcome = match schema::check(&self.assignment.config, schema) {
            Err(problem) => Err(format!("its schema cannot be used: {problem}")),
            Ok(Some(wrong)) => Err(match wrong.help {
                Some(help) => format!("{}; {help}", wrong.message),
                None => format!("{}: give it one by `--config`", wrong.message),
            }),
            Ok(None) => Ok(()),
        };
        self.note("config, by its schema", outcome)
    }

    fn preflight(&mut self, descriptor: &Descriptor) {
        if !descriptor.has(Method::Preflight) {
            return;
        }
        let heard = Heard { declared: descriptor.effects, ..Heard::default() };
        let before = self.sandbox.state();
        let (answer, heard) = self.call(Method::Preflight, self.sandbox.params(true), heard, false);
        let outcome = match answer {
            Err(error) => Err(error.to_string()),
            Ok(_) if self.sandbox.state() != before => Err("it changed something".to_owned()),
            Ok(value) => refuse_errors(&value).and_then(|()| silent_about_secrets(&heard, &value)),
        };
        self.note("preflight", outcome);
    }

    /// Runs it, asks about it, and takes it back twice.
    fn run(&mut self, descriptor: &Descriptor) -> Option<Vec<Announced>> {
        let heard = Heard { declared: descriptor.effects, ..Heard::default() };
        let before = self.sandbox.state();
        let (answer, heard) = self.call(Method::Run, self.sandbox.params(false), heard, false);
        let outcome = match &answer {
            Err(error) => Err(error.to_string()),
            Ok(value) => all_done(&heard).and_then(|()| silent_about_secrets(&heard, value)),
        };
        if !self.note("run", outcome) {
            return None;
        }
        let effects = heard.effects;
        if effects.is_empty() {
            if descriptor.effects != Classes::None {
                self.leave_out("verify, undo", "it had no effect with this configuration");
            }
            return Some(effects);
        }
        let outcome = self.expect(&effects, "present", "done");
        self.note("verify after run", outcome);
        if effects.iter().all(|effect| effect.class == Class::Reversible) {
            for what in ["undo", "undo once more"] {
                let outcome =
                    self.undo(&effects, "done").and_then(|()| self.expect(&effects, "absent", "done"));
                self.note(what, outcome);
            }
            let outcome = if self.sandbox.state() == before {
                Ok(())
            } else {
                Err("something of it is left in the project".to_owned())
            };
            self.note("the project after undo", outcome);
        }
        Some(effects)
    }

    fn cancel(&mut self, descriptor: &Descriptor) {
        let heard = Heard { declared: descriptor.effects, ..Heard::default() };
        let (answer, heard) = self.call(Method::Run, self.sandbox.params(false), heard, true);
        let outcome = match answer {
            Err(PluginError { cause: Cause::Interrupted, .. }) => {
                Err("it did not stop when it was asked to, and had to be ended".to_owned())
            }
            Err(PluginError { cause: Cause::Failed(_) | Cause::Forbidden(_), .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        let outcome = outcome.and_then(|()| self.undo(&heard.effects, "begun"));
        self.note("cancellation", outcome);
    }

    /// Ends it on purpose, and sees that a fresh process takes back what there is.
    fn die(&mut self, descriptor: &Descriptor, number: usize, end: EndAt) {
        let heard = Heard { declared: descriptor.effects, end: Some((number, end)), ..Heard::default() };
        let (_, heard) = self.call(Method::Run, self.sandbox.params(false), heard, false);
        let effects: Vec<Announced> = heard.effects.into_iter().rev().collect();
        let key = effects.first().map(|effect| effect.key.clone()).unwrap_or_default();
        let outcome = self
            .expect(
                &effects[..effects.len().min(1)],
                if end == EndAt::Announced { "absent" } else { "" },
                "begun",
            )
            .and_then(|()| self.undo(&effects, "begun"))
            .and_then(|()| self.expect(&effects, "absent", "begun"));
        self.note(format!("{} `{key}`", end.shown()), outcome);
    }

    /// Takes back what never happened.
    fn undo_nothing(&mut self, effects: &[Announced]) {
        let outcome = self.undo(effects, "begun");
        self.note("undo of what never happened", outcome);
    }

    fn undo(&mut self, effects: &[Announced], state: &str) -> std::result::Result<(), String> {
        for effect in effects.iter().rev() {
            let answer = self.ask(Method::Undo, effect, state)?;
            let has = |key: &Value| key == effect.key.as_str() || key["key"] == effect.key.as_str();
            if !answer["undone"].as_array().is_some_and(|undone| undone.iter().any(has)) {
                return Err(format!("`undo` does not say that `{}` is undone: {answer}", effect.key));
            }
        }
        Ok(())
    }

    /// Asks about the effects; an empty `expected` takes any answer.
    fn expect(
        &mut self,
        effects: &[Announced],
        expected: &str,
        state: &str,
    ) -> std::result::Result<(), String> {
        for effect in effects {
            let answer = self.ask(Method::Verify, effect, state)?;
            let states = answer["effects"].as_array();
            let of_this = states.into_iter().flatten().find(|state| state["key"] == effect.key.as_str());
            let said = of_this.and_then(|state| state["state"].as_str());
            let may_not_know = effect.class == Class::Irreversible && said == Some("unknown");
            match said {
                Some("present" | "absent" | "unknown") if expected.is_empty() || may_not_know => {}
                Some(said) if said == expected => {}
                Some(said) => {
                    return Err(format!(
                        "`verify` says that `{}` is {said}, and it is {expected}",
                        effect.key
                    ));
                }
                None => return Err(format!("`verify` says nothing about `{}`: {answer}", effect.key)),
            }
        }
        Ok(())
    }

    fn ask(&mut self, method: Method, effect: &Announced, state: &str) -> Answered {
        let mut params = self.sandbox.params(false);
        params["effects"] =
            json!([{"key": effect.key, "class": effect.class, "state": state, "undo": effect.undo}]);
        let (answer, heard) = self.call(method, params, Heard::default(), false);
        let answer = answer.map_err(|error| error.to_string())?;
        silent_about_secrets(&heard, &answer)?;
        Ok(answer)
    }

    fn call(
        &self,
        method: Method,
        mut params: Value,
        mut heard: Heard,
        stop: bool,
    ) -> (std::result::Result<Value, PluginError>, Heard) {
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
        // What a later version may add.
        params["of-a-later-version"] = json!({"ignored": true});
        let started = self
            .assignment
            .variables(self.environment)
            .and_then(|variables| Ok((variables, self.assignment.plugin.program(self.environment)?)));
        let (variables, program) = match started {
            Ok(started) => started,
            Err(error) => return (Err(nothing(error)), heard),
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
                // Nothing is blacked out: that is what is looked for.
                secrets: &[],
                limit: self.assignment.limit(method),
                stop: Stop::Set(&stop),
            },
            &mut heard,
        );
        stop.store(false, Ordering::SeqCst);
        (made, heard)
    }
}

fn refuse_errors(answer: &Value) -> std::result::Result<(), String> {
    let problems = answer["problems"].as_array();
    let error = problems
        .into_iter()
        .flatten()
        .find(|problem| !matches!(problem["severity"].as_str(), Some("note" | "info" | "warning" | "warn")));
    error
        .map_or(Ok(()), |error| Err(format!("it refuses: {}", error["message"].as_str().unwrap_or_default())))
}

fn all_done(heard: &Heard) -> std::result::Result<(), String> {
    if let Some(problem) = heard.problems.first() {
        return Err(problem.clone());
    }
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    heard.effects.iter().for_each(|effect| *keys.entry(&effect.key).or_default() += 1);
    if let Some((key, _)) = keys.iter().find(|(_, times)| **times > 1) {
        return Err(format!("it announced `{key}` twice"));
    }
    match heard.effects.iter().find(|effect| !heard.done.contains(&effect.key)) {
        Some(effect) => Err(format!("it announced `{}` and never said that it is done", effect.key)),
        None => Ok(()),
    }
}

fn silent_about_secrets(heard: &Heard, answer: &Value) -> std::result::Result<(), String> {
    let effects = heard.effects.iter().map(|effect| format!("{} {}", effect.summary, effect.undo));
    let mut said = heard.said.iter().cloned().chain(effects).chain([answer.to_string()]);
    match said.find(|said| said.contains(CANARY)) {
        Some(said) => Err(format!("it gives a secret away: {}", said.replace(CANARY, "[secret]"))),
        None => Ok(()),
    }
}
