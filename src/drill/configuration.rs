//! Rewrites the user's configuration for a sandbox: every index becomes a local one, and stand-ins replace commands and
//! plugins that would change something outside.

use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, value};

use serde::Serialize;

use super::stand_in::{self, PluginStage};
use crate::config::{Config, IndexKind};
use crate::engine::model::Reach;
use crate::error::{Error, Result};
use crate::index::IndexAddress;
use crate::plugin::assignment::SECRET_PREFIX;
use crate::plugin::protocol::Classes;
use crate::server::Rules;

/// What runs a stage in a drill
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Executor {
    Pyrelease,
    /// The user's own command
    Command,
    /// The plugin itself
    Plugin,
    /// A stand-in for a command or a plugin
    StandIn,
}

/// The configuration's file name in the copy of a project
pub(super) const FILE: &str = "pyrelease-copy.toml";

/// The stage that makes a release on the project's forge
const FORGE: &str = "forge-release";

/// What a drill runs for real instead of replacing it
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ForReal {
    /// Commands and plugins that reach further than the run's folder
    pub commands: bool,
    /// The `install` and `smoke` tests after an upload
    pub install: bool,
}

/// What a sandbox is made for
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Drill(ForReal),
    /// One release, with the commands and plugins that may take part in a rehearsal
    Rehearsal,
}

/// An index that a stage uploads to
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) kind: IndexKind,
    /// Those of PyPI are for PyPI only: another index may take what PyPI refuses
    pub(super) rules: Rules,
    listed: bool,
    /// Whether a workflow uploads the files
    pub(super) by_workflow: bool,
}

impl Index {
    /// Whether the user's index lists its files.
    pub(super) fn is_listed(&self) -> bool {
        self.listed
    }
}

/// A command that reaches further than the run's folder, or a plugin
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) name: String,
    pub(super) reach: Reach,
    undone: bool,
    /// Whether something can always tell if it was done
    pub(super) verified: bool,
    /// Whether it runs, not a stand-in
    for_real: bool,
    /// The effects of a plugin
    pub(super) plugin: Option<Classes>,
}

impl Command {
    /// The marks that its stand-in leaves, and whether undoing removes each.
    pub(super) fn marks(&self) -> Vec<(String, bool)> {
        self.plugin.map_or_else(
            || vec![(self.name.clone(), self.undone)],
            |classes| stand_in::marks(&self.name, classes),
        )
    }
}

/// The parts of a configuration that a drill changes
pub(super) struct Configuration {
    document: DocumentMut,
    pub(super) indexes: Vec<Index>,
    pub(super) commands: Vec<Command>,
    pushes: bool,
    purpose: Purpose,
    /// The smoke test of the last index that has one
    pub(super) smoke: Option<String>,
    /// What is skipped or replaced, for the user
    pub(super) left_out: Vec<String>,
    plugins: Vec<PluginStage>,
    /// The variables with secrets that commands and plugins run for real may use
    pub(super) secrets: Vec<String>,
}

/// The URLs of an index
pub(super) struct Address {
    pub(super) upload: String,
    pub(super) simple: String,
}

impl Configuration {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The configuration is not valid TOML, or has an unexpected structure.
    pub(super) fn read(config: &Config, purpose: Purpose, plugins: &[PluginStage]) -> Result<Self> {
        let mut read = Self {
            document: document(config)?,
            indexes: Vec::new(),
            commands: Vec::new(),
            pushes: config.stages().iter().any(|stage| stage.value == "push"),
            purpose,
            smoke: None,
            left_out: Vec::new(),
            plugins: plugins.to_vec(),
            secrets: Vec::new(),
        };
        for stage in config.stages() {
            let name = &stage.value;
            if let Some(index) = config.indexes().get(name) {
                let listed = index.simple.is_some();
                let by_workflow = config.stage_text(name, "by") == Some("workflow");
                let address = IndexAddress::new(name, &index.upload, None, None);
                let is_pypi = address.is_ok_and(|address| address.is_pypi());
                let rules = if is_pypi { Rules::Pypi } else { Rules::Lenient };
                read.indexes.push(Index { name: name.clone(), kind: index.kind, rules, listed, by_workflow });
                if by_workflow {
                    read.left_out.push(format!(
                        "pyrelease plays the workflow that publishes to `{name}`: it uploads the files that the release built"
                    ));
                }
                let smoke = config.stage_text(name, "smoke").map(str::to_owned);
                read.smoke = smoke.or(read.smoke.take());
                if let Purpose::Drill(ForReal { install: false, .. }) = purpose
                    && config.stage_key(name, "install").is_some()
                {
                    read.left_out.push(format!(
                        "`{name}` does not test the installation of its upload (pass `--install` to do so)"
                    ));
                }
            } else if name == FORGE {
                // A copy has no forge, and the project's own one is no place for trials.
                if let Some(stages) = read.document.get_mut("stages").and_then(Item::as_array_mut) {
                    stages.retain(|stage| stage.as_str() != Some(FORGE));
                }
                let awaits = config.stages().iter().any(|stage| {
                    config.indexes().contains_key(&stage.value)
                        && config.stage_text(&stage.value, "by") == Some("workflow")
                });
                let instead = if awaits { ", and the push starts the workflow in its place" } else { "" };
                read.left_out.push(format!(
                    "`{FORGE}` does not take part: the forge is not asked for anything{instead}"
                ));
            } else if let Some(plugin) = plugins.iter().find(|plugin| plugin.stage == *name) {
                let for_real = read.takes_part(name, plugin.reach);
                if for_real {
                    for secret in read.listed(name, "secrets") {
                        read.secrets.extend([format!("{SECRET_PREFIX}{secret}"), secret]);
                    }
                }
                if plugin.reach == Reach::Private && for_real {
                    continue;
                }
                let (reach, classes) = (plugin.reach, plugin.classes);
                // The real plugin may not be able to tell.
                let (undone, verified) = (classes != Classes::Irreversible, !for_real);
                read.left_out.extend((!for_real).then(|| match purpose {
                    Purpose::Drill(_) => format!(
                        "a stand-in replaces the plugin of `{name}`, with the same reach and {} effects \
                         (pass `--commands` to run it)",
                        classes.name()
                    ),
                    Purpose::Rehearsal => {
                        absent(name, &format!("its plugin, with {} effects", classes.name()))
                    }
                }));
                let (name, plugin) = (name.clone(), Some(classes));
                read.commands.push(Command { name, reach, undone, verified, for_real, plugin });
            } else if config.stage_key(name, "run").is_some() {
                let reach = read.reach(name).unwrap_or(Reach::Private);
                let for_real = read.takes_part(name, reach);
                if reach == Reach::Private && for_real {
                    continue;
                }
                let [undone, verified] = ["undo", "verify"].map(|key| config.stage_key(name, key).is_some());
                if for_real {
                    read.secrets.extend(read.listed(name, "environment"));
                } else {
                    read.left_out.push(match purpose {
                        Purpose::Drill(_) => {
                            format!(
                                "a stand-in replaces the command of `{name}` (pass `--commands` to run it)"
                            )
                        }
                        Purpose::Rehearsal => {
                            absent(name, &format!("`{}`", read.listed(name, "run").join(" ")))
                        }
                    });
                }
                let (name, plugin) = (name.clone(), None);
                read.commands.push(Command { name, reach, undone, verified, for_real, plugin });
            }
        }
        Ok(read)
    }

    /// The commands that are replaced by stand-ins.
    pub(super) fn stand_ins(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(|command| !command.for_real)
    }

    /// What a drill runs for real; nothing in a rehearsal, whose stages say it themselves.
    pub(super) fn for_real(&self) -> ForReal {
        match self.purpose {
            Purpose::Drill(for_real) => for_real,
            Purpose::Rehearsal => ForReal::default(),
        }
    }

    /// Whether the command or the plugin of a stage runs.
    fn takes_part(&self, stage: &str, reach: Reach) -> bool {
        match self.purpose {
            Purpose::Drill(for_real) => reach == Reach::Private || for_real.commands,
            Purpose::Rehearsal => self.may_take_part(stage).unwrap_or(reach == Reach::Private),
        }
    }

    fn may_take_part(&self, stage: &str) -> Option<bool> {
        self.document.get("stage")?.get(stage)?.get("rehearse")?.as_bool()
    }

    /// The plugins that run for real.
    pub(super) fn run_for_real(&self) -> impl Iterator<Item = &PluginStage> {
        let is_replaced = |plugin: &PluginStage| self.stand_ins().any(|command| command.name == plugin.stage);
        self.plugins.iter().filter(move |plugin| !is_replaced(plugin))
    }

    /// Whether a command or plugin that runs for real changes something that the drill cannot restore.
    pub(super) fn changes_outside(&self) -> bool {
        let is_permanent = |command: &Command| {
            command.reach >= Reach::Public || command.plugin == Some(Classes::Irreversible)
        };
        self.commands.iter().any(|command| command.for_real && is_permanent(command))
    }

    /// What runs a stage.
    pub(super) fn executor(&self, stage: &str) -> Executor {
        if self.stand_ins().any(|command| command.name == stage) {
            Executor::StandIn
        } else if self.plugins.iter().any(|plugin| plugin.stage == stage) {
            Executor::Plugin
        } else if self.document.get("stage").and_then(|stages| stages.get(stage)?.get("run")).is_some() {
            Executor::Command
        } else {
            Executor::Pyrelease
        }
    }

    /// A list of strings in a stage's settings.
    fn listed(&self, stage: &str, key: &str) -> Vec<String> {
        let settings = self.document.get("stage").and_then(|stages| stages.get(stage));
        let list = settings.and_then(|settings| settings.get(key)).and_then(Item::as_array);
        list.into_iter().flatten().filter_map(|text| text.as_str()).map(str::to_owned).collect()
    }

    fn reach(&self, stage: &str) -> Option<Reach> {
        let reach = self.document.get("stage")?.get(stage)?.get("reach")?.as_str()?;
        serde_json::from_value(reach.into()).ok()
    }

    /// The configuration for a project at `project`, with its indexes at these URLs. Each stand-in leaves a file in
    /// `marks`.
    ///
    /// # Errors
    /// The configuration has an unexpected structure.
    pub(super) fn text(
        &self,
        addresses: impl Fn(&str) -> Option<Address>,
        (original, marks): (&Path, &Path),
    ) -> Result<String> {
        let mut document = self.document.clone();
        for index in &self.indexes {
            let Some(Address { upload, simple }) = addresses(&index.name) else { continue };
            let table = table(&mut document, "index", &index.name)?;
            table.insert("upload", value(upload));
            table.remove("view");
            table.remove("simple");
            table.remove("trusted-publishing");
            table.remove("attestations");
            if index.listed {
                table.insert("simple", value(simple));
            }
            let kind = match index.kind {
                IndexKind::Rehearsal => "rehearsal",
                IndexKind::Public => "public",
            };
            table.insert("kind", value(kind));
            if !self.for_real().install
                && let Some(stage) = existing(&mut document, "stage", &index.name)
            {
                stage.remove("install");
                stage.remove("smoke");
            }
        }
        for command in self.stand_ins() {
            let Some(stage) = existing(&mut document, "stage", &command.name) else { continue };
            let mark = marks.join(&command.name).display().to_string();
            let script = |script: &str| -> Item {
                value(["sh", "-c", script, "sh", &mark].into_iter().collect::<Array>())
            };
            if let Some(classes) = command.plugin {
                stand_in::replace_with_stand_in(stage, classes, command.reach, &mark);
                continue;
            }
            stage.insert("run", script("touch \"$1\""));
            for (key, text) in [("undo", "rm -f \"$1\""), ("verify", "test -e \"$1\"")] {
                if stage.contains_key(key) {
                    stage.insert(key, script(text));
                }
            }
        }
        // A drill harms no branch.
        if self.pushes {
            table(&mut document, "stage", "push")?.insert("branches", value(Array::from_iter(["*"])));
        }
        // Do not ask for a signing key some hundred times.
        if matches!(self.purpose, Purpose::Drill(_))
            && let Some(tag) = existing(&mut document, "stage", "tag")
        {
            tag.remove("sign");
        }
        if let Some(build) = existing(&mut document, "stage", "build")
            && let Some(python) = build.get("python").and_then(Item::as_str).map(PathBuf::from)
            && python.components().count() > 1
        {
            // A Python inside the project is not committed, and so missing in the copy.
            let python = original.join(python).display().to_string();
            build.insert("python", value(python));
        }
        Ok(document.to_string())
    }
}

/// That a stage is not part of the rehearsal.
fn absent(stage: &str, what: &str) -> String {
    format!(
        "`{stage}` does not take part: a release runs {what} (if that does no harm in a copy, set `rehearse = true` in \
         [stage.{stage}])"
    )
}

/// The configuration as a document of its own.
fn document(config: &Config) -> Result<DocumentMut> {
    let source = config.source();
    let document: DocumentMut = source.text().parse().map_err(|error| {
        Error::usage(format!("`{}` is not valid TOML", source.path().display())).because(error)
    })?;
    if !source.is_pyproject() {
        return Ok(document);
    }
    let settings = document.get("tool").and_then(|tool| tool.get("pyrelease")).cloned();
    let table = settings.map_or(Ok(Table::new()), Item::into_table);
    table.map(DocumentMut::from).map_err(|_| not_a_table("tool.pyrelease"))
}

/// The table `[kind.name]`, created if needed.
fn table<'a>(document: &'a mut DocumentMut, kind: &str, name: &str) -> Result<&'a mut dyn TableLike> {
    let mut implicit = Table::new();
    implicit.set_implicit(true);
    let tables = document.entry(kind).or_insert(Item::Table(implicit));
    let tables = tables.as_table_like_mut().ok_or_else(|| not_a_table(kind))?;
    if !tables.contains_key(name) {
        // The parent may be an inline table.
        tables.insert(name, value(InlineTable::new()));
    }
    tables
        .get_mut(name)
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| not_a_table(&format!("{kind}.{name}")))
}

fn existing<'a>(document: &'a mut DocumentMut, kind: &str, name: &str) -> Option<&'a mut dyn TableLike> {
    document.get_mut(kind)?.get_mut(name)?.as_table_like_mut()
}

fn not_a_table(name: &str) -> Error {
    Error::usage(format!("`{name}` must be a table"))
}

#[cfg(test)]
mod tests;
