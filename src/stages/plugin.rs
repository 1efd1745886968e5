//! A stage that runs a plugin, which describes itself what it may do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::given::Giver;
use crate::config::Config;
use crate::engine::order;
use crate::engine::prelude::*;
use crate::engine::stage::PluginPreflight;
use crate::finding::Severity;
use crate::plugin::assignment::{SECRET_PREFIX, secret};
use crate::plugin::find::PluginReference;
use crate::plugin::launch::{EffectReply, PluginHandler, Stop};
use crate::plugin::protocol::{AnnouncedEffect, Classes, Descriptor, Extent, Level, Method};
use crate::plugin::{Assignment, CallContext, Plugin, schema, trust};
use crate::world::Environment;

/// Run a plugin, with the access that it is granted
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The plugin's name, looked up in `.pyrelease/plugins`, in the user's data directory and on PATH; by default the
    /// stage's name if `path` or `command` is set
    #[serde(default)]
    plugin: Option<String>,
    /// The plugin's file, relative to the project
    #[serde(default)]
    path: Option<String>,
    /// The command that starts it; at least one of its words must be a file of the project, and all of them are
    /// pinned
    #[serde(default)]
    command: Option<Vec<String>>,
    /// The plugin's own settings, which its schema defines
    #[serde(default)]
    config: Value,
    /// The secrets that it gets, by name: each value is in `PYRELEASE_SECRET_NAME` or in `NAME`
    #[serde(default)]
    secrets: Vec<String>,
    /// More environment variables that it gets
    #[serde(default)]
    environment: Vec<String>,
    /// The timeout of a call, in seconds; by default 600 or what the plugin declares, 60 for `verify`, 30 for
    /// `describe`
    #[serde(default)]
    timeout: Option<u64>,
    /// Whether it takes part in `pyrelease rehearse`, which runs in a copy of the repository; by default only a plugin of
    /// reach `private` does
    #[serde(default, rename = "rehearse")]
    _rehearse: Option<bool>,
    /// What a stage before it must give, beside what the plugin says: `notes`, `version`, `commit`, `tag` or
    /// `distributions`
    #[serde(default)]
    needs: Vec<Product>,
    /// What it gives to the stages after it, in the same words
    #[serde(default)]
    gives: Vec<Product>,
}

/// Where a project's plugins come from
pub struct Plugins<'a> {
    /// The project's directory
    pub root: &'a Path,
    pub environment: &'a Environment,
    /// Those that the run began with, by stage
    pub known: Option<&'a [(String, Plugin)]>,
}

/// A plugin in a configuration
pub struct Named {
    pub stage: String,
    pub name: String,
    pub wanted: PluginReference,
    settings: Settings,
}

/// Whether the stage is a plugin's.
pub(super) fn is_configured(config: &Config, stage: &str) -> bool {
    ["plugin", "path", "command"].iter().any(|key| config.stage_key(stage, key).is_some())
}

/// The configuration of a stage's plugin; none if the stage has no plugin.
///
/// # Errors
/// A setting is wrong; the error underlines it.
pub fn named(config: &Config, stage: &str) -> Result<Option<Named>> {
    if !is_configured(config, stage) {
        return Ok(None);
    }
    let settings: Settings = config.settings(stage)?;
    let place = |key: &str| config.stage_place(stage, &[key], false);
    let name = settings.plugin.clone().unwrap_or_else(|| stage.to_owned());
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if name.is_empty() || !name.chars().all(plain) {
        let help = "use letters, digits, `-` and `_`; set `path` for a file";
        return Err(config.error(
            &format!("`{name}` is not a valid plugin name"),
            place("plugin"),
            Some(help),
        ));
    }
    let wanted = match (&settings.path, &settings.command) {
        (Some(_), Some(_)) => {
            let help =
                "remove one of them: `path` is for a file, `command` for a command that starts the plugin";
            return Err(config.error(
                "`path` and `command` cannot both be set",
                place("command"),
                Some(help),
            ));
        }
        (Some(path), None) => {
            config.check_inside(path, place("path"))?;
            PluginReference::Path(path.clone())
        }
        (None, Some(words)) => PluginReference::Command(words.clone()),
        (None, None) => PluginReference::Name(name.clone()),
    };
    Ok(Some(Named { stage: stage.to_owned(), name, wanted, settings }))
}

struct PluginStage {
    assignment: Assignment,
    descriptor: Descriptor,
    reach: Reach,
    flow: Flow,
    giver: Giver,
}

/// A plugin with its descriptor
pub(super) struct Described {
    assignment: Assignment,
    descriptor: Descriptor,
    flow: Flow,
}

/// Calls `describe` of these stages' plugins in parallel: each is a process of its own.
pub(super) fn describe<'a>(
    config: &Config,
    stages: impl Iterator<Item = &'a str>,
    plugins: &Plugins<'_>,
) -> BTreeMap<&'a str, Result<Described>> {
    thread::scope(|scope| {
        let asked: Vec<_> =
            stages.map(|stage| (stage, scope.spawn(move || describe_one(config, stage, plugins)))).collect();
        asked.into_iter().map(|(stage, thread)| (stage, join_thread(thread.join()))).collect()
    })
}

fn join_thread<T>(ended: thread::Result<T>) -> T {
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn describe_one(config: &Config, stage: &str, plugins: &Plugins<'_>) -> Result<Described> {
    let Some(Named { name, wanted, settings, .. }) = named(config, stage)? else {
        return Err(Error::usage(format!("`{stage}` is not a plugin")));
    };
    let known =
        plugins.known.map(|known| known.iter().find(|(of, _)| of == stage).map(|(_, plugin)| plugin.clone()));
    let plugin = match known {
        Some(Some(plugin)) => {
            trust::expect_consent(&plugin, plugins.root, plugins.environment)?;
            plugin
        }
        _ => trust::look(&name, &wanted, plugins.root, plugins.environment)?.trusted()?,
    };
    let mut assignment = Assignment {
        stage: stage.to_owned(),
        plugin,
        config: plain(settings.config),
        secrets: settings.secrets,
        environment: settings.environment,
        seconds: settings.timeout.map(|seconds| seconds.max(1)),
    };
    let never = AtomicBool::new(false);
    let place =
        CallContext { environment: plugins.environment, folder: plugins.root, stop: Stop::Set(&never) };
    let described = assignment.describe(&place, &mut NullHandler)?;
    let descriptor = Descriptor::read(described).map_err(|problem| {
        Error::failed(format!(
            "plugin `{name}` of stage `{stage}` returned an invalid description: {problem}"
        ))
    })?;
    assignment.seconds = assignment.seconds.or(descriptor.timeout_s.map(|seconds| seconds.max(1)));
    let flow = flow(&assignment, &descriptor, (settings.needs, settings.gives))?;
    Ok(Described { assignment, descriptor, flow })
}

pub(super) fn make(config: &Config, described: Described) -> Result<Box<dyn Stage>> {
    let Described { assignment, descriptor, flow } = described;
    let stage = assignment.stage.as_str();
    check_config(config, &assignment, &descriptor)?;
    check_secrets(config, &assignment, &descriptor)?;
    let reach = match descriptor.reach() {
        Extent::Private => Reach::Private,
        Extent::Rehearsal => Reach::Rehearsal,
        Extent::Repository => Reach::Repository,
        Extent::Public => Reach::Public,
        Extent::FollowUp => Reach::FollowUp,
    };
    let giver = Giver::new(config, stage, reach, &flow.gives)?;
    Ok(Box::new(PluginStage { assignment, descriptor, reach, flow, giver }))
}

/// Turns a TOML date into its text, and no configuration into an empty one.
fn plain(value: Value) -> Value {
    match value {
        Value::Null => Value::Object(Map::new()),
        Value::Object(object) if object.len() == 1 && object.contains_key("$__toml_private_datetime") => {
            object.into_iter().next().map(|(_, text)| text).unwrap_or_default()
        }
        Value::Object(object) => object.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        Value::Array(values) => values.into_iter().map(plain).collect(),
        other => other,
    }
}

fn check_config(config: &Config, assignment: &Assignment, descriptor: &Descriptor) -> Result<()> {
    let (stage, name) = (assignment.stage.as_str(), assignment.plugin.name.as_str());
    let Some(schema) = &descriptor.config_schema else { return Ok(()) };
    let checked = schema::check(&assignment.config, schema)
        .map_err(|problem| Error::failed(format!("the schema of plugin `{name}` is not valid: {problem}")))?;
    let Some(wrong) = checked else { return Ok(()) };
    let way: Vec<&str> = std::iter::once("config").chain(wrong.at.iter().map(String::as_str)).collect();
    let span = config.stage_place(stage, &way, wrong.is_key);
    let message = format!("{} in the `config` of plugin `{name}`", wrong.message);
    Err(config.error(&message, span, wrong.help.as_deref()))
}

fn check_secrets(config: &Config, assignment: &Assignment, descriptor: &Descriptor) -> Result<()> {
    let (stage, name) = (assignment.stage.as_str(), assignment.plugin.name.as_str());
    let place = config.stage_place(stage, &["secrets"], false);
    let declared = &descriptor.requires.secrets;
    if let Some(missing) =
        declared.iter().find(|secret| !secret.optional && !assignment.secrets.contains(&secret.name))
    {
        let purpose =
            if missing.purpose.is_empty() { String::new() } else { format!(" ({})", missing.purpose) };
        let message =
            format!("plugin `{name}` requires the secret `{}`{purpose}, which is not granted", missing.name);
        let help = format!("to grant it, set secrets = [\"{}\"] in [stage.{stage}]", missing.name);
        return Err(config.error(&message, place, Some(&help)));
    }
    if let Some(extra) =
        assignment.secrets.iter().find(|name| !declared.iter().any(|secret| secret.name == **name))
    {
        let message = format!("plugin `{name}` does not require the secret `{extra}`");
        return Err(config.error(&message, place, Some("remove it from `secrets`")));
    }
    Ok(())
}

/// Where the stage belongs by what its configuration and its plugin say.
fn flow(
    assignment: &Assignment,
    descriptor: &Descriptor,
    (needs, gives): (Vec<Product>, Vec<Product>),
) -> Result<Flow> {
    let read = |key: &str, words: &[String]| -> Result<Vec<Product>> {
        let product = |word: &String| Product::ALL.into_iter().find(|product| product.name() == word);
        let unknown = |word: &String| {
            let (name, stage) = (&assignment.plugin.name, &assignment.stage);
            Error::failed(format!(
                "plugin `{name}` of stage `{stage}` {key} `{word}`, which is not a valid word"
            ))
            .help(format!("valid are {}", order::words()))
        };
        words.iter().map(|word| product(word).ok_or_else(|| unknown(word))).collect()
    };
    Ok(Flow {
        needs: needs.into_iter().chain(read("needs", &descriptor.needs)?).collect(),
        uses: Vec::new(),
        gives: gives.into_iter().chain(read("gives", &descriptor.gives)?).collect(),
        after: descriptor.after.clone(),
        before: descriptor.before.clone(),
    })
}

impl PluginStage {
    /// The release in the form that plugins get.
    fn params(&self, release: &Release, dry_run: bool) -> Map<String, Value> {
        let (target, outputs) = (&release.target, &release.outputs);
        let distributions: Vec<Value> = outputs
            .distributions
            .iter()
            .map(|file| {
                json!({
                    "path": file.path,
                    "filename": file.filename,
                    "kind": file.kind,
                    "size": file.size,
                    "sha256": file.sha256,
                })
            })
            .collect();
        let mut params = Map::new();
        params.insert(
            "release".to_owned(),
            json!({
                "name": target.project.name,
                "version": target.version.to_string(),
                "previous": target.previous.to_string(),
                "tag": target.names.tag,
                "date": target.names.date,
                "notes": outputs.notes,
                "commit": outputs.commit,
                "root": release.root(),
                "project": release.checkout.root().components().collect::<PathBuf>(),
                "dist": distributions,
            }),
        );
        params.insert("dry_run".to_owned(), dry_run.into());
        params
    }
}

/// Calls the plugin's preflight.
fn call_preflight(
    assignment: &Assignment,
    params: Map<String, Value>,
    place: &CallContext<'_>,
) -> Result<PluginPreflight> {
    let answer = assignment.call(Method::Preflight, params, place, &mut NullHandler)?;
    let answer: PreflightReply = serde_json::from_value(answer).map_err(|error| {
        Error::failed(format!(
            "plugin `{}` of stage `{}` returned an invalid reply to `preflight`: {error}",
            assignment.plugin.name, assignment.stage
        ))
    })?;
    let steps =
        answer.plan.into_iter().map(|step| if step.summary.is_empty() { step.key } else { step.summary });
    let findings = answer.problems.into_iter().map(|problem| {
        let severity = match problem.severity.as_str() {
            "note" | "info" => Severity::Note,
            "warning" | "warn" => Severity::Warning,
            _ => Severity::Error,
        };
        Finding { severity, help: problem.hint, ..Finding::note(problem.message) }
    });
    Ok(PluginPreflight { findings: findings.collect(), steps: steps.collect(), ..PluginPreflight::default() })
}

/// The reply to `preflight`
#[derive(Default, Deserialize)]
#[serde(default)]
struct PreflightReply {
    problems: Vec<Problem>,
    plan: Vec<Step>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    severity: String,
    message: String,
    #[serde(default)]
    hint: Option<String>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    key: String,
    #[serde(default)]
    summary: String,
}

impl Stage for PluginStage {
    fn name(&self) -> &str {
        &self.assignment.stage
    }

    fn reach(&self) -> Reach {
        self.reach
    }

    fn flow(&self) -> Flow {
        self.flow.clone()
    }

    fn plugin(&self) -> Option<(&Assignment, Classes)> {
        Some((&self.assignment, self.descriptor.effects))
    }

    fn ask_plugin(&self, release: &Release) -> Option<JoinHandle<Result<PluginPreflight>>> {
        if !self.descriptor.has(Method::Preflight) {
            return None;
        }
        let (assignment, params) = (self.assignment.clone(), self.params(release, true));
        let (environment, folder) = (release.checkout.environment.clone(), release.root());
        // The thread lives as long as the call.
        Some(thread::spawn(move || {
            let stop = AtomicBool::new(false);
            let place = CallContext { environment: &environment, folder: &folder, stop: Stop::Set(&stop) };
            call_preflight(&assignment, params, &place)
        }))
    }

    fn preflight(&self, release: &Release) -> Result<Vec<Finding>> {
        let environment = &release.checkout.environment;
        let mut findings = Vec::new();
        for name in self.assignment.secrets.iter().filter(|name| secret(name, environment).is_none()) {
            let finding = Finding::error(format!("the secret `{name}` of its plugin is not set"));
            findings.push(finding.help(format!("set {SECRET_PREFIX}{name}")));
        }
        for tool in &self.descriptor.requires.tools {
            if !environment.has_program(tool, &release.checkout.root()) {
                let finding = Finding::error(format!("its plugin needs `{tool}`, which is not on PATH"));
                findings.push(finding.help("install it"));
            }
        }
        Ok(findings)
    }

    fn run(&self, release: &Release, effects: &mut Effects<'_>) -> Result<Outputs> {
        let name = &self.assignment.plugin.name;
        let calls = |does: String| Action::Plugin { plugin: name.clone(), does };
        if !effects.is_live() {
            let steps = effects.plugin_steps().to_vec();
            if steps.is_empty() {
                effects.announce(calls(self.descriptor.summary.clone()))?;
            }
            steps.into_iter().try_for_each(|does| effects.announce(calls(does)))?;
            return Ok(Outputs::default());
        }
        if self.giver.is_superseded(release) {
            effects.skip("the distributions were found, and are never built again")?;
            return Ok(Outputs::default());
        }
        let mut params = self.params(release, false);
        let mut before = None;
        if let Some(bench) = effects.bench() {
            params["release"]["dist_folder"] = json!(bench.dist());
            before = Some(self.giver.before(&bench));
        }
        let answer = effects
            .plugin(&self.assignment, self.descriptor.effects, release, params)
            .map_err(|error| self.giver.explained(error, release))?;
        effects.check_interrupt()?;
        let links = answer.as_ref().and_then(|answer| answer["outputs"]["links"].as_array());
        let links = links.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let notes = || {
            Ok(answer
                .as_ref()
                .and_then(|answer| answer["outputs"]["notes"].as_str())
                .unwrap_or_default()
                .to_owned())
        };
        let given = match (effects.bench(), before) {
            (Some(bench), Some(before)) => self.giver.collect(&before, notes, (release, &bench))?,
            _ => Outputs::default(),
        };
        Ok(Outputs { links, ..given })
    }
}

/// Ignores output: what a plugin prints before a run is shown only if it fails
pub struct NullHandler;

impl PluginHandler for NullHandler {
    fn log(&mut self, _: Level, _: &str) {}

    fn printed(&mut self, _: &str) {}

    fn effect(&mut self, effect: AnnouncedEffect) -> EffectReply {
        EffectReply::Refuse(format!("it announced the effect `{}` before effects are allowed", effect.key))
    }

    fn done(&mut self, _: &str) -> std::result::Result<(), String> {
        Ok(())
    }
}
