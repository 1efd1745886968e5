//! `pyrelease plugin trust`: pins plugins in `release.lock`, and records that the user trusts them.

use super::{of_stages, project};
use crate::cli::objects::TrustedPlugin;
use crate::engine::event::{Event, Listener};
use crate::error::{Error, Result};
use crate::ops::Context;
use crate::plugin::PluginKind;
use crate::plugin::find::PluginReference;
use crate::plugin::trust::{Inspection, LOCK, Obstacle, Pins, agree, look};
use crate::ui::{Format, object};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plugins, by name or by stage [default: all plugins of the project's stages]
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn trust(context: &Context, arguments: &Arguments) -> Result<()> {
    let location = project(context)?;
    let stages = of_stages(&location.config)?;
    let mut wanted: Vec<(String, PluginReference)> = Vec::new();
    if arguments.names.is_empty() {
        wanted.extend(stages.iter().map(|named| (named.name.clone(), named.wanted.clone())));
        if wanted.is_empty() {
            return Err(Error::usage("no stage of the project has a plugin")
                .help("pass one: `pyrelease plugin trust NAME`"));
        }
    }
    for name in &arguments.names {
        let of_stage = stages.iter().find(|named| named.name == *name || named.stage == *name);
        wanted.push(match of_stage {
            Some(named) => (named.name.clone(), named.wanted.clone()),
            None => (name.clone(), PluginReference::Name(name.clone())),
        });
    }
    let say = |message: &str| context.ui.on_event(&Event::Note { stage: None, message });
    for (name, wanted) in wanted {
        let looked = look(&name, &wanted, &location.root, &context.environment)?;
        let plugin = &looked.plugin;
        match &looked.obstacle {
            None => {
                say(&format!("`{name}` is already trusted: {}", plugin.source.display()));
                tell(context, &name, &looked, true);
                continue;
            }
            Some(obstacle @ Obstacle::WritableByOthers { .. }) => return Err(obstacle.refusal(plugin)),
            Some(_) => {}
        }
        let carrier = if plugin.before.is_empty() { PluginKind::of(&plugin.source) } else { plugin.kind() };
        say(&format!(
            "`{name}`: {} `{}`, {}, for {}",
            carrier.name(),
            plugin.source.display(),
            looked.found[0].place.shown(),
            looked.target
        ));
        let identity = plugin.identity();
        if let Some(command) = plugin.command() {
            say(&format!("its command: {command:?}"));
        }
        if let Some(interpreter) = &looked.interpreter {
            say(&format!("started by `{}`", interpreter.shown()));
        }
        say(&format!("sha256:{identity}"));
        if let Some(Obstacle::Changed { pinned }) = &looked.obstacle {
            say(&format!("replaces the pinned {pinned}"));
        }
        context.confirm(
            arguments.yes,
            &format!("Run plugin `{name}` in releases, with all your permissions?"),
        )?;
        Pins::read(&location.root)?.pin(&name, &looked.target, &identity)?;
        agree(&looked, &context.environment)?;
        say(&format!("`{name}` is pinned in `{LOCK}` and trusted: commit `{LOCK}`"));
        tell(context, &name, &looked, false);
    }
    Ok(())
}

/// Tells programs which plugin is trusted.
fn tell(context: &Context, name: &str, looked: &Inspection, already: bool) {
    if context.format == Format::Json {
        let (file, sha256) = (&looked.plugin.source, looked.plugin.identity());
        let trusted = TrustedPlugin { plugin: name, file, target: &looked.target, sha256: &sha256, already };
        object("trusted-plugin", &trusted);
    }
}
