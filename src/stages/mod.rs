//! The stages there are, and the pipeline that a configuration makes of them.
//!
//! A new stage is one file here (its settings, its `impl Stage`, its tests) and one row in [`BUILT_IN`].

mod build;
mod changelog;
mod check;
mod command;
mod given;
mod indexes;
mod plugin;
mod push;
pub mod rebuild;
mod tag;
mod target;
mod upload;
mod version;

use std::collections::BTreeMap;

use crate::config::{Config, nearest};
use crate::engine::pipeline::Pipeline;
use crate::engine::prelude::*;

use plugin::Described;

pub use check::{distributions_in, judge_files, known_or, policy, tracked_at};
pub use indexes::unused as unused_indexes;
pub use plugin::{Named, NullHandler, Plugins, named};
pub use target::{Bumping, read_project, target};
pub use upload::{CONNECTIONS, MOST_CONNECTIONS, StandaloneUpload, Verification, address_of};

/// A stage that comes with pyrelease
struct Row {
    name: &'static str,
    make: fn(&Config, &str) -> Result<Box<dyn Stage>>,
}

const BUILT_IN: [Row; 6] = [
    // Edits first: what they change is what the tag marks,
    Row { name: "changelog", make: changelog::make },
    Row { name: "version", make: version::make },
    Row { name: "tag", make: tag::make },
    // then what is made from the tagged commit.
    Row { name: "build", make: build::make },
    Row { name: "check", make: check::make },
    Row { name: "push", make: push::make },
];

/// Makes the pipeline that `config` describes.
///
/// # Errors
/// An unknown stage, one that is there twice, wrong settings, or an order that cannot work: each with its place
/// underlined.
pub fn pipeline(config: &Config, plugins: &Plugins<'_>) -> Result<Pipeline> {
    unused(config)?;
    indexes::mistaken(config)?;
    if config.stages().is_empty() {
        return Err(config.error(
            "there are no stages",
            None,
            Some("leave `stages` out for the default ones"),
        ));
    }
    for (at, listed) in config.stages().iter().enumerate() {
        check_name(config, at, &listed.value)?;
    }
    let names = config.stages().iter().map(|listed| listed.value.as_str());
    let mut described = plugin::describe(config, names.filter(|name| is_plugins(config, name)), plugins);
    let mut stages: Vec<Box<dyn Stage>> = Vec::new();
    for (at, listed) in config.stages().iter().enumerate() {
        let made = make(config, &listed.value, &mut described);
        stages.push(made.unwrap_or_else(|| Err(unknown(config, at)))?);
    }
    Pipeline::new(stages).map_err(|disorder| {
        let span = config.stages().get(disorder.at).and_then(|stage| stage.span.clone());
        let help = disorder.missing.map(giver).or(disorder.help);
        config.error(&disorder.message, span, help.as_deref())
    })
}

/// How a pipeline comes by something that none of its stages gives.
fn giver(product: Product) -> String {
    let stage = match product {
        Product::Notes => "changelog",
        Product::Version => "version",
        Product::Commit | Product::Tag => "tag",
        Product::Distributions => "build",
    };
    format!(
        "add `{stage}` to `stages`, or gives = [\"{}\"] to the [stage.NAME] of your own that makes them",
        product.name()
    )
}

/// Refuses a stage that is there twice, and a name that none can have.
fn check_name(config: &Config, at: usize, name: &str) -> Result<()> {
    let span = || config.stages().get(at).and_then(|listed| listed.span.clone());
    if config.stages()[..at].iter().any(|earlier| earlier.value == name) {
        let help = "a stage runs once in a release; remove one";
        return Err(config.error(&format!("`{name}` is listed twice"), span(), Some(help)));
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if !name.chars().all(plain) || !(1..=64).contains(&name.len()) {
        let help = "the name of a stage is 1 to 64 letters, digits, `-` and `_`";
        let message = format!("`{}` cannot be the name of a stage", name.escape_debug());
        return Err(config.error(&message, span(), Some(help)));
    }
    Ok(())
}

/// What a name stands for that no plugin's stage can have; none for all others.
pub fn taken(name: &str) -> Option<&'static str> {
    if BUILT_IN.iter().any(|row| row.name == name) {
        return Some("a stage that comes with pyrelease");
    }
    Config::default_pipeline().indexes().contains_key(name).then_some("an index, and its stage uploads to it")
}

/// Where the stages of a configuration upload to. No plugin is asked: none uploads to an index that is known here.
pub fn destinations(config: &Config) -> Vec<Destination> {
    let indexes = config.stages().iter().filter(|stage| config.indexes().contains_key(&stage.value));
    indexes.filter_map(|stage| upload::make(config, &stage.value).ok()?.destination()).collect()
}

/// The stage of that name, if there is one.
fn make(
    config: &Config,
    name: &str,
    described: &mut BTreeMap<&str, Result<Described>>,
) -> Option<Result<Box<dyn Stage>>> {
    if let Some(row) = BUILT_IN.iter().find(|row| row.name == name) {
        return Some((row.make)(config, name));
    }
    if config.indexes().contains_key(name) {
        return Some(upload::make(config, name));
    }
    if let Some(described) = described.remove(name) {
        return Some(described.and_then(|described| plugin::make(config, described)));
    }
    config.stage_key(name, "run").map(|_| command::make(config, name))
}

/// Whether a stage is a plugin's: what comes with pyrelease never is.
fn is_plugins(config: &Config, name: &str) -> bool {
    let is_own = BUILT_IN.iter().any(|row| row.name == name) || config.indexes().contains_key(name);
    !is_own && plugin::is_one(config, name)
}

fn unknown(config: &Config, at: usize) -> Error {
    let listed = &config.stages()[at];
    let name = listed.value.as_str();
    let known = BUILT_IN.iter().map(|row| row.name).chain(config.indexes().keys().map(String::as_str));
    let help = match nearest(name, known.chain(config.configured_stages().map(|(name, _)| name))) {
        Some(nearest) if nearest != name => format!("did you mean `{nearest}`?"),
        _ => {
            format!("a stage of your own needs its command: [stage.{name}] run = [\"COMMAND\", \"ARGUMENT\"]")
        }
    };
    config.error(&format!("unknown stage `{name}`"), listed.span.clone(), Some(&help))
}

/// Refuses settings of a stage that does not run: most likely its name is mistyped or it was forgotten in `stages`.
fn unused(config: &Config) -> Result<()> {
    for (name, span) in config.configured_stages() {
        let listed = config.stages().iter().any(|stage| stage.value == name);
        let known = BUILT_IN.iter().any(|row| row.name == name) || config.indexes().contains_key(name);
        if listed || known {
            continue;
        }
        let names = config.stages().iter().map(|stage| stage.value.as_str());
        let help = match nearest(name, names) {
            Some(nearest) => format!("did you mean [stage.{nearest}]?"),
            None => format!("add \"{name}\" to `stages`, or remove its settings"),
        };
        return Err(config.error(&format!("[stage.{name}] is not in `stages`"), span, Some(&help)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
