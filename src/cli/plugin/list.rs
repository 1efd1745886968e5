//! `pyrelease plugin list`: lists every plugin that the project names or that is installed, and what it may do.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{of_stages, project};
use crate::error::Result;
use crate::ops::Context;
use crate::plugin::find::{PREFIX, PROJECT_FOLDER, PluginReference, in_folder, user_plugins};
use crate::plugin::launch::Stop;
use crate::plugin::protocol::Descriptor;
use crate::plugin::trust::{Obstacle, look};
use crate::plugin::{Assignment, CallContext, PluginKind};
use crate::stages::NullHandler;
use crate::text::safe;
use crate::ui::{Format, Table, data, object};

/// A plugin in the list
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PluginEntry"))]
pub(in crate::cli) struct Entry {
    name: String,
    /// The stages that use it
    stages: Vec<String>,
    file: Option<PathBuf>,
    carrier: Option<&'static str>,
    found: Option<&'static str>,
    /// The digest that is pinned and trusted
    sha256: Option<String>,
    /// The command that starts it, if it is more than its file
    command: Option<Vec<String>>,
    interpreter: Option<String>,
    target: Option<String>,
    /// Whether it may run, or why not
    state: String,
    /// Files of the same name that are not used
    hidden: Vec<PathBuf>,
    description: Option<Description>,
}

/// The plugin's description of itself; only trusted plugins are asked
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PluginDescription"))]
struct Description {
    version: String,
    summary: String,
    effects: &'static str,
    #[cfg_attr(test, schemars(with = "crate::engine::model::Reach"))]
    reach: Value,
    secrets: Vec<String>,
    tools: Vec<String>,
    network: bool,
}

pub(super) fn list(context: &Context) -> Result<()> {
    let location = project(context)?;
    let environment = &context.environment;
    let mut wanted: Vec<(String, PluginReference, Vec<String>)> = Vec::new();
    for named in of_stages(&location.config)? {
        match wanted.iter_mut().find(|(name, of, _)| *name == named.name && *of == named.wanted) {
            Some((_, _, stages)) => stages.push(named.stage),
            None => wanted.push((named.name, named.wanted, vec![named.stage])),
        }
    }
    let mut others: Vec<String> = Vec::new();
    let folders = [Some(location.root.join(PROJECT_FOLDER)), user_plugins(environment)];
    others.extend(folders.iter().flatten().flat_map(|folder| in_folder(folder)).map(|(name, _)| name));
    for folder in environment.search_path() {
        let on_path = in_folder(&folder).into_iter().map(|(_, file)| file);
        others.extend(
            on_path.filter_map(|file| Some(file.file_name()?.to_str()?.strip_prefix(PREFIX)?.to_owned())),
        );
    }
    others.sort();
    others.dedup();
    for name in others {
        if !wanted.iter().any(|(known, _, _)| *known == name) {
            wanted.push((name.clone(), PluginReference::Name(name), Vec::new()));
        }
    }
    let entries: Vec<Entry> = wanted
        .into_iter()
        .map(|(name, wanted, stages)| entry(context, &location.root, name, &wanted, stages))
        .collect();
    match context.format {
        Format::Json => entries.iter().for_each(|entry| object("plugin", entry)),
        Format::Human if entries.is_empty() => data("there are no plugins"),
        Format::Human => context.ui.data(&safe(&entries.iter().map(text).collect::<Vec<_>>().join("\n\n"))),
    }
    Ok(())
}

fn entry(
    context: &Context,
    root: &std::path::Path,
    name: String,
    wanted: &PluginReference,
    stages: Vec<String>,
) -> Entry {
    let environment = &context.environment;
    let looked = match look(&name, wanted, root, environment) {
        Ok(looked) => looked,
        Err(error) => {
            return Entry {
                name,
                stages,
                file: None,
                carrier: None,
                found: None,
                sha256: None,
                command: None,
                interpreter: None,
                target: None,
                state: error.chain(),
                hidden: Vec::new(),
                description: None,
            };
        }
    };
    let mut state = match &looked.obstacle {
        None => "trusted".to_owned(),
        Some(Obstacle::Unpinned) => "not pinned, so it does not run".to_owned(),
        Some(Obstacle::Changed { .. }) => "changed since it was pinned, so it does not run".to_owned(),
        Some(Obstacle::NotTrusted { otherwise: None }) => {
            "pinned, but not trusted on this machine, so it does not run".to_owned()
        }
        Some(Obstacle::NotTrusted { otherwise: Some(_) }) => {
            "pinned, but trusted with another interpreter, so it does not run".to_owned()
        }
        Some(Obstacle::WritableByOthers { path }) => {
            format!("file `{}` is writable by others, so it does not run", path.display())
        }
    };
    let mut description = None;
    if looked.obstacle.is_none() {
        let assignment = Assignment {
            stage: stages.first().unwrap_or(&name).clone(),
            plugin: looked.plugin.clone(),
            config: Map::new().into(),
            secrets: Vec::new(),
            environment: Vec::new(),
            seconds: None,
        };
        let never = AtomicBool::new(false);
        let place = CallContext { environment, folder: root, stop: Stop::Set(&never) };
        match assignment
            .describe(&place, &mut NullHandler)
            .map_err(|error| error.chain())
            .and_then(Descriptor::read)
        {
            Ok(described) => description = Some(describe(&described)),
            Err(problem) => state = format!("trusted, but unusable: {problem}"),
        }
    }
    Entry {
        name,
        stages,
        file: Some(looked.found[0].file.clone()),
        carrier: Some(PluginKind::of(&looked.found[0].file).name()),
        found: Some(looked.found[0].place.shown()),
        sha256: Some(looked.plugin.identity()),
        command: looked.plugin.command(),
        interpreter: looked.interpreter.map(|interpreter| interpreter.shown()),
        target: Some(looked.target),
        state,
        hidden: looked.found.into_iter().skip(1).map(|found| found.file).collect(),
        description,
    }
}

fn describe(described: &Descriptor) -> Description {
    Description {
        version: described.version.clone(),
        summary: described.summary.clone(),
        effects: described.effects.name(),
        reach: serde_json::to_value(described.reach()).unwrap_or_default(),
        secrets: described.requires.secrets.iter().map(|secret| secret.name.clone()).collect(),
        tools: described.requires.tools.clone(),
        network: described.requires.network,
    }
}

fn text(entry: &Entry) -> String {
    let mut table = Table::default().indented(2).at_least(&[8]);
    table.text(match &entry.description {
        Some(described) if !described.summary.is_empty() => {
            format!("{} {}: {}", entry.name, described.version, described.summary)
        }
        Some(described) => format!("{} {}", entry.name, described.version),
        None => entry.name.clone(),
    });
    let mut line = |name: &str, value: &str| table.row([name, value]);
    if !entry.stages.is_empty() {
        line("stage", &entry.stages.join(", "));
    }
    if let (Some(file), Some(carrier), Some(found), Some(sha256)) =
        (&entry.file, entry.carrier, entry.found, &entry.sha256)
    {
        line("file", &format!("{} ({carrier}, {found})", file.display()));
        if let Some(command) = &entry.command {
            line("command", &format!("{command:?}"));
        }
        if let Some(interpreter) = &entry.interpreter {
            line("by", interpreter);
        }
        line("sha256", sha256);
    }
    entry.hidden.iter().for_each(|file| line("hides", &file.display().to_string()));
    line("state", &entry.state);
    if let Some(described) = &entry.description {
        let reach = described.reach.as_str().unwrap_or_default();
        line("may", &format!("have effects: {}; reaches: {reach}", described.effects));
        if !described.secrets.is_empty() {
            line("secrets", &described.secrets.join(", "));
        }
        if !described.tools.is_empty() {
            line("tools", &described.tools.join(", "));
        }
        if described.network {
            line("network", "yes");
        }
    }
    table.to_string()
}
